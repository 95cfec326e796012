//! What is wrong with a manifest is said before anything is served: all of it, at its place, and never a value.

use serde_json::json;

use super::{Case, cases};
use crate::harness::Fixture;

/// What `validate` says of a manifest: its exit code and stderr.
fn validate(text: &str) -> (i32, String) {
    let fixture = Fixture::reference();
    let path = fixture.file("m.yaml", text);
    let output = fixture.says(&["validate", "--manifest", &path]);
    (output.0, output.2.replace(&path, "m.yaml"))
}

#[test]
fn s04_every_mistake_of_a_modules_configuration_is_told_at_its_place() {
    let text = "agent_type: reader
modules:
  filesystem:
    mode: read
    config: {base_path: hunter2/files, max_read_bytes: hunter2, hunter2: 1}
  notes:
    type: hunter2
  work:
    type: filesystem
    config: {}
  grafana: {}
  docs: {type: filesystem, mode: write, config: {base_path: /srv/../hunter2, quota_files: 0, allow_hard_links: yes please}}
rate_limits:
  per_tool:
    hunter2_*: 1/minute
";
    let (code, said) = validate(text);
    let expected = [
        ("5:25", "expected an absolute path"),
        ("5:56", "expected a size"),
        ("5:65", "unknown key; legal here: base_path, "),
        ("7:11", "no module of this type; available: filesystem, sqlite"),
        ("8:3", "this module has tools that write; expected `mode: read` or `mode: write`"),
        ("10:13", "the key `base_path` of `config` is missing"),
        ("11:3", "the module `grafana` is not supported yet"),
        ("12:61", "expected an absolute path"),
        ("12:", "minimum of 1"),
        ("12:", "boolean"),
    ];
    for (place, words) in expected {
        let told = said.lines().any(|line| line.starts_with(&format!("m.yaml:{place}")) && line.contains(words));
        assert!(told, "{place} {words} in\n{said}");
    }
    assert_eq!((code, said.lines().count()), (1, expected.len()), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn s04_a_glob_that_matches_no_tool_is_a_mistake() {
    let manifest = |glob: &str| {
        format!(
            "agent_type: reader\nmodules:\n  docs: {{type: filesystem, mode: read, config: {{base_path: /x}}}}\n\
             rate_limits:\n  per_tool:\n    '{glob}': 1/minute\n"
        )
    };
    for (glob, legal) in [
        ("docs_read_file", true),
        ("docs_*", true),
        ("*", true),
        ("doorman_status", true),
        // A tool that the mode doesn't open isn't there.
        ("docs_write_file", false),
        ("filesystem_*", false),
        ("docs.*", false),
        ("Docs_*", false),
    ] {
        let (code, said) = validate(&manifest(glob));
        assert_eq!(code == 0, legal, "{glob}: {said}");
        assert!(legal || said.starts_with("m.yaml:6:5: no tool that this manifest grants has such a name"), "{said}");
    }
}

#[test]
fn s04_numbers_are_whole_and_never_repeated() {
    let manifest = |number: &str| {
        format!(
            "agent_type: reader\nmodules:\n  docs:\n    type: filesystem\n    mode: write\n    config:\n      base_path: /x\n      quota_files: {number}\n"
        )
    };
    for (number, legal) in [
        ("10", true),
        ("1e3", true),
        ("1.0", true),
        ("1.5", false),
        ("-1", false),
        ("1e50", false),
        ("99999999999999999999", false),
    ] {
        let (code, said) = validate(&manifest(number));
        assert_eq!(code == 0, legal, "{number}: {said}");
        assert!(legal || !said.contains(number), "{said}");
    }
}

#[test]
fn s04_a_manifest_cannot_exhaust_the_server() {
    let key = "k".repeat(600_000);
    let inner: String = (0..10_000).map(|i| format!("a{i}: 1, ")).collect();
    let deep = format!("agent_type: a\nmodules: {{docs: {{config: {{\"{key}\": {{{inner}}}}}}}}}\n");
    let wide = format!("agent_type: a\nscopes: [{}]\n", "x,".repeat(400_000));
    let expanded = format!("agent_type: a\nscopes: [x]\ndescription: '{}'\n", "${BIG}".repeat(10_000));
    let large = format!("agent_type: a\nscopes: [x]\ndescription: {}\n", "x".repeat(2 << 20));
    let copies = format!("agent_type: a\nscopes: [&a {}, {}]\n", "x".repeat(100_000), "*a, ".repeat(40_000));
    for text in [deep, wide, expanded, large, copies] {
        let fixture = Fixture::reference().env("BIG", "y".repeat(10_000));
        let path = fixture.file("m.yaml", &text);
        let began = std::time::Instant::now();
        let (code, _, said) = fixture.says(&["validate", "--manifest", &path]);
        assert!(code == 1 && said.len() < 10_000, "{code} {}", &said[..said.len().min(500)]);
        assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    }
}

#[test]
fn s03_a_mode_is_the_only_way_to_a_modules_scopes() {
    let module = "agent_type: reader\nmodules:\n  docs: {type: filesystem, mode: read, config: {base_path: /x}}\n";
    for (scopes, words) in [
        ("[docs:write]", "m.yaml:4:10: a module's scopes are granted by its `mode`"),
        ("[docs:read]", "m.yaml:4:10: a module's scopes are granted by its `mode`"),
        ("[invoices:read]", "m.yaml:4:10: no capability of this server asks for this scope"),
        ("['*']", "m.yaml:4:10: expected a scope"),
    ] {
        let (code, said) = validate(&format!("{module}scopes: {scopes}\n"));
        assert!(code == 1 && said.starts_with(words), "{scopes}: {said}");
    }
}

#[test]
fn s05_two_tools_of_one_name_are_refused() {
    // `a` + `b_stat` would be `a_b` + `stat`, if some module had such a tool; two instances can't even be written.
    let (code, said) = validate(
        "agent_type: reader\nmodules:\n  docs: {type: filesystem, mode: read, config: {base_path: /x}}\n  docs: {type: \
         filesystem, mode: write, config: {base_path: /y}}\n",
    );
    assert!(code == 1 && said.starts_with("m.yaml:4:3: "), "{said}");
    assert!(said.contains("m.yaml:4:3: this key is given twice"), "{said}");
}

#[test]
fn s17_a_value_of_the_environment_is_not_in_what_is_wrong() {
    let fixture = Fixture::reference().env("WHERE", "hunter2-of-the-environment");
    let path = fixture
        .file("m.yaml", "agent_type: r\nmodules:\n  filesystem: {mode: read, config: {base_path: \"${WHERE}\"}}\n");
    let (code, _, said) = fixture.says(&["validate", "--manifest", &path]);
    assert!(code == 1 && said.contains("expected an absolute path") && !said.contains("hunter2"), "{said}");
}

/// The predecessor's cases. Where they use a module that isn't there yet only to have one, one that is there stands in.
#[test]
fn every_case_of_the_manifest_table() {
    let cases = cases("manifest");
    assert_eq!(cases.len(), 27);
    for Case { mut input, expect } in cases {
        let stand_in = json!({"mode": "read", "config": {"base_path": "/srv"}});
        if input["modules"]["ntfy"].is_object() {
            input["modules"] = json!({ "filesystem": stand_in });
        }
        let (code, said) = validate(&input.to_string());
        let only_missing = said.lines().all(|line| line.contains("is not supported yet"));
        match expect.as_str() {
            "allow" => assert!(code == 0 || only_missing, "{input}: {said}"),
            _ => assert!(code == 1, "{input}"),
        }
    }
}
