//! What a statement may do, asked by the engine itself while it prepares one (<https://sqlite.org/c3ref/set_authorizer.html>).
//!
//! Lists of what is allowed: an action, a function or a table of the engine's that isn't in them is refused, also when a
//! later version of SQLite brings it.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use doorman::ToolError;
use rusqlite::{
    Connection,
    hooks::{Action, AuthAction, AuthContext, Authorization},
};

use super::{super::fault::Fault, Kind};

/// Functions that an agent may call, in the order of the alphabet. Not among them: those that reach out of the database
/// (`load_extension`, `fts3_tokenizer`, `readfile` and its like, `sqlite_log`), those of full-text and R-tree tables, which
/// can't be made here, and `json_patch`, which takes the product of two lengths where no deadline is looked at.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "->", "->>", "abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "avg", "ceil", "ceiling", "changes",
    "char", "coalesce", "concat", "concat_ws", "cos", "cosh", "count", "cume_dist", "current_date", "current_time",
    "current_timestamp", "date", "datetime", "degrees", "dense_rank", "exp", "first_value", "floor", "format", "glob",
    "group_concat", "hex", "if", "ifnull", "iif", "instr", "json", "json_array", "json_array_insert",
    "json_array_length", "json_each", "json_error_position", "json_extract", "json_group_array", "json_group_object",
    "json_insert", "json_object", "json_pretty", "json_quote", "json_remove", "json_replace", "json_set", "json_tree",
    "json_type", "json_valid", "jsonb", "jsonb_array", "jsonb_array_insert", "jsonb_each", "jsonb_extract",
    "jsonb_group_array", "jsonb_group_object", "jsonb_insert", "jsonb_object", "jsonb_remove", "jsonb_replace",
    "jsonb_set", "jsonb_tree", "julianday", "lag", "last_insert_rowid", "last_value", "lead", "length", "like",
    "likelihood", "likely", "ln", "log", "log10", "log2", "lower", "ltrim", "max", "median", "min", "mod", "nth_value",
    "ntile", "nullif", "octet_length", "percent_rank", "percentile", "percentile_cont", "percentile_disc", "pi", "pow",
    "power", "printf", "quote", "radians", "random", "randomblob", "rank", "replace", "round", "row_number", "rtrim",
    "sign", "sin", "sinh", "soundex", "sqlite_version", "sqrt", "strftime", "string_agg", "substr", "substring",
    "subtype", "sum", "tan", "tanh", "time", "timediff", "total", "total_changes", "trim", "trunc", "typeof", "unhex",
    "unicode", "unistr", "unistr_quote", "unixepoch", "unlikely", "upper", "zeroblob",
];

/// What `ALTER TABLE` and foreign keys call inside. The engine lets nobody else call them.
const INNER_FUNCTIONS: &[&str] = &[
    "sqlite_add_constraint",
    "sqlite_fail",
    "sqlite_find_constraint",
    "sqlite_rename_column",
    "sqlite_rename_quotefix",
    "sqlite_rename_table",
    "sqlite_rename_test",
];

/// The engine's tables that may be read. `temp` ones are empty: nothing temporary can be made.
const SCHEMA: &[&str] = &["sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"];

/// Virtual tables that are there without being made and that show more than the database's content.
const INNER_TABLES: &[&str] = &["dbstat", "fts3tokenize", "sqlite_dbpage", "sqlite_stmt", "bytecode", "tables_used"];

const TEMPORARY: &str = "a temporary table, index, view or trigger";

/// What this module itself asks with, and no agent.
const QUESTIONS: &[&str] = &["table_xinfo", "index_list", "index_info"];

/// The authorizer's memory, shared with the session.
#[derive(Default)]
pub(super) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    /// What was refused first, in words.
    refused: Option<Cow<'static, str>>,
    /// The index that the statement makes: filling it is asked for as a REINDEX.
    index: Option<String>,
    /// The row inserted last.
    inserted: Option<i64>,
    /// The module itself asks.
    asking: bool,
    /// The statement is an ALTER, which asks for many calls of its own.
    altering: bool,
    /// How many calls of functions, and how many of those compare with a pattern, the statement has.
    calls: u32,
    patterns: u32,
}

/// The engine looks at its clock at jumps only. In a row of functions without any, each of them on the largest value, it
/// would look long after the time is up: so there are few of them, and fewer of those that take a product of two lengths.
const MOST_CALLS: u32 = 200;
const MOST_PATTERNS: u32 = 8;

impl State {
    fn count(&mut self, function: &str) -> Verdict {
        if self.altering {
            return Ok(());
        }
        self.calls += 1;
        self.patterns += u32::from(among(function, &["like", "glob"]));
        if self.calls > MOST_CALLS {
            return Err(
                format!("more than {MOST_CALLS} calls of functions in one statement are not allowed here").into()
            );
        }
        if self.patterns > MOST_PATTERNS {
            return Err(format!("more than {MOST_PATTERNS} LIKE or GLOB in one statement are not allowed here").into());
        }
        Ok(())
    }
}

/// Puts the authorizer on a connection.
pub(super) fn install(connection: &mut Connection, kind: Kind) -> rusqlite::Result<Arc<Gate>> {
    let gate = Arc::new(Gate::default());
    let hook = Arc::clone(&gate);
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        let mut state = hook.state();
        match judge(kind, &context, &mut state) {
            Ok(()) => Authorization::Allow,
            Err(refusal) => {
                state.refused.get_or_insert(refusal);
                Authorization::Deny
            }
        }
    }))?;
    let hook = Arc::clone(&gate);
    connection.update_hook(Some(move |action: Action, _: &str, _: &str, row: i64| {
        if action == Action::SQLITE_INSERT {
            hook.state().inserted = Some(row);
        }
    }))?;
    Ok(gate)
}

impl Gate {
    /// Forgets the statement before.
    pub(super) fn clear(&self) {
        *self.state() = State::default();
    }

    pub(super) fn inserted(&self) -> Option<i64> {
        self.state().inserted
    }

    /// Lets the module's own questions pass until the guard is dropped.
    pub(super) fn ask(&self) -> Asking<'_> {
        self.state().asking = true;
        Asking(self)
    }

    /// Where something was refused, says what, instead of the engine's "not authorized".
    pub(super) fn explain(&self, fault: Fault) -> Fault {
        match (fault, self.state().refused.take()) {
            (Fault::Engine(_), Some(refusal)) => Fault::Answer(ToolError::denied(refusal)),
            (fault, _) => fault,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`Gate::ask`].
pub(super) struct Asking<'a>(&'a Gate);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.state().asking = false;
    }
}

type Verdict = Result<(), Cow<'static, str>>;

fn judge(kind: Kind, context: &AuthContext<'_>, state: &mut State) -> Verdict {
    use AuthAction as A;
    if !in_main(context) {
        return Err(format!("{TEMPORARY} is not allowed here").into());
    }
    match (context.action, kind) {
        (A::Select | A::Recursive, _) => Ok(()),
        (A::Read { table_name, .. }, _) => readable(table_name, state),
        (A::Function { function_name }, _) => {
            state.count(function_name)?;
            callable(function_name, kind)
        }
        (A::Pragma { pragma_name, .. }, _) if state.asking && QUESTIONS.contains(&pragma_name) => Ok(()),
        (action, Kind::Write) => change(action, state),
        (action, Kind::Read) => match change(action, state) {
            Ok(()) => Err("only reading is allowed here: use execute".into()),
            refused => refused,
        },
    }
}

/// Whether it is about the agent's own database. `CREATE TABLE temp.x` is asked for as any other table, in `temp`.
fn in_main(context: &AuthContext<'_>) -> bool {
    use AuthAction as A;
    match (context.action, context.database_name) {
        // In the place of the database's name this has the column's.
        (A::AlterTable { database_name, .. }, _) => database_name == "main",
        // `ALTER TABLE` looks there too, for what can't be there.
        (A::Read { table_name, .. } | A::Update { table_name, .. }, Some("temp")) => among(table_name, SCHEMA),
        (_, database) => database.is_none_or(|name| name == "main"),
    }
}

fn change(action: AuthAction<'_>, state: &mut State) -> Verdict {
    use AuthAction as A;
    let kind = match action {
        A::Insert { table_name } | A::Delete { table_name } => return writable(table_name, ""),
        A::Update { table_name, column_name } => return writable(table_name, column_name),
        A::CreateTable { .. } => return Ok(()),
        A::AlterTable { .. } => {
            state.altering = true;
            return Ok(());
        }
        A::CreateIndex { index_name, .. } => {
            state.index = Some(index_name.to_owned());
            return Ok(());
        }
        A::Reindex { index_name } if state.index.as_deref() == Some(index_name) => return Ok(()),
        A::Transaction { .. } => "a transaction",
        A::Savepoint { .. } => "a savepoint",
        A::Pragma { .. } => "PRAGMA",
        A::Attach { .. } => "ATTACH (and VACUUM)",
        A::Detach { .. } => "DETACH",
        A::Reindex { .. } => "REINDEX",
        A::Analyze { .. } => "ANALYZE",
        A::CreateView { .. } => "CREATE VIEW",
        A::CreateTrigger { .. } => "CREATE TRIGGER",
        A::CreateVtable { .. } => "CREATE VIRTUAL TABLE",
        A::CreateTempIndex { .. }
        | A::CreateTempTable { .. }
        | A::CreateTempTrigger { .. }
        | A::CreateTempView { .. } => TEMPORARY,
        A::DropIndex { .. }
        | A::DropTable { .. }
        | A::DropTempIndex { .. }
        | A::DropTempTable { .. }
        | A::DropTempTrigger { .. }
        | A::DropTempView { .. }
        | A::DropTrigger { .. }
        | A::DropView { .. }
        | A::DropVtable { .. } => "DROP",
        _ => "this",
    };
    Err(format!("{kind} is not allowed here").into())
}

fn readable(table: &str, state: &State) -> Verdict {
    let pragma = has_prefix(table, "pragma_");
    if pragma && !state.asking {
        return Err("PRAGMA is not allowed here, also not as a table".into());
    }
    if !has_prefix(table, "sqlite_") && !among(table, INNER_TABLES)
        || among(table, SCHEMA)
        || table.eq_ignore_ascii_case("sqlite_sequence")
    {
        return Ok(());
    }
    Err("a table of the engine itself is not allowed here".into())
}

/// The engine itself refuses whoever writes to the schema directly; what is asked for here is its own bookkeeping.
fn writable(table: &str, column: &str) -> Verdict {
    let renamed = table.eq_ignore_ascii_case("sqlite_sequence") && column == "name";
    if !has_prefix(table, "sqlite_") || among(table, SCHEMA) || renamed {
        return Ok(());
    }
    Err("writing to a table of the engine itself is not allowed here".into())
}

fn callable(function: &str, kind: Kind) -> Verdict {
    let name = function.to_ascii_lowercase();
    if FUNCTIONS.binary_search(&name.as_str()).is_ok()
        || kind == Kind::Write && INNER_FUNCTIONS.contains(&name.as_str())
    {
        return Ok(());
    }
    if name.starts_with("sqlite_drop_") {
        return Err("DROP is not allowed here".into());
    }
    Err(format!("the function {name} is not allowed here").into())
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn among(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        assert!(FUNCTIONS.is_sorted());
    }
}
