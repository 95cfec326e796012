//! What goes in and comes out (S16, S21).

use rusqlite::Connection;

use super::*;

#[test]
fn s16_values_are_bound() {
    let desk = Desk::furnished();
    let rows = |sql, params| desk.query_with(sql, params).map(|answer| answer["rows"][0].clone());
    let all = json!([null, true, 7, 2.5, "'); DROP TABLE keep; --", { "base64": "AP8=" }]);
    assert_eq!(
        rows("SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f", all),
        Ok(json!({ "a": null, "b": 1, "c": 7, "d": 2.5, "e": "'); DROP TABLE keep; --", "f": { "base64": "AP8=" } }))
    );
    assert_eq!(
        rows("SELECT :a AS a, @b AS b, $c AS c, :a AS d", json!({ "a": 1, "@b": 2, "c": i64::MIN })),
        Ok(json!({ "a": 1, "b": 2, "c": i64::MIN, "d": 1 }))
    );
    assert_eq!(rows("SELECT ?2 AS a", json!([1, i64::MAX])), Ok(json!({ "a": i64::MAX })));
    for (sql, params, words) in [
        ("SELECT ?, ?", json!([1]), "has 2 parameters, params has 1 value"),
        ("SELECT ?", Value::Null, "has 1 parameters, params has 0 values"),
        ("SELECT 1", json!([1]), "has 0 parameters"),
        ("SELECT ?", json!({ "a": 1 }), "give params as a list"),
        ("SELECT :a", json!({ "b": 1 }), "no value for :a"),
        ("SELECT :a", json!({ "a": 1, "b": 1 }), "no parameter b"),
        ("SELECT :a", json!({ "a": 1, ":a": 1 }), "two values for :a"),
    ] {
        assert!(matches!(desk.query_with(sql, params), Err(Mistake::User(text)) if text.contains(words)), "{sql}");
    }
    for illegal in [
        json!(1),
        json!("x"),
        json!([[1]]),
        json!([{}]),
        json!([{ "base64": "*" }]),
        json!([{ "base64": "AA==", "x": 1 }]),
        json!([u64::MAX]),
    ] {
        assert!(serde_json::from_value::<Params>(illegal.clone()).is_err(), "{illegal}");
    }
}

#[test]
fn values_come_back_as_they_are() {
    let desk = Desk::furnished();
    desk.execute_with("INSERT INTO t VALUES (?)", json!([{ "base64": "AAEC/w==" }])).unwrap();
    let answer = desk.query("SELECT v, typeof(v) AS k, v, 9e999 AS i, -9e999 AS j, 0.1 AS r FROM t").unwrap();
    let row = json!({ "v": { "base64": "AAEC/w==" }, "k": "blob", "v_2": { "base64": "AAEC/w==" }, "i": "Infinity", "j": "-Infinity", "r": 0.1 });
    assert_eq!(answer, json!({ "rows": [row], "truncated": false }));
    assert_eq!(desk.query("SELECT CAST(x'ff61' AS TEXT) AS t").unwrap()["rows"][0]["t"], json!({ "base64": "/2E=" }));
    assert_eq!(desk.query("SELECT 1 WHERE 0").unwrap(), json!({ "rows": [], "truncated": false }));
}

#[test]
fn tables_are_made_listed_and_described() {
    let desk = Desk::new();
    let list = || answer(desk.module.list_tables(caller("a"), Cancelled::never()));
    let describe = |name: &str| answer(desk.module.describe_table(name.into(), caller("a"), Cancelled::never()));
    assert_eq!(list(), Ok(json!([])));
    let columns =
        json!({ "id": "integer primary key autoincrement", "zeta": "TEXT NOT NULL", "alpha": "text  unique" });
    assert_eq!(desk.create_table("Größe", columns.clone()), Ok(json!({ "created": true })));
    assert_eq!(desk.create_table("Größe", columns), Ok(json!({ "created": false })));
    desk.execute("CREATE INDEX by_both ON Größe (zeta, alpha || 'x')").unwrap();
    assert_eq!(list(), Ok(json!(["Größe"])));
    let column = |name: &str, kind: &str, not_null: bool, key: bool| json!({ "name": name, "type": kind, "not_null": not_null, "default": null, "primary_key": key });
    assert_eq!(
        describe("Größe"),
        Ok(json!({
            "columns": [column("id", "INTEGER", false, true), column("zeta", "TEXT", true, false), column("alpha", "TEXT", false, false)],
            "indexes": [
                { "name": "by_both", "unique": false, "columns": ["zeta", null] },
                { "name": "sqlite_autoindex_Größe_1", "unique": true, "columns": ["alpha"] },
            ],
        }))
    );
    for name in ["none", "x'); DELETE FROM Größe; --", "", "a\0b"] {
        assert!(matches!(describe(name), Err(Mistake::User(text)) if text.starts_with("no such table")), "{name}");
    }
    // What the module may ask, an agent may not, on the same connection.
    assert!(matches!(desk.query("SELECT * FROM pragma_table_xinfo('Größe')"), Err(Mistake::Denied(_))));
}

#[test]
fn s21_mistakes_in_sql_are_told_and_files_are_not() {
    let desk = Desk::furnished();
    for (sql, words) in [
        ("SELEC 1", "near \"SELEC\": syntax error"),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELECT \"col\"", "no such column: \"col\""),
        ("SELECT nowhere(1)", "no such function: nowhere"),
        ("SELECT abs(-9223372036854775808)", "integer overflow"),
        ("SELECT replace(1.5, 'a', 'b')", "CAST(… AS TEXT)"),
    ] {
        let answer = desk.query(sql);
        assert!(matches!(&answer, Err(Mistake::User(text)) if text.contains(words)), "{sql}: {answer:?}");
    }
    let answer = desk.execute("INSERT INTO my_table VALUES (1, 'x')");
    assert_eq!(answer, Err(Mistake::User("UNIQUE constraint failed: my_table.id".into())));
    std::fs::write(desk.path("agent_c.db"), vec![b'x'; 8192]).unwrap();
    assert!(matches!(desk.query_as("c", "SELECT * FROM sqlite_schema"), Err(Mistake::Internal(_))));
    assert!(matches!(desk.execute_as("c", "CREATE TABLE x (v)"), Err(Mistake::Internal(_))));
    assert_eq!(std::fs::read(desk.path("agent_c.db")).unwrap(), vec![b'x'; 8192]);
    assert!(desk.query("SELECT 1").is_ok(), "the others go on");
}

/// The functions that were done again answer what the engine's own answer.
#[test]
fn replaced_functions_are_the_same_functions() {
    let (desk, own) = (Desk::new(), Connection::open_in_memory().unwrap());
    let values = [
        "NULL",
        "''",
        "'a'",
        "'aa'",
        "'banana'",
        "'ana'",
        "'ännchen äß'",
        "'ä'",
        "'ß n'",
        "x''",
        "x'616e61'",
        "x'61'",
        "7",
        "1717",
        "'日本語日本'",
        "'本'",
        "'  x '",
        "' '",
    ];
    for a in values {
        for b in values {
            let calls = format!(
                "instr({a}, {b}) AS i, replace({a}, {b}, 'ö1') AS r, trim({a}, {b}) AS t, ltrim({a}, {b}) AS l, rtrim({a}, {b}) AS s"
            );
            let sql = format!(
                "SELECT hex(i) || quote(i) || typeof(i) || hex(r) || quote(r) || typeof(r) || quote(t) || typeof(t) || quote(l) || quote(s) AS x FROM (SELECT {calls})"
            );
            let theirs: Option<String> = own.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(desk.query(&sql).unwrap()["rows"][0]["x"], json!(theirs), "{sql}");
        }
    }
    assert!(desk.query("SELECT unhex('61', ' ')").is_err() && desk.query("SELECT unhex('61')").is_ok());
}
