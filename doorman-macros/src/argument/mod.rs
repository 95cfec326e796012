//! `#[derive(Argument)]`: a type that the model may fill in. A mirror of the type carries serde's and schemars' own derives,
//! with unknown fields refused; the type's `Deserialize` and `JsonSchema` are the mirror's. What would weaken that is
//! refused at its token, and every field must be plain data in turn.

mod expand;
mod fields;
mod passed;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Fields, Ident, Type};

use crate::{attributes, errors::Errors, expose::Arg};
use passed::{Default, Place, Serde};

/// A type to derive for.
pub(crate) struct Model {
    ident: Ident,
    /// Attributes of the mirror: docs, and what of serde's and schemars' passes.
    passed: Vec<TokenStream>,
    serde: Serde,
    shape: Shape,
}

enum Shape {
    Struct(Members),
    Enum(Vec<Variant>),
}

struct Variant {
    ident: Ident,
    passed: Vec<TokenStream>,
    conditions: TokenStream,
    members: Members,
}

/// The fields of a struct or of a variant.
enum Members {
    None,
    One(Box<Field>),
    Named(Vec<Field>),
}

struct Field {
    /// `None` in a newtype.
    ident: Option<Ident>,
    ty: Type,
    passed: Vec<TokenStream>,
    conditions: TokenStream,
    serde: Serde,
    arg: Arg,
}

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let ident = input.ident.clone();
    let model = model(input, &mut errors);
    let expanded = match (model, errors.len()) {
        (Some(model), 0) => model.expand(),
        (model, _) => expand::stub(&ident, model.as_ref()),
    };
    let errors = errors.into_tokens();
    quote::quote!(#expanded #errors)
}

fn model(mut input: DeriveInput, errors: &mut Errors) -> Option<Model> {
    let mut sound = true;
    for param in &input.generics.params {
        errors.at(param, "an argument can't be generic: its schema is known at compile time");
        sound = false;
    }
    for attribute in attributes::take(&mut input.attrs, "arg") {
        errors.at(attribute, "`#[arg(…)]` goes on a field or a parameter");
    }
    let (passed, serde) = passed::read(&input.attrs, Place::Type, errors);
    let shape = match input.data {
        Data::Struct(data) => match members(data.fields, errors)? {
            Members::None => {
                errors.at(&input.ident, "nothing can be filled in here; expected named fields, one field, or an enum");
                return None;
            }
            members => Shape::Struct(members),
        },
        Data::Enum(data) if data.variants.is_empty() => {
            errors.at(&input.ident, "no value can be filled in here: an enum without variants has none");
            return None;
        }
        Data::Enum(data) => Shape::Enum(data.variants.into_iter().filter_map(|it| variant(it, errors)).collect()),
        Data::Union(data) => {
            errors.at(data.union_token, "a union can't be an argument; expected a struct or an enum");
            return None;
        }
    };
    sound.then_some(Model { ident: input.ident, passed, serde, shape })
}

fn variant(mut variant: syn::Variant, errors: &mut Errors) -> Option<Variant> {
    for attribute in attributes::take(&mut variant.attrs, "arg") {
        errors.at(attribute, "`#[arg(…)]` goes on a field or a parameter");
    }
    let (passed, _) = passed::read(&variant.attrs, Place::Variant, errors);
    let members = members(variant.fields, errors)?;
    Some(Variant { ident: variant.ident, passed, conditions: attributes::conditions(&variant.attrs), members })
}

fn members(fields: Fields, errors: &mut Errors) -> Option<Members> {
    match fields {
        Fields::Unit => Some(Members::None),
        Fields::Named(fields) => Some(Members::Named(fields.named.into_iter().map(|it| field(it, errors)).collect())),
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            Some(Members::One(Box::new(field(fields.unnamed.into_iter().next()?, errors))))
        }
        Fields::Unnamed(fields) => {
            errors.at(fields, "name the fields: a model fills in names, not positions");
            None
        }
    }
}

fn field(mut field: syn::Field, errors: &mut Errors) -> Field {
    let args = attributes::take(&mut field.attrs, "arg");
    let arg = Arg::parse(&args, errors);
    if let Some(header) = &arg.header {
        errors.at(header, "a header stands for a parameter, not for a field of one");
    }
    if let Some(complete) = &arg.complete {
        errors.at(&complete.key, "MCP completes whole arguments, not fields of one");
    }
    let (passed, serde) = passed::read(&field.attrs, Place::Field, errors);
    if let (Some(_), Some(Default::Word(said) | Default::Function(said))) = (&arg.default, &serde.default) {
        errors.at(said, "the default is said twice, here and in `#[arg(…)]`");
    }
    Field { ident: field.ident, ty: field.ty, passed, conditions: attributes::conditions(&field.attrs), serde, arg }
}
