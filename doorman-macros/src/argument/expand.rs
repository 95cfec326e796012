//! The mirror and the traits.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{Field, Members, Model, Shape, Variant};

impl Model {
    pub(super) fn expand(&self) -> TokenStream {
        let Self { ident, passed, serde, .. } = self;
        let name = ident.to_string();
        let name = name.trim_start_matches("r#");
        let rename = (!serde.renamed).then(|| quote!(#[serde(rename = #name)]));
        let foundations = self.foundations();
        let (mirror, unmirror) = self.mirror();
        let implementations = implementations(ident);
        let confined = self.is_fieldless().then(|| confined(ident));
        quote! {
            const _: () = {
                #foundations
                #[derive(::doorman::__private::serde::Deserialize, ::doorman::__private::schemars::JsonSchema)]
                #[serde(deny_unknown_fields, crate = "::doorman::__private::serde")]
                #[schemars(crate = "::doorman::__private::schemars")]
                #rename
                #(#passed)*
                #mirror
                #[automatically_derived]
                impl<'de> ::doorman::__private::serde::Deserialize<'de> for #ident {
                    fn deserialize<D: ::doorman::__private::serde::Deserializer<'de>>(
                        deserializer: D,
                    ) -> ::doorman::__private::Result<Self, D::Error> {
                        let mirror = <__Mirror as ::doorman::__private::serde::Deserialize>::deserialize(deserializer)?;
                        ::doorman::__private::Ok(#unmirror)
                    }
                }
                #[automatically_derived]
                impl ::doorman::__private::JsonSchema for #ident {
                    fn schema_name() -> ::doorman::__private::Cow<'static, str> {
                        <__Mirror as ::doorman::__private::JsonSchema>::schema_name()
                    }
                    fn schema_id() -> ::doorman::__private::Cow<'static, str> {
                        <__Mirror as ::doorman::__private::JsonSchema>::schema_id()
                    }
                    fn json_schema(
                        generator: &mut ::doorman::__private::SchemaGenerator,
                    ) -> ::doorman::__private::Schema {
                        <__Mirror as ::doorman::__private::JsonSchema>::json_schema(generator)
                    }
                }
                #implementations
                #confined
            };
        }
    }

    /// What the mirror's fields rest on. It stands also where the rest doesn't, for the sake of its checks.
    fn foundations(&self) -> TokenStream {
        let container = self.container();
        let fields = self.fields().into_iter().enumerate();
        let foundations: Vec<_> = fields.map(|(number, field)| field.foundation(number, container)).collect();
        match foundations.is_empty() {
            true => quote!(),
            false => quote!(struct __Fields; #(#foundations)*),
        }
    }

    /// The mirror, and the expression that makes the type of `mirror`.
    fn mirror(&self) -> (TokenStream, TokenStream) {
        let (ident, container) = (&self.ident, self.container());
        let mut numbers = 0..;
        let mut mirrored = |field: &Field| field.mirrored(numbers.next().unwrap_or_default(), container);
        match &self.shape {
            Shape::Struct(members) => {
                let end = matches!(members, Members::One(_)).then(|| quote!(;));
                let (fields, pattern, value) = members.mirror(&mut mirrored);
                let unmirror = quote!({
                    let __Mirror #pattern = mirror;
                    #ident #value
                });
                (quote!(struct __Mirror #fields #end), unmirror)
            }
            Shape::Enum(variants) => {
                let internally = self.serde.tag && !self.serde.content;
                let (variants, arms): (Vec<_>, Vec<_>) =
                    variants.iter().map(|variant| variant.mirror(ident, internally, &mut mirrored)).unzip();
                (quote!(enum __Mirror { #(#variants),* }), quote!(match mirror { #(#arms)* }))
            }
        }
    }

    /// The type, if its `Default` gives the fields' defaults.
    fn container(&self) -> Option<&Ident> {
        self.serde.default.is_some().then_some(&self.ident)
    }

    fn is_fieldless(&self) -> bool {
        match &self.shape {
            Shape::Enum(variants) => variants.iter().all(|it| matches!(it.members, Members::None)),
            Shape::Struct(_) => false,
        }
    }

    fn fields(&self) -> Vec<&Field> {
        match &self.shape {
            Shape::Struct(members) => members.fields().iter().collect(),
            Shape::Enum(variants) => variants.iter().flat_map(|it| it.members.fields()).collect(),
        }
    }
}

impl Variant {
    /// The variant in the mirror, and the arm that makes the type's variant of it.
    fn mirror(
        &self,
        of: &Ident,
        internally_tagged: bool,
        mirrored: &mut impl FnMut(&Field) -> TokenStream,
    ) -> (TokenStream, TokenStream) {
        let Self { ident, passed, conditions, members } = self;
        let (fields, pattern, value) = match members {
            // serde takes and ignores all fields beside the tag of a unit variant; of one with (no) fields it doesn't.
            Members::None if internally_tagged => (quote!({}), quote!({}), quote!()),
            members => members.mirror(mirrored),
        };
        let variant = quote!(#conditions #(#passed)* #ident #fields);
        (variant, quote!(#conditions __Mirror::#ident #pattern => #of::#ident #value,))
    }
}

impl Members {
    /// The fields of the mirror, the pattern that takes them, and the fields that are made of them.
    fn mirror(&self, mirrored: &mut impl FnMut(&Field) -> TokenStream) -> (TokenStream, TokenStream, TokenStream) {
        match self {
            Self::None => (quote!(), quote!(), quote!()),
            Self::One(field) => {
                let field = mirrored(field);
                (quote!((#field)), quote!((held)), quote!((held.0)))
            }
            Self::Named(fields) => {
                let mirrored = fields.iter().map(mirrored);
                let names = fields.iter().map(|field| (&field.conditions, &field.ident));
                let held = |index: usize| format_ident!("__held_{index}");
                let patterns = names.clone().enumerate().map(|(index, (conditions, name))| {
                    let held = held(index);
                    quote!(#conditions #name: #held)
                });
                let values = names.enumerate().map(|(index, (conditions, name))| {
                    let held = held(index);
                    quote!(#conditions #name: #held.0)
                });
                (quote!({ #(#mirrored),* }), quote!({ #(#patterns),* }), quote!({ #(#values),* }))
            }
        }
    }

    fn fields(&self) -> &[Field] {
        match self {
            Self::None => &[],
            Self::One(field) => std::slice::from_ref(field),
            Self::Named(fields) => fields,
        }
    }
}

fn implementations(ident: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::doorman::__private::Argument for #ident {
            type Raw = Self;
            fn resolve(
                raw: Self,
                _: &::doorman::__private::Call,
            ) -> ::doorman::__private::Result<Self, ::doorman::__private::ScopeViolation> {
                ::doorman::__private::Ok(raw)
            }
        }
        #[automatically_derived]
        impl ::doorman::__private::Param for #ident {
            ::doorman::__param_from_model!();
        }
    }
}

/// A fieldless enum holds nothing that the model could address a resource with.
fn confined(ident: &Ident) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::doorman::__private::Confinable for #ident {}
        #[automatically_derived]
        impl<S> ::doorman::__private::Confined<S> for #ident {}
    }
}

/// What stands for the derive when the type has mistakes: enough that its users show none of their own.
pub(super) fn stub(ident: &Ident, model: Option<&Model>) -> TokenStream {
    let Some(model) = model else { return quote!() };
    let foundations = model.foundations();
    let implementations = implementations(ident);
    let confined = model.is_fieldless().then(|| confined(ident));
    quote! {
        const _: () = {
            #foundations
            #[automatically_derived]
            impl<'de> ::doorman::__private::serde::Deserialize<'de> for #ident {
                fn deserialize<D: ::doorman::__private::serde::Deserializer<'de>>(
                    _: D,
                ) -> ::doorman::__private::Result<Self, D::Error> {
                    ::core::unreachable!()
                }
            }
            #[automatically_derived]
            impl ::doorman::__private::JsonSchema for #ident {
                fn schema_name() -> ::doorman::__private::Cow<'static, str> {
                    ::core::unreachable!()
                }
                fn json_schema(_: &mut ::doorman::__private::SchemaGenerator) -> ::doorman::__private::Schema {
                    ::core::unreachable!()
                }
            }
            #implementations
            #confined
        };
    }
}
