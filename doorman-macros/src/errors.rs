//! Where mistakes go: all of an item's are collected and reported at once.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes of one item.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// A mistake in these tokens, all of them underlined.
    pub(crate) fn at(&mut self, place: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(place, message));
    }

    /// A mistake at a place that has no tokens of its own.
    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// A mistake that the parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What makes rustc report them. They are never lost: this is the only way out.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }
}
