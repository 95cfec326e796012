//! Which attributes of serde's and schemars' pass to the mirror. Only what is listed passes; what concerns serialization
//! stays behind; what would let unknown fields in, or publish another schema than is decoded, is refused.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta, MetaNameValue, Path, Token, punctuated::Punctuated};

use crate::errors::Errors;

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Place {
    Type,
    Variant,
    Field,
}

/// What of serde's attributes the expansion has to know.
#[derive(std::default::Default)]
pub(crate) struct Serde {
    pub(crate) default: Option<Default>,
    /// `tag = "…"`.
    pub(crate) tag: bool,
    /// `content = "…"`.
    pub(crate) content: bool,
    /// `rename = "…"`.
    pub(crate) renamed: bool,
}

/// How serde's attribute says a default.
pub(crate) enum Default {
    /// `default`.
    Word(Path),
    /// `default = "path"`.
    Function(Path),
}

impl Place {
    fn serde(self) -> &'static [&'static str] {
        match self {
            Self::Type => &["rename", "rename_all", "rename_all_fields", "tag", "content", "default", "expecting"],
            Self::Variant => &["rename", "rename_all"],
            Self::Field => &["rename", "default"],
        }
    }

    fn schemars(self) -> &'static [&'static str] {
        match self {
            Self::Type | Self::Variant => &["title", "description", "example", "deprecated"],
            Self::Field => {
                &["title", "description", "example", "deprecated", "range", "length", "regex", "email", "url", "inner"]
            }
        }
    }
}

/// What is of no concern when decoding, or is so anyway.
const LEFT: [&str; 8] = [
    "skip_serializing_if",
    "skip_serializing",
    "serialize_with",
    "into",
    "crate",
    "bound",
    "deny_unknown_fields",
    "transparent",
];

/// The attributes that pass, and what the expansion has to know of them.
pub(crate) fn read(attributes: &[Attribute], place: Place, errors: &mut Errors) -> (Vec<TokenStream>, Serde) {
    let (mut passed, mut serde) = (Vec::new(), Serde::default());
    for attribute in attributes {
        if attribute.path().is_ident("doc") || attribute.path().is_ident("deprecated") {
            passed.push(attribute.to_token_stream());
        } else if attribute.path().is_ident("serde") {
            for meta in metas(attribute, errors) {
                let named = |name: &str| meta.path().is_ident(name);
                if named("default") {
                    serde.default = default(meta, errors);
                } else if place.serde().iter().any(|name| named(name)) {
                    serde.tag |= named("tag");
                    serde.content |= named("content");
                    serde.renamed |= named("rename");
                    passed.push(quote!(#[serde(#meta)]));
                } else if !LEFT.iter().any(|name| named(name)) {
                    refuse(&meta, "serde", place.serde(), errors);
                }
            }
        } else if attribute.path().is_ident("schemars") {
            for meta in metas(attribute, errors) {
                if place.schemars().iter().any(|name| meta.path().is_ident(name)) {
                    passed.push(quote!(#[schemars(#meta)]));
                } else if !meta.path().is_ident("crate") {
                    refuse(&meta, "schemars", place.schemars(), errors);
                }
            }
        }
    }
    (passed, serde)
}

fn default(meta: Meta, errors: &mut Errors) -> Option<Default> {
    match &meta {
        Meta::Path(path) => Some(Default::Word(path.clone())),
        Meta::NameValue(MetaNameValue { value: Expr::Lit(ExprLit { lit: Lit::Str(text), .. }), .. }) => {
            text.parse().map(Default::Function).map_err(|error| errors.push(error)).ok()
        }
        _ => {
            errors.at(meta, "expected `default`, or `default = \"path::of::a::function\"`");
            None
        }
    }
}

fn metas(attribute: &Attribute, errors: &mut Errors) -> Vec<Meta> {
    // A reserved word (`crate = "…"`) is a legal path, so serde's attributes all parse as these.
    match attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
        Ok(metas) => metas.into_iter().collect(),
        Err(error) => {
            errors.push(error);
            Vec::new()
        }
    }
}

fn refuse(meta: &Meta, of: &str, legal: &[&str], errors: &mut Errors) {
    let name = meta.path().to_token_stream();
    let why = match name.to_string().as_str() {
        "flatten" => "it can't refuse unknown fields",
        "skip" | "skip_deserializing" => "what the model can't fill in is no field of an argument",
        "with" | "deserialize_with" | "from" | "try_from" | "remote" | "schema_with" => {
            "decoding and schema must be the type's own; use another type, or `#[arg(serde)]`"
        }
        "untagged" => "its mistakes can't be told apart; use `tag = \"…\"`",
        "alias" | "other" => "it would accept what the schema doesn't say",
        _ => "it isn't one that an argument can have",
    };
    errors.at(&name, format_args!("`{of}({name})` is refused: {why}; legal: {}", legal.join(", ")));
}
