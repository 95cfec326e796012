//! What an agent's SQL may do (S14).

use rusqlite::Connection;

use super::{super::engine::Kind, *};

/// Refused by both tools, in words that name the kind, and nothing on the disk is another.
#[track_caller]
fn refused(desk: &Desk, sql: &str, words: &str) {
    let before = desk.content();
    for (tool, answer) in [("query", desk.query(sql)), ("execute", desk.execute(sql))] {
        match answer {
            // The engine asks first whether the schema may be written to.
            Err(Mistake::Denied(text)) if tool == "query" && text.contains("only reading") => {}
            Err(Mistake::Denied(text)) => assert!(text.contains(words), "{tool} {sql}: {text}"),
            other => panic!("{tool} {sql}: {other:?}"),
        }
    }
    assert!(before == desk.content(), "{sql} changed something");
}

#[test]
fn s14_each_kind_of_statement_that_is_not_allowed() {
    let desk = Desk::furnished();
    for (words, statements) in [
        ("a transaction", &["BEGIN", "BEGIN IMMEDIATE", "COMMIT", "END", "ROLLBACK"][..]),
        ("a savepoint", &["SAVEPOINT s", "RELEASE s", "ROLLBACK TO s"]),
        (
            "PRAGMA",
            &[
                "PRAGMA user_version",
                "PRAGMA user_version = 7",
                "PRAGMA\nwritable_schema=ON",
                "PRAGMA table_info(keep)",
            ],
        ),
        (
            "PRAGMA",
            &[
                "PRAGMA table_xinfo(keep)",
                "PRAGMA index_list(keep)",
                "PRAGMA journal_mode = OFF",
                "PRAGMA temp_store_directory = '/tmp'",
                "EXPLAIN PRAGMA user_version",
            ],
        ),
        ("ATTACH", &["ATTACH DATABASE '/etc/passwd' AS evil", "ATTACH ':memory:' AS m", "ATTACH '' AS m"]),
        ("DETACH", &["DETACH main", "DETACH DATABASE x"]),
        ("DROP", &["DROP TABLE keep", "DROP TABLE IF EXISTS keep", "DROP INDEX my_index"]),
        ("REINDEX", &["REINDEX", "REINDEX my_index", "REINDEX my_table"]),
        ("ANALYZE", &["ANALYZE", "ANALYZE keep"]),
        (
            "temporary",
            &[
                "CREATE TEMP TABLE x (v)",
                "CREATE TEMP VIEW x AS SELECT 1",
                "CREATE TABLE temp.x (v)",
                "CREATE TABLE temp.x AS SELECT 1",
            ],
        ),
        ("temporary", &["CREATE TEMP TRIGGER x AFTER INSERT ON keep BEGIN SELECT 1; END"]),
        ("CREATE TRIGGER", &["CREATE TRIGGER x AFTER INSERT ON keep BEGIN SELECT 1; END"]),
        ("CREATE VIEW", &["CREATE VIEW x AS SELECT 1"]),
        (
            "CREATE VIRTUAL TABLE",
            &["CREATE VIRTUAL TABLE x USING fts5(v)", "CREATE VIRTUAL TABLE x USING rtree(a, b, c)"],
        ),
        ("CREATE VIRTUAL TABLE", &["CREATE VIRTUAL TABLE x USING dbstat"]),
    ] {
        for sql in statements {
            refused(&desk, sql, words);
        }
    }
    for sql in ["VACUUM", "VACUUM INTO '/tmp/x.db'", "VACUUM main INTO 'x.db'"] {
        let before = desk.content();
        assert!(matches!(desk.query(sql), Err(Mistake::Denied(_))), "{sql}");
        assert!(matches!(desk.execute(sql), Err(Mistake::Denied(text)) if text.contains("VACUUM")), "{sql}");
        assert!(before == desk.content(), "{sql}");
    }
    for sql in ["ALTER TABLE my_table DROP COLUMN col", "ALTER TABLE keep DROP COLUMN value"] {
        assert!(matches!(desk.execute(sql), Err(Mistake::Denied(_) | Mistake::User(_))), "{sql}");
    }
    desk.execute("ALTER TABLE t1 ADD COLUMN w").unwrap();
    assert_eq!(desk.execute("ALTER TABLE t1 DROP COLUMN w"), Err(Mistake::Denied("DROP is not allowed here".into())));
}

#[test]
fn s14_functions_and_tables_that_reach_out() {
    let desk = Desk::furnished();
    for function in [
        "load_extension('/tmp/x.so')",
        "load_extension('/tmp/x.so', 'f')",
        "LOAD_EXTENSION('x')",
        "sqlite_log(1, 'x')",
        "json_patch('{}', '{}')",
        "sqlite_compileoption_get(1)",
        "fts3_tokenizer('simple')",
        "rtreecheck('t')",
    ] {
        for sql in [format!("SELECT {function}"), format!("SELECT 1 WHERE {function}"), format!("VALUES ({function})")]
        {
            assert!(matches!(desk.query(&sql), Err(Mistake::Denied(text)) if text.contains("the function")), "{sql}");
        }
        let sql = format!("INSERT INTO keep VALUES ({function})");
        assert!(matches!(desk.execute(&sql), Err(Mistake::Denied(_))), "{sql}");
    }
    // There is nothing of these names to refuse.
    for sql in ["SELECT readfile('/etc/passwd')", "SELECT writefile('x', 'y')", "SELECT edit('x')"] {
        assert!(
            matches!(desk.query(sql), Err(Mistake::User(text)) if text.starts_with("no such function")),
            "{sql}: {:?}",
            desk.query(sql)
        );
    }
    // Those that ALTER TABLE calls inside.
    for call in ["sqlite_rename_test(1, 2, 3, 4, 5, 6, 7)", "sqlite_drop_column(1, 2, 3)", "sqlite_fail('x', 1)"] {
        assert!(desk.query(&format!("SELECT {call}")).is_err(), "{call}");
        let answer = desk.execute(&format!("INSERT INTO keep VALUES ({call})"));
        assert!(matches!(&answer, Err(Mistake::User(_) | Mistake::Denied(_))), "{call}: {answer:?}");
    }
    for sql in [
        "SELECT * FROM pragma_table_info('keep')",
        "SELECT * FROM pragma_database_list",
        "SELECT * FROM PRAGMA_user_version",
        "SELECT * FROM pragma_function_list()",
        "SELECT 1 WHERE EXISTS (SELECT * FROM pragma_table_xinfo('keep'))",
        "WITH x AS (SELECT * FROM pragma_journal_mode) SELECT * FROM x",
        "SELECT * FROM dbstat",
    ] {
        assert!(matches!(desk.query(sql), Err(Mistake::Denied(_))), "{sql}: {:?}", desk.query(sql));
    }
}

#[test]
fn s14_the_schema_is_written_by_the_engine_alone() {
    let desk = Desk::furnished();
    desk.execute("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, v)").unwrap();
    let before = desk.content();
    for table in ["sqlite_schema", "sqlite_master", "SQLITE_MASTER", "main.sqlite_schema", "sqlite_temp_schema"] {
        for sql in [
            format!("UPDATE {table} SET sql = 'x'"),
            format!("DELETE FROM {table}"),
            format!("INSERT INTO {table} VALUES ('table', 'x', 'x', 2, 'CREATE TABLE x (v)')"),
        ] {
            let answer = desk.execute(&sql);
            assert!(matches!(&answer, Err(Mistake::User(_) | Mistake::Denied(_))), "{sql}: {answer:?}");
        }
    }
    for sql in ["DELETE FROM sqlite_sequence", "UPDATE sqlite_sequence SET seq = 7", "CREATE TABLE sqlite_x (v)"] {
        assert!(desk.execute(sql).is_err(), "{sql}");
    }
    assert!(before == desk.content());
    assert!(desk.query("SELECT * FROM sqlite_schema").is_ok());
}

#[test]
fn s14_what_is_allowed_works() {
    let desk = Desk::furnished();
    for sql in [
        "SELECT 1 UNION SELECT 2 INTERSECT SELECT 2 EXCEPT SELECT 3",
        "VALUES (1, 'a'), (2, 'b')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) SELECT sum(i) FROM n",
        "EXPLAIN SELECT * FROM my_table",
        "EXPLAIN QUERY PLAN SELECT * FROM my_table WHERE col = 'x'",
        "SELECT col, row_number() OVER (ORDER BY id), count(*) FILTER (WHERE id > 1) OVER () FROM my_table",
        "SELECT key, value ->> '$.a' FROM json_each('[{\"a\": 1}]')",
        "SELECT date('now'), current_timestamp, strftime('%Y', 0, 'unixepoch'), upper(trim(col)) FROM my_table",
        "SELECT * FROM my_table WHERE col LIKE 'o%' AND col GLOB 'o*' AND col IN (SELECT col FROM my_table)",
        "-- a comment\nSELECT /* another */ 1; ; /* and */ -- more",
        " ;; SELECT 1",
    ] {
        assert!(desk.query(sql).is_ok(), "{sql}: {:?}", desk.query(sql));
    }
    for (sql, affected, id) in [
        ("INSERT INTO my_table (col) VALUES ('x'), ('y')", 2, Some(4)),
        ("INSERT OR IGNORE INTO my_table VALUES (1, 'again')", 0, None),
        ("REPLACE INTO my_table VALUES (9, 'nine')", 1, Some(9)),
        ("UPDATE my_table SET col = col || '!'", 5, None),
        ("INSERT INTO my_table VALUES (9, 'n') ON CONFLICT DO UPDATE SET col = excluded.col", 1, None),
        ("WITH x AS (SELECT 9 AS id) DELETE FROM my_table WHERE id IN (SELECT id FROM x)", 1, None),
        ("CREATE TABLE made AS SELECT * FROM my_table", 0, None),
        (
            "CREATE TABLE IF NOT EXISTS keyed (k TEXT PRIMARY KEY, v REFERENCES my_table (id) ON DELETE CASCADE) WITHOUT ROWID",
            0,
            None,
        ),
        ("INSERT INTO keyed VALUES ('k', 1)", 1, None),
        ("DELETE FROM my_table WHERE id = 1", 1, None),
        ("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, v CHECK (length(v) < 9) UNIQUE)", 0, None),
        ("INSERT INTO counted (v) VALUES ('v')", 1, Some(1)),
        ("CREATE UNIQUE INDEX IF NOT EXISTS by_v ON counted (lower(v)) WHERE v IS NOT NULL", 0, None),
        ("ALTER TABLE counted ADD COLUMN w TEXT DEFAULT 'w'", 0, None),
        ("ALTER TABLE counted RENAME COLUMN w TO x", 0, None),
        ("ALTER TABLE counted RENAME TO numbered", 0, None),
    ] {
        let answer = desk.execute(sql).unwrap_or_else(|mistake| panic!("{sql}: {mistake:?}"));
        let mut expected = json!({ "rows_affected": affected });
        if let Some(id) = id {
            expected["last_insert_id"] = id.into();
        }
        assert_eq!(answer, expected, "{sql}");
    }
    assert_eq!(desk.query("SELECT count(*) AS n FROM keyed").unwrap()["rows"], json!([{ "n": 0 }]), "the cascade");
    assert_eq!(
        desk.query("SELECT name, seq FROM sqlite_sequence").unwrap()["rows"],
        json!([{ "name": "numbered", "seq": 1 }])
    );
    let answer = desk.execute("UPDATE my_table SET col = 'z' RETURNING id, col").unwrap();
    assert_eq!(
        (answer["rows_affected"].clone(), answer["rows"][0].clone()),
        (json!(3), json!({ "id": 2, "col": "z" }))
    );
}

#[test]
fn s14_a_reading_tool_only_reads_and_the_other_says_which_to_use() {
    let desk = Desk::furnished();
    let before = desk.content();
    for sql in [
        "INSERT INTO keep VALUES (1) RETURNING *",
        "UPDATE keep SET value = 1",
        "EXPLAIN DELETE FROM keep",
        "CREATE INDEX x ON keep (value)",
    ] {
        assert_eq!(desk.query(sql), Err(Mistake::Denied("only reading is allowed here: use execute".into())), "{sql}");
    }
    for sql in ["SELECT 1", "VALUES (1)", "EXPLAIN SELECT 1"] {
        assert_eq!(desk.execute(sql), Err(Mistake::User("this statement only reads: use query".into())), "{sql}");
    }
    assert!(
        desk.execute("EXPLAIN INSERT INTO keep VALUES (1)").is_ok(),
        "it says what would be done, and does nothing"
    );
    // The authorizer alone says so, before the statement is looked at.
    let own = desk.module.files.for_agent(&Agent::new("a", "t").expect("legal"));
    let read = |sql| {
        let prepared = desk.module.engine.run(&own, Kind::Read, &Cancelled::never(), |it| it.prepare(sql).map(drop));
        answer(prepared)
    };
    assert!(matches!(read("DELETE FROM keep"), Err(Mistake::Denied(_))));
    assert!(before == desk.content());
}

#[test]
fn s14_one_statement_however_it_is_written() {
    let desk = Desk::furnished();
    let before = desk.content();
    for sql in [
        "SELECT 1; SELECT 2",
        "SELECT 1;\u{0b}DELETE FROM keep",
        "SELECT 1; -- x\nDELETE FROM keep",
        "SELECT 1 /* ; */; DELETE FROM keep; --",
        "SELECT ';' ; /* ' */ DELETE FROM keep /* ' */",
        "SELECT 1; nonsense",
        "SELECT 1; PRAGMA user_version",
        "SELECT 1;\u{feff}DELETE FROM keep",
        "SELECT 1;;;;;VALUES (2)",
    ] {
        for answer in [desk.query(sql), desk.execute(sql)] {
            assert!(
                matches!(&answer, Err(Mistake::Denied(text)) if text.contains("one at a time")),
                "{sql}: {answer:?}"
            );
        }
    }
    for sql in [
        "/* /* */ DELETE FROM keep -- /* */ */ SELECT 1",
        "/*/*/ DELETE FROM keep -- */ */ SELECT 1",
        "--\u{85}\nDELETE FROM keep",
        "--\rDELETE FROM keep\n DELETE FROM keep",
        "\u{a0}DELETE FROM keep",
        "SELECT 1 UNION DELETE FROM keep",
        "SELECT\0; DELETE FROM keep",
        "SELECT 1\0",
        "",
        ";",
        " -- nothing",
        "/* unclosed",
        "(SELECT 1); DELETE FROM keep",
    ] {
        assert!(
            matches!(desk.query(sql), Err(Mistake::User(_) | Mistake::Denied(_))),
            "{sql:?}: {:?}",
            desk.query(sql)
        );
    }
    assert!(before == desk.content());
}

#[test]
fn s14_a_hostile_schema_does_nothing() {
    let desk = Desk::furnished();
    let canary = desk.dir.path().join("canary");
    // What somebody with the file in his hands can put there, and SQL through the module can't.
    let hostile = Connection::open(desk.path("agent_a.db")).unwrap();
    hostile.authorizer_free(&format!(
        "CREATE VIEW calls AS SELECT load_extension('{canary}') AS v;
         CREATE VIEW asks AS SELECT * FROM pragma_database_list;
         CREATE VIEW plain AS SELECT value FROM keep;
         CREATE TRIGGER spread AFTER INSERT ON notes BEGIN DELETE FROM keep; END;
         CREATE VIEW target AS SELECT 1 AS v;
         CREATE TRIGGER instead INSTEAD OF INSERT ON target BEGIN DELETE FROM keep; END;
         CREATE TABLE lazy (v, w AS (upper(v)), CHECK (length(v) < 5));",
        canary = canary.display()
    ));
    drop(hostile);
    assert!(desk.query("SELECT * FROM calls").is_err());
    assert!(desk.query("SELECT * FROM asks").is_err());
    assert_eq!(desk.query("SELECT * FROM plain").unwrap()["rows"], json!([{ "value": "kept" }]));
    desk.execute("INSERT INTO notes VALUES ('x')").unwrap();
    assert!(desk.execute("INSERT INTO target VALUES (1)").is_err());
    assert_eq!(desk.query("SELECT value FROM keep").unwrap()["rows"], json!([{ "value": "kept" }]), "no trigger ran");
    assert!(!canary.exists());
}

trait Freely {
    fn authorizer_free(&self, sql: &str);
}

impl Freely for Connection {
    fn authorizer_free(&self, sql: &str) {
        self.execute_batch(sql).expect("the engine takes it");
    }
}
