//! Opening a connection, with everything on it that an agent's SQL must find there.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig, limits::Limit};

use super::{super::settings::Bounds, Fault, Kind, functions};

/// What all of SQLite in this process may have on the heap, in bytes. It is SQLite's own bound and process-wide: an
/// application that uses SQLite beside this module shares it.
pub(in super::super) const MAX_HEAP: u64 = 256 << 20;
/// The largest text, blob or row, in bytes. What one function may cost grows with it, and no deadline is looked at inside
/// of a function.
pub(in super::super) const MAX_VALUE: u32 = 1 << 20;
/// The longest statement, in bytes. What is long belongs into parameters.
pub(in super::super) const MAX_SQL: u32 = 64 << 10;

/// Smaller than the engine's own where a statement's cost grows faster than its text
/// (<https://sqlite.org/security.html>, <https://sqlite.org/limits.html>).
const LIMITS: [(Limit, i32); 13] = [
    (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE as i32),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, MAX_SQL as i32),
    (Limit::SQLITE_LIMIT_COLUMN, 500),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 200),
    // A VALUES of as many rows as fit a statement does; a program takes at most 48 MiB.
    (Limit::SQLITE_LIMIT_VDBE_OP, 2_000_000),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    // LIKE takes the product of both lengths in one instruction, where no deadline is looked at.
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1000),
    // Triggers are off; foreign keys with actions are carried out as such, one level for each link of a chain.
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 32),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    (Limit::SQLITE_LIMIT_SCHEMA, 10_000),
];

/// What is switched on and off, after <https://sqlite.org/security.html> and <https://sqlite.org/c3ref/c_dbconfig_defensive.html>.
/// (Loading extensions is off from the start, and there is no feature compiled in that could turn it on.)
const SWITCHES: [(DbConfig, bool); 11] = [
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
    // What a schema that somebody else made calls is no more than what SQLite calls innocuous.
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    // "name" is a column and never a text, so a misspelt one is a mistake and no constant.
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
    (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    (DbConfig::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
];

/// Opens the database at a path that was looked at. `settled`: a writing connection has tried to change its journal mode.
pub(super) fn open(
    path: &Path,
    kind: Kind,
    wait: Duration,
    settled: bool,
    bounds: &Bounds,
) -> Result<Connection, Fault> {
    // NOFOLLOW refuses links in the whole path, and the operator's directory may well be behind one.
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(std::io::Error::from(std::io::ErrorKind::NotFound).into());
    };
    let path = fs::canonicalize(dir)?.join(name);
    if fs::symlink_metadata(&path)?.mode() & 0o077 != 0 {
        // Made by something else, with the umask of something else (S28).
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
    }
    let access = match kind {
        Kind::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Kind::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let flags = access
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
    let connection = Connection::open_with_flags(&path, flags)?;
    connection.busy_timeout(wait)?;
    for (limit, most) in LIMITS {
        connection.set_limit(limit, most)?;
    }
    for (switch, on) in SWITCHES {
        connection.set_db_config(switch, on)?;
    }
    functions::replace(&connection)?;
    // Sorters and temporary tables stay under the bound on the heap, and no file of the host holds them.
    set(&connection, "temp_store", "MEMORY")?;
    set(&connection, "hard_heap_limit", &MAX_HEAP.to_string())?;
    set(&connection, "soft_heap_limit", &(MAX_HEAP / 4 * 3).to_string())?;
    set(&connection, "cache_size", "-512")?;
    set(&connection, "mmap_size", "0")?;
    set(&connection, "cell_size_check", "ON")?;
    match kind {
        Kind::Read => {
            set(&connection, "query_only", "ON")?;
            let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            // Left in WAL by something else. As long as a reader has it open, no writer can change it.
            if mode == "wal" && !settled {
                return Err(Fault::Unsettled);
            }
        }
        Kind::Write => {
            let mode: String = connection.query_row("PRAGMA journal_mode = TRUNCATE", [], |row| row.get(0))?;
            if mode != "truncate" {
                return Err(Fault::Unsettled);
            }
            set(&connection, "synchronous", "FULL")?;
            let page: u64 = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.unsigned_abs();
            set(&connection, "max_page_count", &(bounds.database_bytes / page.max(1)).max(1).to_string())?;
        }
    }
    Ok(connection)
}

/// Sets a pragma to a constant of ours, whether or not it answers with a row.
fn set(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA {name} = {value}"))?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::ErrorCode;

    use super::*;

    fn opened(kind: Kind) -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("x.db");
        fs::write(&path, "").expect("made");
        let bounds = Bounds { rows: 1, result_bytes: 1, database_bytes: 1 << 20, timeout: Duration::from_secs(1) };
        let connection = open(&path, kind, Duration::ZERO, false, &bounds).ok().expect("opened");
        (dir, connection)
    }

    /// Several of these stand behind another control, which a test through the tools would meet first.
    #[test]
    fn s14_every_switch_and_every_limit_is_set() {
        for kind in [Kind::Read, Kind::Write] {
            let (_dir, connection) = opened(kind);
            let is_on = |switch| connection.db_config(switch).unwrap();
            for switch in [DbConfig::SQLITE_DBCONFIG_DEFENSIVE, DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY] {
                assert!(is_on(switch));
            }
            for switch in [
                DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA,
                DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA,
                DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER,
                DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER,
                DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE,
                DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE,
                DbConfig::SQLITE_DBCONFIG_DQS_DML,
                DbConfig::SQLITE_DBCONFIG_DQS_DDL,
                DbConfig::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE,
            ] {
                assert!(!is_on(switch));
            }
            for (limit, most) in [
                (Limit::SQLITE_LIMIT_LENGTH, 1 << 20),
                (Limit::SQLITE_LIMIT_SQL_LENGTH, 64 << 10),
                (Limit::SQLITE_LIMIT_COLUMN, 500),
                (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
                (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 200),
                (Limit::SQLITE_LIMIT_VDBE_OP, 2_000_000),
                (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
                (Limit::SQLITE_LIMIT_ATTACHED, 0),
                (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64),
                (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 1000),
                (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 32),
                (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
                (Limit::SQLITE_LIMIT_SCHEMA, 10_000),
            ] {
                assert_eq!(connection.limit(limit).unwrap(), most, "{limit:?}");
            }
            let number =
                |name: &str| -> i64 { connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap() };
            assert_eq!(number("temp_store"), 2, "memory");
            assert_eq!((number("hard_heap_limit"), number("soft_heap_limit")), (256 << 20, 192 << 20));
            assert_eq!((number("cache_size"), number("cell_size_check")), (-512, 1));
            if kind == Kind::Read {
                assert_eq!(number("query_only"), 1);
            } else {
                assert_eq!((number("synchronous"), number("max_page_count")), (2, 256));
            }
        }
    }

    #[test]
    fn s14_a_reading_connection_cant_write_whatever_is_asked_of_it() {
        let (_dir, connection) = opened(Kind::Read);
        assert!(connection.execute_batch("CREATE TABLE t (v)").is_err());
        connection.execute_batch("PRAGMA query_only = OFF").unwrap();
        let error = connection.execute_batch("CREATE TABLE t (v)").unwrap_err();
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly), "opened as such");
    }
}
