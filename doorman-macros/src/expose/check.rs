//! What a capability's signature can't be, each with its reason, at its token.

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::{Ident, ReturnType, Safety, Signature, Type};

use super::kind::Kind;
use crate::{errors::Errors, tokens};

/// Names that would shadow a primitive type in the function's module, and break what others write there.
const PRIMITIVES: [&str; 17] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
    "f32", "f64",
];

/// Whether a hidden type of this name would hide a primitive type.
pub(crate) fn hides_a_primitive(name: &Ident) -> bool {
    PRIMITIVES.iter().any(|primitive| name == primitive)
}

/// Reports everything about the signature but its parameters.
pub(crate) fn signature(sig: &Signature, kind: &Kind, errors: &mut Errors) {
    if let Some(token) = &sig.constness {
        errors.at(token, format_args!("a {kind} can't be `const`: it runs when it is called"));
    }
    if !matches!(sig.safety, Safety::Default) {
        errors.at(&sig.safety, format_args!("a {kind} can't be `unsafe`: its caller is a model"));
    }
    if let Some(token) = &sig.abi {
        errors.at(token, format_args!("a {kind} has Rust's own ABI"));
    }
    if hides_a_primitive(&sig.ident) {
        let reason = "can't have the name of a primitive type; rename it and say `name = \"…\"`";
        errors.at(&sig.ident, format_args!("a {kind}'s function {reason}"));
    }
    for param in &sig.generics.params {
        errors.at(param, format_args!("a {kind} can't be generic: its schema is known at compile time"));
    }
    if let Some(clause) = &sig.generics.where_clause {
        errors.at(clause.where_token, format_args!("a {kind} can't have a `where` clause: it has no generics"));
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(variadic, format_args!("a {kind} can't be variadic: its schema is known at compile time"));
    }
    if let ReturnType::Type(_, ty) = &sig.output {
        output(ty, errors);
    }
}

fn output(ty: &Type, errors: &mut Errors) {
    if has_impl(ty) {
        let hint = match ty.to_token_stream().to_string().contains("Future") {
            true => "write `async fn`: it is the output that needs a schema",
            false => "name the type: `impl Trait` has no schema",
        };
        errors.at(ty, hint);
    }
}

fn has_impl(ty: &Type) -> bool {
    let is_impl = |tree: &TokenTree| matches!(tree, TokenTree::Ident(ident) if ident == "impl");
    tokens::find(ty.to_token_stream(), &is_impl).is_some()
}

/// Whether a parameter's type can be named in generated items, and owned by a call.
pub(crate) fn parameter(ty: &Type, kind: &Kind, errors: &mut Errors) -> bool {
    let is_borrow = |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if matches!(punct.as_char(), '&' | '\''));
    if has_impl(ty) {
        errors.at(ty, "name the type: `impl Trait` has no schema");
    } else if tokens::find(ty.to_token_stream(), &is_borrow).is_some() {
        let form = "`String` instead of `&str`, no references, no lifetimes";
        errors.at(ty, format_args!("a {kind} owns its arguments: {form}"));
    } else {
        return true;
    }
    false
}

/// Whether the types of the signature can be named in generated items.
pub(crate) fn nameable(sig: &Signature) -> bool {
    sig.generics.params.is_empty() && sig.generics.where_clause.is_none()
}

/// Whether the return type can.
pub(crate) fn nameable_output(sig: &Signature) -> bool {
    nameable(sig) && !matches!(&sig.output, ReturnType::Type(_, ty) if has_impl(ty))
}
