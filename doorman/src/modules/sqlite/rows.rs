//! Rows of a result as JSON, no more of them than was allowed.

use std::collections::{HashMap, HashSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use doorman::{ToolError, prelude::*};
use rusqlite::{Row, Statement, types::ValueRef};
use serde_json::{Map, Value, json};

use super::{
    fault::Fault,
    settings::{Bounds, in_words},
};

/// Rows, and whether some were left out.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rows {
    /// The rows, each with its columns by name. A blob is `{"base64": "…"}`, and so is a text that isn't UTF-8; an
    /// infinite number is the text "Infinity" or "-Infinity". A second column of a name has `_2` after it.
    rows: Vec<Map<String, Value>>,
    /// Whether there are more rows than were sent.
    truncated: bool,
}

impl Rows {
    /// The rows, and whether some are missing.
    pub(super) fn into_parts(self) -> (Vec<Map<String, Value>>, bool) {
        (self.rows, self.truncated)
    }

    /// Runs a statement. Rows and bytes are counted before they are copied. `to_end`: a statement that changes something
    /// is run to its end also when nothing more is kept.
    pub(super) fn of(statement: &mut Statement<'_>, bounds: &Bounds, to_end: ToEnd) -> Result<Self, Fault> {
        let mut kept = Self { rows: Vec::new(), truncated: false };
        let mut names = Vec::new();
        let mut left = bounds.result_bytes;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            if names.is_empty() {
                // Not before the first row: until then the engine may find that a table has changed.
                names = distinct(row.as_ref().column_names());
            }
            let next = match kept.truncated || kept.rows.len() >= bounds.rows {
                true => None,
                false => object(row, &names, &mut left)?,
            };
            match next {
                Some(row) => kept.rows.push(row),
                None if kept.rows.is_empty() && !kept.truncated => {
                    let most = in_words(u64::try_from(bounds.result_bytes).unwrap_or(u64::MAX));
                    return Err(ToolError::user(format!("too big: a single row is more than {most}")).into());
                }
                None => kept.truncated = true,
            }
            if kept.truncated && to_end == ToEnd::No {
                break;
            }
        }
        Ok(kept)
    }
}

/// Whether a statement is run to its end whatever is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ToEnd {
    Yes,
    No,
}

/// The columns' names, each once, so that no value covers another.
fn distinct<'a>(columns: impl Iterator<Item = &'a str>) -> Vec<String> {
    let columns: Vec<&str> = columns.collect();
    let all: HashSet<&str> = columns.iter().copied().collect();
    let mut taken: HashSet<String> = HashSet::new();
    // Where the numbers of a name go on.
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut names = Vec::with_capacity(columns.len());
    for column in columns {
        let mut name = column.to_owned();
        let number = numbers.entry(column).or_insert(1);
        while taken.contains(&name) || *number > 1 && all.contains(name.as_str()) {
            *number += 1;
            name = format!("{column}_{number}");
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// One row; `None` if it would be more than what is left.
fn object(row: &Row<'_>, names: &[String], left: &mut usize) -> Result<Option<Map<String, Value>>, Fault> {
    let mut object = Map::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        let value = row.get_ref(index)?;
        match left.checked_sub(cost(value).saturating_add(text_cost(name.as_bytes()) + 4)) {
            Some(rest) => *left = rest,
            None => return Ok(None),
        }
        object.insert(name.clone(), json(value));
    }
    Ok(Some(object))
}

/// How many bytes a value has as JSON, or some more.
fn cost(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 24,
        ValueRef::Text(text) => text_cost(text),
        ValueRef::Blob(blob) => blob.len() / 3 * 4 + 20,
    }
}

fn text_cost(text: &[u8]) -> usize {
    text.iter().map(|byte| if matches!(byte, b'"' | b'\\' | ..0x20) { 6 } else { 1 }).sum()
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        // SQLite has no NaN: it stores NULL for it. JSON has no infinity.
        ValueRef::Real(number) if number.is_infinite() && number > 0.0 => "Infinity".into(),
        ValueRef::Real(number) if number.is_infinite() => "-Infinity".into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => base64(bytes),
        },
        ValueRef::Blob(bytes) => base64(bytes),
    }
}

fn base64(bytes: &[u8]) -> Value {
    json!({ "base64": STANDARD.encode(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_column_covers_another() {
        let names = |columns: &[&'static str]| distinct(columns.iter().copied());
        assert_eq!(names(&["a", "b"]), ["a", "b"]);
        assert_eq!(names(&["a", "a", "a"]), ["a", "a_2", "a_3"]);
        assert_eq!(names(&["a", "a", "a_2"]), ["a", "a_3", "a_2"]);
        assert_eq!(names(&["a_2", "a_2", "a", "a"]), ["a_2", "a_2_2", "a", "a_3"]);
    }
}
