//! What a function is exposed as: a tool, a resource or a prompt. Each has keys that mean something for it only.

use std::fmt;

use doorman_grammar::uri::{self, Template};
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Ident, LitStr, ext::IdentExt};

use super::keys::{Home, legal};
use crate::{errors::Errors, keys::Keys};

/// Keys of one kind only.
const OWN: [(&str, &str); 6] = [
    ("idempotent", "tool"),
    ("open_world", "tool"),
    ("schema", "tool"),
    ("task", "tool"),
    ("mime", "resource"),
    ("size", "resource"),
];

/// What a function is exposed as.
pub(crate) enum Kind {
    /// With the variant of `TaskUse`, if one was said.
    Tool(Option<&'static str>),
    Resource(Resource),
    Prompt,
}

/// A resource, or a template of resources.
pub(crate) struct Resource {
    uri: Uri,
    mime: Option<LitStr>,
    /// In bytes.
    size: Option<u64>,
}

enum Uri {
    Legal(LitStr, Template),
    /// The mistake is reported, and nothing is known of its variables.
    Mistaken,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tool(_) => "tool",
            Self::Resource(_) => "resource",
            Self::Prompt => "prompt",
        })
    }
}

impl Kind {
    pub(super) fn parse(keys: &Keys, home: Home, errors: &mut Errors) -> Self {
        keys.word("prompt", errors);
        let kind = match (keys.said("resource"), keys.said("prompt")) {
            (Some(_), prompt) => {
                if let Some(prompt) = prompt {
                    errors.at(prompt, "a function is exposed once: say `resource = …` or `prompt`, not both");
                }
                Self::Resource(Resource::parse(keys, home, errors))
            }
            (None, Some(_)) => Self::Prompt,
            (None, None) => Self::Tool(task(keys, errors)),
        };
        let own = kind.to_string();
        for name in keys.names() {
            if let Some((key, of)) = OWN.iter().find(|(key, of)| name == key && *of != own) {
                errors.at(name, format_args!("`{key}` means something for a {of} only, and this is a {own}"));
            }
        }
        kind
    }

    /// The only effect that it can have, with the reason.
    pub(super) fn is_read(&self) -> Option<&'static str> {
        match self {
            Self::Tool(_) => None,
            Self::Resource(_) => Some("a resource is read"),
            Self::Prompt => Some("a prompt only gives messages"),
        }
    }

    /// Whether a variable of the URI names the parameter; `None` where that isn't asked, or not known.
    pub(super) fn has_variable(&self, parameter: &Ident) -> Option<bool> {
        match self {
            Self::Resource(Resource { uri: Uri::Legal(_, template), .. }) => {
                Some(template.variables().any(|name| is_named(parameter, name)))
            }
            _ => None,
        }
    }

    /// Reports the variables that no parameter has the name of. Returns whether all have one.
    pub(super) fn variables_are(&self, parameters: &[Ident], errors: &mut Errors) -> bool {
        let Self::Resource(Resource { uri: Uri::Legal(text, template), .. }) = self else { return true };
        let mut missing =
            template.variables().filter(|name| !parameters.iter().any(|it| is_named(it, name))).peekable();
        let all = missing.peek().is_none();
        for name in missing {
            errors.at(text, format_args!("the variable `{{{name}}}` needs a parameter of its name: `{name}: String`"));
        }
        all
    }

    /// Whether its name is what a caller finds it by.
    pub(crate) fn is_named(&self) -> bool {
        !matches!(self, Self::Resource(_))
    }

    /// What no two capabilities of a module share, as it is compared and as it is shown.
    pub(crate) fn identity(&self, name: &str) -> Option<(String, String)> {
        let of = |name: &str| format!("{self} `{name}`");
        match self {
            Self::Tool(_) | Self::Prompt => Some((of(name), of(name))),
            Self::Resource(Resource { uri: Uri::Legal(text, _), .. }) => {
                let uri = text.value();
                Some((of(&unnamed(&uri)), of(&uri)))
            }
            Self::Resource(_) => None,
        }
    }

    /// The call that makes a `CapabilitySpec` one of this kind.
    pub(super) fn call(&self) -> Option<TokenStream> {
        match self {
            Self::Tool(task) => task.map(|task| {
                let task = format_ident!("{task}");
                quote!(.task(__doorman::TaskUse::#task))
            }),
            Self::Prompt => Some(quote!(.prompt())),
            Self::Resource(Resource { uri: Uri::Mistaken, .. }) => None,
            Self::Resource(Resource { uri: Uri::Legal(text, _), mime, size }) => {
                let (mime, size) = (option(mime.as_ref()), option(size.as_ref()));
                Some(quote!(.resource(#text, #mime, #size)))
            }
        }
    }

    /// The type that a list of this kind takes.
    pub(super) fn spec_type(&self) -> Ident {
        match self {
            Self::Tool(_) => format_ident!("ToolSpec"),
            Self::Resource(_) => format_ident!("ResourceSpec"),
            Self::Prompt => format_ident!("PromptSpec"),
        }
    }

    /// The type, and the traits named after it, that find out what an output becomes.
    pub(super) fn output(&self) -> &'static str {
        match self {
            Self::Tool(_) => "Ret",
            Self::Resource(_) => "RetHeld",
            Self::Prompt => "RetSpoken",
        }
    }
}

impl Resource {
    fn parse(keys: &Keys, home: Home, errors: &mut Errors) -> Self {
        let parse = match home {
            Home::Function => uri::parse,
            Home::Module => uri::parse_within,
        };
        let text = keys.text("resource", errors);
        let uri = match text.and_then(|text| legal(&text, parse, errors).map(|template| (text, template))) {
            Some((text, template)) => Uri::Legal(text, template),
            None => Uri::Mistaken,
        };
        let mime = keys.text("mime", errors).filter(|text| {
            let legal = is_mime(&text.value());
            if !legal {
                errors.at(text, "expected a MIME type such as \"text/markdown\" or \"text/plain; charset=utf-8\"");
            }
            legal
        });
        let size = keys.integer("size", errors).and_then(|number| {
            if matches!(&uri, Uri::Legal(_, template) if !template.is_fixed()) {
                errors.at(&number, "a template has many resources, each of its own size: leave `size` out");
                return None;
            }
            let size = number.base10_parse::<u64>();
            size.map_err(|_| errors.at(&number, "expected a whole number of bytes: `size = 70`")).ok()
        });
        Self { uri, mime, size }
    }
}

fn task(keys: &Keys, errors: &mut Errors) -> Option<&'static str> {
    keys.said("task")?;
    if keys.is_bare("task") {
        return Some("Where");
    }
    let text = keys.text("task", errors)?;
    match &*text.value() {
        "required" => Some("Required"),
        "after_input" => Some("AfterInput"),
        _ => {
            errors.at(&text, "expected `task`, `task = \"required\"` or `task = \"after_input\"`");
            None
        }
    }
}

fn is_named(parameter: &Ident, variable: &str) -> bool {
    parameter.unraw() == variable
}

/// The template without the names of its variables: two that differ in nothing else stand for the same URIs.
fn unnamed(uri: &str) -> String {
    let pieces = uri.split('{').map(|piece| match piece.split_once('}') {
        Some((name, text)) => format!("{}}}{text}", if name.starts_with('+') { "+" } else { "" }),
        None => piece.to_owned(),
    });
    pieces.collect::<Vec<_>>().join("{")
}

fn option(value: Option<&impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(__doorman::Some(#value)),
        None => quote!(__doorman::None),
    }
}

/// A type and a subtype as RFC 6838 §4.2 has them, perhaps with parameters.
fn is_mime(text: &str) -> bool {
    let is_name = |name: &str| {
        (1..=127).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let mut parts = text.split(';');
    let essence = parts.next().and_then(|essence| essence.split_once('/'));
    essence.is_some_and(|(ty, subtype)| is_name(ty) && is_name(subtype))
        && parts.all(|it| it.trim_start().split_once('=').is_some_and(|(name, value)| is_name(name) && is_name(value)))
}

#[cfg(test)]
mod tests {
    use super::{is_mime, unnamed};

    #[test]
    fn mime_types() {
        for legal in ["text/plain", "image/svg+xml", "text/html;profile=mcp-app", "text/plain; charset=utf-8"] {
            assert!(is_mime(legal), "{legal}");
        }
        for wrong in ["", "text", "text/", "/plain", "text/plain/x", "text plain", "text/plain;", "text/plain; charset"]
        {
            assert!(!is_mime(wrong), "{wrong}");
        }
    }

    #[test]
    fn names_of_variables_make_no_difference() {
        assert_eq!(unnamed("/{id}/x/{+path}"), "/{}/x/{+}");
        assert_eq!(unnamed("/logo"), "/logo");
    }
}
