//! What is asked of the guard, and what of the caller's view it names.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::TaskRequest;
use crate::{
    audit::{Shape, shape},
    call::Partial,
    exposure::{Capability, Catalog, Kind, View},
};

/// One request, by what it names.
pub(crate) enum Asked {
    /// `tools/call`. The arguments are a JSON object.
    Tool { name: Box<str>, arguments: Value },
    /// `prompts/get`. The arguments are a JSON object, of texts.
    Prompt { name: Box<str>, arguments: Value },
    /// `resources/read`.
    Resource { uri: Box<str> },
    /// `tasks/get`, `tasks/update`, `tasks/cancel`.
    Task { id: Box<str>, request: TaskRequest },
    /// `completion/complete`: an argument of a prompt, or a variable of a template.
    Completion { of: Kind, name: Box<str>, argument: Box<str>, partial: Partial },
}

/// A capability that the caller may know of, and what it is called with.
pub(super) struct Found<'a> {
    pub(super) capability: &'a Capability,
    pub(super) arguments: Cow<'a, Value>,
}

impl Asked {
    /// The protocol's method.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Tool { .. } => "tools/call",
            Self::Prompt { .. } => "prompts/get",
            Self::Resource { .. } => "resources/read",
            Self::Completion { .. } => "completion/complete",
            Self::Task { request: TaskRequest::Get, .. } => "tasks/get",
            Self::Task { request: TaskRequest::Update(_), .. } => "tasks/update",
            Self::Task { request: TaskRequest::Cancel, .. } => "tasks/cancel",
        }
    }

    /// The name as it was called, of what has names: a URI is what a caller says of a resource.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Tool { name, .. } | Self::Prompt { name, .. } | Self::Completion { of: Kind::Prompt, name, .. } => {
                Some(name)
            }
            Self::Resource { .. } | Self::Completion { .. } | Self::Task { .. } => None,
        }
    }

    /// The shape of all that the caller says, whether or not there is such a capability.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::Tool { arguments, .. } | Self::Prompt { arguments, .. } => shape(arguments),
            Self::Resource { uri } => shape(&json!({ "": **uri })),
            Self::Task { id, .. } => shape(&json!({ "": **id })),
            Self::Completion { argument, partial, .. } => {
                let mut said = partial.others.clone();
                said.insert(argument.clone().into(), partial.text().into());
                shape(&Value::Object(said))
            }
        }
    }

    /// What is named, if the caller is shown it and lacks its scopes.
    pub(super) fn discoverable(&self, view: &View) -> Option<usize> {
        match self {
            Self::Tool { name, .. } => view.discoverable(Kind::Tool, name),
            Self::Prompt { name, .. } => view.discoverable(Kind::Prompt, name),
            Self::Resource { uri } => view.discoverable(Kind::Resource, uri),
            Self::Task { .. } | Self::Completion { .. } => None,
        }
    }

    /// Finds and authorizes, which are one lookup.
    pub(super) fn find<'a>(&'a self, view: &View, catalog: &'a Catalog) -> Option<Found<'a>> {
        let found = |id, arguments| Found { capability: catalog.get(id), arguments };
        match self {
            Self::Tool { name, arguments } => Some(found(view.find(Kind::Tool, name)?, Cow::Borrowed(arguments))),
            Self::Prompt { name, arguments } => {
                let capability = catalog.get(view.find(Kind::Prompt, name)?);
                let Some(said) = arguments.as_object() else {
                    return Some(Found { capability, arguments: Cow::Borrowed(arguments) });
                };
                let typed = said.iter().map(|(name, value)| {
                    let typed = value.as_str().map(|text| capability.arguments.typed(name, text));
                    (name.clone(), typed.unwrap_or_else(|| value.clone()))
                });
                Some(Found { capability, arguments: Cow::Owned(Value::Object(typed.collect())) })
            }
            Self::Resource { uri } => {
                let resource = view.resource(uri)?;
                let capability = catalog.get(resource.id);
                let variables = resource.variables.into_iter();
                let typed = variables.map(|(name, text)| (name.to_owned(), capability.arguments.typed(name, &text)));
                Some(Found { capability, arguments: Cow::Owned(Value::Object(typed.collect())) })
            }
            Self::Task { .. } => None,
            Self::Completion { of, name, .. } => {
                Some(found(view.find(*of, name)?, Cow::Owned(Value::Object(Map::new()))))
            }
        }
    }
}
