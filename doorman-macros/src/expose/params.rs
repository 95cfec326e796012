//! The parameters of a function: name, type, and what was said of each. What each *is* its type decides, later.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Expr, FnArg, Ident, Pat, PatType, Signature, Type, ext::IdentExt};

use super::{
    arg::{Arg, Fallback},
    check,
    kind::Kind,
};
use crate::{attributes, docs, errors::Errors, tokens};

/// The most parameters that a function can have: the library's tuples end there.
const MOST: usize = 16;

/// One parameter that can become one.
pub(crate) struct Param {
    name: Ident,
    ty: TokenStream,
    description: Option<TokenStream>,
    arg: Arg,
    /// An expression of type `Completer`.
    completer: Option<TokenStream>,
    bound: Bound,
}

/// What its type is held against.
enum Bound {
    Any,
    Extractor,
    Argument,
    Confined(Type),
    ConfinedArgument(Type),
    Data,
    Foreign,
}

/// The module that a method stands in.
pub(crate) struct Module<'a> {
    /// Its type, which `Self` means.
    pub(crate) ty: &'a TokenStream,
    /// The resource scope; `None` in a module that says `unscoped`.
    pub(crate) scope: Option<&'a Type>,
    /// The methods of the block, and whether each has a receiver.
    pub(crate) methods: &'a [(Ident, bool)],
}

/// Takes our attributes off the parameters and makes a model of each. A parameter with a mistake of its own has none.
/// `module` is `None` for a free function.
pub(crate) fn parse(sig: &mut Signature, module: Option<&Module<'_>>, kind: &Kind, errors: &mut Errors) -> Vec<Param> {
    let names: Option<Vec<Ident>> = typed(sig).map(|it| name(&it.pat).cloned()).collect();
    // Where a name is missing or misspelled, what the others are can't be told from their names.
    let place = Place { module, kind, names_are_known: names.is_some_and(|names| kind.variables_are(&names, errors)) };
    let mut params = Vec::new();
    for (index, typed) in typed(sig).enumerate() {
        if index == MOST {
            errors.at(
                &*typed,
                format_args!("a {kind} has at most {MOST} parameters; group some in a type that derives `Argument`"),
            );
        }
        params.extend(place.param(typed, errors));
    }
    params
}

fn typed(sig: &mut Signature) -> impl Iterator<Item = &mut PatType> {
    sig.inputs.iter_mut().filter_map(|input| match input {
        FnArg::Receiver(_) => None,
        FnArg::Typed(typed) => Some(typed),
    })
}

fn name(pat: &Pat) -> Option<&Ident> {
    match pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => Some(&pat.ident),
        _ => None,
    }
}

/// Takes our attributes off, for a function that is given back with an error.
pub(crate) fn strip(sig: &mut Signature) {
    for input in &mut sig.inputs {
        if let FnArg::Typed(typed) = input {
            typed.attrs.retain(|it| !["doc", "arg", "data"].iter().any(|ours| it.path().is_ident(ours)));
        }
    }
}

/// Where a parameter stands.
struct Place<'a> {
    module: Option<&'a Module<'a>>,
    kind: &'a Kind,
    names_are_known: bool,
}

impl Place<'_> {
    fn param(&self, typed: &mut PatType, errors: &mut Errors) -> Option<Param> {
        let comments = attributes::take(&mut typed.attrs, "doc");
        let args = attributes::take(&mut typed.attrs, "arg");
        let data = attributes::take(&mut typed.attrs, "data");
        for name in ["cfg", "cfg_attr"] {
            for attribute in attributes::take(&mut typed.attrs, name) {
                errors.at(attribute, "a parameter can't be conditional: put `#[cfg(…)]` on two functions");
            }
        }
        let mut arg = Arg::parse(&args, errors);
        if !check::parameter(&typed.ty, self.kind, errors) {
            return None;
        }
        let Some(name) = name(&typed.pat).cloned() else {
            errors.at(&typed.pat, format_args!("a {}'s parameter needs a name: it is the argument's", self.kind));
            return None;
        };
        let bound = self.bound(&name, &arg, &args, data.first(), errors);
        let completer = self.completer(&arg, errors);
        let description = match &arg.description {
            Some(text) => Some(text.to_token_stream()),
            None => docs::description(&comments),
        };
        let mut ty = typed.ty.to_token_stream();
        if let Some(module) = self.module {
            ty = tokens::replace_self(ty, module.ty);
            if let Some(Fallback::Is(expr)) = &mut arg.default {
                *expr = Expr::Verbatim(tokens::replace_self(expr.to_token_stream(), module.ty));
            }
        }
        Some(Param { name, ty, description, arg, completer, bound })
    }

    fn bound(
        &self,
        name: &Ident,
        arg: &Arg,
        args: &[Attribute],
        data: Option<&Attribute>,
        errors: &mut Errors,
    ) -> Bound {
        let scope = self.module.and_then(|module| module.scope);
        let is_variable = self.kind.has_variable(name).filter(|_| self.names_are_known);
        if is_variable == Some(false) {
            let said = if arg.is_about_an_argument() { args.first() } else { data };
            let Some(said) = said else { return Bound::Extractor };
            let name = name.unraw();
            errors.at(
                said,
                format_args!("no variable of the URI is named `{name}`, so it comes from the server: leave this out"),
            );
            return match (&arg.serde, data) {
                (Some(_), _) => Bound::Foreign,
                (None, Some(_)) => Bound::Data,
                (None, None) => Bound::Argument,
            };
        }
        if let (Some(_), Some(default)) = (self.kind.has_variable(name).filter(|it| *it), &arg.default) {
            errors.at(default, "a variable of the URI is always there: leave the default out");
        }
        match (data, scope) {
            (Some(data), None) if self.module.is_none() => {
                errors.at(data, "`#[data]` means something in a `#[tool_module(scope = …)]` only");
            }
            (Some(data), None) => {
                errors.at(data, "`#[data]` means something in a scoped module only, and this one is `unscoped`");
            }
            _ => {}
        }
        let is_argument = arg.is_about_an_argument() || is_variable == Some(true);
        match (&arg.serde, scope, data) {
            (Some(serde), Some(_), None) => {
                errors.at(
                    serde,
                    "a foreign type could address a resource; mark the parameter `#[data]` if it never does",
                );
                Bound::Foreign
            }
            (Some(_), ..) => Bound::Foreign,
            (None, Some(_), Some(_)) => Bound::Data,
            (None, Some(scope), None) if is_argument => Bound::ConfinedArgument(scope.clone()),
            (None, Some(scope), None) => Bound::Confined(scope.clone()),
            (None, None, _) if is_argument => Bound::Argument,
            (None, None, _) => Bound::Any,
        }
    }

    /// Checks what MCP has for some kinds only.
    fn completer(&self, arg: &Arg, errors: &mut Errors) -> Option<TokenStream> {
        let is_tool = matches!(self.kind, Kind::Tool(_));
        if let Some(header) = arg.header.as_ref().filter(|_| !is_tool) {
            errors.at(header, format_args!("a header stands for a tool's argument, and this is a {}", self.kind));
        }
        let complete = arg.complete.as_ref()?;
        if is_tool {
            errors.at(&complete.key, "MCP completes the arguments of prompts and resources, and this is a tool");
            return None;
        }
        complete.completer(self.module, errors)
    }
}

impl Param {
    /// `Slot<T>`.
    pub(crate) fn slot_type(&self) -> TokenStream {
        let ty = &self.ty;
        quote!(__doorman::Slot<#ty>)
    }

    /// The slot. This is the one place where the parameter's type is held against a bound, so that a mistake is shown
    /// once; every token of it blames the type.
    pub(crate) fn slot(&self) -> TokenStream {
        let ty = &self.ty;
        let (start, end) = tokens::ends(ty);
        let function = |name: &str| {
            let name = Ident::new(name, start);
            quote_spanned!(start=> ::doorman::__private::slots::#name::<)
        };
        let (head, scope) = match &self.bound {
            Bound::Any => (function("param"), None),
            Bound::Extractor => (function("extractor"), None),
            Bound::Argument => (function("argument"), None),
            Bound::Confined(scope) => (function("confined"), Some(scope)),
            Bound::ConfinedArgument(scope) => (function("confined_argument"), Some(scope)),
            Bound::Data => (function("data"), None),
            Bound::Foreign => (function("foreign"), None),
        };
        let scope = scope.map(|scope| quote!(#scope,));
        let tail = quote_spanned!(end=> >());
        quote!(#head #scope #ty #tail)
    }

    /// What the published schema says of it: the `ParamSpec` of the slot at `index`.
    pub(crate) fn spec(&self, index: usize) -> TokenStream {
        let name = self.name.unraw().to_string();
        let index = syn::Index::from(index);
        let description = self.description.iter().map(|text| quote!(.description(#text)));
        let default = self.arg.default.iter().map(|it| {
            let function = self.default_value(it);
            quote!(.default(#function))
        });
        let constraints = match self.arg.constraints() {
            none if none.is_empty() => quote!(),
            some => quote!(.constraints(&[#(#some),*])),
        };
        let header = self.arg.header.iter().map(|text| quote!(.header(#text)));
        let completer = self.completer.iter().map(|by| quote!(.complete(#by)));
        quote! {
            __doorman::ParamSpec::of(&__SLOTS.#index, #name) #(#description)* #(#default)* #constraints #(#header)* #(#completer)*
        }
    }

    /// A function that makes the default: typed as the parameter is, as JSON. If it can't be published, the default is
    /// blamed.
    fn default_value(&self, default: &Fallback) -> TokenStream {
        let ty = &self.ty;
        let (value, (start, end)) = match default {
            Fallback::Is(expr) => (expr.to_token_stream(), tokens::ends(expr)),
            Fallback::OfType(word) => {
                let at = word.span();
                (quote_spanned!(at=> <#ty as ::core::default::Default>::default()), (at, at))
            }
        };
        let name = Ident::new("value", start);
        let function = quote_spanned!(start=> ::doorman::__private::default_value);
        let argument = quote_spanned!(end=> (#name));
        quote! {{
            fn __default() -> __doorman::Value {
                let #name: #ty = #value;
                #function #argument
            }
            __default
        }}
    }

    /// A name for its value that collides with nothing.
    pub(crate) fn local(index: usize) -> Ident {
        format_ident!("argument{}", index, span = Span::mixed_site())
    }
}
