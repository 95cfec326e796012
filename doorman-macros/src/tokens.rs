//! Tokens: where they begin and end, and what is among them.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The first and the last span, so that generated code around the tokens can be blamed on all of them: rustc joins
/// what a macro on stable can't.
pub(crate) fn ends(tokens: impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.into_token_stream().into_iter().map(|tree| tree.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// The first token, at any depth, that the predicate is true of.
pub(crate) fn find(tokens: TokenStream, is: &impl Fn(&TokenTree) -> bool) -> Option<TokenTree> {
    tokens.into_iter().find_map(|tree| match tree {
        TokenTree::Group(group) => find(group.stream(), is),
        tree => is(&tree).then_some(tree),
    })
}

/// Replaces `Self`, which generated items can't name.
pub(crate) fn replace_self(tokens: TokenStream, with: &TokenStream) -> TokenStream {
    let replaced = tokens.into_iter().map(|tree| match tree {
        TokenTree::Ident(ident) if ident == "Self" => with.clone(),
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), with));
            inner.set_span(group.span());
            TokenTree::Group(inner).into()
        }
        tree => tree.into(),
    });
    replaced.collect()
}
