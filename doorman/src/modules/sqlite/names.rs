//! Names and column types that may stand in a `CREATE TABLE` of ours.

use super::fault::Fault;
use doorman::ToolError;

/// The longest name, in characters.
const MAX_NAME: usize = 64;

/// What a column may be declared as: the predecessor's list, so that what it made can be made again.
const TYPES: &[&str] = &[
    "INTEGER",
    "TEXT",
    "REAL",
    "BLOB",
    "NUMERIC",
    "BOOLEAN",
    "INTEGER PRIMARY KEY",
    "INTEGER PRIMARY KEY AUTOINCREMENT",
    "TEXT PRIMARY KEY",
    "INTEGER NOT NULL",
    "TEXT NOT NULL",
    "REAL NOT NULL",
    "INTEGER UNIQUE",
    "TEXT UNIQUE",
    "INTEGER DEFAULT 0",
    "TEXT DEFAULT ''",
];

/// SQLite's 147 keywords (<https://sqlite.org/lang_keywords.html>), in the order of the alphabet.
const KEYWORDS: &[&str] = &[
    "ABORT",
    "ACTION",
    "ADD",
    "AFTER",
    "ALL",
    "ALTER",
    "ALWAYS",
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "ATTACH",
    "AUTOINCREMENT",
    "BEFORE",
    "BEGIN",
    "BETWEEN",
    "BY",
    "CASCADE",
    "CASE",
    "CAST",
    "CHECK",
    "COLLATE",
    "COLUMN",
    "COMMIT",
    "CONFLICT",
    "CONSTRAINT",
    "CREATE",
    "CROSS",
    "CURRENT",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "DATABASE",
    "DEFAULT",
    "DEFERRABLE",
    "DEFERRED",
    "DELETE",
    "DESC",
    "DETACH",
    "DISTINCT",
    "DO",
    "DROP",
    "EACH",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXCLUDE",
    "EXCLUSIVE",
    "EXISTS",
    "EXPLAIN",
    "FAIL",
    "FILTER",
    "FIRST",
    "FOLLOWING",
    "FOR",
    "FOREIGN",
    "FROM",
    "FULL",
    "GENERATED",
    "GLOB",
    "GROUP",
    "GROUPS",
    "HAVING",
    "IF",
    "IGNORE",
    "IMMEDIATE",
    "IN",
    "INDEX",
    "INDEXED",
    "INITIALLY",
    "INNER",
    "INSERT",
    "INSTEAD",
    "INTERSECT",
    "INTO",
    "IS",
    "ISNULL",
    "JOIN",
    "KEY",
    "LAST",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MATCH",
    "MATERIALIZED",
    "NATURAL",
    "NO",
    "NOT",
    "NOTHING",
    "NOTNULL",
    "NULL",
    "NULLS",
    "OF",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OTHERS",
    "OUTER",
    "OVER",
    "PARTITION",
    "PLAN",
    "PRAGMA",
    "PRECEDING",
    "PRIMARY",
    "QUERY",
    "RAISE",
    "RANGE",
    "RECURSIVE",
    "REFERENCES",
    "REGEXP",
    "REINDEX",
    "RELEASE",
    "RENAME",
    "REPLACE",
    "RESTRICT",
    "RETURNING",
    "RIGHT",
    "ROLLBACK",
    "ROW",
    "ROWS",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "TABLE",
    "TEMP",
    "TEMPORARY",
    "THEN",
    "TIES",
    "TO",
    "TRANSACTION",
    "TRIGGER",
    "UNBOUNDED",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USING",
    "VACUUM",
    "VALUES",
    "VIEW",
    "VIRTUAL",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHOUT",
];

/// A table or column name: a letter or `_`, then letters, digits and `_` of any script; no keyword, nothing of SQLite's.
pub(super) struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    /// Checks a name.
    pub(super) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let first = text.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic());
        if !first || !text.chars().all(|c| c == '_' || c.is_alphanumeric()) || text.chars().count() > MAX_NAME {
            return Err("expected a letter or `_`, then letters, digits or `_`, at most 64 in all");
        }
        if KEYWORDS.binary_search(&text.to_ascii_uppercase().as_str()).is_ok() {
            return Err("expected a name that is no keyword of SQL");
        }
        match text.get(..7) {
            Some(prefix) if prefix.eq_ignore_ascii_case("sqlite_") => Err("names in `sqlite_` are SQLite's own"),
            _ => Ok(Self(text)),
        }
    }

    /// As SQL. (No legal name has a quote in it; doubling them costs nothing.)
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// The `CREATE TABLE` of these columns, or all that is wrong with them.
pub(super) fn create_table<'a>(name: &str, columns: impl Iterator<Item = (&'a str, &'a str)>) -> Result<String, Fault> {
    let mut mistakes = Vec::new();
    let mut declared: Vec<String> = Vec::new();
    let mut seen = Vec::new();
    let name = Name::parse(name).map_err(|expected| mistakes.push(format!("name: {expected}"))).ok();
    for (index, (column, kind)) in columns.enumerate() {
        let at = format!("column {}", index + 1);
        let name = Name::parse(column).map_err(|expected| mistakes.push(format!("{at}: name: {expected}"))).ok();
        let kind = column_type(kind).map_err(|expected| mistakes.push(format!("{at}: type: {expected}"))).ok();
        if seen.contains(&column.to_ascii_lowercase()) {
            mistakes.push(format!("{at}: the same name twice; case makes no difference"));
        }
        seen.push(column.to_ascii_lowercase());
        if let (Some(name), Some(kind)) = (name, kind) {
            declared.push(format!("{} {kind}", name.quoted()));
        }
    }
    if seen.is_empty() {
        mistakes.push("columns: expected at least one".to_owned());
    }
    match name {
        Some(name) if mistakes.is_empty() => {
            Ok(format!("CREATE TABLE IF NOT EXISTS {} ({})", name.quoted(), declared.join(", ")))
        }
        _ => Err(ToolError::user(mistakes.join("; ")).into()),
    }
}

fn column_type(text: &str) -> Result<&'static str, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_uppercase();
    let known = TYPES.iter().find(|kind| **kind == text);
    known.copied().ok_or_else(|| format!("expected one of {}", TYPES.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s16_names_are_names() {
        assert_eq!(KEYWORDS.len(), 147);
        assert!(KEYWORDS.is_sorted());
        for name in ["a", "_a", "T3", "таблица", "größe", "名前", "rowid", &"a".repeat(64), "sqlite", "sqlit_e"]
        {
            assert!(Name::parse(name).is_ok(), "{name}");
        }
        let long = "a".repeat(65);
        for name in
            ["", "1a", "a b", "bad name!", "a\"b", "a;b", "a\0", "a-b", "select", "Table", "SQLITE_x", "sqlite_", &long]
        {
            assert!(Name::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn s16_all_mistakes_of_a_table_at_once() {
        let columns =
            [("id", " integer  primary\nkey "), ("b c", "TEXT"), ("ID", "VARCHAR(10)"), ("d", "text default ''")];
        let Err(Fault::Answer(mistakes)) = create_table("order", columns.into_iter()) else { panic!("it was taken") };
        let mistakes = format!("{mistakes:?}");
        for part in ["name: ", "column 2: name", "column 3: type", "column 3: the same name twice", "TEXT DEFAULT ''"] {
            assert!(mistakes.contains(part), "{part}: {mistakes}");
        }
        assert!(create_table("t", std::iter::empty()).is_err());
        let sql = create_table("t", [("id", "integer  primary key"), ("a", "Text")].into_iter()).ok();
        assert_eq!(sql.as_deref(), Some(r#"CREATE TABLE IF NOT EXISTS "t" ("id" INTEGER PRIMARY KEY, "a" TEXT)"#));
    }
}
