//! What the logs say of calls to modules: one record each, and nothing of what was sent.

use std::{fs, thread, time::Duration};

use serde_json::{Value, json};

use crate::harness::{Cast, Door, Era, Fixture, eventually};

const ALL: &str = "modules:\n  filesystem: {mode: write, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n  sqlite: {mode: \
                   write, config: {db_dir: \"${DOORMAN_DATA}/databases\"}}\n";
const CANARY: &str = "canary7310";

/// A call of each tool with the canary in every place where an argument can have it.
fn calls() -> Vec<(&'static str, Value)> {
    let path = format!("{CANARY}/file.txt");
    vec![
        ("doorman_status", json!({})),
        ("filesystem_write_file", json!({"path": path, "content": CANARY})),
        ("filesystem_read_file", json!({"path": path, "encoding": "utf8"})),
        ("filesystem_list_dir", json!({"path": CANARY})),
        ("filesystem_stat", json!({"path": path})),
        ("filesystem_search_files", json!({"pattern": format!("{CANARY}*"), "text": CANARY})),
        ("filesystem_move_file", json!({"source": path, "destination": format!("{CANARY}.txt")})),
        ("filesystem_delete_file", json!({"path": format!("{CANARY}.txt")})),
        ("filesystem_delete_file", json!({"path": format!("../{CANARY}")})),
        ("filesystem_stat", json!({"path": "", CANARY: CANARY})),
        ("sqlite_create_table", json!({"name": CANARY, "columns": {CANARY: "TEXT"}})),
        ("sqlite_create_table", json!({"name": CANARY, "columns": {"a": CANARY}})),
        (
            "sqlite_execute",
            json!({"sql": format!("INSERT INTO {CANARY} VALUES (:{CANARY})"), "params": {CANARY: CANARY}}),
        ),
        ("sqlite_query", json!({"sql": format!("SELECT * FROM {CANARY}")})),
        ("sqlite_query", json!({"sql": format!("SELECT {CANARY} FROM nowhere")})),
        ("sqlite_describe_table", json!({"table": CANARY})),
        ("sqlite_list_tables", json!({})),
        ("sqlite_execute", json!({"sql": format!("PRAGMA {CANARY}")})),
    ]
}

#[test]
fn s20_s22_one_record_of_each_call_and_nothing_of_what_was_sent() {
    for door in Door::ALL {
        let fixture = Fixture::reference().manifest_of("writer", ALL).tokens(&[Cast::BOB]);
        let ops = fixture.path("ops.jsonl");
        let fixture = fixture.arg("--ops-log").arg(&ops);
        let mut bob = fixture.caller(door, Cast::BOB);
        let expected = calls();
        for (tool, arguments) in &expected {
            let _ = bob.call(tool, arguments.clone());
        }
        let records = fixture.audit("call");
        let recorded: Vec<&str> = records.iter().filter_map(|record| record["capability"].as_str()).collect();
        let called: Vec<&str> = expected.iter().map(|(tool, _)| *tool).collect();
        assert_eq!(recorded, called, "{door:?}");
        let logs = [fixture.audit_text(), fs::read_to_string(ops).expect("the ops log")];
        for log in logs {
            assert!(!log.contains(CANARY), "{door:?}: {log}");
        }
    }
}

#[test]
fn s22_s27_a_statement_whose_caller_went_away_is_stopped_and_recorded() {
    let fixture = Fixture::reference()
        .manifest_of(
            "writer",
            "modules:\n  sqlite: {mode: write, config: {db_dir: \"${DOORMAN_DATA}/databases\", timeout_seconds: 60}}\n",
        )
        .tokens(&[Cast::BOB]);
    let server = fixture.serve();
    let mut bob = server.caller(Cast::BOB, Era::Modern);
    let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    let (_, wire) = bob.begin("tools/call", json!({"name": "sqlite_query", "arguments": {"sql": sql}}));
    thread::sleep(Duration::from_millis(300));
    drop(wire);
    assert_eq!(fixture.verdict("sqlite_query"), "cancelled");
    // The engine is idle again: the process uses no more time.
    eventually("rest", || {
        let before = server.process.cpu();
        thread::sleep(Duration::from_millis(200));
        (server.process.cpu() - before < Duration::from_millis(60)).then_some(())
    });
}
