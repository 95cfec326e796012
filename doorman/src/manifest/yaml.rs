//! Reading YAML (or JSON, which is YAML) so that every error says where it is and what was expected, and none repeats
//! what stood there: a mistyped line may hold a secret.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use serde_saphyr::{DuplicateKeyPolicy, Error as Yaml, Location, MergeKeyPolicy, Options, Spanned};

use super::node::Node;

/// A file of the operator's that can't be used: where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileError {
    file: PathBuf,
    line: u64,
    column: u64,
    expected: String,
}

impl FileError {
    /// A mistake in the file as a whole.
    pub(crate) fn whole(file: &Path, expected: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, expected: expected.into() }
    }

    /// A mistake in a line.
    pub(crate) fn line(file: &Path, line: u64, expected: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, column: 0, expected: expected.into() }
    }

    /// A mistake at a value.
    pub(crate) fn at<T>(file: &Path, value: &Spanned<T>, expected: impl Into<String>) -> Self {
        Self::located(file, value.referenced, expected)
    }

    /// A mistake at a place.
    pub(crate) fn located(file: &Path, location: Location, expected: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: location.line(), column: location.column(), expected: expected.into() }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// As its `Display`, without the folder: for those who may not learn where the operator's files are (S21).
    pub(crate) fn brief(&self) -> String {
        let file = self.file.file_name().map(PathBuf::from).unwrap_or_default();
        Self { file, ..self.clone() }.to_string()
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        write!(f, ": {}", self.expected)
    }
}

impl std::error::Error for FileError {}

/// All that is wrong with files of the operator's, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileErrors(Vec<FileError>);

impl FileErrors {
    /// The mistakes, in the order of their files and lines.
    pub fn iter(&self) -> impl Iterator<Item = &FileError> {
        self.0.iter()
    }

    /// With other words for what was expected.
    pub(crate) fn reworded(mut self, reword: impl Fn(&str) -> String) -> Self {
        for error in &mut self.0 {
            error.expected = reword(&error.expected);
        }
        self
    }
}

impl From<Vec<FileError>> for FileErrors {
    fn from(mut errors: Vec<FileError>) -> Self {
        errors.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        errors.dedup();
        Self(errors)
    }
}

impl From<FileError> for FileErrors {
    fn from(error: FileError) -> Self {
        Self(vec![error])
    }
}

impl IntoIterator for FileErrors {
    type Item = FileError;
    type IntoIter = std::vec::IntoIter<FileError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for FileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// More would be read by nobody.
        const MOST: usize = 200;
        for (i, error) in self.0.iter().take(MOST).enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        match self.0.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for FileErrors {}

/// Reads one document into a type; the first mistake ends it. The parser bounds depth, anchors and size, and refuses
/// duplicate keys.
pub(crate) fn read<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, FileError> {
    let options = serde_saphyr::options! { with_snippet: false, merge_keys: MergeKeyPolicy::Error };
    parse(file, text, options)
}

/// The largest document that is made a tree, in bytes.
const MOST_BYTES: usize = 1 << 20;

/// Reads one document as it stands, duplicate keys included; only what is no YAML at all is a mistake here.
pub(super) fn tree(file: &Path, text: &str) -> Result<Node, FileError> {
    if text.len() > MOST_BYTES {
        return Err(FileError::whole(file, "too large: expected at most 1 MiB"));
    }
    let options = serde_saphyr::options! {
        with_snippet: false,
        merge_keys: MergeKeyPolicy::Error,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        // What aliases repeat is counted as if it were written out.
        budget: serde_saphyr::budget! { max_nodes: 50_000, max_events: 200_000, max_total_scalar_bytes: 4 * MOST_BYTES },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 50_000 },
    };
    parse(file, text, options)
}

fn parse<T: DeserializeOwned>(file: &Path, text: &str, options: Options) -> Result<T, FileError> {
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let error = error.without_snippet();
        let expected = expected(error);
        error
            .location()
            .map_or_else(|| FileError::whole(file, &*expected), |at| FileError::located(file, at, &*expected))
    })
}

/// What was expected. Key names that the grammar knows may be said; keys and values of the file may not.
fn expected(error: &Yaml) -> String {
    match error {
        Yaml::SerdeUnknownField { expected, .. } => format!("unknown key; legal here: {}", expected.join(", ")),
        Yaml::SerdeUnknownVariant { expected, .. } => format!("expected one of {}", expected.join(", ")),
        Yaml::SerdeMissingField { field, .. } => format!("the key `{field}` is missing"),
        Yaml::SerdeInvalidType { expected, .. }
        | Yaml::SerdeInvalidValue { expected, .. }
        | Yaml::SerdeInvalidLength { expected, .. } => format!("expected {expected}"),
        Yaml::Unexpected { expected, .. } => format!("expected {expected}"),
        Yaml::DuplicateMappingKey { .. } => "this key is given twice".to_owned(),
        Yaml::Budget { .. } | Yaml::AliasReplayLimitExceeded { .. } => "too large or too deep".to_owned(),
        Yaml::Eof { .. } => "the file is empty or ends too early".to_owned(),
        Yaml::MultipleDocuments { .. } => "expected one document".to_owned(),
        Yaml::UnknownAnchor { .. } => "an alias without its anchor".to_owned(),
        Yaml::MergeKeyNotAllowed { .. } => "merge keys (`<<`) are not supported; write the keys out".to_owned(),
        _ => "expected valid YAML".to_owned(),
    }
}
