//! What goes wrong, and which of it is the model's business.

use doorman::ToolError;
use rusqlite::{Error, ErrorCode, ffi};

use super::{
    engine::{MAX_HEAP, MAX_SQL, MAX_VALUE},
    settings::{Bounds, in_words},
};

/// A failure on the way.
pub(super) enum Fault {
    /// The engine's, not yet looked at.
    Engine(Error),
    /// Looked at.
    Answer(ToolError),
    /// The database is one that only a writing connection can put right: a journal to roll back, or another journal mode.
    Unsettled,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl From<ToolError> for Fault {
    fn from(error: ToolError) -> Self {
        Self::Answer(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Answer(ToolError::internal(error))
    }
}

impl Fault {
    /// Whether a reading connection found a journal that a killed process left. The codes are those of
    /// <https://sqlite.org/rescode.html>: READONLY_ROLLBACK, READONLY_RECOVERY, READONLY_CANTINIT.
    pub(super) fn is_unsettled(&self) -> bool {
        let code = match self {
            Self::Unsettled => return true,
            Self::Engine(error) => failure(error).map(|error| error.extended_code),
            Self::Answer(_) => None,
        };
        matches!(
            code,
            Some(ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY | ffi::SQLITE_READONLY_CANTINIT)
        )
    }

    /// Whether the connection that it happened on is worth keeping.
    pub(super) fn spares_connection(&self) -> bool {
        match self {
            Self::Answer(_) => true,
            Self::Engine(error) => matches!(
                failure(error).map(|error| error.code),
                Some(
                    ErrorCode::Unknown
                        | ErrorCode::ConstraintViolation
                        | ErrorCode::TypeMismatch
                        | ErrorCode::TooBig
                        | ErrorCode::DatabaseBusy
                        | ErrorCode::OperationInterrupted
                        | ErrorCode::AuthorizationForStatementDenied
                )
            ),
            Self::Unsettled => false,
        }
    }

    /// What the model reads. The engine's messages about SQL quote the SQL and the schema and nothing of the host; those
    /// about files are for the operator (S21).
    pub(super) fn answer(self, bounds: &Bounds) -> ToolError {
        let error = match self {
            Self::Answer(answer) => return answer,
            Self::Unsettled => return ToolError::user(BUSY),
            Self::Engine(error) => error,
        };
        match failure(&error).map(|error| error.code) {
            Some(ErrorCode::OperationInterrupted) => ToolError::user(format!(
                "the statement took longer than {} s and was stopped; it changed nothing",
                bounds.timeout.as_secs_f32()
            )),
            Some(ErrorCode::TooBig) => ToolError::user(format!(
                "too big: a text, blob or row has at most {}, a statement at most {}",
                in_words(MAX_VALUE.into()),
                in_words(MAX_SQL.into())
            )),
            Some(ErrorCode::OutOfMemory) => ToolError::user(format!(
                "out of memory: all running statements together have {}; sort, join or group less at once",
                in_words(MAX_HEAP)
            )),
            Some(ErrorCode::DiskFull) => ToolError::user(format!(
                "the database is full: it has at most {}; delete something first",
                in_words(bounds.database_bytes)
            )),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ToolError::user(BUSY),
            Some(ErrorCode::AuthorizationForStatementDenied) => ToolError::denied("this is not allowed here"),
            Some(
                ErrorCode::Unknown
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::ParameterOutOfRange
                | ErrorCode::SchemaChanged,
            ) => match error {
                Error::SqliteFailure(_, Some(message)) | Error::SqlInputError { msg: message, .. } => {
                    ToolError::user(message)
                }
                other => ToolError::internal(other),
            },
            _ => ToolError::internal(error),
        }
    }
}

/// The engine's own error. (rusqlite's accessor leaves out those that point into the SQL.)
fn failure(error: &Error) -> Option<&ffi::Error> {
    match error {
        Error::SqliteFailure(error, _) | Error::SqlInputError { error, .. } => Some(error),
        _ => None,
    }
}

const BUSY: &str = "the database is busy with another call, try again";
