//! The predecessor's cases.

use super::*;

#[derive(Deserialize)]
struct Cases {
    sqlite_query: Vec<Case<String>>,
    sqlite_execute: Vec<Case<String>>,
    sqlite_create_table: Vec<Case<Create>>,
}

#[derive(Deserialize)]
struct Case<T> {
    input: T,
    expect: String,
}

#[derive(Deserialize)]
struct Create {
    name: String,
    columns: Value,
}

#[track_caller]
fn check(desk: &Desk, expect: &str, what: &str, tool: impl FnOnce(&Desk) -> Result<Value, Mistake>) {
    let before = desk.content();
    let answer = tool(desk);
    match (expect, answer) {
        ("allow", answer) => assert!(answer.is_ok(), "{what}: {answer:?}"),
        ("deny", Err(Mistake::User(_) | Mistake::Denied(_))) => assert!(before == desk.content(), "{what} changed it"),
        (_, answer) => panic!("{what}: {answer:?}"),
    }
}

#[test]
fn s14_every_case_of_the_predecessor() {
    let cases: Cases =
        serde_json::from_str(include_str!("../../../../../tests/data/manifest-and-modules.json")).unwrap();
    assert_eq!((cases.sqlite_query.len(), cases.sqlite_execute.len(), cases.sqlite_create_table.len()), (22, 11, 3));
    for Case { input, expect } in &cases.sqlite_query {
        check(&Desk::furnished(), expect, input, |desk| desk.query(input));
    }
    for Case { input, expect } in &cases.sqlite_execute {
        check(&Desk::furnished(), expect, input, |desk| desk.execute(input));
    }
    for Case { input, expect } in &cases.sqlite_create_table {
        let Create { name, columns } = input;
        check(&Desk::furnished(), expect, name, |desk| desk.create_table(name, columns.clone()));
    }
}
