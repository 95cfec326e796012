//! `#[tool_module]` on an `impl` block: a module of capabilities on one instance. The block's keys say its resource scope
//! and its configuration; methods with `#[expose]` become tools, resources and prompts as functions do; four methods are known by name. What goes out is
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
    expose::{self, Callee, Capability, CapabilityKeys, Function, Home, Module},
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
    /// Expressions of type `&CapabilitySpec`.
    capabilities: Vec<TokenStream>,
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
    let capabilities = capabilities(&mut block, &ty, &keys, &mut errors);

    let model = Model { ty: &ty, keys: &keys, lifecycle, capabilities };
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

fn capabilities(block: &mut Block, ty: &TokenStream, keys: &ModuleKeys, errors: &mut Errors) -> Vec<TokenStream> {
    let methods = block.methods();
    let module = Module { ty, scope: keys.scope.as_ref(), methods: &methods };
    let mut known: Vec<(String, Ident)> = Vec::new();
    let mut capabilities = Vec::new();
    for member in &mut block.members {
        let Member::Method(function) = member else { continue };
        let Some(exposed) = take_expose(&mut function.attrs, errors) else { continue };
        let said = match &exposed.meta {
            Meta::List(list) => list.tokens.clone(),
            Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
        };
        let place = exposed.path().segments.last().map_or(function.sig.ident.span(), |it| it.ident.span());
        let keys = CapabilityKeys::parse(said, Home::Module, place, errors);
        let name = keys.name_of(&function.sig.ident, errors);
        if let Some((identity, shown)) = keys.kind.identity(&name) {
            let hint = if keys.kind.is_named() { "; say `name = \"…\"` on one of the two" } else { "" };
            match known.iter().find(|(other, _)| *other == identity) {
                Some((_, first)) => {
                    errors.at(&function.sig.ident, format_args!("the {shown} is `{first}` already{hint}"));
                }
                None => known.push((identity, function.sig.ident.clone())),
            }
        }
        capabilities.push(capability(function, &module, &keys, name, errors));
    }
    capabilities
}

fn capability(
    function: &mut Function,
    module: &Module<'_>,
    keys: &CapabilityKeys,
    name: String,
    errors: &mut Errors,
) -> TokenStream {
    let mistakes = errors.len();
    expose::signature(&function.sig, &keys.kind, errors);
    let callee = match function.sig.receiver() {
        Some(_) => Callee::Method(module.ty),
        None => Callee::Associated(module.ty),
    };
    if let Some(receiver) = function.sig.receiver()
        && !lifecycle::is_shared(receiver)
    {
        errors.at(receiver, "expected `&self`: calls run side by side on one instance");
    }
    let params = expose::params(&mut function.sig, Some(module), &keys.kind, errors);
    let sound = errors.len() == mistakes;
    let spec = Capability { name, keys, function, params: &params, callee, sound }.spec();
    let conditions = attributes::conditions(&function.attrs);
    quote!(#conditions &#spec)
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
