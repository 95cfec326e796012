//! The mirror and the traits.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{Field, Members, Model, Shape, Variant};

impl Model {
    pub(super) fn expand(&self) -> TokenStream {
        let Self { ident, passed, .. } = self;
        let name = ident.to_string();
        let mirror = format_ident!("__{}", ident);
        let (body, functions) = self.body(&mirror);
        let implementations = implementations(ident);
        let confined = self.is_fieldless().then(|| confined(ident));
        quote! {
            const _: () = {
                #(#functions)*
                #[derive(::doorman::__private::serde::Deserialize, ::doorman::__private::schemars::JsonSchema)]
                #[serde(remote = #name, deny_unknown_fields, crate = "::doorman::__private::serde")]
                #[schemars(crate = "::doorman::__private::schemars")]
                #[allow(dead_code, non_camel_case_types)]
                #(#passed)*
                #body
                #[automatically_derived]
                impl<'de> ::doorman::__private::serde::Deserialize<'de> for #ident {
                    fn deserialize<D: ::doorman::__private::serde::Deserializer<'de>>(
                        deserializer: D,
                    ) -> ::doorman::__private::Result<Self, D::Error> {
                        #mirror::deserialize(deserializer)
                    }
                }
                #[automatically_derived]
                impl ::doorman::__private::JsonSchema for #ident {
                    fn schema_name() -> ::doorman::__private::Cow<'static, str> {
                        <#mirror as ::doorman::__private::JsonSchema>::schema_name()
                    }
                    fn schema_id() -> ::doorman::__private::Cow<'static, str> {
                        <#mirror as ::doorman::__private::JsonSchema>::schema_id()
                    }
                    fn json_schema(
                        generator: &mut ::doorman::__private::SchemaGenerator,
                    ) -> ::doorman::__private::Schema {
                        <#mirror as ::doorman::__private::JsonSchema>::json_schema(generator)
                    }
                }
                #implementations
                #confined
            };
        }
    }

    fn body(&self, mirror: &Ident) -> (TokenStream, Vec<TokenStream>) {
        let mut functions = Vec::new();
        let container = self.serde.default.is_some().then_some(&self.ident);
        let mut mirrored = |field: &Field| {
            let (field, function) = field.mirror(container, functions.len());
            functions.push(function);
            field
        };
        let body = match &self.shape {
            Shape::Struct(members) => {
                let end = matches!(members, Members::One(_)).then(|| quote!(;));
                let members = members.mirror(&mut mirrored);
                quote!(struct #mirror #members #end)
            }
            Shape::Enum(variants) => {
                let variants = variants.iter().map(|variant| variant.mirror(self.serde.tagged, &mut mirrored));
                quote!(enum #mirror { #(#variants),* })
            }
        };
        (body, functions)
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
    fn mirror(&self, tagged: bool, mirrored: &mut impl FnMut(&Field) -> TokenStream) -> TokenStream {
        let Self { ident, passed, conditions, members } = self;
        let members = match members {
            // serde takes and ignores all fields beside the tag of a unit variant; of one with (no) fields it doesn't.
            Members::None if tagged => quote!({}),
            members => members.mirror(mirrored),
        };
        quote!(#conditions #(#passed)* #ident #members)
    }
}

impl Members {
    fn mirror(&self, mirrored: &mut impl FnMut(&Field) -> TokenStream) -> TokenStream {
        match self {
            Self::None => quote!(),
            Self::One(field) => {
                let field = mirrored(field);
                quote!((#field))
            }
            Self::Named(fields) => {
                let fields = fields.iter().map(mirrored);
                quote!({ #(#fields),* })
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
        impl<S: ::doorman::__private::ResourceScope> ::doorman::__private::Confined<S> for #ident {}
    }
}

/// What stands for the derive when the type has mistakes: enough that its users show none of their own.
pub(super) fn stub(ident: &Ident, model: Option<&Model>) -> TokenStream {
    let Some(model) = model else { return quote!() };
    let implementations = implementations(ident);
    let confined = model.is_fieldless().then(|| confined(ident));
    let checks = model.fields().into_iter().map(Field::checked_type);
    quote! {
        const _: () = {
            #(const _: ::core::marker::PhantomData<#checks> = ::core::marker::PhantomData;)*
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
