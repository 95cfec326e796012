//! Taking a map of the document apart: what is wrong with each key is noted, and reading goes on.

use std::path::Path;

use serde_saphyr::Location;

use super::{
    FileError,
    node::{Key, Node, Value},
};

/// The mistakes of one file.
pub(super) struct Mistakes<'f> {
    file: &'f Path,
    found: Vec<FileError>,
}

impl<'f> Mistakes<'f> {
    pub(super) fn new(file: &'f Path) -> Self {
        Self { file, found: Vec::new() }
    }

    pub(super) fn at(&mut self, place: Location, expected: impl Into<String>) {
        self.found.push(FileError::located(self.file, place, expected));
    }

    /// What was read, if nothing was wrong.
    pub(super) fn unless_any<T>(self, read: T) -> Result<T, Vec<FileError>> {
        if self.found.is_empty() { Ok(read) } else { Err(self.found) }
    }

    /// The entries of a map.
    pub(super) fn map(&mut self, node: Node) -> Option<(Location, Vec<(Key, Node)>)> {
        match node.value {
            Value::Map(entries) => Some((node.at, entries)),
            _ => self.expected(node.at, "a map"),
        }
    }

    pub(super) fn list(&mut self, node: Node) -> Option<Vec<Node>> {
        match node.value {
            Value::List(items) => Some(items),
            _ => self.expected(node.at, "a list"),
        }
    }

    pub(super) fn text(&mut self, node: Node) -> Option<Text> {
        match node.value {
            Value::Text(text) => Some(Text { at: node.at, text }),
            _ => self.expected(node.at, "a text"),
        }
    }

    pub(super) fn boolean(&mut self, node: &Node) -> Option<bool> {
        match node.value {
            Value::Bool(it) => Some(it),
            _ => self.expected(node.at, "true or false"),
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, node: Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        match words.iter().find(|(word, _)| *word == text.text) {
            Some((_, meaning)) => Some(*meaning),
            None => {
                let legal: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                self.expected(text.at, &legal.join(" or "))
            }
        }
    }

    /// A text that a grammar takes apart.
    pub(super) fn parsed<T>(
        &mut self,
        text: &Text,
        parse: impl FnOnce(&str) -> Result<T, doorman_grammar::GrammarError>,
    ) -> Option<T> {
        parse(&text.text).map_err(|error| self.at(text.at, format!("expected {}", error.expected()))).ok()
    }

    pub(super) fn expected<T>(&mut self, place: Location, expected: &str) -> Option<T> {
        self.at(place, format!("expected {expected}"));
        None
    }
}

/// A text and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) at: Location,
    pub(crate) text: String,
}

/// A map whose keys are taken out one by one; what is left when it is finished is unknown.
pub(super) struct Fields {
    pub(super) at: Location,
    entries: Vec<(Key, Node)>,
    known: Vec<&'static str>,
}

impl Fields {
    pub(super) fn of(node: Node, mistakes: &mut Mistakes<'_>) -> Option<Self> {
        let (at, entries) = mistakes.map(node)?;
        Some(Self { at, entries, known: Vec::new() })
    }

    /// The value of a key, also if it is `null`.
    pub(super) fn take_written(&mut self, name: &'static str) -> Option<Node> {
        self.known.push(name);
        let at = self.entries.iter().position(|(key, _)| key.name == name)?;
        Some(self.entries.remove(at).1)
    }

    /// The value of a key; a key without a value is as good as none.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Node> {
        self.take_written(name).filter(|value| !matches!(value.value, Value::Null))
    }

    pub(super) fn require(&mut self, name: &'static str, mistakes: &mut Mistakes<'_>) -> Option<Node> {
        let found = self.take(name);
        if found.is_none() {
            mistakes.at(self.at, format!("the key `{name}` is missing"));
        }
        found
    }

    /// Refuses keys whose feature isn't there yet, by name: to skip one would be to drop a lock that somebody set.
    pub(super) fn refuse(&mut self, names: &[&'static str], mistakes: &mut Mistakes<'_>) {
        self.entries.retain(|(key, _)| match names.iter().find(|name| **name == key.name) {
            Some(name) => {
                mistakes.at(key.at, format!("`{name}` is not supported yet"));
                false
            }
            None => true,
        });
    }

    /// What nobody took is a mistake.
    pub(super) fn finish(self, mistakes: &mut Mistakes<'_>) {
        let mut told = std::collections::HashSet::new();
        for (key, _) in &self.entries {
            // A second key of a known name is told as a duplicate.
            if !self.known.contains(&key.name.as_str()) && told.insert(&key.name) {
                mistakes.at(key.at, format!("unknown key; legal here: {}", self.known.join(", ")));
            }
        }
    }
}
