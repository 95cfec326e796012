//! What an operator chooses about the log.

use std::time::Duration;

use super::keys::SigningKey;

/// How long a record may take, unless something else is said.
const PATIENCE: Duration = Duration::from_secs(5);

/// When a record counts as written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// It was handed to the system: it survives the end of the process, not that of the machine.
    #[default]
    Flushed,
    /// It is on the disk. Many records share one wait for it.
    Fsync,
}

/// What becomes of calls whose record can't be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing runs, and what ran gives an error.
    #[default]
    Deny,
    /// They go on; a warning is logged at most once a second, and the next `recovered` line counts what was lost.
    Warn,
}

/// Whether lines are chained by their hashes, and the chain signed.
#[derive(Debug, Default)]
pub enum Chaining {
    /// Lines stand alone.
    #[default]
    Off,
    /// Each line holds the hash of the one before: what is changed by accident, or by somebody who doesn't rewrite all
    /// that follows, is found.
    Chained,
    /// Beside that, a signed line says from time to time how long the chain is: whoever hasn't got the key can't rewrite
    /// what is before it.
    Signed(SigningKey),
}

/// All that an operator chooses.
#[derive(Debug)]
pub struct Settings {
    /// When a record counts as written.
    pub durability: Durability,
    /// What becomes of calls whose record can't be written.
    pub on_failure: OnFailure,
    /// Whether the log is chained.
    pub chaining: Chaining,
    /// How long a record may wait for a sink that is slow: 5 s by default. Then it counts as failed, and until the
    /// sink moves again, nobody waits for it.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            on_failure: OnFailure::default(),
            chaining: Chaining::default(),
            patience: PATIENCE,
        }
    }
}
