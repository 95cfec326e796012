//! An agent's files, as tools (read, list, look at, search, write, delete, move) and as resources.
//!
//! In come paths that have passed [`Prefix`]; what happens behind them happens relative to a handle of the agent's root.
//! `read` makes content out of bytes, `resource` what a URI names, `list` says what there is, `search` (with `glob`) looks through it, `write` changes
//! it, `quota` bounds how much of it there may be. Everything has a bound, and says so when it was reached.

#[cfg(test)]
mod attacks;
mod glob;
mod list;
mod quota;
mod read;
mod resource;
mod search;
#[cfg(test)]
mod tests;
mod write;

use std::path::PathBuf;

use self::{
    list::{Facts, Listing},
    quota::{Limits, Quota},
    read::Span,
    search::{Query, Results},
    write::{Content, Deleted, Moved, Written},
};
use crate::{
    exposure::{AbsolutePath, ByteSize},
    prelude::*,
    scope::{Prefix, ScopedPath},
};

const MIB: u64 = 1 << 20;
/// What one call may read at most, whatever the configuration says: as base64 it still fits `max_result`.
const MAX_READ_BYTES: u64 = 16 * MIB;

/// The configuration of [`Filesystem`]. Sizes are bytes, or texts such as `"64KiB"`.
#[derive(Argument)]
pub struct Settings {
    /// The directory that holds `agents/{agent_id}`. It must exist when the server starts.
    base_path: AbsolutePath,
    /// Whether files with more than one hard link may be read and written. Their other names may be anywhere.
    allow_hard_links: Option<bool>,
    /// What one call reads at most; default 1 MiB, at most 16 MiB.
    max_read_bytes: Option<ByteSize>,
    /// How long a file may become, and the longest that is searched; default 16 MiB.
    max_file_bytes: Option<ByteSize>,
    /// How many bytes the files of one agent may have together; default: any number.
    quota_bytes: Option<ByteSize>,
    /// How many files and directories one agent may have; default: any number. Say it wherever `quota_bytes` is said:
    /// an empty file costs no bytes, and counting a tree takes time.
    #[arg(range = 1..)]
    quota_files: Option<u64>,
}

/// Files of an agent's own, beneath `{base}/agents/{agent_id}`.
///
/// ```no_run
/// use doorman::{modules::Filesystem, prelude::*};
///
/// # async fn serve() -> doorman::Result {
/// Doorman::new("files").module(Filesystem::beneath("/srv/agents")).manifest("clerk.yaml").run().await
/// # }
/// ```
#[derive(Debug)]
pub struct Filesystem {
    base: PathBuf,
    prefix: Prefix,
    max_read_bytes: u64,
    max_file_bytes: u64,
    quota: Quota,
}

/// How bytes are written as text.
#[derive(Argument, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    /// The bytes are text.
    Utf8,
    /// Standard base64, padded.
    Base64,
}

impl Filesystem {
    /// Serves files beneath `base`, which must exist when the server starts: one call reads 1 MiB at most, a file has
    /// 16 MiB at most, and there is no quota.
    pub fn beneath(base: impl Into<PathBuf>) -> Self {
        let base = base.into();
        Self {
            prefix: Prefix::beneath(&base),
            base,
            max_read_bytes: MIB,
            max_file_bytes: 16 * MIB,
            quota: Quota::new(Limits::default()),
        }
    }

    fn path_or_root(&self, path: Option<Scoped<Prefix>>, caller: &Caller) -> ToolResult<ScopedPath> {
        match path {
            Some(path) => Ok(path.into_inner()),
            None => Ok(self.prefix.resolve(&String::new(), caller.require_agent()?)?),
        }
    }
}

#[tool_module(name = "filesystem", scope = Prefix, config = Settings)]
impl Filesystem {
    fn configure(settings: Settings, _: &Credentials) -> Result<Self, ModuleError> {
        let Settings { base_path, allow_hard_links, max_read_bytes, max_file_bytes, quota_bytes, quota_files } =
            settings;
        let mut module = Self::beneath(&*base_path);
        module.prefix = module.prefix.allow_hard_links(allow_hard_links.unwrap_or(false));
        module.max_read_bytes = max_read_bytes.map_or(module.max_read_bytes, ByteSize::bytes);
        module.max_file_bytes = max_file_bytes.map_or(module.max_file_bytes, ByteSize::bytes);
        module.quota = Quota::new(Limits { bytes: quota_bytes.map(ByteSize::bytes), entries: quota_files });
        if module.max_read_bytes > MAX_READ_BYTES {
            return Err("max_read_bytes: expected at most 16MiB".into());
        }
        Ok(module)
    }

    fn scope(&self) -> &Prefix {
        &self.prefix
    }

    async fn start(&self) -> Result<(), ModuleError> {
        // For the operator, who configured the path.
        self.prefix.prepare().map_err(|error| format!("base_path {}: {error}", self.base.display()).into())
    }

    /// A file of yours, by its path relative to your root directory: its text, or its bytes. A directory is the list of
    /// its entries, as JSON.
    #[expose(resource = "/{+path}", name = "file", read_only, max_result = "64MiB")]
    fn file(
        &self,
        /// The file, relative to your root directory.
        #[arg(complete = Self::paths)]
        path: Scoped<Prefix>,
    ) -> ToolResult<Contents> {
        resource::contents(&path, self.max_read_bytes)
    }

    async fn paths(&self, partial: Partial, call: Call) -> ToolResult<Vec<String>> {
        let prefix = self.prefix.clone();
        // It reads a directory.
        tokio::task::spawn_blocking(move || resource::paths(&prefix, partial.text(), &call)).await?
    }

    /// Read a file: its text or, if it isn't UTF-8, its bytes as base64. A large file is read in ranges; a note after the
    /// content then says which bytes these are, of how many, and the offset to continue with.
    #[expose(read_only, max_result = "64MiB")]
    fn read_file(
        &self,
        /// The file, relative to your root directory.
        path: Scoped<Prefix>,
        /// The first byte to read, counted from 0; default 0. In a text it must be the first byte of a character.
        offset: Option<u64>,
        /// How many bytes to read at most; default: all that are left. A text ends before a character that would be
        /// divided.
        #[arg(range = 1..)]
        length: Option<u64>,
        /// `utf8` refuses what isn't UTF-8, `base64` encodes whatever it is; default: `utf8` where that is possible.
        encoding: Option<Encoding>,
    ) -> ToolResult<Vec<ContentBlock>> {
        Span { offset, length }.read(&path, encoding, self.max_read_bytes)
    }

    /// List a directory: names, kinds, and the sizes of files in bytes, sorted by name. At most 10,000 entries; if there
    /// are more, `truncated` is true, and `search_files` finds the others by name.
    #[expose(read_only, max_result = "16MiB")]
    fn list_dir(
        &self,
        caller: Caller,
        /// The directory, relative to your root directory; default: the root directory itself.
        path: Option<Scoped<Prefix>>,
    ) -> ToolResult<Listing> {
        Listing::of(&self.path_or_root(path, &caller)?)
    }

    /// Tell what stands at a path: kind, size in bytes, and when it was last modified (RFC 3339, UTC).
    #[expose(read_only)]
    fn stat(
        &self,
        /// The file or directory, relative to your root directory; `.` is that directory itself.
        path: Scoped<Prefix>,
    ) -> ToolResult<Facts> {
        Facts::of(&path)
    }

    /// Search files by name, by content, or both; say `pattern`, `text` or both. Paths in the result are relative to your
    /// root directory. `truncated` is true if there may be more than was found: search a smaller directory then, or raise
    /// `max_results`. `skipped` counts what couldn't be looked at, such as files that are too large. Symbolic links
    /// aren't followed.
    #[expose(read_only, max_result = "16MiB")]
    fn search_files(
        &self,
        caller: Caller,
        cancelled: Cancelled,
        /// The directory to search in, with all that is beneath it; default: your root directory.
        path: Option<Scoped<Prefix>>,
        /// A glob for files: `*`, `**`, `?`, `[a-z]`, `{a,b}`. Without a `/` it is compared with file names at any depth,
        /// with one with the path relative to the searched directory, as in `src/**/*.rs`.
        #[data]
        #[arg(length = 1..=256)]
        pattern: Option<String>,
        /// A literal text to find in files, on one line and case-sensitive: each line that has it is a match, with its
        /// number and first 200 characters.
        #[data]
        #[arg(length = 1..=1024)]
        text: Option<String>,
        /// How many matches to return at most; default 100.
        #[arg(range = 1..=1000)]
        max_results: Option<u32>,
    ) -> ToolResult<Results> {
        let beneath = self.path_or_root(path, &caller)?;
        Query::new(pattern.as_deref(), text.as_deref(), max_results)?.run(&beneath, self.max_file_bytes, &cancelled)
    }

    /// Write a file as a whole, in the place of the one that has its name, if there is one, or append to it. Missing
    /// directories are made. The answer has the number of bytes written and the resulting size.
    #[expose(destructive)]
    fn write_file(
        &self,
        cancelled: Cancelled,
        /// The file, relative to your root directory.
        path: Scoped<Prefix>,
        /// What to write.
        #[data]
        content: String,
        /// `base64` if the content is bytes as standard, padded base64; default `utf8`: the content as it is.
        encoding: Option<Encoding>,
        /// Whether to write at the end of the file and keep what is there; default false.
        append: Option<bool>,
    ) -> ToolResult<Written> {
        let content = Content::decode(content, encoding, self.max_file_bytes)?;
        if append == Some(true) {
            content.append(&path, &self.quota, &cancelled)
        } else {
            content.replace(&path, &self.quota, &cancelled)
        }
    }

    /// Delete a file. A directory is refused.
    #[expose(destructive)]
    fn delete_file(
        &self,
        cancelled: Cancelled,
        /// The file, relative to your root directory.
        path: Scoped<Prefix>,
    ) -> ToolResult<Deleted> {
        write::delete(&path, &self.quota, &cancelled)
    }

    /// Move or rename a file or directory. Missing directories are made; what already has the new name is never
    /// overwritten.
    #[expose(destructive)]
    fn move_file(
        &self,
        cancelled: Cancelled,
        /// The file or directory to move, relative to your root directory.
        source: Scoped<Prefix>,
        /// Its new path, relative to your root directory.
        destination: Scoped<Prefix>,
    ) -> ToolResult<Moved> {
        write::relocate(&source, &destination, &self.quota, &cancelled)
    }
}
