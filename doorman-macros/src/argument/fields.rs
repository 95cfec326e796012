//! A field of the mirror.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Field, passed::Default as Said};
use crate::expose::{Bounds, Fallback};

impl Field {
    /// The field in the mirror.
    pub(super) fn mirrored(&self, number: usize, container: Option<&Ident>) -> TokenStream {
        let Self { ident, passed, conditions, arg, .. } = self;
        let mut attributes = quote!(#(#passed)*);
        if self.default(container).is_some() {
            let function = default_name(number).to_string();
            attributes.extend(quote!(#[serde(default = #function)]));
        }
        if let Some(text) = &arg.description {
            attributes.extend(quote!(#[schemars(description = #text)]));
        }
        if let Some(bounds) = &arg.range {
            let ends = ends(bounds, number_literal);
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
        let ty = self.held(number);
        quote!(#conditions #attributes #(#name)* #ty)
    }

    /// What the mirror's field rests on: the type, held against its bound in this one place, and the default.
    pub(super) fn foundation(&self, number: usize, container: Option<&Ident>) -> TokenStream {
        let Self { ty, conditions, .. } = self;
        let of = match self.arg.serde {
            Some(_) => quote!(ForeignFieldType),
            None => quote!(FieldType),
        };
        let default = self.default(container).map(|value| {
            let (name, held, constructor) = (default_name(number), self.held(number), self.constructor());
            quote! {
                #conditions
                fn #name() -> #held {
                    let value: #ty = #value;
                    #constructor(value)
                }
            }
        });
        quote! {
            #conditions
            impl ::doorman::__private::#of<#number> for __Fields {
                type Type = #ty;
            }
            #default
        }
    }

    fn constructor(&self) -> TokenStream {
        match self.arg.serde {
            Some(_) => quote!(::doorman::__private::ForeignField),
            None => quote!(::doorman::__private::Field),
        }
    }

    fn held(&self, number: usize) -> TokenStream {
        let constructor = self.constructor();
        quote!(#constructor<__Fields, #number>)
    }

    /// What stands for the field when it is left out. `container` is the type, if its `Default` gives the fields' defaults.
    fn default(&self, container: Option<&Ident>) -> Option<TokenStream> {
        let of_type = |at: Span| {
            let ty = &self.ty;
            quote_spanned!(at=> <#ty as ::core::default::Default>::default())
        };
        match (&self.arg.default, &self.serde.default, container, &self.ident) {
            (Some(Fallback::Is(expr)), ..) => Some(expr.to_token_stream()),
            (Some(Fallback::OfType(word)), ..) => Some(of_type(word.span())),
            (None, Some(Said::Word(word)), ..) => Some(of_type(word.span())),
            (None, Some(Said::Function(path)), ..) => Some(quote!(#path())),
            (None, None, Some(container), Some(field)) => {
                Some(quote!(<#container as ::core::default::Default>::default().#field))
            }
            (None, None, ..) => None,
        }
    }
}

fn default_name(number: usize) -> Ident {
    format_ident!("__default_{number}")
}

/// Whole numbers as such: they are shown in the schema.
fn number_literal(number: f64) -> TokenStream {
    match number.fract() {
        0.0 => format!("{number:.0}").parse().unwrap_or_default(),
        _ => Literal::f64_unsuffixed(number).into_token_stream(),
    }
}

fn ends<N: Copy>(bounds: &Bounds<N>, literal: fn(N) -> TokenStream) -> TokenStream {
    let min = bounds.min.map(literal).map(|it| quote!(min = #it,));
    let max = bounds.max.map(literal).map(|it| quote!(max = #it));
    quote!(#min #max)
}
