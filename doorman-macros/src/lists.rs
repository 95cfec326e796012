//! `tools![…]`, `resources![…]` and `prompts![…]`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::{Path, Token, parse::Parser, punctuated::Punctuated};

use crate::tokens;

/// A macro that lists capabilities of one kind.
pub(crate) struct List {
    /// The type of what it lists.
    spec: &'static str,
    /// How it is written.
    legal: &'static str,
}

pub(crate) const TOOLS: List = List { spec: "ToolSpec", legal: "tools![get_invoice, billing::refund]" };
pub(crate) const RESOURCES: List = List { spec: "ResourceSpec", legal: "resources![note, billing::statement]" };
pub(crate) const PROMPTS: List = List { spec: "PromptSpec", legal: "prompts![review, billing::dunning]" };

impl List {
    /// Each path names both a function and, in the type namespace, the hidden type that carries its spec. A spec of another
    /// kind is of another type.
    pub(crate) fn expand(&self, input: TokenStream) -> TokenStream {
        let paths = match Punctuated::<Path, Token![,]>::parse_terminated.parse2(input) {
            Ok(paths) => paths,
            Err(error) => {
                let message = format_args!("expected paths of functions under `#[expose]`: {}", self.legal);
                return syn::Error::new(error.span(), message).to_compile_error();
            }
        };
        let specs = paths.iter().map(|path| {
            let (_, end) = tokens::ends(path);
            quote_spanned!(end=> <#path>::__SPEC)
        });
        let spec = format_ident!("{}", self.spec);
        quote! {{
            const __LISTED: &[&::doorman::__private::#spec] = &[#(#specs),*];
            __LISTED
        }}
    }
}
