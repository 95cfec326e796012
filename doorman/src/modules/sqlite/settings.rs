//! The module's configuration, and the bounds that follow from it.

use std::time::Duration;

use doorman::{ModuleError, exposure::AbsolutePath, exposure::ByteSize, prelude::*};

const MIB: u64 = 1 << 20;

/// What an operator says about the databases.
#[derive(Argument)]
pub struct Settings {
    /// The directory of the databases, one file for each agent. It is made, for the server's user only, if its parent exists.
    db_dir: AbsolutePath,
    /// How many rows a result may have; the rest is left out and said to be. Default 1000.
    #[arg(range = 1..=100_000)]
    max_rows: Option<u32>,
    /// How large a result may be, as JSON. Default 1MiB.
    max_result_bytes: Option<ByteSize>,
    /// How many seconds a statement may take. Default 5.
    #[arg(range = 1..=60)]
    timeout_seconds: Option<u32>,
    /// How large an agent's database may grow. Default 256MiB.
    max_database_bytes: Option<ByteSize>,
}

/// What a statement may cost.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub(super) rows: usize,
    pub(super) result_bytes: usize,
    pub(super) database_bytes: u64,
    pub(super) timeout: Duration,
}

impl Settings {
    /// The directory and the bounds. Looks at no file.
    pub(super) fn read(self) -> Result<(AbsolutePath, Bounds), ModuleError> {
        let Self { db_dir, max_rows, max_result_bytes, timeout_seconds, max_database_bytes } = self;
        let (rows, seconds) = (max_rows.unwrap_or(1000), timeout_seconds.unwrap_or(5));
        // The schema says so too, but `configure` can be called without it.
        if !(1..=100_000).contains(&rows) || !(1..=60).contains(&seconds) {
            return Err("max_rows is 1 to 100000, timeout_seconds is 1 to 60".into());
        }
        let bounds = Bounds {
            rows: usize::try_from(rows)?,
            result_bytes: usize::try_from(max_result_bytes.map_or(MIB, ByteSize::bytes))?,
            database_bytes: max_database_bytes.map_or(256 * MIB, ByteSize::bytes),
            timeout: Duration::from_secs(seconds.into()),
        };
        Ok((db_dir, bounds))
    }
}

/// A number of bytes as people write it.
pub(super) fn in_words(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        _ if bytes.is_multiple_of(1024) => format!("{} KiB", bytes / 1024),
        _ => format!("{bytes} bytes"),
    }
}
