//! What agents do with their databases.

use serde_json::json;

use super::{
    Outcome,
    caller::Caller,
    story::{attempt, ok, refused},
    table::Table,
};

pub(super) const READING: &[&str] = &["sqlite_describe_table", "sqlite_list_tables", "sqlite_query"];
pub(super) const WRITING: &[&str] = &["sqlite_create_table", "sqlite_execute"];

/// One agent has a table; the other has none of that name, for it has another database.
pub(super) async fn used(table: &mut Table, builder: &mut Caller, researcher: &mut Caller) -> Outcome {
    Table::section("builder-1 and its database");
    let arguments =
        json!({"name": "parts", "columns": {"id": "INTEGER PRIMARY KEY", "name": "TEXT", "grams": "INTEGER"}});
    attempt(table, builder, ("sqlite_create_table", "parts"), arguments, ok("\"created\":true")).await?;
    let sql = "INSERT INTO parts (name, grams) VALUES (?, ?), (?, ?)";
    let arguments = json!({"sql": sql, "params": ["bolt", 12, "nut'; --", 4]});
    attempt(table, builder, ("sqlite_execute", "INSERT two rows"), arguments, ok("")).await?;
    let sql = "SELECT name, grams FROM parts WHERE name = ?";
    let arguments = json!({"sql": sql, "params": ["nut'; --"]});
    let rows = ok(r#"{"rows":[{"name":"nut'; --","grams":4}],"truncated":false}"#);
    attempt(table, builder, ("sqlite_query", "… WHERE name = ?"), arguments, rows).await?;
    for (tool, sql) in [
        ("sqlite_query", "DELETE FROM parts"),
        ("sqlite_execute", "DROP TABLE parts"),
        ("sqlite_execute", "ATTACH 'agent_researcher-1.db' AS r"),
    ] {
        attempt(table, builder, (tool, sql), json!({"sql": sql}), refused("denied", "tool", "")).await?;
    }
    Table::section("researcher-1 and its own");
    let arguments = json!({"sql": "SELECT name FROM parts"});
    attempt(table, researcher, ("sqlite_query", "SELECT name FROM parts"), arguments, refused("error", "tool", ""))
        .await
}
