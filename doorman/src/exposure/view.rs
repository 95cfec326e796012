//! What one grant opens. Listed, found, readable and completable are the same set, by construction: one table a kind. What
//! the operator declared discoverable is listed beyond it, and nothing else.

use std::{collections::HashMap, sync::Arc};

use doorman_grammar::uri::Template;

use super::{Capability, Kind};
use crate::call::Mounted;

/// What a caller sees.
pub(crate) struct View {
    tables: [Table; Kind::ALL.len()],
    /// The templates of resources, those that fix more of a URI first.
    templates: Box<[(Arc<Template>, Opened)]>,
}

/// The capabilities of one kind in a view.
#[derive(Default)]
struct Table {
    by_name: HashMap<Arc<str>, usize>,
    /// In the order of names.
    opened: Box<[Opened]>,
}

/// A capability in a view.
#[derive(Clone)]
struct Opened {
    id: usize,
    module: Option<Arc<Mounted>>,
    standing: Standing,
}

/// How a capability that a caller knows of stands to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Granted,
    /// Its scopes are lacking, and that may be said (S02).
    Discoverable,
}

impl Opened {
    fn of((capability, standing): (&Capability, Standing)) -> Self {
        Self { id: capability.id, module: capability.module.clone(), standing }
    }

    fn is_granted(&self) -> bool {
        self.standing == Standing::Granted
    }

    /// A capability whose module hasn't started isn't there.
    fn is_there(&self) -> bool {
        self.module.as_ref().is_none_or(|module| module.has_started())
    }
}

/// A resource, and what its URI says of the template's variables.
pub(crate) struct FoundResource<'v> {
    pub(crate) id: usize,
    pub(crate) variables: Vec<(&'v str, String)>,
}

impl View {
    /// A view of these capabilities.
    pub(super) fn of(mut opened: Vec<(&Capability, Standing)>) -> Self {
        opened.sort_by(|a, b| a.0.name.cmp(&b.0.name));
        let table = |kind: Kind| {
            let of_kind = opened.iter().copied().filter(|it| it.0.kind == kind);
            Table {
                by_name: of_kind.clone().enumerate().map(|(at, it)| (Arc::clone(&it.0.name), at)).collect(),
                opened: of_kind.map(Opened::of).collect(),
            }
        };
        let of_templates = opened.iter().copied().filter(|it| it.0.kind == Kind::Template);
        let mut templates: Vec<(Arc<Template>, Opened)> =
            of_templates.filter_map(|it| Some((Arc::clone(it.0.template.as_ref()?), Opened::of(it)))).collect();
        templates.sort_by_key(|(template, _)| std::cmp::Reverse(template.fixed_bytes()));
        Self { tables: Kind::ALL.map(table), templates: templates.into() }
    }

    fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind as usize]
    }

    /// The capability of this kind and name, if the caller may call it. Resources are named by their URI or template.
    pub(crate) fn find(&self, kind: Kind, name: &str) -> Option<usize> {
        self.named(kind, name).filter(|it| it.is_granted()).map(|it| it.id)
    }

    /// The resource that a URI names, if the caller may read it.
    pub(crate) fn resource(&self, uri: &str) -> Option<FoundResource<'_>> {
        self.located(uri).filter(|(opened, _)| opened.is_granted()).map(|(_, found)| found)
    }

    /// The capability of this kind and name, or the resource that a URI names, if the caller is shown it and lacks its scopes.
    pub(crate) fn discoverable(&self, kind: Kind, name: &str) -> Option<usize> {
        let opened = match kind {
            Kind::Resource => self.located(name)?.0,
            Kind::Tool | Kind::Prompt | Kind::Template => self.named(kind, name)?,
        };
        (!opened.is_granted()).then_some(opened.id)
    }

    fn named(&self, kind: Kind, name: &str) -> Option<&Opened> {
        let table = self.table(kind);
        Some(&table.opened[*table.by_name.get(name)?]).filter(|it| it.is_there())
    }

    fn located(&self, uri: &str) -> Option<(&Opened, FoundResource<'_>)> {
        if let Some(opened) = self.named(Kind::Resource, uri) {
            return Some((opened, FoundResource { id: opened.id, variables: Vec::new() }));
        }
        let there = self.templates.iter().filter(|(_, opened)| opened.is_there());
        there
            .filter_map(|(template, opened)| {
                Some((opened, FoundResource { id: opened.id, variables: template.read(uri)? }))
            })
            .next()
    }

    /// All of a kind that the caller sees, in the order of names.
    pub(crate) fn listed(&self, kind: Kind) -> impl Iterator<Item = usize> {
        self.table(kind).opened.iter().filter(|it| it.is_there()).map(|it| it.id)
    }

    /// Whether the caller sees something of a kind.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.listed(kind).next().is_some()
    }

    /// All of a kind that the caller sees once every module has started.
    pub(crate) fn granted(&self, kind: Kind) -> impl Iterator<Item = usize> {
        self.table(kind).opened.iter().filter(|it| it.is_granted()).map(|it| it.id)
    }
}
