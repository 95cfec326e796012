//! An agent's database, through the wire: the predecessor's cases, and what costs more than an agent may cost.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Case, cases};
use crate::harness::{Caller, Cast, Door, Era, Fixture};

const KEEPER: &str =
    "modules:\n  sqlite: {mode: write, config: {db_dir: \"${DOORMAN_DATA}/databases\", timeout_seconds: 1}}\n";

fn served() -> Fixture {
    Fixture::reference().manifest_of("reader", KEEPER).tokens(&[Cast::ALICE, Cast::CAROL])
}

/// What the predecessor's cases work on.
fn furnish(caller: &mut Caller) {
    for sql in [
        "CREATE TABLE my_table (id INTEGER PRIMARY KEY, col TEXT)",
        "CREATE TABLE keep (value TEXT)",
        "CREATE TABLE notes (value TEXT)",
        "CREATE TABLE t (v)",
        "CREATE TABLE t1 (v)",
        "INSERT INTO keep VALUES ('kept')",
    ] {
        assert!(!caller.call("sqlite_execute", json!({ "sql": sql })).is_error(), "{sql}");
    }
}

/// All that is in the database, as its own agent sees it.
fn content(caller: &mut Caller) -> Vec<Value> {
    ["SELECT * FROM sqlite_schema", "SELECT * FROM keep", "SELECT * FROM my_table", "SELECT * FROM notes"]
        .map(|sql| caller.call("sqlite_query", json!({ "sql": sql })).structured().clone())
        .to_vec()
}

#[test]
fn s14_every_case_of_the_tables() {
    for door in [Door::Stdio(Era::Session), Door::Http(Era::Modern)] {
        let fixture = served();
        let mut caller = fixture.caller(door, Cast::ALICE);
        furnish(&mut caller);
        let sql = |tool: &'static str, cases: Vec<Case>| {
            cases.into_iter().map(move |it| (tool, json!({ "sql": it.input }), it.expect))
        };
        let tables = cases("sqlite_create_table").into_iter().map(|it| ("sqlite_create_table", it.input, it.expect));
        let all = sql("sqlite_query", cases("sqlite_query"))
            .chain(sql("sqlite_execute", cases("sqlite_execute")))
            .chain(tables);
        for (tool, arguments, expect) in all {
            let before = content(&mut caller);
            let reply = caller.call(tool, arguments.clone());
            assert_eq!(!reply.is_error(), expect == "allow", "{door:?} {tool} {arguments}: {reply:?}");
            if expect == "deny" {
                assert_eq!(content(&mut caller), before, "{door:?} {tool} {arguments}");
            }
            // S21: neither the folder nor the file is told.
            assert!(!reply.everything().contains("databases") && !reply.everything().contains("agent_alice"));
        }
        let files: Vec<String> = fs::read_dir(fixture.path("data/databases"))
            .expect("reads")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.contains("-journal"))
            .collect();
        assert_eq!(files, ["agent_alice.db"]);
    }
}

#[test]
fn s14_s27_a_statement_without_end_costs_its_own_call() {
    let fixture = served();
    let server = fixture.serve();
    let began = Instant::now();
    thread::scope(|scope| {
        let endless = scope.spawn(|| {
            let mut alice = server.caller(Cast::ALICE, Era::Modern);
            let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
            alice.call("sqlite_query", json!({ "sql": sql }))
        });
        let mut carol = server.caller(Cast::CAROL, Era::Modern);
        while !endless.is_finished() {
            let one = carol.call("sqlite_query", json!({"sql": "SELECT 1 AS one"}));
            assert_eq!(one.structured()["rows"][0]["one"], 1);
            thread::sleep(Duration::from_millis(20));
        }
        let reply = endless.join().expect("an answer");
        assert!(reply.is_error() && reply.text().contains("took longer than 1 s"), "{reply:?}");
    });
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn s14_s27_a_row_of_expensive_functions_is_refused_or_ends() {
    let mut alice = served().caller(Door::Stdio(Era::Modern), Cast::ALICE);
    let large = "WITH a(x) AS MATERIALIZED (SELECT hex(zeroblob(500000)))";
    let pattern = "*".to_owned() + &"[0-9]".repeat(12) + "1";
    let list = |one: String, count: usize| vec![one; count].join(", ");
    for columns in [
        list(format!("x GLOB '{pattern}'"), 100),
        list("x LIKE '%0000000001'".into(), 100),
        list("upper(x)".into(), 400),
    ] {
        let reply = alice.call("sqlite_query", json!({"sql": format!("{large} SELECT {columns} FROM a")}));
        assert_eq!(reply.verdict(), "denied", "{reply:?}");
    }
    let began = Instant::now();
    for columns in
        [list(format!("x GLOB '{pattern}'"), 8), list("length(upper(x))".into(), 90), list("x + 1".into(), 400)]
    {
        let _ = alice.call("sqlite_query", json!({"sql": format!("{large} SELECT {columns} FROM a")}));
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let long = format!("SELECT '{}'", "x".repeat(70_000));
    assert!(alice.call("sqlite_query", json!({ "sql": long })).text().contains("too big"));
    assert!(alice.call("sqlite_describe_table", json!({"table": "pragma_database_list"})).is_error());
}

#[test]
fn s14_memory_is_bounded() {
    let server = served().serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    let before = server.process.memory();
    for sql in [
        "SELECT randomblob(1000000000)",
        "SELECT zeroblob(1000000000)",
        "SELECT printf('%.*c', 1000000000, 'x')",
        "SELECT length(group_concat(randomblob(1000000))) FROM generate_series(1, 100000)",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000) SELECT randomblob(100000) AS b FROM c \
         ORDER BY b",
        "WITH RECURSIVE c(x) AS (SELECT randomblob(1000000) UNION ALL SELECT randomblob(1000000) FROM c) SELECT count(*) FROM c",
    ] {
        let reply = alice.call("sqlite_query", json!({ "sql": sql }));
        assert!(reply.is_error(), "{sql}: {reply:?}");
    }
    let grown = server.process.peak_memory().saturating_sub(before);
    assert!(grown < 400 << 20, "grown by {} MiB", grown >> 20);
    assert!(!alice.call("sqlite_query", json!({"sql": "SELECT 1"})).is_error());
}

#[test]
fn s14_s28_one_private_file_for_each_agent() {
    let fixture = served();
    let server = fixture.serve();
    thread::scope(|scope| {
        for cast in [Cast::ALICE, Cast::CAROL] {
            for lane in 0..3 {
                let server = server.clone();
                scope.spawn(move || {
                    let mut caller = server.caller(cast, if lane == 0 { Era::Session } else { Era::Modern });
                    let columns = json!({"who": "TEXT", "lane": "INTEGER"});
                    let made = caller.call("sqlite_create_table", json!({"name": "log", "columns": columns}));
                    assert!(!made.is_error(), "{made:?}");
                    for _ in 0..15 {
                        let insert = json!({"sql": "INSERT INTO log VALUES (?, ?)", "params": [cast.id, lane]});
                        let wrote = caller.call("sqlite_execute", insert);
                        assert!(!wrote.is_error(), "{wrote:?}");
                    }
                });
            }
        }
    });
    for cast in [Cast::ALICE, Cast::CAROL] {
        let mut caller = server.caller(cast, Era::Modern);
        let rows = caller.call("sqlite_query", json!({"sql": "SELECT who, count(*) AS n FROM log GROUP BY who"}));
        assert_eq!(rows.structured()["rows"], json!([{"who": cast.id, "n": 45}]));
        let path = fixture.path(&format!("data/databases/agent_{}.db", cast.id));
        assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }
    let mode = fs::metadata(fixture.path("data/databases")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn s16_values_are_bound() {
    let mut alice = served().caller(Door::Http(Era::Session), Cast::ALICE);
    furnish(&mut alice);
    let hostile = "'; DROP TABLE keep; --";
    let wrote = alice.call("sqlite_execute", json!({"sql": "INSERT INTO keep VALUES (:v)", "params": {"v": hostile}}));
    assert_eq!(wrote.structured()["rows_affected"], 1);
    let read =
        alice.call("sqlite_query", json!({"sql": "SELECT value FROM keep WHERE value = ?", "params": [hostile]}));
    assert_eq!(read.structured()["rows"], json!([{ "value": hostile }]));
    let described = alice.call("sqlite_describe_table", json!({"table": "keep') UNION SELECT * FROM keep --"}));
    assert!(described.is_error());
    assert_eq!(
        alice.call("sqlite_describe_table", json!({"table": "keep"})).structured()["columns"][0]["name"],
        "value"
    );
    let tables = alice.call("sqlite_list_tables", json!({}));
    assert_eq!(tables.structured()["result"], json!(["keep", "my_table", "notes", "t", "t1"]));
}

#[test]
fn s19_what_a_database_holds_is_redacted() {
    let mut alice = served().caller(Door::Stdio(Era::Modern), Cast::ALICE);
    for sql in [
        "CREATE TABLE people (name TEXT, email TEXT, password TEXT)",
        "INSERT INTO people VALUES ('Ada', 'ada@example.com', 'hunter2')",
    ] {
        assert!(!alice.call("sqlite_execute", json!({ "sql": sql })).is_error());
    }
    let rows = alice.call("sqlite_query", json!({"sql": "SELECT * FROM people"}));
    let expected = json!([{"name": "Ada", "email": "«redacted:email»", "password": "«redacted:key»"}]);
    assert_eq!(rows.structured()["rows"], expected);
}
