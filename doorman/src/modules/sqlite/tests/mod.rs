//! Through the tools themselves, as the server calls them.

mod bounds;
mod controls;
mod files;
mod values;
mod vectors;

use std::{collections::BTreeMap, path::PathBuf};

use doorman::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Sqlite, params::Params};
use crate::{
    call::Failure,
    identity::{Agent, Identity, Principal},
};

/// A module on a directory of its own.
struct Desk {
    dir: TempDir,
    module: Sqlite,
}

impl Desk {
    fn new() -> Self {
        Self::with(&json!({}))
    }

    fn with(more: &Value) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let module = module(dir.path().join("dbs"), more);
        Self { dir, module }
    }

    /// With the tables that the cases name, and something of another's beside them.
    fn furnished() -> Self {
        let desk = Self::new();
        for sql in [
            "CREATE TABLE my_table (id INTEGER PRIMARY KEY, col TEXT)",
            "INSERT INTO my_table VALUES (1, 'one'), (2, 'two')",
            "CREATE TABLE keep (value TEXT)",
            "INSERT INTO keep VALUES ('kept')",
            "CREATE TABLE notes (value TEXT)",
            "CREATE TABLE t (v)",
            "CREATE TABLE t1 (v)",
            "CREATE INDEX my_index ON my_table (col)",
        ] {
            desk.execute(sql).expect(sql);
        }
        desk.execute_as("b", "CREATE TABLE secret (v)").expect("made");
        desk.execute_as("b", "INSERT INTO secret VALUES ('b-private')").expect("written");
        desk
    }

    fn query(&self, sql: &str) -> Result<Value, Mistake> {
        self.query_with(sql, Value::Null)
    }

    fn query_with(&self, sql: &str, params: Value) -> Result<Value, Mistake> {
        answer(self.module.query(sql.into(), read(params), caller("a"), Cancelled::never()))
    }

    fn query_as(&self, agent: &str, sql: &str) -> Result<Value, Mistake> {
        answer(self.module.query(sql.into(), None, caller(agent), Cancelled::never()))
    }

    fn execute(&self, sql: &str) -> Result<Value, Mistake> {
        self.execute_as("a", sql)
    }

    fn execute_with(&self, sql: &str, params: Value) -> Result<Value, Mistake> {
        answer(self.module.execute(sql.into(), read(params), caller("a"), Cancelled::never()))
    }

    fn execute_as(&self, agent: &str, sql: &str) -> Result<Value, Mistake> {
        answer(self.module.execute(sql.into(), None, caller(agent), Cancelled::never()))
    }

    fn create_table(&self, name: &str, columns: Value) -> Result<Value, Mistake> {
        let columns = serde_json::from_value(columns).map_err(|error| Mistake::User(error.to_string()))?;
        answer(self.module.create_table(name.into(), columns, caller("a"), Cancelled::never()))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("dbs").join(name)
    }

    /// What is in the folder, except for the journals of statements that are done.
    fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        for dir in [self.dir.path().to_owned(), self.dir.path().join("dbs")] {
            for entry in std::fs::read_dir(dir).expect("listed") {
                let path = entry.expect("listed").path();
                if path.is_file() {
                    let bytes = std::fs::read(&path).expect("read");
                    if !bytes.is_empty() {
                        found.insert(path, bytes);
                    }
                }
            }
        }
        found
    }
}

fn module(db_dir: PathBuf, more: &Value) -> Sqlite {
    let mut config = json!({ "db_dir": db_dir });
    for (key, value) in more.as_object().expect("object") {
        config[key] = value.clone();
    }
    let settings = serde_json::from_value(config).expect("legal settings");
    Sqlite::configure(settings, &Credentials::none()).expect("configured")
}

fn read(params: Value) -> Option<Params> {
    serde_json::from_value(params).expect("legal parameters")
}

fn caller(agent: &str) -> Caller {
    Caller::new(Principal::verified(Identity::of_agent(Agent::new(agent, "t").expect("legal"))))
}

/// A tool's error, as the guard tells them apart.
#[derive(Debug, PartialEq)]
enum Mistake {
    User(String),
    Denied(String),
    Internal(String),
}

impl Mistake {
    fn text(&self) -> &str {
        match self {
            Self::User(text) | Self::Denied(text) | Self::Internal(text) => text,
        }
    }
}

fn answer<T: Serialize>(result: ToolResult<T>) -> Result<Value, Mistake> {
    match result {
        Ok(value) => Ok(serde_json::to_value(value).expect("JSON")),
        Err(error) => Err(match error.into_failure() {
            Failure::User(text) => Mistake::User(text.into()),
            Failure::Denied(text) => Mistake::Denied(text.into()),
            Failure::Internal(error) => Mistake::Internal(error.to_string()),
            Failure::Lacking(ability) => panic!("it asks for {ability}"),
        }),
    }
}
