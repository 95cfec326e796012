//! `#[arg(complete = …)]`: what completes an argument while it is typed. A list of texts, a function, or in a module a
//! method of the same block.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Ident, LitStr, Path};

use super::params::Module;
use crate::{errors::Errors, keys::Keys, tokens};

pub(super) const LEGAL: &str =
    "a function's path or a list of texts: `complete = note_ids` or `complete = [\"rust\", \"python\"]`";

/// What was said.
pub(crate) struct Complete {
    pub(crate) key: Ident,
    by: By,
}

enum By {
    Texts(Vec<LitStr>),
    Path(Path),
}

impl Complete {
    pub(super) fn parse(keys: &Keys, errors: &mut Errors) -> Option<Self> {
        let key = keys.said("complete")?.clone();
        let by = match ungrouped(keys.expr("complete", errors)?) {
            Expr::Path(it) if it.qself.is_none() => By::Path(it.path),
            Expr::Array(array) => {
                if array.elems.is_empty() {
                    errors.at(array, "nothing completes with an empty list; expected texts: `[\"rust\", \"python\"]`");
                }
                By::Texts(keys.texts("complete", errors)?)
            }
            other => {
                errors.at(other, format_args!("expected {LEGAL}"));
                return None;
            }
        };
        Some(Self { key, by })
    }

    /// An expression of type `Completer`.
    pub(super) fn completer(&self, module: Option<&Module<'_>>, errors: &mut Errors) -> Option<TokenStream> {
        let path = match &self.by {
            By::Texts(texts) => return Some(quote!(__doorman::Completer::Among(&[#(#texts),*]))),
            By::Path(path) => path,
        };
        let own = path.segments.len() == 2 && path.segments[0].ident == "Self";
        let Some(module) = module.filter(|_| own) else { return Some(by_function(path)) };
        let name = &path.segments[1].ident;
        match module.methods.iter().find(|(method, _)| method == name) {
            Some((_, true)) => Some(by_method(path, module.ty, name)),
            Some((_, false)) => Some(by_associated(path, module.ty, name)),
            None => {
                let form = format_args!(
                    "no method `{name}` in this block; expected \
                     `async fn {name}(&self, partial: Partial, call: Call) -> Vec<String>`"
                );
                errors.at(path, form);
                None
            }
        }
    }
}

/// A macro's fragment may have wrapped it.
fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungrouped(*group.expr),
        other => other,
    }
}

fn by_function(path: &Path) -> TokenStream {
    by(path, |at, partial, call| (quote!(), quote_spanned!(at=> #path(#partial, #call))))
}

fn by_associated(path: &Path, ty: &TokenStream, name: &Ident) -> TokenStream {
    by(path, |at, partial, call| (quote!(), quote_spanned!(at=> <#ty>::#name(#partial, #call))))
}

fn by_method(path: &Path, ty: &TokenStream, name: &Ident) -> TokenStream {
    by(path, |at, partial, call| {
        let instance = Ident::new("instance", Span::mixed_site());
        let found = quote!(let #instance = __doorman::module::<#ty>(&#call)?;);
        (found, quote_spanned!(at=> async move { <#ty>::#name(&#instance, #partial, #call).await }))
    })
}

/// What is wrong with the function, and with what it gives, blames the path.
fn by(path: &Path, called: impl FnOnce(Span, &Ident, &Ident) -> (TokenStream, TokenStream)) -> TokenStream {
    let (start, end) = tokens::ends(path);
    let [partial, call] = ["partial", "call"].map(|name| Ident::new(name, Span::mixed_site().located_at(end)));
    let (before, future) = called(end, &partial, &call);
    let head = quote_spanned!(start=> ::doorman::__private::completed);
    let tail = quote_spanned!(end=> (#future));
    quote! {
        __doorman::Completer::By({
            fn __complete(
                #call: __doorman::Call,
                #partial: __doorman::Partial,
            ) -> __doorman::Result<__doorman::Completing, __doorman::Refused> {
                #before
                #head #tail
            }
            __complete
        })
    }
}
