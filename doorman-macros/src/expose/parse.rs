//! A function as tokens: the signature is read, the body never, so that what is wrong in it is said by rustc.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Signature, Visibility,
    parse::{Parse, ParseStream},
};

/// A function or a method.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    body: TokenTree,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self {
            attrs: input.call(Attribute::parse_outer)?,
            vis: input.parse()?,
            sig: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, body } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}

impl Function {
    /// The function with errors in its body, for where no item can stand beside it.
    pub(crate) fn with_errors_inside(&self, errors: &TokenStream) -> TokenStream {
        let Self { attrs, vis, sig, body } = self;
        match body {
            TokenTree::Group(group) => {
                let body = group.stream();
                quote!(#(#attrs)* #vis #sig { #errors #body })
            }
            _ => quote!(#self #errors),
        }
    }

    pub(crate) fn is_async(&self) -> bool {
        self.sig.asyncness.is_some()
    }
}

/// If the item isn't a function at all, says so; else the parser's own words.
pub(crate) fn explain(item: &TokenStream, error: syn::Error) -> syn::Error {
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Fn(_)) | Err(_) => error,
        Ok(other) => syn::Error::new_spanned(other, "`#[expose]` goes on a function: `async fn get_invoice(…)`"),
    }
}
