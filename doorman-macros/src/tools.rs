//! `tools![…]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Path, Token, parse::Parser, punctuated::Punctuated};

use crate::tokens;

/// Each path names both a function and, in the type namespace, the hidden type that carries its spec.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let paths = match Punctuated::<Path, Token![,]>::parse_terminated.parse2(input) {
        Ok(paths) => paths,
        Err(error) => {
            let message = "expected paths of functions under `#[expose]`: tools![get_invoice, billing::refund]";
            return syn::Error::new(error.span(), message).to_compile_error();
        }
    };
    let specs = paths.iter().map(|path| {
        let (_, end) = tokens::ends(path);
        quote_spanned!(end=> <#path>::__SPEC)
    });
    quote! {{
        const __TOOLS: &[&::doorman::__private::ToolSpec] = &[#(#specs),*];
        __TOOLS
    }}
}
