//! The spec of a capability: slots for its parameters, a table of what is published, three small functions and a constant. No
//! struct and, for functions, no async block: one generic decode in the library does the work.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ReturnType;

use super::{check, keys::CapabilityKeys, params::Param, parse::Function};
use crate::{docs, tokens};

/// All that is known of a capability.
pub(crate) struct Capability<'a> {
    pub(crate) name: String,
    pub(crate) keys: &'a CapabilityKeys,
    pub(crate) function: &'a Function,
    pub(crate) params: &'a [Param],
    pub(crate) callee: Callee<'a>,
    /// Whether the signature can be called. If not, what can be checked still is.
    pub(crate) sound: bool,
}

/// How the function is called.
pub(crate) enum Callee<'a> {
    /// By its name.
    Function,
    /// `Type::name(…)`.
    Associated(&'a TokenStream),
    /// `Type::name(&instance, …)`.
    Method(&'a TokenStream),
}

impl Capability<'_> {
    /// An expression of type `CapabilitySpec`. The names that it brings along are ugly so that they hide none of the
    /// application's.
    pub(crate) fn spec(&self) -> TokenStream {
        let name = &self.name;
        let (effect, access) = self.keys.required();
        let optional = self.keys.optional();
        let description = match &self.keys.description {
            Some(text) => Some(text.to_token_stream()),
            None => docs::description(&self.function.attrs),
        };
        let description = description.map(|text| quote!(.description(#text)));

        let known: &[Param] = if check::nameable(&self.function.sig) { self.params } else { &[] };
        let (types, slots) = (known.iter().map(Param::slot_type), known.iter().map(Param::slot));
        let specs = known.iter().enumerate().map(|(index, param)| param.spec(index));
        let output = self.output();
        let bind = match self.sound {
            true => self.bind(),
            false => quote!(::core::unreachable!()),
        };
        quote! {{
            use ::doorman::__private as __doorman;
            #[allow(clippy::type_complexity)]
            const __SLOTS: (#(#types,)*) = (#(#slots,)*);
            static __PARAMS: &[__doorman::ParamSpec] = &[#(#specs),*];
            #output
            #[allow(deprecated, unused_variables, clippy::redundant_closure)]
            fn __bind(
                call: &__doorman::Call,
                arguments: &__doorman::Arguments,
            ) -> __doorman::Result<__doorman::Bound, __doorman::Refused> {
                #bind
            }
            __doorman::CapabilitySpec::new(#name, #effect, #access, __PARAMS, __schema, __bind) #description #optional
        }}
    }

    /// What the output becomes, found out in one place: every token blames the return type.
    fn output(&self) -> TokenStream {
        let sig = &self.function.sig;
        let (ty, (start, end)) = match &sig.output {
            ReturnType::Type(_, ty) if check::nameable_output(sig) => {
                let tokens = ty.to_token_stream();
                let tokens = match &self.callee {
                    Callee::Function => tokens,
                    Callee::Associated(module) | Callee::Method(module) => tokens::replace_self(tokens, module),
                };
                (tokens, tokens::ends(ty))
            }
            // The mistake is reported already; a text can be any kind's output.
            ReturnType::Type(..) => (quote!(::std::string::String), (sig.ident.span(), sig.ident.span())),
            ReturnType::Default => (quote!(()), (sig.ident.span(), sig.ident.span())),
        };
        let ret = self.keys.kind.output();
        let [plain, result] = ["Plain", "Result"].map(|it| format_ident!("{ret}{it}"));
        let ret = Ident::new(ret, start);
        let head = quote_spanned!(start=> ::doorman::__private::#ret::<);
        let tail = quote_spanned!(end=> >(::core::marker::PhantomData));
        let output = quote_spanned!(start=> (&&&#head #ty #tail).__doorman_output());
        quote! {
            fn __output() -> __doorman::Output<#ty> {
                #[allow(unused_imports)]
                use __doorman::{RetExact as _, #plain as _, #result as _};
                #output
            }
            fn __schema(generator: &mut __doorman::SchemaGenerator) -> __doorman::Option<__doorman::Schema> {
                (__output().schema)(generator)
            }
        }
    }

    /// Takes the parameters and calls the function. What is wrong with its future blames the function's name.
    fn bind(&self) -> TokenStream {
        let ident = &self.function.sig.ident;
        let at = ident.span();
        let names: Vec<Ident> = (0..self.params.len()).map(Param::local).collect();
        let take = quote!(let (#(#names,)*) = __doorman::Params::take(&__SLOTS, __PARAMS, arguments, call)?;);
        let names = quote_spanned!(at=> #(#names),*);
        let (instance, called) = match &self.callee {
            Callee::Function => (None, quote_spanned!(at=> #ident(#names))),
            Callee::Associated(ty) => (None, quote_spanned!(at=> <#ty>::#ident(#names))),
            Callee::Method(ty) => (
                Some(quote!(let instance = __doorman::module::<#ty>(call)?;)),
                quote_spanned!(at=> <#ty>::#ident(&instance, #names)),
            ),
        };
        let run = match (self.function.is_async(), &instance) {
            (true, None) => quote_spanned!(at=> ::doorman::__private::run_async(#called, __output().reply)),
            (true, Some(_)) => {
                quote_spanned!(at=> ::doorman::__private::run_async(async move { #called.await }, __output().reply))
            }
            (false, _) => quote_spanned!(at=> ::doorman::__private::run_blocking(move || #called, __output().reply)),
        };
        quote!(#take #instance #run)
    }
}
