//! Changing an agent's files: within the length of a file, and within the agent's quota.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    Encoding,
    quota::{Change, Quota},
};
use crate::{prelude::*, scope::ScopedPath};

/// What was written.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Written {
    /// How many bytes were written.
    pub(super) bytes: u64,
    /// How many bytes the file has now.
    pub(super) size: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Deleted {
    pub(super) deleted: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Moved {
    pub(super) moved: bool,
}

/// What is to be written: bytes, no more of them than a file may have.
#[derive(Debug)]
pub(super) struct Content {
    bytes: Vec<u8>,
    max_len: u64,
}

impl Content {
    pub(super) fn decode(content: String, encoding: Option<Encoding>, max_len: u64) -> ToolResult<Self> {
        let bytes = match encoding {
            None | Some(Encoding::Utf8) => content.into_bytes(),
            Some(Encoding::Base64) => STANDARD.decode(content).map_err(|_| {
                ToolError::user(
                    "content: expected standard base64 (`A-Z a-z 0-9 + /`), padded with `=`, without line ends",
                )
            })?,
        };
        if bytes.len() as u64 > max_len { Err(too_long(max_len)) } else { Ok(Self { bytes, max_len }) }
    }

    pub(super) fn replace(self, path: &ScopedPath, quota: &Quota, cancelled: &Cancelled) -> ToolResult<Written> {
        let len = self.bytes.len() as u64;
        quota.change(path, cancelled, || Ok(Change::replacing(path, len)?), || path.replace(&self.bytes))?;
        Ok(Written { bytes: len, size: len })
    }

    pub(super) fn append(self, path: &ScopedPath, quota: &Quota, cancelled: &Cancelled) -> ToolResult<Written> {
        let len = self.bytes.len() as u64;
        let append = || path.append_within(&self.bytes, self.max_len);
        let size = quota.change(path, cancelled, || Ok(Change::appending(path, len)?), append)?;
        Ok(Written { bytes: len, size })
    }
}

fn too_long(max_len: u64) -> ToolError {
    ToolError::user(format!("a file has at most {max_len} bytes here; nothing was written"))
}

pub(super) fn delete(path: &ScopedPath, quota: &Quota, cancelled: &Cancelled) -> ToolResult<Deleted> {
    quota.change(path, cancelled, || Ok(Change::removing(path)?), || path.remove_file())?;
    Ok(Deleted { deleted: true })
}

/// Moves a file or directory.
pub(super) fn relocate(
    source: &ScopedPath,
    destination: &ScopedPath,
    quota: &Quota,
    cancelled: &Cancelled,
) -> ToolResult<Moved> {
    quota.change(destination, cancelled, || Change::moving(source, destination), || source.rename_to(destination))?;
    Ok(Moved { moved: true })
}
