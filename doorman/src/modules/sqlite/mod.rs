//! An agent's database: one SQLite file for each agent, with the engine's own controls around every statement.
//!
//! In come SQL texts and values; out go rows as JSON. That an agent reaches its own file and nothing else doesn't depend
//! on reading its SQL: the file is chosen by who calls, a reading tool has a connection that can't write, and the engine
//! asks `engine/authorize.rs` about everything that a statement would do. `engine/` also holds what bounds its cost.
//!
//! SQLite's heap is bounded for the whole process (256 MiB), so statements of all agents, and an application's own, share
//! it: one that can't get more fails, and costs its own call.

mod engine;
mod fault;
mod names;
mod params;
mod pool;
mod rows;
mod schema;
mod settings;
#[cfg(test)]
mod tests;

use std::os::unix::fs::MetadataExt;

use doorman::{ModuleError, exposure::AbsolutePath, prelude::*, scope::AgentFile};
use serde_json::{Map, Value};

use self::{
    engine::{Engine, Kind},
    params::{Columns, Params},
    rows::{Rows, ToEnd},
    settings::Settings,
};

/// An agent's database.
///
/// The module's configuration has `db_dir` and, if the defaults don't do, `max_rows`, `max_result_bytes`,
/// `timeout_seconds` and `max_database_bytes`. The agent `a1` has the file `{db_dir}/agent_a1.db`, for the server's user
/// only; it is made when it is first needed.
pub struct Sqlite {
    dir: AbsolutePath,
    files: AgentFile,
    engine: Engine,
}

/// What a statement did.
#[derive(Debug, Serialize, JsonSchema)]
struct Executed {
    /// How many rows were inserted, updated or deleted.
    rows_affected: u64,
    /// The number (rowid) of the row inserted last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_insert_id: Option<i64>,
    /// What RETURNING gave, in the form that `query` has.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Map<String, Value>>>,
    /// Whether RETURNING gave more rows than were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Created {
    /// Whether the table is new; `false` if there was one of this name, which stays as it is.
    created: bool,
}

#[tool_module(name = "sqlite", scope = AgentFile, config = Settings)]
impl Sqlite {
    fn configure(settings: Settings, _: &Credentials) -> Result<Self, ModuleError> {
        let (dir, bounds) = settings.read()?;
        Ok(Self { files: AgentFile::new(&*dir, "db")?, dir, engine: Engine::new(bounds) })
    }

    fn scope(&self) -> &AgentFile {
        &self.files
    }

    async fn start(&self) -> Result<(), ModuleError> {
        let dir = self.dir.display();
        self.files.make_dir().map_err(|error| format!("db_dir {dir}: {error}"))?;
        let mode = std::fs::metadata(&*self.dir).map_err(|error| format!("db_dir {dir}: {error}"))?.mode();
        if mode & 0o022 != 0 {
            // Whoever can write there can put a file in the place of an agent's.
            return Err(format!("db_dir {dir}: others can write there; make it 0700").into());
        }
        Ok(())
    }

    async fn stop(&self) {
        self.engine.close();
    }

    /// Read from your database (SQLite) with one SQL statement: SELECT, VALUES, WITH, EXPLAIN. Nothing is changed.
    /// Texts in SQL stand in single quotes; double quotes are for names.
    #[expose(read_only)]
    fn query(
        &self,
        /// One SQL statement. Put values in params, not in the SQL.
        #[data]
        sql: String,
        /// The values of the statement's parameters: a list for ?, or an object for :name. A blob is {"base64": "…"}.
        #[data]
        #[arg(serde)]
        params: Option<Params>,
        caller: Caller,
        cancelled: Cancelled,
    ) -> ToolResult<Rows> {
        let own = self.files.for_agent(caller.require_agent()?);
        self.engine.run(&own, Kind::Read, &cancelled, |session| {
            let mut statement = session.prepare(&sql)?;
            if !statement.readonly() || statement.column_count() == 0 {
                return Err(ToolError::denied("only reading is allowed here: use execute").into());
            }
            Params::bind(params.as_ref(), &mut statement)?;
            Rows::of(&mut statement, self.engine.bounds(), ToEnd::No)
        })
    }

    /// Change your database (SQLite) with one SQL statement: INSERT, REPLACE, UPDATE, DELETE, CREATE TABLE, CREATE INDEX,
    /// ALTER TABLE. It is done wholly or not at all. Not allowed: DROP, PRAGMA, ATTACH, VACUUM, transactions, views,
    /// triggers, temporary and virtual tables.
    #[expose(destructive)]
    fn execute(
        &self,
        /// One SQL statement, with RETURNING if you want rows back. Put values in params, not in the SQL.
        #[data]
        sql: String,
        /// The values of the statement's parameters: a list for ?, or an object for :name. A blob is {"base64": "…"}.
        #[data]
        #[arg(serde)]
        params: Option<Params>,
        caller: Caller,
        cancelled: Cancelled,
    ) -> ToolResult<Executed> {
        let own = self.files.for_agent(caller.require_agent()?);
        self.engine.run(&own, Kind::Write, &cancelled, |session| {
            let mut statement = session.prepare(&sql)?;
            if statement.readonly() {
                return Err(ToolError::user("this statement only reads: use query").into());
            }
            Params::bind(params.as_ref(), &mut statement)?;
            let returns = statement.column_count() > 0;
            let before = session.connection().total_changes();
            let rows = Rows::of(&mut statement, self.engine.bounds(), ToEnd::Yes)?;
            // `changes` is the last statement's that changed rows; one that made a table isn't one.
            let changed = session.connection().total_changes() != before;
            let (rows, truncated) = rows.into_parts();
            Ok(Executed {
                rows_affected: if changed { session.connection().changes() } else { 0 },
                last_insert_id: session.inserted(),
                rows: returns.then_some(rows),
                truncated: returns.then_some(truncated),
            })
        })
    }

    /// Create a table in your database (SQLite), unless there is one of this name.
    #[expose(write, idempotent)]
    fn create_table(
        &self,
        /// A letter or `_`, then letters, digits or `_`, at most 64; no SQL keyword.
        #[data]
        name: String,
        /// The columns' types by name, in this order. Types: INTEGER, TEXT, REAL, BLOB, NUMERIC, BOOLEAN, INTEGER PRIMARY
        /// KEY, INTEGER PRIMARY KEY AUTOINCREMENT, TEXT PRIMARY KEY, INTEGER NOT NULL, TEXT NOT NULL, REAL NOT NULL,
        /// INTEGER UNIQUE, TEXT UNIQUE, INTEGER DEFAULT 0, TEXT DEFAULT ''. For others use execute.
        #[data]
        #[arg(serde)]
        columns: Columns,
        caller: Caller,
        cancelled: Cancelled,
    ) -> ToolResult<Created> {
        let own = self.files.for_agent(caller.require_agent()?);
        self.engine.run(&own, Kind::Write, &cancelled, |session| {
            let sql = names::create_table(&name, columns.iter())?;
            let existed = schema::exists(session, &name)?;
            session.prepare(&sql)?.raw_execute()?;
            Ok(Created { created: !existed })
        })
    }

    /// List the tables (and views) of your database (SQLite) by name.
    #[expose(read_only)]
    fn list_tables(&self, caller: Caller, cancelled: Cancelled) -> ToolResult<Vec<String>> {
        let own = self.files.for_agent(caller.require_agent()?);
        self.engine.run(&own, Kind::Read, &cancelled, |session| schema::tables(session, self.engine.bounds()))
    }

    /// Describe a table of your database (SQLite): its columns and indexes.
    #[expose(read_only)]
    fn describe_table(
        &self,
        /// The table's name, as list_tables gives it.
        #[data]
        table: String,
        caller: Caller,
        cancelled: Cancelled,
    ) -> ToolResult<schema::Table> {
        let own = self.files.for_agent(caller.require_agent()?);
        self.engine.run(&own, Kind::Read, &cancelled, |session| schema::describe(session, &table))
    }
}
