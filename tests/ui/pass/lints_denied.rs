//! Expansions are clean where an application denies all warnings.
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, rust_2018_idioms, unused)]

use doorman::{prelude::*, scope::Namespace};

/// A module.
pub struct Notes {
    scope: Namespace,
}

/// How.
#[derive(Argument)]
pub enum How {
    /// Quickly.
    Fast,
    /// Well.
    Good,
}

/// Settings.
#[derive(Argument)]
#[serde(default)]
pub struct Settings {
    /// The separator.
    separator: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { separator: ":".into() }
    }
}

#[tool_module(name = "notes", scope = Namespace, config = Settings, credentials = ["token"])]
impl Notes {
    /// A constant of its own.
    pub const LIMIT: usize = 3;

    fn scope(&self) -> &Namespace {
        &self.scope
    }

    fn configure(settings: Settings, credentials: &Credentials) -> Result<Self, ModuleError> {
        let _ = (settings.separator, credentials.get("token"));
        Err("not today".into())
    }

    async fn start(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    async fn stop(&self) {}

    /// Reads.
    #[expose(read_only, scopes = ["notes:read"], timeout = "3s")]
    pub async fn read(
        &self,
        /// The note.
        note: Scoped<Namespace>,
        notes: Vec<Scoped<Namespace>>,
        how: How,
        #[arg(default = 3, range = 1..=9)] limit: u32,
        #[data] text: String,
        #[arg(serde)]
        #[data]
        foreign: Option<String>,
        caller: Caller,
    ) -> ToolResult<String> {
        drop((note, notes, how, limit, foreign, caller));
        Ok(text)
    }

    /// Without an instance, and not async.
    #[expose(write)]
    pub fn count(limit: Option<u32>) -> usize {
        limit.map_or(Self::LIMIT, |limit| limit as usize)
    }

    /// A page of a note.
    #[expose(resource = "/{note}/{page}", read_only, mime = "text/plain")]
    pub fn page(
        &self,
        #[arg(complete = Self::notes)] note: Scoped<Namespace>,
        #[arg(complete = Self::pages)] page: u64,
        caller: Caller,
    ) -> String {
        format!("{}{page}{caller:?}", note.key())
    }

    async fn notes(&self, partial: Partial, _call: Call) -> ToolResult<Vec<String>> {
        Ok(vec![format!("{}{:?}", partial.text(), size_of_val(&self.scope))])
    }

    async fn pages(_partial: Partial, _call: Call) -> Vec<String> {
        Vec::new()
    }
}

/// A resource.
#[expose(resource = "test://logo", read_only, scopes = ["a:b"], mime = "image/png", size = 3)]
pub fn logo() -> Contents {
    Contents::blob([1, 2, 3])
}

/// A prompt.
#[expose(prompt, read_only, scopes = ["a:b"])]
pub async fn ask(
    #[arg(complete = ["rust", "python"], default)] language: String,
    #[arg(complete = words)] word: Option<String>,
) -> Vec<Message> {
    vec![Message::user(language), Message::assistant(word.unwrap_or_default())]
}

async fn words(partial: Partial, _call: Call) -> Vec<String> {
    vec![partial.text().to_owned()]
}

/// A tool.
#[expose(destructive, scopes = ["a:b"], cost = 3, max_result = "1KiB", open_world = false)]
#[must_use]
pub async fn remove(
    #[arg(pattern = "^x$", length = ..=3, header = "X-Name", default)] mut name: String,
    number: f64,
) -> String {
    name.push_str(&number.to_string());
    name
}

fn main() {
    let _ = Doorman::new("clean").tools(tools![remove]).resources(resources![logo]).prompts(prompts![ask]).configure::<Notes>(
        "notes",
        serde_json::json!({}),
        &Credentials::none(),
    );
}
