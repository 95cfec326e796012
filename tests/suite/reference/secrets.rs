//! What must not leave: the predecessor's cases of keys, forms and values, and the file that credentials come from.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use super::{Case, cases};
use crate::harness::{Cast, Era, Fixture};

const BOTH: &str = "modules:\n  filesystem: {mode: write, config: {base_path: \"${DOORMAN_DATA}/files\"}}\n  sqlite: {mode: \
                    read, config: {db_dir: \"${DOORMAN_DATA}/databases\"}}\n";

/// What reading a file with this text gives.
fn read_back(fixture: &Fixture, text: &str) -> String {
    let folder = fixture.path("data/files/agents/alice");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(format!("{folder}/text"), text).expect("writes");
    let mut alice = fixture.clone().launched_by(Cast::ALICE).unnamed(Era::Modern);
    alice.call("filesystem_read_file", json!({"path": "text"})).text().to_owned()
}

#[test]
fn s19_every_case_of_the_key_table() {
    let fixture = Fixture::reference().manifest_of("reader", BOTH);
    let mut alice = fixture.launched_by(Cast::ALICE).unnamed(Era::Session);
    for Case { input, expect } in cases("redaction_key") {
        let key = input.as_str().expect("a key");
        // SPEC.md §16: here a session's id is a secret.
        let expect = if key == "session_id" { "deny" } else { &*expect };
        let rows = alice.call("sqlite_query", json!({"sql": format!("SELECT 'some-value' AS \"{key}\"")}));
        let value = &rows.structured()["rows"][0][key];
        assert_eq!(value != "some-value", expect == "deny", "{key}: {value}");
    }
}

#[test]
fn s18_every_case_of_the_pattern_table() {
    for Case { input, expect } in cases("redaction_pattern") {
        let text = input.as_str().expect("a text");
        let read = read_back(&Fixture::reference().manifest_of("reader", BOTH), text);
        assert_eq!(read != text, expect == "deny", "{text}: {read}");
    }
}

#[test]
fn s18_every_case_of_the_value_table() {
    for Case { input, expect } in cases("redaction_value") {
        let text = input["text"].as_str().expect("a text");
        let used = input["manifest_vars"].as_array().expect("names").iter().filter_map(Value::as_str);
        let used: String = used.map(|name| format!("${{{name}}} ")).collect();
        let manifest = format!("{BOTH}description: \"uses {used}\"\n");
        let env = input["env"].as_object().expect("an environment");
        let fixture =
            env.iter().fold(Fixture::reference().manifest_of("reader", &manifest), |fixture, (name, value)| {
                fixture.env(name, value.as_str().expect("a value"))
            });
        let read = read_back(&fixture, text);
        assert_eq!(read != text, expect == "deny", "{input}: {read}");
    }
}

#[test]
fn s28_every_case_of_the_file_mode_table() {
    for Case { input, expect } in cases("secrets_file_mode") {
        let mode = u32::from_str_radix(input.as_str().expect("a mode").trim_start_matches("0o"), 8).expect("octal");
        let fixture = Fixture::reference();
        let file = fixture.private("secrets.yaml", "api_key: hunter2-hunter2\n");
        fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("changes the mode");
        let fixture = fixture.manifest_of("reader", &format!("{BOTH}credentials: {{source: file, path: {file}}}\n"));
        let (code, _, said) = fixture.launched_by(Cast::ALICE).says_with_args(&[]);
        assert_eq!(code == 0, expect == "allow", "{input}: {said}");
        assert!(expect == "allow" || said.contains("secrets.yaml: expected a file that only its owner may read"));
    }
}

#[test]
fn s17_a_file_of_credentials_that_is_broken_is_named_and_not_told() {
    for (text, words) in
        [("- hunter2\n", "expected"), ("a: [hunter2]\n", "expected"), ("a: hunter2\na: hunter2\n", "twice")]
    {
        let fixture = Fixture::reference();
        let file = fixture.private("secrets.yaml", text);
        let fixture = fixture.manifest_of("reader", &format!("{BOTH}credentials: {{source: file, path: {file}}}\n"));
        let (code, _, said) = fixture.launched_by(Cast::ALICE).says_with_args(&[]);
        assert!(code == 1 && said.contains("secrets.yaml") && said.contains(words), "{text}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn s19_an_encoding_is_no_way_round_redaction() {
    let fixture = Fixture::reference().manifest_of("reader", BOTH);
    let folder = fixture.path("data/files/agents/alice");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(format!("{folder}/people.txt"), "write to ada@example.com").expect("writes");
    let mut alice = fixture.launched_by(Cast::ALICE).unnamed(Era::Modern);
    let read = alice.call("filesystem_read_file", json!({"path": "people.txt", "encoding": "base64"}));
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, read.text()).expect("base64");
    assert_eq!(String::from_utf8_lossy(&decoded), "write to «redacted:email»");
    // One byte that is no text hides nothing around it, whether it was there or a range made it.
    fs::write(format!("{folder}/mixed"), b"\xff write to ada@example.com\xfe").expect("writes");
    fs::write(format!("{folder}/cut"), "é write to ada@example.com").expect("writes");
    for arguments in [json!({"path": "mixed"}), json!({"path": "cut", "offset": 1, "encoding": "base64"})] {
        let read = alice.call("filesystem_read_file", arguments);
        let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, read.text()).expect("base64");
        let decoded = String::from_utf8_lossy(&decoded).into_owned();
        assert!(decoded.contains("write to «redacted:email»"), "{decoded}");
    }
    let rows = alice.call("sqlite_query", json!({"sql": "SELECT CAST('ada@example.com' AS BLOB) AS who"}));
    assert!(!rows.everything().contains("YWRhQGV4YW1wbGUuY29t"), "{rows:?}");
}

#[test]
fn s27_a_long_credential_in_the_environment_costs_little_and_is_removed() {
    let key: String =
        (0..30_000_u32).map(|i| char::from(b'a' + (i.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
    let fixture = Fixture::reference().manifest_of("reader", BOTH).env("SIGNING_KEY", &key);
    let folder = fixture.path("data/files/agents/alice");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(format!("{folder}/key"), format!("before {key} after")).expect("writes");
    fs::write(format!("{folder}/part"), format!("before {} after", &key[..29_000])).expect("writes");
    let mut alice = fixture.launched_by(Cast::ALICE).unnamed(Era::Modern);
    assert_eq!(alice.call("filesystem_read_file", json!({"path": "key"})).text(), "before «redacted:secret» after");
    let part = alice.call("filesystem_read_file", json!({"path": "part"})).text().len();
    assert_eq!(part, 29_000 + "before  after".len(), "what isn't the credential stays");
    let memory = alice.lines().process.memory();
    assert!(memory < 200 << 20, "{} MiB", memory >> 20);
}
