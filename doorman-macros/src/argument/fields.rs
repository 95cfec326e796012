//! A field of the mirror.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Meta;

use super::Field;
use crate::{
    expose::{Bounds, Fallback},
    tokens,
};

impl Field {
    /// The field in the mirror, and the functions that it names. `container` is the type whose `Default` gives the
    /// fields' defaults, if it says so.
    pub(super) fn mirror(&self, container: Option<&Ident>, number: usize) -> (TokenStream, TokenStream) {
        let (default, function) = self.default(container, number);
        let ty = self.checked_type();
        let Self { ident, passed, conditions, arg, .. } = self;
        let mut attributes = quote!(#(#passed)* #default);
        if arg.serde.is_some() {
            attributes.extend(quote!(#[serde(deserialize_with = "::doorman::__private::decode_field")]));
            // With a function of its own, serde no longer knows that an `Option` may be absent.
            if default.is_empty() && is_option(&self.ty) {
                attributes.extend(quote!(#[serde(default)]));
            }
        }
        if let Some(text) = &arg.description {
            attributes.extend(quote!(#[schemars(description = #text)]));
        }
        if let Some(bounds) = &arg.range {
            let ends = ends(bounds, |it| match it.fract() {
                0.0 => format!("{it:.0}").parse().unwrap_or_else(|_| Literal::f64_unsuffixed(it).into_token_stream()),
                _ => Literal::f64_unsuffixed(it).into_token_stream(),
            });
            attributes.extend(quote!(#[schemars(range(#ends))]));
        }
        if let Some(bounds) = &arg.length {
            let ends = ends(bounds, |it| Literal::u64_unsuffixed(it).into_token_stream());
            attributes.extend(quote!(#[schemars(length(#ends))]));
        }
        if let Some(text) = &arg.pattern {
            attributes.extend(quote!(#[schemars(regex(pattern = #text))]));
        }
        let name = ident.iter().map(|ident| quote!(#ident:));
        (quote!(#conditions #attributes #(#name)* #ty), function)
    }

    /// The type, named through the trait that it must have: if it hasn't, that is said at the type.
    pub(super) fn checked_type(&self) -> TokenStream {
        let ty = &self.ty;
        if self.arg.serde.is_some() {
            return ty.to_token_stream();
        }
        let (start, end) = tokens::ends(ty);
        let head = quote_spanned!(start=> <);
        let tail = quote_spanned!(end=> as ::doorman::__private::Plain>::This);
        quote!(#head #ty #tail)
    }

    /// serde's attribute for the default, and the function that makes it.
    fn default(&self, container: Option<&Ident>, number: usize) -> (TokenStream, TokenStream) {
        let (ty, conditions) = (&self.ty, &self.conditions);
        let function = format_ident!("__default_{number}");
        let name = function.to_string();
        let made = match (&self.arg.default, &self.serde.default, container, &self.ident) {
            (Some(Fallback::Is(expr)), ..) => expr.to_token_stream(),
            (Some(Fallback::OfType(_)), ..) | (None, Some(Meta::Path(_)), ..) => {
                return (quote!(#[serde(default)]), quote!());
            }
            (None, Some(said), ..) => return (quote!(#[serde(#said)]), quote!()),
            (None, None, Some(container), Some(field)) => {
                quote!(<#container as ::core::default::Default>::default().#field)
            }
            _ => return (quote!(), quote!()),
        };
        (quote!(#[serde(default = #name)]), quote!(#conditions fn #function() -> #ty { #made }))
    }
}

fn ends<N: Copy>(bounds: &Bounds<N>, literal: fn(N) -> TokenStream) -> TokenStream {
    let min = bounds.min.map(literal).map(|it| quote!(min = #it,));
    let max = bounds.max.map(literal).map(|it| quote!(max = #it));
    quote!(#min #max)
}

/// By its spelling: here it decides only whether a foreign field may be left out.
fn is_option(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.segments.last().is_some_and(|it| it.ident == "Option"))
}
