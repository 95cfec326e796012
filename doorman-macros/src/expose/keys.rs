//! What `#[expose(…)]` says of a capability, every text checked with the grammar that a manifest is read with.

use std::fmt::Display;

use doorman_grammar::{GrammarError, breaker, duration, glob, name, rate, scope, size};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, LitStr, Path, ext::IdentExt, spanned::Spanned};

use super::kind::Kind;
use crate::{
    errors::Errors,
    keys::{Form, Keys},
};

const FORMS: &[Form] = &[
    Form::new("read_only", "`read_only`, alone"),
    Form::new("write", "`write`, alone"),
    Form::new("destructive", "`destructive`, alone"),
    Form::new("scopes", "a list: `scopes = [\"invoices:read\"]`"),
    Form::new("public", "`public`, alone"),
    Form::new("name", "a text: `name = \"get_invoice\"`"),
    Form::new("title", "a text: `title = \"Get an invoice\"`"),
    Form::new("description", "a text: `description = \"Looks up one invoice.\"`"),
    Form::new("idempotent", "`idempotent`, alone or `= true` or `= false`"),
    Form::new("open_world", "`open_world`, alone or `= true` or `= false`"),
    Form::new("redact", "a list: `redact = [\"iban\", \"*_token\"]`"),
    Form::new("reveal", "a list: `reveal = [\"email\"]`"),
    Form::new("redact_patterns", "a list of regular expressions: `redact_patterns = [\"EMP-[0-9]+\"]`"),
    Form::new("detect", "a list: `detect = [\"ip\", \"mac\"]`"),
    Form::new("rate", "a text: `rate = \"5/min\"`"),
    Form::new("breaker", "a text: `breaker = \"5 in 1min\"`"),
    Form::new("cost", "a whole number from 1: `cost = 25`"),
    Form::new("timeout", "a text: `timeout = \"30s\"`"),
    Form::new("max_result", "a text: `max_result = \"64KiB\"`"),
    Form::new("schema", "the path of a `fn() -> serde_json::Value`: `schema = my_schema`"),
    Form::new("task", "`task`, `task = \"required\"` or `task = \"after_input\"`"),
    Form::new("resource", "a text: `resource = \"notes://{id}\"`"),
    Form::new("mime", "a text: `mime = \"text/plain\"`"),
    Form::new("size", "a whole number of bytes: `size = 70`"),
    Form::new("prompt", "`prompt`, alone"),
];

/// Where a capability stands, which decides what must be said.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Home {
    /// A free function.
    Function,
    /// A method in a module, whose instance has scopes of its own.
    Module,
}

/// The keys of one capability. Where a key was wrong it is as if it hadn't been said: the mistake is reported, and type checks
/// go on.
pub(crate) struct CapabilityKeys {
    pub(crate) kind: Kind,
    effect: Option<&'static str>,
    access: Access,
    name: Option<LitStr>,
    title: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    idempotent: bool,
    open_world: Option<bool>,
    redact: Vec<LitStr>,
    reveal: Vec<LitStr>,
    redact_patterns: Vec<LitStr>,
    /// Variants of `redact::Kind`.
    detect: Vec<Ident>,
    rate: Option<LitStr>,
    breaker: Option<LitStr>,
    cost: Option<u32>,
    timeout: Option<u64>,
    max_result: Option<u64>,
    schema: Option<Path>,
}

enum Access {
    Instance,
    Public,
    Scopes(Vec<LitStr>),
}

impl CapabilityKeys {
    /// `place` is where it is said that something is missing.
    pub(crate) fn parse(tokens: TokenStream, home: Home, place: Span, errors: &mut Errors) -> Self {
        let keys = Keys::parse(tokens, FORMS, errors);
        let kind = Kind::parse(&keys, home, errors);
        Self {
            effect: effect(&keys, &kind, place, errors),
            kind,
            access: access(&keys, home, place, errors),
            name: keys.text("name", errors).filter(|text| legal(text, name::tool, errors).is_some()),
            title: keys.text("title", errors),
            description: keys.text("description", errors),
            idempotent: keys.flag("idempotent", errors) == Some(true),
            open_world: keys.flag("open_world", errors),
            redact: globs("redact", &keys, errors),
            reveal: globs("reveal", &keys, errors),
            redact_patterns: patterns(&keys, errors),
            detect: detect(&keys, errors),
            rate: keys.text("rate", errors).filter(|text| legal(text, rate::parse_for_tool, errors).is_some()),
            breaker: keys.text("breaker", errors).filter(|text| legal(text, breaker::parse, errors).is_some()),
            cost: cost(&keys, errors),
            timeout: keys.text("timeout", errors).and_then(|text| legal(&text, millis, errors)),
            max_result: keys.text("max_result", errors).and_then(|text| legal(&text, size::parse, errors)),
            schema: keys.path("schema", errors),
        }
    }

    /// Its name: the function's unless another is said.
    pub(crate) fn name_of(&self, function: &Ident, errors: &mut Errors) -> String {
        if let Some(name) = &self.name {
            return name.value();
        }
        let name = function.unraw().to_string();
        if !name::is_tool(&name) {
            errors.at(function, format_args!("`{name}` can't be a {}'s name; say `name = \"…\"`", self.kind));
        }
        name
    }

    /// `CapabilitySpec`'s effect and access.
    pub(crate) fn required(&self) -> (TokenStream, TokenStream) {
        let effect = format_ident!("{}", self.effect.unwrap_or("Destructive"));
        let access = match &self.access {
            Access::Instance => quote!(Instance),
            Access::Public => quote!(Public),
            Access::Scopes(scopes) => quote!(Scopes(&[#(#scopes),*])),
        };
        (quote!(__doorman::Effect::#effect), quote!(__doorman::Access::#access))
    }

    /// The calls that add everything else to a `CapabilitySpec`.
    pub(crate) fn optional(&self) -> TokenStream {
        let list = |method: &str, items: &[LitStr]| {
            let method = format_ident!("{method}");
            (!items.is_empty()).then(|| quote!(.#method(&[#(#items),*])))
        };
        let title = self.title.iter().map(|it| quote!(.title(#it)));
        let idempotent = self.idempotent.then(|| quote!(.idempotent()));
        let open_world = self.open_world.iter().map(|it| quote!(.open_world(#it)));
        let redact = list("redact", &self.redact);
        let reveal = list("reveal", &self.reveal);
        let patterns = list("redact_patterns", &self.redact_patterns);
        let kinds = &self.detect;
        let detect = (!kinds.is_empty()).then(|| quote!(.detect(&[#(__doorman::Kind::#kinds),*])));
        let rate = self.rate.iter().map(|it| quote!(.rate(#it)));
        let breaker = self.breaker.iter().map(|it| quote!(.breaker(#it)));
        let cost = self.cost.iter().map(|it| quote!(.cost(#it)));
        let timeout = self.timeout.iter().map(|it| quote!(.timeout(#it)));
        let max_result = self.max_result.iter().map(|it| quote!(.max_result(#it)));
        let schema = self.schema.iter().map(|it| quote_spanned!(it.span()=> .schema(#it)));
        let kind = self.kind.call();
        quote! {
            #kind #(#title)* #idempotent #(#open_world)* #redact #reveal #patterns #detect #(#rate)* #(#breaker)* #(#cost)* #(#timeout)* #(#max_result)*
            #(#schema)*
        }
    }
}

fn effect(keys: &Keys, kind: &Kind, place: Span, errors: &mut Errors) -> Option<&'static str> {
    const EFFECTS: [(&str, &str); 3] = [("read_only", "ReadOnly"), ("write", "Write"), ("destructive", "Destructive")];
    let mut said: Option<(&Ident, &'static str)> = None;
    for name in keys.names() {
        let Some((key, effect)) = EFFECTS.iter().find(|(key, _)| name == key) else { continue };
        keys.word(key, errors);
        match said {
            Some((first, _)) => errors.at(name, format_args!("a {kind} has one effect, and it is `{first}` already")),
            None => said = Some((name, effect)),
        }
    }
    match (said, kind.is_read()) {
        (None, None) => {
            errors.at_span(place, "say what this tool does to the world: `read_only`, `write` or `destructive`");
        }
        (None, Some(reason)) => errors.at_span(place, format_args!("say `read_only`: {reason}")),
        (Some((first, _)), Some(reason)) if first != "read_only" => {
            errors.at(first, format_args!("{reason}: say `read_only` instead of `{first}`"));
        }
        (Some(_), _) => {}
    }
    said.map(|(_, effect)| effect)
}

fn access(keys: &Keys, home: Home, place: Span, errors: &mut Errors) -> Access {
    keys.word("public", errors);
    if let (Some(_), Some(public)) = (keys.said("scopes"), keys.said("public")) {
        errors.at(public, "`public` means that no scope is needed; say `scopes` or `public`, not both");
    }
    let mistakes = errors.len();
    let scopes = keys.texts("scopes", errors);
    if scopes.as_ref().is_some_and(Vec::is_empty)
        && errors.len() == mistakes
        && let Some(key) = keys.said("scopes")
    {
        errors.at(key, "expected at least one scope: `scopes = [\"invoices:read\"]`; or say `public`");
    }
    for text in scopes.iter().flatten() {
        legal(text, scope::parse, errors);
    }
    match (scopes, keys.said("scopes"), keys.said("public")) {
        (Some(scopes), ..) => Access::Scopes(scopes),
        (None, Some(_), _) => Access::Scopes(Vec::new()),
        (None, None, Some(_)) => Access::Public,
        (None, None, None) => {
            if home == Home::Function {
                errors.at_span(place, "say who may call it: `scopes = [\"invoices:read\"]`, or `public`");
            }
            Access::Instance
        }
    }
}

fn globs(key: &str, keys: &Keys, errors: &mut Errors) -> Vec<LitStr> {
    let globs = keys.texts(key, errors).unwrap_or_default();
    for text in &globs {
        legal(text, glob::parse, errors);
    }
    globs
}

/// Whether they compile is for the start to say, as of `#[arg(pattern = …)]`: a regular expression engine here would be
/// built by every application.
fn patterns(keys: &Keys, errors: &mut Errors) -> Vec<LitStr> {
    let patterns = keys.texts("redact_patterns", errors).unwrap_or_default();
    for text in patterns.iter().filter(|text| text.value().is_empty()) {
        errors.at(text, "expected a regular expression that matches something: `redact_patterns = [\"EMP-[0-9]+\"]`");
    }
    patterns
}

fn detect(keys: &Keys, errors: &mut Errors) -> Vec<Ident> {
    let mut kinds = Vec::new();
    for text in keys.texts("detect", errors).unwrap_or_default() {
        match text.value().as_str() {
            "ip" => kinds.push(format_ident!("Ip")),
            "mac" => kinds.push(format_ident!("Mac")),
            _ => errors.at(text, "expected \"ip\" or \"mac\"; all other kinds are looked for anyway"),
        }
    }
    kinds
}

fn cost(keys: &Keys, errors: &mut Errors) -> Option<u32> {
    let number = keys.integer("cost", errors)?;
    let cost = number.base10_parse().ok().filter(|cost| *cost >= 1);
    if cost.is_none() {
        errors.at(&number, "expected a whole number from 1 to 4294967295: `cost = 25`");
    }
    cost
}

/// In milliseconds: a duration is at most a day.
fn millis(text: &str) -> Result<u64, GrammarError> {
    duration::parse(text).map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX))
}

/// Reads the text with a grammar, and reports what doesn't fit at the literal.
pub(crate) fn legal<T, E: Display>(text: &LitStr, parse: fn(&str) -> Result<T, E>, errors: &mut Errors) -> Option<T> {
    parse(&text.value()).map_err(|error| errors.at(text, error)).ok()
}
