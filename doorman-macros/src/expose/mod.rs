//! `#[expose]` on a function: the keys, the parameters, and the spec that they become. `#[tool_module]` uses the same
//! for methods. A function comes in as it was written and goes out unchanged, with a hidden type of its name that carries
//! the spec.

mod arg;
mod check;
mod complete;
mod expand;
mod keys;
mod kind;
mod params;
mod parse;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;

use crate::{attributes, errors::Errors};
pub(crate) use arg::{Arg, Bounds, Fallback};
pub(crate) use check::signature;
pub(crate) use expand::{Callee, Capability};
pub(crate) use keys::{CapabilityKeys, Home, legal};
pub(crate) use params::{Module, parse as params, strip};
pub(crate) use parse::Function;

/// The one key of what `#[tool_module]` leaves of an `#[expose(…)]` that it has read: there is nothing left to do.
pub(crate) const TAKEN: &str = "__taken";

pub(crate) fn expand(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    if attribute.to_string() == TAKEN {
        return item.clone();
    }
    let mut errors = Errors::default();
    let mut function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            errors.push(parse::explain(item, error));
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    if let Some(receiver) = function.sig.receiver() {
        errors.at(receiver, "`#[expose]` on a method works inside `#[tool_module] impl …` only");
        strip(&mut function.sig);
        return function.with_errors_inside(&errors.into_tokens());
    }

    let keys = CapabilityKeys::parse(attribute, Home::Function, Span::call_site(), &mut errors);
    let mistakes = errors.len();
    signature(&function.sig, &keys.kind, &mut errors);
    let params = params::parse(&mut function.sig, None, &keys.kind, &mut errors);
    let spec = Capability {
        name: keys.name_of(&function.sig.ident, &mut errors),
        keys: &keys,
        function: &function,
        params: &params,
        callee: Callee::Function,
        sound: errors.len() == mistakes,
    }
    .spec();

    if check::hides_a_primitive(&function.sig.ident) {
        // The hidden type would break everything in the module that names the primitive.
        let errors = errors.into_tokens();
        return quote!(#function #errors);
    }
    let conditions = attributes::conditions(&function.attrs);
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let (kind, spec_type) = (&keys.kind, keys.kind.spec_type());
    let doc = format!("`{kind}s![{}]` finds the {kind} here.", ident.unraw());
    let errors = errors.into_tokens();
    quote! {
        #function
        #errors
        #conditions
        #[doc = #doc]
        #[doc(hidden)]
        #[allow(non_camel_case_types, unreachable_pub)]
        #vis struct #ident {}
        #conditions
        #[doc(hidden)]
        #[allow(unreachable_pub)]
        impl #ident {
            #[doc(hidden)]
            pub const __SPEC: &'static ::doorman::__private::#spec_type = &::doorman::__private::#spec_type::of(#spec);
        }
    }
}
