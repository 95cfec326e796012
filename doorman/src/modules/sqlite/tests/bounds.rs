//! What a statement may cost (S27, N20).

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    call::{Call, StateTable},
    input::Silent,
};

const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

#[test]
fn s27_an_endless_statement_ends_at_its_deadline() {
    let desk = Desk::with(&json!({ "timeout_seconds": 1 }));
    desk.execute("CREATE TABLE t (v)").unwrap();
    let joins = format!("SELECT count(*) FROM {}", ["json_each('[1,2,3,4,5,6,7,8,9,10]')"; 20].join(", "));
    for sql in [format!("{ENDLESS} SELECT max(i) FROM n"), joins] {
        let begun = Instant::now();
        let answer = desk.query(&sql);
        assert!(matches!(&answer, Err(Mistake::User(text)) if text.contains("longer than 1 s")), "{sql}: {answer:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{sql}: {:?}", begun.elapsed());
    }
    let answer = desk.execute(&format!("{ENDLESS} INSERT INTO t SELECT i FROM n"));
    assert!(matches!(&answer, Err(Mistake::User(text)) if text.contains("it changed nothing")), "{answer:?}");
    assert_eq!(desk.query("SELECT count(*) AS n FROM t").unwrap()["rows"], json!([{ "n": 0 }]));
    assert!(desk.execute("INSERT INTO t VALUES (1)").is_ok(), "no transaction is left");
}

#[test]
fn s27_a_cancelled_statement_ends() {
    let desk = Desk::with(&json!({ "timeout_seconds": 60 }));
    let token = CancellationToken::new();
    let call = Call {
        principal: Arc::new(Principal::anonymous(None)),
        state: Arc::new(StateTable::default()),
        module: None,
        cancelled: token.clone(),
        outlet: Arc::new(Silent),
        budget: Budget::default(),
        trace: Default::default(),
    };
    let cancelled = Cancelled::from_call(&call).expect("an extractor");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let running =
            scope.spawn(|| desk.module.query(format!("{ENDLESS} SELECT max(i) FROM n"), None, caller("a"), cancelled));
        std::thread::sleep(Duration::from_millis(200));
        token.cancel();
        assert!(running.join().expect("no panic").is_err());
    });
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

/// One instruction of the engine has no deadline; the largest values must not keep it for long.
#[test]
fn s27_no_single_function_takes_long() {
    let desk = Desk::with(&json!({ "timeout_seconds": 2 }));
    let long = "replace(hex(zeroblob(1000000)), '0', 'a')";
    for call in [
        format!("instr({long}, substr({long}, 1, 1000000) || 'b')"),
        format!("length(replace({long}, substr({long}, 1, 1000000) || 'b', ''))"),
        format!("length(trim({long}, 'bcdefghijklmnopqrstuvwxyz'))"),
        format!("length(rtrim({long}, replace(hex(zeroblob(500000)), '0', 'b') || 'a'))"),
        format!("{long} LIKE '%{}b'", "a".repeat(120)),
        format!("{long} GLOB '*{}b'", "a*".repeat(50)),
        format!("length(unhex({long}))"),
    ] {
        let begun = Instant::now();
        let answer = desk.query(&format!("SELECT {call} AS v"));
        assert!(begun.elapsed() < Duration::from_secs(8), "{call}: {:?} {answer:?}", begun.elapsed());
    }
    let answer = desk.query(&format!("SELECT 1 WHERE 'a' LIKE '{}'", "a".repeat(129)));
    assert!(matches!(&answer, Err(Mistake::User(text)) if text.contains("too complex")), "{answer:?}");
}

#[test]
fn s27_results_are_bounded_in_rows_and_bytes() {
    let desk = Desk::with(&json!({ "max_rows": 3, "max_result_bytes": 1000 }));
    let rows = |sql: &str| desk.query(sql).map(|it| (it["rows"].as_array().map(Vec::len), it["truncated"].clone()));
    assert_eq!(rows("VALUES (1), (2), (3)"), Ok((Some(3), json!(false))));
    assert_eq!(rows("VALUES (1), (2), (3), (4)"), Ok((Some(3), json!(true))));
    assert_eq!(rows(&format!("{ENDLESS} SELECT i FROM n")), Ok((Some(3), json!(true))), "the rest isn't even computed");
    assert_eq!(rows("SELECT hex(zeroblob(200)) FROM (VALUES (1), (2), (3))"), Ok((Some(2), json!(true))));
    for sql in
        ["SELECT hex(zeroblob(500))", "SELECT zeroblob(800)", "SELECT char(1,1,1,1,1) || printf('%.*c', 200, char(7))"]
    {
        assert!(matches!(rows(sql), Err(Mistake::User(text)) if text.contains("a single row")), "{sql}");
    }
    desk.execute("CREATE TABLE t (v)").unwrap();
    let answer = desk.execute("INSERT INTO t VALUES (1), (2), (3), (4), (5) RETURNING v").unwrap();
    assert_eq!(
        (answer["rows_affected"].clone(), answer["rows"].as_array().map(Vec::len), answer["truncated"].clone()),
        (json!(5), Some(3), json!(true))
    );
    assert_eq!(rows("SELECT count(*) FROM t WHERE v = 5"), Ok((Some(1), json!(false))));
}

#[test]
fn s27_a_list_of_tables_is_bounded() {
    let desk = Desk::with(&json!({ "max_rows": 2 }));
    let list = |desk: &Desk| answer(desk.module.list_tables(caller("a"), Cancelled::never()));
    for (table, fits) in [("a", true), ("b", true), ("c", false)] {
        desk.execute(&format!("CREATE TABLE {table} (v)")).unwrap();
        assert_eq!(list(&desk).is_ok(), fits, "{table}");
    }
}

#[test]
fn s27_a_database_grows_to_its_bound() {
    let desk = Desk::with(&json!({ "max_database_bytes": "512KiB" }));
    desk.execute("CREATE TABLE t (v)").unwrap();
    let answer = desk.execute("INSERT INTO t VALUES (zeroblob(1000000))");
    assert!(
        matches!(&answer, Err(Mistake::User(text)) if text.contains("full") && text.contains("512 KiB")),
        "{answer:?}"
    );
    while desk.execute("INSERT INTO t VALUES (zeroblob(100000))").is_ok() {}
    assert!(std::fs::metadata(desk.path("agent_a.db")).unwrap().len() <= 512 << 10);
    assert!(desk.execute("DELETE FROM t").is_ok() && desk.execute("INSERT INTO t VALUES (zeroblob(100000))").is_ok());
}

#[test]
fn s27_statements_have_a_size() {
    let desk = Desk::new();
    let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    let nested = format!("SELECT {}1{}", "abs(".repeat(500), ")".repeat(500));
    let compound = ["SELECT 1"; 300].join(" UNION ALL ");
    let wide = format!("SELECT {}", ["1"; 600].join(", "));
    let calls = format!("SELECT max({})", ["1"; 101].join(", "));
    let long = format!("SELECT 1 -- {}", "x".repeat(64 << 10));
    for sql in [deep, nested, compound, wide, calls, long, "SELECT ?1001".to_owned()] {
        assert!(matches!(desk.query(&sql), Err(Mistake::User(_))), "{:.60}: {:?}", sql, desk.query(&sql));
    }
    let many = format!("SELECT count(*) AS n FROM (VALUES {})", vec!["(1, 'a', 2.5)"; 4_000].join(", "));
    assert_eq!(desk.query(&many).unwrap()["rows"], json!([{ "n": 4_000 }]));
    // Each twice what it had before: the engine gives up, or the clock does, while it is still prepared.
    let doubled =
        (1..40).map(|n| format!("v{n} AS (SELECT a.x FROM v{0} a, v{0} b)", n - 1)).collect::<Vec<_>>().join(", ");
    let begun = Instant::now();
    assert!(desk.query(&format!("WITH v0 AS (SELECT 1 AS x), {doubled} SELECT * FROM v39")).is_err());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

/// Runs in a process of its own: what is measured, and the bound on the heap, are the process's.
#[test]
fn s27_memory_is_bounded() {
    const CHILD: &str = "DOORMAN_TEST_SQLITE_MEMORY";
    if std::env::var_os(CHILD).is_some() {
        return hungry();
    }
    let test = std::env::current_exe().unwrap();
    let name = concat!(module_path!(), "::s27_memory_is_bounded").split_once("::").unwrap().1;
    let child = Command::new(test).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&child.stderr));
}

fn hungry() {
    let desk = Desk::with(&json!({ "timeout_seconds": 5 }));
    desk.execute("CREATE TABLE t (v)").unwrap();
    desk.query("SELECT 1").unwrap();
    let before = status("VmRSS:");
    let kilobyte = "hex(zeroblob(500))";
    for sql in [
        "SELECT randomblob(1000000000)".to_owned(),
        "SELECT zeroblob(1000000000)".to_owned(),
        "SELECT length(zeroblob(16000000) || zeroblob(16000000))".to_owned(),
        "SELECT printf('%.*c', 1000000000, 'x')".to_owned(),
        "SELECT format('%1000000000d', 1)".to_owned(),
        "SELECT replace(hex(zeroblob(8000000)), '0', hex(zeroblob(8000000)))".to_owned(),
        format!("{ENDLESS} SELECT group_concat({kilobyte}) FROM n"),
        format!("{ENDLESS} SELECT json_group_array({kilobyte}) FROM n"),
        format!("{ENDLESS} SELECT i || {kilobyte} AS s FROM n ORDER BY s"),
        format!("{ENDLESS} SELECT count(DISTINCT i || {kilobyte}) FROM n"),
        format!("{ENDLESS}, m AS MATERIALIZED (SELECT i || {kilobyte} AS s FROM n) SELECT count(*) FROM m a, m b"),
        "SELECT count(*) FROM json_tree('[' || replace(hex(zeroblob(4000000)), '0', '1,') || '1]')".to_owned(),
        format!("{ENDLESS} SELECT zeroblob(10000000) AS z FROM n ORDER BY random()"),
    ] {
        let answer = desk.query(&sql);
        assert!(matches!(&answer, Err(Mistake::User(_)) | Ok(_)), "{sql}: {answer:?}");
        let grown = status("VmHWM:").saturating_sub(before);
        assert!(grown < 300 * 1024, "{sql}: {grown} KiB more, {answer:?}");
    }
    let answer = desk.execute(&format!("{ENDLESS} INSERT INTO t SELECT {kilobyte} FROM n RETURNING v"));
    assert!(answer.is_err() && desk.query("SELECT count(*) AS n FROM t").unwrap()["rows"] == json!([{ "n": 0 }]));
    assert!(status("VmHWM:").saturating_sub(before) < 300 * 1024);
}

/// A figure of this process in KiB.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
