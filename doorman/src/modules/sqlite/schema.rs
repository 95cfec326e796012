//! What is in a database: its tables, their columns and indexes.

use doorman::{ToolError, prelude::*};
use rusqlite::Connection;

use super::{engine::Session, fault::Fault, settings::Bounds};

/// A table as the engine knows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Table {
    /// The table's columns, in their order.
    columns: Vec<Column>,
    /// The table's indexes, those of its constraints among them.
    indexes: Vec<Index>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Column {
    name: String,
    /// As it was declared; empty if it wasn't.
    #[serde(rename = "type")]
    kind: String,
    not_null: bool,
    /// The default, as SQL.
    default: Option<String>,
    /// Whether it is the primary key or part of it.
    primary_key: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Index {
    name: String,
    unique: bool,
    /// The columns; `null` for an expression or the row's number.
    columns: Vec<Option<String>>,
}

/// The names of tables and views, without the engine's own. All of them, or a mistake.
pub(super) fn tables(session: &Session, bounds: &Bounds) -> Result<Vec<String>, Fault> {
    let sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
               ORDER BY name";
    let (mut names, mut left) = (Vec::new(), bounds.result_bytes);
    let complete = session.ask(|connection| {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str()?;
            match left.checked_sub(name.len() + 3) {
                Some(rest) if names.len() < bounds.rows => left = rest,
                _ => return Ok(false),
            }
            names.push(name.to_owned());
        }
        Ok(true)
    })?;
    if !complete {
        return Err(ToolError::user("too many tables for one list; query sqlite_schema with LIMIT").into());
    }
    Ok(names)
}

/// Whether there is a table or view of this name.
pub(super) fn exists(session: &Session, name: &str) -> Result<bool, Fault> {
    // As the engine compares names: by ASCII case only.
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE";
    session.ask(|connection| connection.query_row(sql, [name], |row| Ok(row.get::<_, i64>(0)? > 0)))
}

/// One table's columns and indexes.
pub(super) fn describe(session: &Session, name: &str) -> Result<Table, Fault> {
    if !exists(session, name)? {
        return Err(ToolError::user("no such table; list_tables has the names").into());
    }
    let table = session
        .ask(|connection| Ok(Table { columns: columns(connection, name)?, indexes: indexes(connection, name)? }))?;
    Ok(table)
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let sql = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_xinfo(?1) ORDER BY cid";
    let mut statement = connection.prepare(sql)?;
    let columns = statement.query_map([table], |row| {
        Ok(Column {
            name: row.get(0)?,
            kind: row.get(1)?,
            not_null: row.get(2)?,
            default: row.get(3)?,
            primary_key: row.get::<_, i64>(4)? > 0,
        })
    })?;
    columns.collect()
}

fn indexes(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Index>> {
    let mut statement = connection.prepare("SELECT name, \"unique\" FROM pragma_index_list(?1) ORDER BY name")?;
    let found = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found: Vec<(String, bool)> = found.collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
    let indexes = found.into_iter().map(|(name, unique)| {
        let columns = statement.query_map([&name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(Index { name, unique, columns })
    });
    indexes.collect()
}
