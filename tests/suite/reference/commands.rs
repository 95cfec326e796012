//! The command line.

use std::{fs, time::Instant};

use serde_json::Value;

use crate::harness::Fixture;

const READER: &str = "agent_type: reader
description: Reads.
modules:
  filesystem:
    mode: read
    config:
      base_path: ${DOORMAN_DATA}/files
rate_limits:
  per_tool:
    filesystem_*: 10/minute
";

#[test]
fn validate_touches_nothing_that_a_manifest_names() {
    let fixture = Fixture::reference();
    let pipe = fixture.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .expect("a pipe");
    let text = format!(
        "agent_type: reader\ncredentials: {{source: file, path: {pipe}}}\nmodules:\n  a: {{type: filesystem, mode: write, \
         config: {{base_path: {pipe}}}}}\n  b: {{type: sqlite, mode: write, config: {{db_dir: /nonexistent/b}}}}\n"
    );
    let path = fixture.file("m.yaml", &text);
    let began = Instant::now();
    let (code, out, said) = fixture.says(&["validate", "--manifest", &path]);
    assert_eq!((code, said.as_str()), (0, ""), "{said}");
    assert_eq!(out, "valid: agent type reader, modules: a, b\n");
    assert!(began.elapsed().as_secs() < 10, "it waited for somebody");
}

#[test]
fn exit_codes_tell_a_bad_manifest_from_a_bad_command_line() {
    let fixture = Fixture::reference();
    let good = fixture.file("good.yaml", READER);
    let bad = fixture.file("bad.yaml", "agent_type: reader\n");
    let folder = fixture.path("folder");
    fs::create_dir(&folder).expect("a folder");
    for (args, expected) in [
        (vec!["validate", "--manifest", &good], 0),
        (vec!["validate", "--manifest", &bad], 1),
        (vec!["validate", "--manifest", &good, &bad], 1),
        (vec!["validate", "--manifest", &folder], 1),
        (vec!["validate", "--manifest", "/nonexistent/m.yaml"], 1),
        (vec!["validate"], 2),
        (vec!["validate", "--nope"], 2),
        (vec!["nope"], 2),
        (vec![], 2),
        (vec!["run"], 2),
        (vec!["run", "--transport", "http"], 2),
        (vec!["run", "--transport", "smoke"], 2),
        (vec!["run", "--port", "80"], 2),
        (vec!["run", "--manifest", &bad], 1),
        (vec!["run", "--manifest", &good, "--transport", "http", "--port", "0"], 1),
        (vec!["run", "--manifest", &good, "--transport", "http", "--port", "0", "--path", "mcp"], 1),
        (vec!["inspect", "--manifest", &good], 0),
        (vec!["version"], 0),
        (vec!["--version"], 0),
        (vec!["--help"], 0),
    ] {
        let (code, out, said) = fixture.says(&args);
        assert_eq!(code, expected, "{args:?}: {out}{said}");
        assert!(code == 0 || (out.is_empty() && !said.is_empty()), "{args:?}: {out}");
    }
}

#[test]
fn a_path_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let fixture = Fixture::reference();
    let path = std::path::Path::new(&fixture.path("")).join(std::ffi::OsStr::from_bytes(b"m\xff.yaml"));
    fs::write(&path, READER).expect("writes");
    let output = fixture.command().arg("validate").arg("--manifest").arg(&path).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2), "options before the command are a mistake, and no panic");
    let output = fixture.command().arg("--manifest").arg(&path).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn s18_what_is_shown_holds_no_credential() {
    let fixture = Fixture::reference().env("SERVICE_TOKEN", "hunter2-hunter2");
    let path = fixture.file("m.yaml", &READER.replace("Reads.", "'uses ${SERVICE_TOKEN}'"));
    for args in [&["inspect", "--json", "--manifest", &path][..], &["inspect", "--manifest", &path]] {
        let (code, out, _) = fixture.says(args);
        assert!(code == 0 && out.contains("uses") && !out.contains("hunter2"), "{out}");
    }
}

#[test]
fn inspect_shows_what_an_agent_sees() {
    let fixture = Fixture::reference();
    let path = fixture.file("m.yaml", READER);
    let (code, out, _) = fixture.says(&["inspect", "--json", "--manifest", &path]);
    let shown: Value = serde_json::from_str(&out).expect("JSON");
    let shown = &shown["manifests"][0];
    assert_eq!(code, 0);
    assert_eq!((&shown["agent_type"], &shown["description"]), (&"reader".into(), &"Reads.".into()));
    let tools: Vec<&str> =
        shown["tools"].as_array().expect("tools").iter().filter_map(|tool| tool["name"].as_str()).collect();
    let expected =
        ["doorman_status", "filesystem_list_dir", "filesystem_read_file", "filesystem_search_files", "filesystem_stat"];
    assert_eq!(tools, expected);
    let read = &shown["tools"][2];
    assert_eq!(read["effect"], "read_only");
    assert_eq!(read["scopes"][0], "filesystem:read");
    assert_eq!(read["limits"][0], "10/min per_caller (filesystem_*)");

    // What is shown is what is served.
    let mut agent = fixture
        .clone()
        .arg("--manifest")
        .arg(path)
        .launched_by(crate::harness::Cast::ALICE)
        .unnamed(crate::harness::Era::Modern);
    assert_eq!(agent.names(), expected);
    let (_, text, _) = fixture.says(&["inspect", "--manifest", &fixture.path("m.yaml")]);
    assert!(text.contains("filesystem_read_file") && text.contains("10/min per_caller (filesystem_*)"), "{text}");
}
