//! The manifest: what an agent type is granted, in the operator's words.
//!
//! YAML or JSON files go in, with the environment for `${NAME}`; out come [`Manifest`]s, or the places of all that is wrong
//! with them, never with the value. `yaml` and `node` read, `document` knows the grammar, `assembly` makes the module
//! instances that a manifest asks for, and `grants` says what that opens once the application is put together.

mod assembly;
mod document;
mod fields;
mod filters;
mod grants;
mod node;
mod yaml;

use std::path::{Path, PathBuf};

pub(crate) use assembly::{Assembled, Assembly, Offer, Recipe, is_secret};
pub(crate) use grants::{Granted, Grants};
pub(crate) use yaml::read;
pub use yaml::{FileError, FileErrors};

use self::document::Document;
use crate::{credentials::read_public, filter::Filter, state::StateStore};

/// What one agent type is granted.
///
/// ```
/// use doorman::manifest::Manifest;
/// let manifest = Manifest::parse("support.yaml", "agent_type: support\nscopes: [invoices:read]")?;
/// assert_eq!(manifest.agent_type(), "support");
/// # Ok::<(), doorman::manifest::FileErrors>(())
/// ```
#[derive(Debug, Clone)]
pub struct Manifest {
    file: PathBuf,
    document: Document,
}

impl Manifest {
    /// Reads a manifest file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, FileErrors> {
        let path = path.as_ref();
        let text = read_public(path).map_err(|expected| FileError::whole(path, expected))?;
        Self::parse(path, &text)
    }

    /// Reads a manifest file, or all of a folder's: those whose names end in `.yaml`, `.yml` or `.json` and don't begin
    /// with a dot, in the order of names, subfolders left alone.
    ///
    /// # Errors
    /// All that is wrong with any of them; a folder without manifests.
    pub fn read_all(path: impl AsRef<Path>) -> Result<Vec<Self>, FileErrors> {
        let path = path.as_ref();
        if !path.is_dir() {
            return Self::read(path).map(|manifest| vec![manifest]);
        }
        let (mut manifests, mut errors) = (Vec::new(), Vec::new());
        for file in folder(path)? {
            match Self::read(&file) {
                Ok(manifest) => manifests.push(manifest),
                Err(found) => errors.extend(found),
            }
        }
        if errors.is_empty() { Ok(manifests) } else { Err(errors.into()) }
    }

    /// Parses a manifest's text; `file` is the name that errors say. `${NAME}` is the environment's.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(file: impl AsRef<Path>, text: &str) -> Result<Self, FileErrors> {
        Self::parse_with(file, text, &|name| std::env::var(name).ok())
    }

    /// As [`parse`](Self::parse), with an environment of one's own.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse_with(
        file: impl AsRef<Path>,
        text: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, FileErrors> {
        let file = file.as_ref();
        Ok(Self { file: file.to_owned(), document: Document::parse(file, text, variable)? })
    }

    /// The agent type that this is for.
    pub fn agent_type(&self) -> &str {
        &self.document.agent_type
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The file that its modules' credentials are in.
    pub(crate) fn credential_file(&self) -> Option<&Path> {
        match &self.document.credentials {
            document::CredentialSource::File(path) => Some(path),
            document::CredentialSource::Environment => None,
        }
    }

    pub(crate) fn rate_limits(&self) -> &document::RateLimits {
        &self.document.rate_limits
    }

    /// What it says is looked for, and whether in arguments or in responses.
    pub(crate) fn filters(&self) -> impl Iterator<Item = &Filter> {
        self.document.filters.iter().map(|written| &written.filter)
    }

    /// Where it wants the counts of limits to be kept.
    pub(crate) fn state(&self) -> Option<&StateStore> {
        self.document.state.as_ref().map(|(_, store)| store)
    }

    /// A mistake at the place where it says where counts are kept.
    pub(crate) fn mistake_of_state(&self, expected: &str) -> Option<FileError> {
        self.document.state.as_ref().map(|(at, _)| FileError::located(&self.file, *at, expected))
    }

    /// The operator's words about it; empty if there are none.
    pub fn description(&self) -> &str {
        &self.document.description
    }
}

/// The files of a folder that are manifests.
pub(crate) fn folder(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let unreadable = |error: std::io::Error| FileError::whole(path, format!("can't be read: {}", error.kind()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let manifest = [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending));
        // A symlink to a file is a file here: that is how mounted configuration looks.
        if manifest && !name.starts_with('.') && !file.is_dir() {
            files.push(file);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(FileError::whole(path, "expected manifests: files that end in .yaml, .yml or .json")),
        false => Ok(files),
    }
}

#[cfg(test)]
mod tests;
