//! `#[tool_module]` on an `impl` block: a module of tools on one instance. The block's keys say its resource scope and its
//! configuration; methods with `#[expose]` become tools as functions do; four methods are known by name. What goes out is
//! the block without our attributes, and the implementations of `ToolModule` and `ConfiguredModule`.

mod block;
mod expand;
mod keys;
mod lifecycle;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Ident, Meta, Path};

use crate::{
    attributes,
    errors::Errors,
    expose::{self, Callee, Function, Home, Module, Tool, ToolKeys},
    tokens,
};
use block::{Block, Member};
use keys::ModuleKeys;
use lifecycle::Lifecycle;

/// A module as it is expanded.
struct Model<'a> {
    ty: &'a TokenStream,
    keys: &'a ModuleKeys,
    lifecycle: Lifecycle,
    /// Expressions of type `CapabilitySpec`.
    tools: Vec<TokenStream>,
}

pub(crate) fn expand(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut block: Block = match syn::parse2(item.clone()) {
        Ok(block) => block,
        Err(error) => {
            errors.push(block::explain(item, error));
            let errors = errors.into_tokens();
            return quote!(#item #errors);
        }
    };
    let Some(ty) = block.module(&mut errors) else {
        block.strip();
        let errors = errors.into_tokens();
        return quote!(#block #errors);
    };
    let keys = ModuleKeys::parse(attribute, &block.ty, &mut errors);
    let lifecycle = Lifecycle::find(&block, &keys, &mut errors);
    let tools = tools(&mut block, &ty, &keys, &mut errors);

    let model = Model { ty: &ty, keys: &keys, lifecycle, tools };
    let implementations = model.expand();
    let conditions = attributes::conditions(&block.attrs);
    let errors = errors.into_tokens();
    quote! {
        #block
        #errors
        #conditions
        const _: () = { #implementations };
    }
}

fn tools(block: &mut Block, ty: &TokenStream, keys: &ModuleKeys, errors: &mut Errors) -> Vec<TokenStream> {
    let module = Module { ty, scope: keys.scope.as_ref() };
    let mut names: Vec<(String, Ident)> = Vec::new();
    let mut tools = Vec::new();
    for member in &mut block.members {
        let Member::Method(function) = member else { continue };
        let Some(exposed) = take_expose(&mut function.attrs, errors) else { continue };
        let said = match &exposed.meta {
            Meta::List(list) => list.tokens.clone(),
            Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
        };
        let place = exposed.path().segments.last().map_or(function.sig.ident.span(), |it| it.ident.span());
        let tool_keys = ToolKeys::parse(said, Home::Module, place, errors);
        let name = tool_keys.name_of(&function.sig.ident, errors);
        match names.iter().find(|(other, _)| *other == name) {
            Some((_, first)) => errors.at(
                &function.sig.ident,
                format_args!("the tool `{name}` is `{first}` already; say `name = \"…\"` on one of the two"),
            ),
            None => names.push((name.clone(), function.sig.ident.clone())),
        }
        tools.push(tool(function, &module, &tool_keys, name, errors));
    }
    tools
}

fn tool(
    function: &mut Function,
    module: &Module<'_>,
    keys: &ToolKeys,
    name: String,
    errors: &mut Errors,
) -> TokenStream {
    let mistakes = errors.len();
    expose::signature(&function.sig, errors);
    let callee = match function.sig.receiver() {
        Some(_) => Callee::Method(module.ty),
        None => Callee::Associated(module.ty),
    };
    if let Some(receiver) = function.sig.receiver()
        && !lifecycle::is_shared(receiver)
    {
        errors.at(receiver, "expected `&self`: calls run side by side on one instance");
    }
    let params = expose::params(&mut function.sig, Some(module), errors);
    let sound = errors.len() == mistakes;
    let spec = Tool { name, keys, function, params: &params, callee, sound }.spec();
    let conditions = attributes::conditions(&function.attrs);
    quote!(#conditions #spec)
}

/// Takes `#[expose]` off a method, by whatever path it is named. What stays is the path, so that rustc looks it up: an
/// import that is used counts as used, one that is missing is missed.
fn take_expose(attributes: &mut Vec<Attribute>, errors: &mut Errors) -> Option<Attribute> {
    let is_expose = |path: &Path| path.segments.last().is_some_and(|it| it.ident == "expose");
    let (mut exposed, kept): (Vec<_>, Vec<_>) = attributes.drain(..).partition(|it| is_expose(it.path()));
    *attributes = kept;
    for second in exposed.drain(1.min(exposed.len())..) {
        errors.at(second.path(), "a method is exposed once");
    }
    let exposed = exposed.pop()?;
    let (path, taken) = (exposed.path(), format_ident!("{}", expose::TAKEN));
    attributes.push(syn::parse_quote!(#[#path(#taken)]));
    Some(exposed)
}

/// The type of the block, if it is a plain path.
fn plain(ty: &syn::Type) -> Option<TokenStream> {
    let has_generics = |tree: &TokenTree| matches!(tree, TokenTree::Punct(it) if it.as_char() == '<');
    let tokens = ty.to_token_stream();
    (matches!(ty, syn::Type::Path(_)) && tokens::find(tokens.clone(), &has_generics).is_none()).then_some(tokens)
}
