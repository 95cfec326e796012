//! Doc comments, as descriptions for the model.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The doc comment as a `&'static str` expression: trimmed, its paragraphs kept. `None` if there is none.
pub(crate) fn description(attributes: &[Attribute]) -> Option<TokenStream> {
    let mut parts: Vec<TokenStream> = Vec::new();
    let mut text = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Meta::NameValue(meta) = &attribute.meta else { continue };
        match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(comment), .. }) => push(&mut text, &comment.value()),
            // `#[doc = include_str!("…")]`: only rustc knows the text.
            other => {
                parts.push(std::mem::take(&mut text).into_token_stream());
                parts.push(other.to_token_stream());
            }
        }
    }
    if parts.is_empty() {
        let text = text.trim();
        return (!text.is_empty()).then(|| quote!(#text));
    }
    Some(quote!(::core::concat!(#(#parts,)* #text)))
}

/// Appends a comment: one line of `///`, or all lines of `/** … */` with their margin of stars.
fn push(text: &mut String, comment: &str) {
    for line in comment.lines() {
        let line = if comment.contains('\n') { without_star(line) } else { line };
        text.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
        text.push('\n');
    }
    if comment.is_empty() {
        text.push('\n');
    }
}

fn without_star(line: &str) -> &str {
    let trimmed = line.trim_start();
    trimmed.strip_prefix('*').unwrap_or(trimmed)
}

#[cfg(test)]
mod tests {
    use super::description;

    #[test]
    fn trimmed_with_paragraphs() {
        let item: syn::ItemFn = syn::parse_quote! {
            ///   Looks up
            /// one invoice.
            ///
            /// - by id
            ///   only
            #[must_use]
            fn f() {}
        };
        let text = description(&item.attrs).expect("a description").to_string();
        assert_eq!(text, r#""Looks up\none invoice.\n\n- by id\n  only""#);
    }

    #[test]
    fn margins_of_stars_go() {
        let item: syn::ItemFn = syn::parse_str("/** One.\n * Two.\n */ fn f() {}").expect("a function");
        assert_eq!(description(&item.attrs).expect("a description").to_string(), r#""One.\nTwo.""#);
    }

    #[test]
    fn none_without_text() {
        let item: syn::ItemFn = syn::parse_quote! { #[doc(hidden)] #[doc = " "] fn f() {} };
        assert!(description(&item.attrs).is_none());
    }
}
