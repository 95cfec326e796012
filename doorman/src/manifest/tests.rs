//! The grammar by itself. What needs an application (modules, their configuration, globs) is tested through the wire.

use serde::Deserialize;
use serde_json::Value;

use super::*;

fn errors(text: &str) -> String {
    Manifest::parse_with("m.yaml", text, &|_| None).unwrap_err().to_string()
}

#[test]
fn s04_errors_say_where_and_what_and_never_the_value() {
    let cases = [
        ("agent_type: clerk\nscopes: [a:read]\nmodle: s3cret", "m.yaml:3:1: unknown key; legal here: agent_type, "),
        ("agent_type: clerk\nscopes: [a:read]\nscopes: [s3cret]", "m.yaml:3:1: this key is given twice"),
        ("agent_type: clerk\nscopes: s3cret", "m.yaml:2:9: expected a list"),
        ("agent_type: clerk\nscopes: [a:read, 's3cret *']", "m.yaml:2:18: expected "),
        ("agent_type: ../s3cret\nscopes: [a:read]", "m.yaml:1:13: expected an agent type"),
        ("agent_type: [s3cret]\nscopes: [a:read]", "m.yaml:1:13: expected a text"),
        ("scopes: [a:read]", "m.yaml:1:1: the key `agent_type` is missing"),
        ("agent_type: clerk", "m.yaml:1:1: expected `modules` or `scopes`"),
        ("agent_type: clerk\nscopes: []", "m.yaml:2:9: expected at least one scope"),
        ("agent_type: clerk\nmodules: {}", "m.yaml:2:10: expected at least one module"),
        ("agent_type: clerk\nmodules: {S3cret: {}}", "m.yaml:2:11: expected a module instance name"),
        ("agent_type: clerk\nmodules: {docs: {mode: s3cret}}", "m.yaml:2:24: expected read or write"),
        ("agent_type: clerk\nmodules: {docs: {mdoe: s3cret}}", "m.yaml:2:18: unknown key; legal here: mode, type"),
        ("agent_type: clerk\nmodules: {docs: {optional: 's3cret'}}", "m.yaml:2:28: expected true or false"),
        ("agent_type: clerk\nmodules: {docs: {config: s3cret}}", "m.yaml:2:26: expected a map"),
        ("agent_type: c\nscopes: [a]\nrate_limits: {global: s3cret}", "m.yaml:3:23: expected a rate"),
        ("agent_type: c\nscopes: [a]\nrate_limits: {per_tool: {'[s3cret]': 1/s}}", "m.yaml:3:26: expected a glob"),
        ("agent_type: c\nscopes: [a]\ncredentials: {source: s3cret}", "m.yaml:3:23: expected env or file"),
        ("agent_type: c\nscopes: [a]\ncredentials: {source: file}", "m.yaml:3:23: expected `path`"),
        ("agent_type: c\nscopes: [a]\ncredentials: {source: file, path: s3cret}", "m.yaml:3:35: expected an absolute"),
        (
            "agent_type: c\nscopes: [a]\ncredentials: {source: vault}",
            "m.yaml:3:23: `source: vault` is not supported yet",
        ),
        ("agent_type: c\nscopes: [a]\nhitl: {s3cret: 1}", "m.yaml:3:1: `hitl` is not supported yet"),
        ("agent_type: clerk\n  scopes: [s3cret", "m.yaml:2:"),
        ("agent_type: &a clerk\n<<: *a", "m.yaml:2:1: merge keys"),
        ("s3cret", "m.yaml:1:1: expected a map"),
        ("", "m.yaml"),
        ("--- s3cret\n--- s3cret", "m.yaml"),
    ];
    for (text, expected) in cases {
        let said = errors(text);
        assert!(said.contains(expected), "{text:?}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn s04_all_mistakes_are_told_at_once() {
    let text = "agent_type: Clerk\nmodules:\n  docs:\n    mode: all\n    mode: read\n    optionl: true\nrate_limits:\n  \
                global: 0/min\nhitl: {}\nworkspace_access:\n  - {access: all, path: '${HOME}'}\n";
    let said = errors(text);
    let places = ["1:13", "4:11", "5:5", "6:5", "8:11", "9:1", "11:14", "11:25"];
    for place in places {
        assert!(said.contains(&format!("m.yaml:{place}: ")), "{place} in {said}");
    }
    assert_eq!(said.lines().count(), places.len(), "{said}");
}

#[test]
fn s04_a_bomb_is_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let before = i - 1;
        text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{before}"); 10].join(", ")));
    }
    assert!(errors(&text).starts_with("m.yaml"));
    assert!(errors(&"[".repeat(100_000)).starts_with("m.yaml"));
}

#[test]
fn a_variable_cannot_change_the_structure() {
    let env = |name: &str| Some(if name == "EVIL" { "x\nscopes: [admin:all]" } else { "clerk" }.to_owned());
    let text =
        "agent_type: ${KIND}\ndescription: \"${EVIL}, $${LITERAL}, ${not a name}, $HOME\"\nscopes: [a:read] # ${NONE}";
    let manifest = Manifest::parse_with("m.yaml", text, &env).unwrap();
    assert_eq!(manifest.agent_type(), "clerk");
    assert_eq!(manifest.description(), "x\nscopes: [admin:all], ${LITERAL}, ${not a name}, $HOME");
    assert_eq!(manifest.document.scopes.len(), 1);
    let said = errors("agent_type: ${B}\nscopes: ['${A}']\n# ${C}");
    assert!(said.contains("m.yaml:1:13: not set in the environment: `A`, `B`"), "{said}");
    assert!(!said.contains("`C`"), "{said}");
}

#[test]
fn the_predecessors_metadata_is_checked_and_kept_apart() {
    let text = "agent_type: c\nscopes: [a]\nmax_auto_risk: low\ninteraction_permissions: {auto_approved: [a]}\n\
                workspace_access: [{path: /w, access: readonly, git_backed: true}]\ncredentials: {}\nrate_limits:\n  \
                global: 100/minute\n  per_tool: {'*': 5/second, 'docs_*': 50/hour}\n";
    let manifest = Manifest::parse_with("m.yaml", text, &|_| None).unwrap();
    assert_eq!(manifest.rate_limits().per_tool.len(), 2);
}

#[test]
fn a_pipe_does_not_hold_up_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("m.yaml");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
    assert!(Manifest::read(&pipe).unwrap_err().to_string().contains("expected a regular file"));
    assert!(Manifest::read(folder.path().join("absent")).unwrap_err().to_string().contains("can't be read"));
}

#[test]
fn a_folder_is_all_its_manifests() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Manifest::read_all(folder.path()).unwrap_err().to_string().contains("expected manifests"));
    for (name, kind) in [("b.yml", "b"), ("a.yaml", "a"), ("c.json", "c"), (".hidden.yaml", "!"), ("notes.txt", "!")] {
        std::fs::write(folder.path().join(name), format!("{{agent_type: {kind}, scopes: [x]}}")).unwrap();
    }
    std::fs::create_dir(folder.path().join("sub.yaml")).unwrap();
    let kinds: Vec<String> =
        Manifest::read_all(folder.path()).unwrap().iter().map(|it| it.agent_type().to_owned()).collect();
    assert_eq!(kinds, ["a", "b", "c"]);
    std::fs::write(folder.path().join("d.yaml"), "x").unwrap();
    std::fs::write(folder.path().join("e.yaml"), "y").unwrap();
    let said = Manifest::read_all(folder.path()).unwrap_err().to_string();
    assert!(said.contains("d.yaml") && said.contains("e.yaml"), "{said}");
}

#[test]
fn json_is_yaml() {
    let manifest = Manifest::parse("m.json", r#"{"agent_type": "clerk", "scopes": ["a:read"]}"#).unwrap();
    assert_eq!(manifest.agent_type(), "clerk");
}

#[derive(Deserialize)]
struct Case {
    input: Value,
    expect: String,
}

#[derive(Deserialize)]
struct Cases {
    identity_agent_id: Vec<Case>,
    identity_agent_type: Vec<Case>,
    rate_limit_spec: Vec<Case>,
    env_expansion: Vec<Case>,
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("../../../tests/data/manifest-and-modules.json")).unwrap()
}

#[test]
fn every_case_of_the_identity_tables() {
    let Cases { identity_agent_id, identity_agent_type, .. } = cases();
    // Variables of the environment are trimmed before they are parsed.
    let text = |case: &Case| case.input.as_str().unwrap().trim().to_owned();
    for case in &identity_agent_id {
        assert_eq!(doorman_grammar::name::agent(&text(case)).is_ok(), case.expect == "allow", "{}", case.input);
    }
    for case in &identity_agent_type {
        assert_eq!(doorman_grammar::name::agent_type(&text(case)).is_ok(), case.expect == "allow", "{}", case.input);
    }
}

#[test]
fn every_case_of_the_rate_limit_table() {
    for case in cases().rate_limit_spec {
        let text = format!("agent_type: c\nscopes: [a]\nrate_limits: {{global: {}}}", case.input);
        let parsed = Manifest::parse_with("m.yaml", &text, &|_| None);
        assert_eq!(parsed.is_ok(), case.expect == "allow", "{}", case.input);
    }
}

#[test]
fn every_case_of_the_expansion_table() {
    for case in cases().env_expansion {
        let text = case.input["text"].as_str().unwrap();
        let env = |name: &str| case.input["env"][name].as_str().map(str::to_owned);
        // Texts that are no manifests stand in one.
        let text = match text.contains("modules") || text == "broken yaml" {
            true => text.to_owned(),
            false if text.starts_with('#') => format!("agent_type: c\nscopes: [a]\n{text}"),
            false => format!("agent_type: c\nscopes: [a]\ndescription: \"{text}\""),
        };
        let parsed = Manifest::parse_with("m.yaml", &text, &env);
        assert_eq!(parsed.is_ok(), case.expect == "allow", "{}: {parsed:?}", case.input);
    }
}
