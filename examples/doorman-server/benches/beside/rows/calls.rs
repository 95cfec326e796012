//! Calls of tools on stdio, one after the other: how many a second, and what each costs the server.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Predecessor, theirs};
use crate::{
    Options, Outcome,
    numbers::median,
    stdio::Session,
    table::{Row, Unit},
    world::Program,
};

/// The arguments of a tool in a call of that number.
type Arguments = fn(u64) -> Value;

/// A kind of call, with the arguments that each program takes for the same.
struct Kind {
    what: &'static str,
    tool: &'static str,
    own: Arguments,
    other: Arguments,
}

const KINDS: [Kind; 5] = [
    Kind { what: "read a file of 4 KiB", tool: "filesystem_read_file", own: file, other: file },
    Kind { what: "write a file of 4 KiB", tool: "filesystem_write_file", own: content, other: content },
    Kind { what: "query 10 rows by an index, bound", tool: "sqlite_query", own: bound, other: literal },
    Kind { what: "query 10 rows by an index, literal", tool: "sqlite_query", own: literal, other: literal },
    Kind { what: "insert a row", tool: "sqlite_execute", own: insert, other: insert },
];

/// How many groups of 10 rows the table has.
const GROUPS: u64 = 100;

fn file(_: u64) -> Value {
    json!({"path": "notes.txt"})
}

fn content(number: u64) -> Value {
    let line = format!("{number:010} a line of a text that an agent writes, of 64 bytes\n");
    json!({"path": "notes.txt", "content": format!("{line:.<64}").repeat(64)})
}

fn bound(number: u64) -> Value {
    json!({"sql": "SELECT id, part, label, amount FROM items WHERE part = ?", "params": [number % GROUPS]})
}

/// The predecessor binds nothing.
fn literal(number: u64) -> Value {
    json!({"sql": format!("SELECT id, part, label, amount FROM items WHERE part = {}", number % GROUPS)})
}

fn insert(number: u64) -> Value {
    json!({"sql": format!("INSERT INTO log (line) VALUES ('line {number}')")})
}

pub(crate) fn rows(options: &Options, doorman: &Program, predecessor: &Predecessor) -> Outcome<Vec<Row>> {
    let mut own = Contender::new(doorman)?;
    let mut other = predecessor.as_ref().map(Contender::new).map_err(|why| why.clone());
    let mut rows = Vec::new();
    for kind in &KINDS {
        let mut contenders = vec![(&mut own, kind.own)];
        match &mut other {
            Ok(Ok(other)) => contenders.push((other, kind.other)),
            Ok(Err(error)) => return Err(error.to_string().into()),
            Err(_) => {}
        }
        let mut seen = in_turn(&mut contenders, kind.tool, options)?.into_iter();
        let own = seen.next().ok_or("no contender")?;
        let other = seen.next().ok_or_else(|| predecessor.as_ref().err().cloned().unwrap_or_default());
        let beside = |figure: fn(&Seen) -> f64| theirs(other.as_ref().map(figure));
        rows.push(Row::new(kind.what, own.pace, Unit::CallsPerSecond).beside(beside(|it| it.pace)));
        rows.push(Row::new("  CPU of the server, each", own.cpu, Unit::Micros).beside(beside(|it| it.cpu)));
    }
    Ok(rows)
}

/// A server, and how many calls it has had.
struct Contender {
    session: Session,
    calls: u64,
}

impl Contender {
    /// Starts it, and gives it a file and tables through its own tools.
    fn new(program: &Program) -> Outcome<Self> {
        let (mut session, _) = Session::start(program)?;
        session.call("filesystem_write_file", &content(0))?;
        let items = json!({"id": "INTEGER PRIMARY KEY", "part": "INTEGER NOT NULL", "label": "TEXT NOT NULL", "amount": "REAL NOT NULL"});
        session.call("sqlite_create_table", &json!({"name": "items", "columns": items}))?;
        let log = json!({"id": "INTEGER PRIMARY KEY", "line": "TEXT"});
        session.call("sqlite_create_table", &json!({"name": "log", "columns": log}))?;
        session.call("sqlite_execute", &json!({"sql": "CREATE INDEX items_by_part ON items (part)"}))?;
        for part in 0..GROUPS {
            let values: Vec<String> = (0..10).map(|i| format!("({part}, 'item {part}/{i}', {i}.25)")).collect();
            let sql = format!("INSERT INTO items (part, label, amount) VALUES {}", values.join(", "));
            session.call("sqlite_execute", &json!({"sql": sql}))?;
        }
        for (tool, arguments, expected) in [
            ("filesystem_read_file", file(0), "a line of a text that an agent writes"),
            ("sqlite_query", literal(7), "item 7/9"),
        ] {
            let answer = session.call(tool, &arguments)?;
            if !answer.contains(expected) {
                return Err(format!("expected {expected} in {answer}").into());
            }
        }
        Ok(Self { session, calls: 0 })
    }

    fn round(&mut self, tool: &str, arguments: Arguments, time: Duration) -> Outcome<Seen> {
        let (before, began) = (self.session.cpu()?, Instant::now());
        let mut calls = 0_u32;
        while began.elapsed() < time {
            self.session.call(tool, &arguments(self.calls))?;
            self.calls += 1;
            calls += 1;
        }
        let (wall, calls) = (began.elapsed(), f64::from(calls));
        let cpu = self.session.cpu()? - before;
        Ok(Seen { pace: calls / wall.as_secs_f64(), cpu: cpu.as_secs_f64() * 1e6 / calls })
    }
}

/// Calls a second, and µs of CPU time for each.
struct Seen {
    pace: f64,
    cpu: f64,
}

/// Rounds in turn (A B A B), so that whatever else the machine does meets all, after one that isn't counted.
fn in_turn(contenders: &mut [(&mut Contender, Arguments)], tool: &str, options: &Options) -> Outcome<Vec<Seen>> {
    let (rounds, time) = if options.quick { (1, 150) } else { (7, 600) };
    let mut seen: Vec<Vec<Seen>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..=rounds {
        for ((contender, arguments), seen) in contenders.iter_mut().zip(&mut seen) {
            let found = contender.round(tool, *arguments, Duration::from_millis(time))?;
            if round > 0 {
                seen.push(found);
            }
        }
    }
    let middle = |rounds: Vec<Seen>| Seen {
        pace: median(rounds.iter().map(|round| round.pace)),
        cpu: median(rounds.iter().map(|round| round.cpu)),
    };
    Ok(seen.into_iter().map(middle).collect())
}
