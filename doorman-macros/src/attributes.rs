//! Attributes of an item that concern what is generated beside it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Meta, Token, punctuated::Punctuated};

/// The conditions under which the item exists: `#[cfg(…)]`, and what of a `#[cfg_attr(…)]` is a `cfg`. What is generated
/// exists under the same.
pub(crate) fn conditions(attributes: &[Attribute]) -> TokenStream {
    attributes.iter().filter_map(condition).collect()
}

fn condition(attribute: &Attribute) -> Option<TokenStream> {
    if attribute.path().is_ident("cfg") {
        return Some(quote!(#attribute));
    }
    if !attribute.path().is_ident("cfg_attr") {
        return None;
    }
    let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut metas = metas.iter();
    let predicate = metas.next()?;
    let conditions: Vec<&Meta> = metas.filter(|meta| meta.path().is_ident("cfg")).collect();
    (!conditions.is_empty()).then(|| quote!(#[cfg_attr(#predicate, #(#conditions),*)]))
}

/// Takes out the attributes of this name.
pub(crate) fn take(attributes: &mut Vec<Attribute>, name: &str) -> Vec<Attribute> {
    let (taken, kept) = attributes.drain(..).partition(|attribute| attribute.path().is_ident(name));
    *attributes = kept;
    taken
}
