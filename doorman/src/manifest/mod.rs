//! The manifest: what an agent type is granted, in the operator's words.
//!
//! A YAML or JSON file goes in; out comes a [`Manifest`], or the place of what is wrong with it. Scopes that no
//! capability asks for are refused when the application is put together, because a grant that opens nothing is a mistake.

mod yaml;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use serde_saphyr::Spanned;

pub use yaml::FileError;
pub(crate) use yaml::read;

use crate::{credentials::read_public, exposure::Catalog};

/// What one agent type is granted.
///
/// ```
/// use doorman::manifest::Manifest;
/// let manifest = Manifest::parse("support.yaml", "agent_type: support\nscopes: [invoices:read]")?;
/// assert_eq!(manifest.agent_type(), "support");
/// # Ok::<(), doorman::manifest::FileError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Manifest {
    file: PathBuf,
    agent_type: String,
    scopes: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    agent_type: Spanned<String>,
    #[serde(default)]
    #[allow(dead_code)]
    description: Option<String>,
    scopes: Spanned<Vec<Spanned<String>>>,
}

impl Manifest {
    /// Reads a manifest file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let text = read_public(path).map_err(|expected| FileError::whole(path, expected))?;
        Self::parse(path, &text)
    }

    /// Parses a manifest's text; `file` is the name that errors say.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, FileError> {
        let file = file.as_ref();
        let document: Document = read(file, text)?;
        if let Err(error) = doorman_grammar::name::agent(&document.agent_type.value) {
            return Err(FileError::at(file, &document.agent_type, error.expected()));
        }
        if document.scopes.value.is_empty() {
            return Err(FileError::at(
                file,
                &document.scopes,
                "expected at least one scope: a manifest that grants nothing is a mistake",
            ));
        }
        for scope in &document.scopes.value {
            if let Err(error) = doorman_grammar::scope::parse(&scope.value) {
                return Err(FileError::at(file, scope, error.expected()));
            }
        }
        Ok(Self { file: file.to_owned(), agent_type: document.agent_type.value, scopes: document.scopes.value })
    }

    /// The agent type that this is for.
    pub fn agent_type(&self) -> &str {
        &self.agent_type
    }
}

/// All manifests of an application: agent type → scopes.
#[derive(Debug, Default)]
pub(crate) struct Grants(HashMap<String, Arc<[Arc<str>]>>);

impl Grants {
    /// Collects manifests, each checked against what the application exposes (S04).
    pub(crate) fn of(manifests: Vec<Manifest>, catalog: &Catalog) -> Result<Self, Vec<FileError>> {
        let (mut grants, mut errors) = (HashMap::new(), Vec::new());
        for manifest in manifests {
            let Manifest { file, agent_type, scopes } = manifest;
            for scope in scopes.iter().filter(|scope| !catalog.knows_scope(&scope.value)) {
                errors.push(FileError::at(&file, scope, "no capability of this server asks for this scope"));
            }
            let scopes = scopes.into_iter().map(|scope| scope.value.into()).collect();
            if grants.insert(agent_type, scopes).is_some() {
                errors.push(FileError::whole(&file, "another manifest is for the same agent_type"));
            }
        }
        if errors.is_empty() { Ok(Self(grants)) } else { Err(errors) }
    }

    /// Whether there are no manifests at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What an agent type is granted.
    pub(crate) fn of_type(&self, agent_type: &str) -> Option<&Arc<[Arc<str>]>> {
        self.0.get(agent_type)
    }

    /// All agent types that have a manifest.
    pub(crate) fn types(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Manifest::parse("m.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn s04_errors_say_where_and_what_and_never_the_value() {
        let cases = [
            ("agent_type: clerk\nscopes: [a:read]\nmodle: s3cret", "m.yaml:3:1: unknown key"),
            ("agent_type: clerk\nscopes: [a:read]\nscopes: [s3cret]", "m.yaml:3:1: this key is given twice"),
            ("agent_type: clerk\nscopes: s3cret", "m.yaml:2:9: expected sequence"),
            ("agent_type: clerk\nscopes: [a:read, 's3cret *']", "m.yaml:2:18: "),
            ("agent_type: ../s3cret\nscopes: [a:read]", "m.yaml:1:13: "),
            ("scopes: [a:read]", "the key `agent_type` is missing"),
            ("agent_type: clerk", "the key `scopes` is missing"),
            ("agent_type: clerk\nscopes: []", "m.yaml:2:9: expected at least one scope"),
            ("agent_type: clerk\n  scopes: [s3cret", "m.yaml:2:"),
            ("", "m.yaml"),
            ("--- s3cret\n--- s3cret", "m.yaml"),
        ];
        for (text, expected) in cases {
            let said = error(text);
            assert!(said.contains(expected), "{text:?}: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn s04_a_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let before = i - 1;
            text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{before}"); 10].join(", ")));
        }
        assert!(error(&text).starts_with("m.yaml"));
        assert!(error(&"[".repeat(100_000)).starts_with("m.yaml"));
    }

    #[test]
    fn a_pipe_does_not_hold_up_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("m.yaml");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        assert!(Manifest::read(&pipe).unwrap_err().to_string().contains("expected a regular file"));
        assert!(Manifest::read(folder.path().join("absent")).unwrap_err().to_string().contains("can't be read"));
    }

    #[test]
    fn json_is_yaml() {
        let manifest = Manifest::parse("m.json", r#"{"agent_type": "clerk", "scopes": ["a:read"]}"#).unwrap();
        assert_eq!(manifest.agent_type(), "clerk");
    }
}
