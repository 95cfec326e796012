//! Functions of the engine that take the product of two lengths, done again in linear time.
//!
//! A deadline is looked at between two instructions of the engine, and a function is one instruction: `instr` on two texts
//! of some megabytes would run for hours with nothing to stop it. These do what the engine's do, except that a REAL has to
//! be made a text with CAST first.

use std::{borrow::Cow, collections::HashSet};

use memchr::memmem;
use rusqlite::{
    Connection, Error, Result,
    functions::{Context, FunctionFlags},
    types::{ToSql, ToSqlOutput, ValueRef},
};

use super::open::MAX_VALUE;

/// A function's result.
enum Out {
    Null,
    Integer(i64),
    Text(Vec<u8>),
}

impl ToSql for Out {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text)),
        })
    }
}

/// Puts them in the place of the engine's own.
pub(super) fn replace(connection: &Connection) -> Result<()> {
    // Innocuous, as the engine's are, so that an index of an existing database may use them.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(c"instr", 2, flags, position)?;
    connection.create_scalar_function(c"replace", 3, flags, replaced)?;
    let sides: [(_, Trim); 3] = [
        (c"trim", |text, set| text.trim_matches(|c| set.contains(&c))),
        (c"ltrim", |text, set| text.trim_start_matches(|c| set.contains(&c))),
        (c"rtrim", |text, set| text.trim_end_matches(|c| set.contains(&c))),
    ];
    for (name, trim) in sides {
        connection.create_scalar_function(name, 2, flags, move |context| trimmed(context, trim))?;
    }
    connection.create_scalar_function(c"unhex", 2, flags, |_| -> Result<Out> {
        Err(mistake("unhex takes one argument here"))
    })
}

/// The bytes of an argument as a text; `None` for NULL.
fn text<'a>(context: &'a Context<'_>, index: usize) -> Result<Option<Cow<'a, [u8]>>> {
    match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        ValueRef::Integer(number) => Ok(Some(number.to_string().into_bytes().into())),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(Some(bytes.into())),
        ValueRef::Real(_) => Err(mistake("a REAL has to be made a text first: CAST(… AS TEXT)")),
    }
}

fn position(context: &Context<'_>) -> Result<Out> {
    let (Some(hay), Some(needle)) = (text(context, 0)?, text(context, 1)?) else { return Ok(Out::Null) };
    let blobs = (0..2).all(|index| matches!(context.get_raw(index), ValueRef::Blob(_)));
    let Some(found) = memmem::find(&hay, &needle) else { return Ok(Out::Integer(0)) };
    // Blobs are counted in bytes, texts in characters.
    let before = if blobs { found } else { hay[..found].iter().filter(|byte| **byte & 0xC0 != 0x80).count() };
    Ok(i64::try_from(before).map_or(Out::Null, |before| Out::Integer(before + 1)))
}

fn replaced(context: &Context<'_>) -> Result<Out> {
    let (Some(hay), Some(needle), Some(with)) = (text(context, 0)?, text(context, 1)?, text(context, 2)?) else {
        return Ok(Out::Null);
    };
    if needle.first().is_none_or(|byte| *byte == 0) {
        return Ok(Out::Text(hay.into_owned()));
    }
    let finder = memmem::Finder::new(&*needle);
    let count = finder.find_iter(&hay).count();
    // Known before anything is allocated.
    let grown = with.len().saturating_sub(needle.len()).saturating_mul(count).saturating_add(hay.len());
    if u32::try_from(grown).ok().is_none_or(|size| size > MAX_VALUE) {
        return Err(too_big());
    }
    let mut out = Vec::with_capacity(grown);
    let mut rest = 0;
    for at in finder.find_iter(&hay) {
        out.extend_from_slice(&hay[rest..at]);
        out.extend_from_slice(&with);
        rest = at + needle.len();
    }
    out.extend_from_slice(&hay[rest..]);
    Ok(Out::Text(out))
}

type Trim = for<'a> fn(&'a str, &HashSet<char>) -> &'a str;

fn trimmed(context: &Context<'_>, trim: Trim) -> Result<Out> {
    let (Some(hay), Some(set)) = (text(context, 0)?, text(context, 1)?) else { return Ok(Out::Null) };
    let (Ok(hay), Ok(set)) = (std::str::from_utf8(&hay), std::str::from_utf8(&set)) else {
        return Err(mistake("only UTF-8 text can be trimmed of characters"));
    };
    Ok(Out::Text(trim(hay, &set.chars().collect()).as_bytes().to_vec()))
}

fn mistake(text: &'static str) -> Error {
    Error::UserFunctionError(text.into())
}

fn too_big() -> Error {
    Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG), None)
}
