//! Files: whose, whose only, and in what state (S13, S28).

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
};

use rusqlite::Connection;

use super::*;

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn s28_files_are_private() {
    let desk = Desk::furnished();
    assert_eq!(mode(&desk.path("")), 0o700);
    for entry in fs::read_dir(desk.path("")).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(desk.path("agent_a.db-journal").exists(), "the journal was among them");
    // One of the predecessor's.
    fs::write(desk.path("agent_old.db"), "").unwrap();
    fs::set_permissions(desk.path("agent_old.db"), fs::Permissions::from_mode(0o644)).unwrap();
    desk.query_as("old", "SELECT 1").unwrap();
    assert_eq!(mode(&desk.path("agent_old.db")), 0o600);
}

#[test]
fn s28_configuring_touches_nothing_and_starting_checks() {
    let base = tempfile::tempdir().unwrap();
    let start = |dir: &str| {
        let module = module(base.path().join(dir), &json!({}));
        assert!(!base.path().join(dir).exists() || dir == "open" || dir == "file", "{dir}");
        futures::executor::block_on(module.start())
    };
    start("dbs").unwrap();
    assert_eq!(mode(&base.path().join("dbs")), 0o700);
    assert!(start("no/dbs").is_err() && !base.path().join("no").exists());
    fs::create_dir(base.path().join("open")).unwrap();
    fs::set_permissions(base.path().join("open"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(start("open").is_err());
    fs::write(base.path().join("file"), "").unwrap();
    assert!(start("file").is_err());
    for config in [json!({ "db_path": "/x" }), json!({ "db_dir": "x" }), json!({ "db_dir": "/x", "db_path": "/y" })] {
        assert!(serde_json::from_value::<super::super::Settings>(config.clone()).is_err(), "{config}");
    }
    let settings = serde_json::from_value(json!({ "db_dir": "/x", "timeout_seconds": 61 })).unwrap();
    assert!(Sqlite::configure(settings, &Credentials::none()).is_err());
}

#[test]
fn s13_what_is_no_file_of_ones_own_is_refused() {
    let desk = Desk::furnished();
    let path = |agent: &str| desk.path(&format!("agent_{agent}.db"));
    symlink(path("b"), path("soft")).unwrap();
    fs::hard_link(path("b"), path("hard")).unwrap();
    symlink(desk.dir.path().join("new"), path("dangling")).unwrap();
    fs::create_dir(path("dir")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap();
    assert!(fifo.success());
    for agent in ["soft", "hard", "dangling", "dir", "fifo", "b"] {
        assert!(matches!(desk.query_as(agent, "SELECT * FROM secret"), Err(Mistake::Internal(_))), "{agent}");
        assert!(matches!(desk.execute_as(agent, "DELETE FROM secret"), Err(Mistake::Internal(_))), "{agent}");
    }
    assert!(!desk.dir.path().join("new").exists());
    fs::remove_file(path("hard")).unwrap();
    assert_eq!(desk.query_as("b", "SELECT v FROM secret").unwrap()["rows"], json!([{ "v": "b-private" }]));
    let nobody = Caller::new(Principal::anonymous(None));
    let answer = answer(desk.module.query("SELECT 1".into(), None, nobody, Cancelled::never()));
    assert!(matches!(answer, Err(Mistake::Denied(_))));
}

#[test]
fn s13_a_file_that_was_replaced_is_opened_anew() {
    let desk = Desk::furnished();
    desk.query("SELECT * FROM keep").unwrap();
    fs::rename(desk.path("agent_a.db"), desk.dir.path().join("away.db")).unwrap();
    assert_eq!(desk.query("SELECT count(*) AS n FROM sqlite_schema").unwrap()["rows"], json!([{ "n": 0 }]));
    desk.execute("CREATE TABLE fresh (v)").unwrap();
    fs::rename(desk.dir.path().join("away.db"), desk.path("agent_a.db")).unwrap();
    assert!(desk.query("SELECT * FROM keep").is_ok() && desk.query("SELECT * FROM fresh").is_err());
}

#[test]
fn s13_a_directory_behind_a_link_of_the_operators_works() {
    let desk = Desk::furnished();
    symlink(desk.path(""), desk.dir.path().join("link")).unwrap();
    let module = module(desk.dir.path().join("link"), &json!({}));
    assert!(module.query("SELECT * FROM keep".into(), None, caller("a"), Cancelled::never()).is_ok());
}

#[test]
fn s13_agents_never_meet() {
    let desk = Desk::new();
    let names = ["one", "two"];
    for name in names {
        desk.execute_as(name, "CREATE TABLE t (who TEXT)").unwrap();
    }
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (desk, name) = (&desk, names[thread % 2]);
            scope.spawn(move || {
                for _ in 0..50 {
                    // Four threads write to one file: a busy one is told so, and tries again.
                    while let Err(mistake) = desk.execute_as(name, &format!("INSERT INTO t VALUES ('{name}')")) {
                        assert!(matches!(&mistake, Mistake::User(text) if text.contains("busy")), "{mistake:?}");
                    }
                    let rows = desk.query_as(name, "SELECT DISTINCT who FROM t").unwrap();
                    assert_eq!(rows["rows"], json!([{ "who": name }]));
                }
            });
        }
    });
    for name in names {
        assert_eq!(desk.query_as(name, "SELECT count(*) AS n FROM t").unwrap()["rows"], json!([{ "n": 200 }]));
    }
}

#[test]
fn s27_connections_that_wait_are_few() {
    let desk = Desk::new();
    for agent in 0..100 {
        desk.query_as(&format!("a{agent}"), "SELECT 1").unwrap();
    }
    // All modules of the process share the places.
    assert!((1..=64).contains(&desk.module.engine.idle()));
    futures::executor::block_on(desk.module.stop());
    assert_eq!(desk.module.engine.idle(), 0);
}

#[test]
fn s27_a_killed_process_costs_its_own_statement_only() {
    let desk = Desk::furnished();
    let killed = Connection::open(desk.path("agent_k.db")).unwrap();
    killed.execute_batch("CREATE TABLE t (v); INSERT INTO t VALUES ('before'); PRAGMA cache_size = 5; BEGIN;").unwrap();
    killed
        .execute_batch("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT hex(zeroblob(500)) FROM n; UPDATE t SET v = 'after'")
        .unwrap();
    // As kill -9 leaves it: pages of an unfinished transaction in the file, the old ones in the journal.
    fs::copy(desk.path("agent_k.db"), desk.path("agent_hot.db")).unwrap();
    fs::copy(desk.path("agent_k.db-journal"), desk.path("agent_hot.db-journal")).unwrap();
    assert!(fs::metadata(desk.path("agent_hot.db")).unwrap().len() > 100_000, "it was spilt");
    assert_eq!(desk.query_as("hot", "SELECT v FROM t").unwrap()["rows"], json!([{ "v": "before" }]));
    assert!(desk.execute_as("hot", "INSERT INTO t VALUES ('next')").is_ok());
}

#[test]
fn a_database_in_wal_mode_is_changed_to_ours() {
    let desk = Desk::furnished();
    let wal = Connection::open(desk.path("agent_w.db")).unwrap();
    wal.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (v); INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(
        desk.query_as("w", "SELECT v FROM t").unwrap_err().text(),
        "the database is busy with another call, try again"
    );
    drop(wal);
    assert_eq!(desk.query_as("w", "SELECT v FROM t").unwrap()["rows"], json!([{ "v": 1 }]));
    desk.execute_as("w", "INSERT INTO t VALUES (2)").unwrap();
    assert!(!desk.path("agent_w.db-wal").exists());
}
