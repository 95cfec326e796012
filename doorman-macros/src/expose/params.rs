//! The parameters of a function: name, type, and what was said of each. What each *is* its type decides, later.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, FnArg, Ident, Pat, PatType, Signature, Type, ext::IdentExt};

use super::{
    arg::{Arg, Fallback},
    check,
};
use crate::{attributes, docs, errors::Errors, tokens};

/// The most parameters that a function can have: the library's tuples end there.
const MOST: usize = 16;

/// One parameter that can become one.
pub(crate) struct Param {
    name: Ident,
    ty: TokenStream,
    description: Option<TokenStream>,
    arg: Arg,
    /// The bound that its type is held against.
    kind: Kind,
}

enum Kind {
    Any,
    Argument,
    Confined(Type),
    ConfinedArgument(Type),
    Data,
    Foreign,
}

/// The module that a method stands in.
pub(crate) struct Module<'a> {
    /// Its type, which `Self` means.
    pub(crate) ty: &'a TokenStream,
    /// The resource scope; `None` in a module that says `unscoped`.
    pub(crate) scope: Option<&'a Type>,
}

/// Takes our attributes off the parameters and makes a model of each. A parameter with a mistake of its own has none.
/// `module` is `None` for a free function.
pub(crate) fn parse(sig: &mut Signature, module: Option<&Module<'_>>, errors: &mut Errors) -> Vec<Param> {
    let mut params = Vec::new();
    let typed = sig.inputs.iter_mut().filter_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => Some(typed),
    });
    for (index, typed) in typed.enumerate() {
        if index == MOST {
            errors.at(
                &*typed,
                format_args!("a tool has at most {MOST} parameters; group some in a type that derives `Argument`"),
            );
        }
        params.extend(param(typed, module, errors));
    }
    params
}

/// Takes our attributes off, for a function that is given back with an error.
pub(crate) fn strip(sig: &mut Signature) {
    for input in &mut sig.inputs {
        if let FnArg::Typed(typed) = input {
            typed.attrs.retain(|it| !["doc", "arg", "data"].iter().any(|ours| it.path().is_ident(ours)));
        }
    }
}

fn param(typed: &mut PatType, module: Option<&Module<'_>>, errors: &mut Errors) -> Option<Param> {
    let comments = attributes::take(&mut typed.attrs, "doc");
    let args = attributes::take(&mut typed.attrs, "arg");
    let data = attributes::take(&mut typed.attrs, "data");
    for name in ["cfg", "cfg_attr"] {
        for attribute in attributes::take(&mut typed.attrs, name) {
            errors.at(attribute, "a parameter can't be conditional: put `#[cfg(…)]` on two functions");
        }
    }
    let mut arg = Arg::parse(&args, errors);
    if !check::parameter(&typed.ty, errors) {
        return None;
    }
    let name = match &*typed.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => pat.ident.clone(),
        other => {
            errors.at(other, "a tool's parameter needs a name: it is the argument's");
            return None;
        }
    };
    let kind = kind(&arg, data.first(), module, errors);
    let description = match &arg.description {
        Some(text) => Some(text.to_token_stream()),
        None => docs::description(&comments),
    };
    let mut ty = typed.ty.to_token_stream();
    if let Some(module) = module {
        ty = tokens::replace_self(ty, module.ty);
        if let Some(Fallback::Is(expr)) = &mut arg.default {
            *expr = Expr::Verbatim(tokens::replace_self(expr.to_token_stream(), module.ty));
        }
    }
    Some(Param { name, ty, description, arg, kind })
}

fn kind(arg: &Arg, data: Option<&syn::Attribute>, module: Option<&Module<'_>>, errors: &mut Errors) -> Kind {
    let scope = module.and_then(|module| module.scope);
    match (data, scope) {
        (Some(data), None) if module.is_none() => {
            errors.at(data, "`#[data]` means something in a `#[tool_module(scope = …)]` only");
        }
        (Some(data), None) => {
            errors.at(data, "`#[data]` means something in a scoped module only, and this one is `unscoped`");
        }
        _ => {}
    }
    match (&arg.serde, scope, data) {
        (Some(serde), Some(_), None) => {
            errors.at(serde, "a foreign type could address a resource; mark the parameter `#[data]` if it never does");
            Kind::Foreign
        }
        (Some(_), ..) => Kind::Foreign,
        (None, Some(_), Some(_)) => Kind::Data,
        (None, Some(scope), None) if arg.is_about_an_argument() => Kind::ConfinedArgument(scope.clone()),
        (None, Some(scope), None) => Kind::Confined(scope.clone()),
        (None, None, _) if arg.is_about_an_argument() => Kind::Argument,
        (None, None, _) => Kind::Any,
    }
}

impl Param {
    /// `Slot<T>`.
    pub(crate) fn slot_type(&self) -> TokenStream {
        let ty = &self.ty;
        quote!(__doorman::Slot<#ty>)
    }

    /// The slot. This is the one place where the parameter's type is held against a bound, so that a mistake is shown
    /// once; every token of it blames the type.
    pub(crate) fn slot(&self) -> TokenStream {
        let ty = &self.ty;
        let (start, end) = tokens::ends(ty);
        let function = |name: &str| {
            let name = Ident::new(name, start);
            quote_spanned!(start=> ::doorman::__private::slots::#name::<)
        };
        let (head, scope) = match &self.kind {
            Kind::Any => (function("param"), None),
            Kind::Argument => (function("argument"), None),
            Kind::Confined(scope) => (function("confined"), Some(scope)),
            Kind::ConfinedArgument(scope) => (function("confined_argument"), Some(scope)),
            Kind::Data => (function("data"), None),
            Kind::Foreign => (function("foreign"), None),
        };
        let scope = scope.map(|scope| quote!(#scope,));
        let tail = quote_spanned!(end=> >());
        quote!(#head #scope #ty #tail)
    }

    /// What the published schema says of it: the `ParamSpec` of the slot at `index`.
    pub(crate) fn spec(&self, index: usize) -> TokenStream {
        let name = self.name.unraw().to_string();
        let index = syn::Index::from(index);
        let description = self.description.iter().map(|text| quote!(.description(#text)));
        let default = self.arg.default.iter().map(|it| {
            let function = self.default_value(it);
            quote!(.default(#function))
        });
        let constraints = match self.arg.constraints() {
            none if none.is_empty() => quote!(),
            some => quote!(.constraints(&[#(#some),*])),
        };
        let header = self.arg.header.iter().map(|text| quote!(.header(#text)));
        quote! {
            __doorman::ParamSpec::of(&__SLOTS.#index, #name) #(#description)* #(#default)* #constraints #(#header)*
        }
    }

    /// A function that makes the default: typed as the parameter is, as JSON. If it can't be published, the default is
    /// blamed.
    fn default_value(&self, default: &Fallback) -> TokenStream {
        let ty = &self.ty;
        let (value, (start, end)) = match default {
            Fallback::Is(expr) => (expr.to_token_stream(), tokens::ends(expr)),
            Fallback::OfType(word) => {
                let at = word.span();
                (quote_spanned!(at=> <#ty as ::core::default::Default>::default()), (at, at))
            }
        };
        let name = Ident::new("value", start);
        let function = quote_spanned!(start=> ::doorman::__private::default_value);
        let argument = quote_spanned!(end=> (#name));
        quote! {{
            fn __default() -> __doorman::Value {
                let #name: #ty = #value;
                #function #argument
            }
            __default
        }}
    }

    /// A name for its value that collides with nothing.
    pub(crate) fn local(index: usize) -> Ident {
        format_ident!("argument{}", index, span = Span::mixed_site())
    }
}
