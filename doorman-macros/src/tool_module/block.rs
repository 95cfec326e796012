//! An `impl` block as tokens: methods are read up to their bodies, everything else not at all.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, Generics, Ident, ImplItem, Token, Type, Visibility, braced,
    parse::{Parse, ParseStream},
    token::Brace,
};

use crate::{
    errors::Errors,
    expose::{self, Function},
};

/// An `impl` block.
pub(super) struct Block {
    pub(super) attrs: Vec<Attribute>,
    generics: Generics,
    /// `Trait for`, where there should be nothing.
    of_trait: Option<(syn::Path, Token![for])>,
    pub(super) ty: Type,
    where_clause: Option<syn::WhereClause>,
    brace: Brace,
    pub(super) members: Vec<Member>,
}

/// One item of the block.
pub(super) enum Member {
    Method(Box<Function>),
    Other(TokenStream),
}

impl Parse for Block {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        input.parse::<Token![impl]>()?;
        let generics = input.parse()?;
        let first: Type = input.parse()?;
        let (of_trait, ty) = match (&first, input.peek(Token![for])) {
            (Type::Path(path), true) => (Some((path.path.clone(), input.parse()?)), input.parse()?),
            _ => (None, first),
        };
        let where_clause = input.parse()?;
        let content;
        let brace = braced!(content in input);
        let mut members = Vec::new();
        while !content.is_empty() {
            members.push(content.parse()?);
        }
        Ok(Self { attrs, generics, of_trait, ty, where_clause, brace, members })
    }
}

impl Parse for Member {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        ahead.call(Attribute::parse_outer)?;
        ahead.parse::<Visibility>()?;
        let is_const_item = ahead.peek(Token![const]) && !ahead.peek2(Token![fn]) && !is_qualified(&ahead);
        let is_method = !is_const_item
            && (ahead.peek(Token![fn])
                || ahead.peek(Token![const])
                || ahead.peek(Token![async])
                || ahead.peek(Token![unsafe])
                || ahead.peek(Token![extern]));
        if is_method {
            return input.parse().map(Box::new).map(Self::Method);
        }
        input.parse::<ImplItem>().map(|it| Self::Other(it.into_token_stream()))
    }
}

/// `const` followed by another qualifier of a function.
fn is_qualified(ahead: ParseStream<'_>) -> bool {
    ahead.peek2(Token![async]) || ahead.peek2(Token![unsafe]) || ahead.peek2(Token![extern])
}

impl ToTokens for Block {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, generics, of_trait, ty, where_clause, brace, members } = self;
        let of_trait = of_trait.iter().map(|(path, token)| quote!(#path #token));
        tokens.extend(quote!(#(#attrs)* impl #generics #(#of_trait)* #ty #where_clause));
        brace.surround(tokens, |tokens| tokens.extend(members.iter().map(|it| it.to_token_stream())));
    }
}

impl ToTokens for Member {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Method(function) => function.to_tokens(tokens),
            Self::Other(item) => item.to_tokens(tokens),
        }
    }
}

impl Block {
    /// The module's type, if the block can be a module.
    pub(super) fn module(&self, errors: &mut Errors) -> Option<TokenStream> {
        if let Some((path, _)) = &self.of_trait {
            errors.at(path, "`#[tool_module]` goes on the type's own `impl` block, not on a trait's");
            return None;
        }
        if !self.generics.params.is_empty() || self.where_clause.is_some() {
            errors.at(&self.generics, "a module can't be generic: its tools are known at compile time");
            return None;
        }
        let ty = super::plain(&self.ty);
        if ty.is_none() {
            errors.at(&self.ty, "a module is a type of yours, without generics: `impl Notes`");
        }
        ty
    }

    /// The names of the methods, and whether each has a receiver.
    pub(super) fn methods(&self) -> Vec<(Ident, bool)> {
        let methods = self.members.iter().filter_map(|member| match member {
            Member::Method(function) => Some((function.sig.ident.clone(), function.sig.receiver().is_some())),
            Member::Other(_) => None,
        });
        methods.collect()
    }

    /// Takes our attributes off, for a block that is given back with an error.
    pub(super) fn strip(&mut self) {
        for member in &mut self.members {
            if let Member::Method(function) = member {
                function.attrs.retain(|it| it.path().segments.last().is_none_or(|it| it.ident != "expose"));
                expose::strip(&mut function.sig);
            }
        }
    }
}

/// If the item isn't an `impl` block at all, says so; else the parser's own words.
pub(super) fn explain(item: &TokenStream, error: syn::Error) -> syn::Error {
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Impl(_)) | Err(_) => error,
        Ok(other) => syn::Error::new_spanned(other, "`#[tool_module]` goes on an `impl` block: `impl Notes { … }`"),
    }
}
