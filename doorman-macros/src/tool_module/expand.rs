//! The implementations of `ToolModule` and `ConfiguredModule`. What is wrong with a known method's result blames its return
//! type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use super::Model;
use crate::tokens;

impl Model<'_> {
    pub(super) fn expand(&self) -> TokenStream {
        let Self { ty, keys, capabilities, .. } = self;
        let name = &keys.name;
        let scope = match &keys.scope {
            Some(scope) => quote!(#scope),
            None => quote!(__doorman::Unscoped),
        };
        let (resource_scope, start, stop) = (self.resource_scope(), self.start(), self.stop());
        let configured = self.configured();
        quote! {
            use ::doorman::__private as __doorman;
            #[automatically_derived]
            impl ::doorman::__private::ToolModule for #ty {
                const NAME: &'static str = #name;
                const CAPABILITIES: &'static [&'static __doorman::CapabilitySpec] = &[#(#capabilities),*];
                type Scope = #scope;
                fn resource_scope(&self) -> __doorman::Option<&Self::Scope> {
                    #resource_scope
                }
                #start
                #stop
            }
            #configured
        }
    }

    fn resource_scope(&self) -> TokenStream {
        let ty = self.ty;
        match (&self.lifecycle.scope, &self.keys.scope) {
            (Some(returned), Some(scope)) => {
                let (start, end) = tokens::ends(returned);
                let (head, tail) = (quote_spanned!(start=> <#ty>::scope), quote_spanned!(end=> (self)));
                quote! {
                    let scope: &#scope = #head #tail;
                    __doorman::Some(scope)
                }
            }
            // The mistake is reported already.
            (None, Some(_)) => quote!(::core::unreachable!()),
            (_, None) => quote!(__doorman::None),
        }
    }

    fn start(&self) -> Option<TokenStream> {
        let ty = self.ty;
        let returned = self.lifecycle.start.as_ref()?;
        let called = module_result(returned, |at| quote_spanned!(at=> <#ty>::start(self).await));
        Some(quote! {
            fn start_module(&self) -> __doorman::BoxFuture<'_, __doorman::Result<(), __doorman::ModuleError>> {
                __doorman::Box::pin(async move { #called })
            }
        })
    }

    fn stop(&self) -> Option<TokenStream> {
        let ty = self.ty;
        self.lifecycle.stop.then(|| {
            quote! {
                fn stop_module(&self) -> __doorman::BoxFuture<'_, ()> {
                    __doorman::Box::pin(<#ty>::stop(self))
                }
            }
        })
    }

    fn configured(&self) -> Option<TokenStream> {
        let ty = self.ty;
        let config = self.keys.config.as_ref()?;
        let credentials = &self.keys.credentials;
        let configure = match &self.lifecycle.configure {
            Some(returned) => module_result(returned, |at| quote_spanned!(at=> <#ty>::configure(config, credentials))),
            None => quote!(::core::unreachable!()),
        };
        Some(quote! {
            #[automatically_derived]
            impl ::doorman::__private::ConfiguredModule for #ty {
                type Config = #config;
                const CREDENTIALS: &'static [&'static str] = &[#(#credentials),*];
                #[allow(unused_variables)]
                fn configure_module(
                    config: #config,
                    credentials: &__doorman::Credentials,
                ) -> __doorman::Result<Self, __doorman::ModuleError> {
                    #configure
                }
            }
        })
    }
}

/// A call whose result's error becomes a `ModuleError`.
fn module_result(returned: &Type, call: impl FnOnce(proc_macro2::Span) -> TokenStream) -> TokenStream {
    let (start, end) = tokens::ends(returned);
    let call = call(start);
    let head = quote_spanned!(start=> ::core::result::Result::map_err);
    let tail = quote_spanned!(end=> (#call, ::core::convert::Into::into));
    quote!(#head #tail)
}
