//! Resources of modules: each agent's own, whatever its URI says.

use std::{fs, os::unix::fs::symlink};

use serde_json::json;

use crate::harness::{Cast, Door, Fixture};

/// A fixture in which each agent has a file of its own in both instances.
fn with_files() -> Fixture {
    let fixture = Fixture::new();
    let base = fixture.path("base");
    for instance in ["docs", "work"] {
        for agent in ["alice", "bob"] {
            let root = format!("{base}/{instance}/agents/{agent}");
            fs::create_dir_all(format!("{root}/a")).expect("a directory");
            fs::write(format!("{root}/a/b.md"), format!("{agent}'s in {instance}")).expect("writes");
            fs::write(format!("{root}/of-{agent}.md"), format!("only {agent}'s")).expect("writes");
        }
    }
    symlink(format!("{base}/docs/agents/bob/of-bob.md"), format!("{base}/docs/agents/alice/link")).expect("a link");
    symlink(format!("{base}/docs/agents/bob"), format!("{base}/docs/agents/alice/bobs")).expect("a link");
    fixture
}

#[test]
fn s13_a_uri_names_the_agents_own() {
    for door in Door::ALL {
        let fixture = with_files();
        for (cast, text) in [(Cast::ALICE, "alice's in docs"), (Cast::BOB, "bob's in docs")] {
            let mut caller = fixture.caller(door, cast);
            for uri in ["docs:///a/b.md", "docs:///a%2Fb.md", "docs:///%61/b.md", "docs:///./a/b.md", "docs:///a//b.md"]
            {
                let reply = caller.read(uri);
                assert_eq!(reply.contents()["text"], text, "{door:?} {uri}: {reply:?}");
                assert_eq!(
                    (&reply.contents()["uri"], &reply.contents()["mimeType"]),
                    (&json!(uri), &json!("text/plain"))
                );
            }
        }
    }
}

#[test]
fn s13_no_uri_leads_out() {
    for door in Door::ALL {
        let fixture = with_files();
        let base = fixture.path("base");
        let mut alice = fixture.caller(door, Cast::ALICE);
        let mut outside: Vec<String> = [
            "..",
            "../bob/of-bob.md",
            "%2e%2e/bob/of-bob.md",
            "%2E%2E%2Fbob%2Fof-bob.md",
            "..%2fbob%2fof-bob.md",
            "a/../../bob/of-bob.md",
            "a/%2e%2e/of-alice.md",
            "%2Fetc%2Fpasswd",
            "/etc/passwd",
            "a%00b",
            "of-alice.md%00.txt",
            "%5c..%5cbob",
            "C:%5Cwindows",
            "link",
            "bobs/of-bob.md",
            "%6cink",
        ]
        .map(str::to_owned)
        .to_vec();
        outside.push(format!("{base}/docs/agents/bob/of-bob.md"));
        for path in outside {
            let asked = [
                alice.read(&format!("docs:///{path}")),
                alice.prompt(
                    "docs_summarize",
                    json!({ "path": path.replace("%2e", ".").replace("%2E", ".").replace("%00", "\0") }),
                ),
            ];
            for reply in asked {
                assert!(reply.is_error(), "{door:?} {path}: {reply:?}");
                let all = reply.everything();
                assert!(!all.contains("only bob"), "{all}");
                // S21: nothing of this machine, but what was sent.
                assert!(path.contains(&base) || !all.contains(&base), "{all}");
            }
        }
        for path in ["..", "a/../../bob/of-bob.md", "%2E%2E%2Fbob%2Fof-bob.md", "a%00b", "%2Fetc%2Fpasswd"] {
            let reply = alice.read(&format!("docs:///{path}"));
            assert_eq!((reply.code(), reply.verdict()), (-32602, "denied"), "{door:?} {path}: {reply:?}");
        }
        // What another has and what nobody has look the same.
        let [there, absent] = ["of-bob.md", "of-bxb.md"].map(|name| {
            let reply = alice.read(&format!("docs:///{name}"));
            format!("{} {}", reply.code(), reply.said().replace(name, "NAME"))
        });
        assert_eq!(there, absent, "{door:?}");
        let verdicts: Vec<_> = fixture.audit("call").iter().map(|it| it["verdict"].clone()).collect();
        assert!(!verdicts.contains(&json!("ok")), "{verdicts:?}");
        assert!(!fixture.audit_text().contains("of-bob"), "a record has the template's name");
    }
}

#[test]
fn s05_instances_share_no_resources() {
    for door in Door::ALL {
        let fixture = with_files();
        let mut alice = fixture.caller(door, Cast::ALICE);
        let templates = alice.listed("resources/templates/list").expect("templates");
        let of = |name: &str| templates.iter().any(|it| it["uriTemplate"] == name);
        assert!(of("docs:///{+path}") && !of("work:///{+path}"), "{templates:?}");
        assert_eq!(alice.read("work:///a/b.md").said(), "Resource not found", "{door:?}");
        assert_eq!(alice.prompt("work_summarize", json!({"path": "a/b.md"})).said(), "Unknown prompt: work_summarize");
        // What completes a path lists the agent's own, too.
        assert_eq!(alice.complete("docs:///{+path}", "path", "of").values(), ["of-alice.md"]);
        assert!(alice.complete("work:///{+path}", "path", "of").is_error());
        drop(alice);
        let mut bob = fixture.caller(door, Cast::BOB);
        assert_eq!(bob.read("docs:///a/b.md").contents()["text"], "bob's in docs");
        assert_eq!(bob.read("work:///a/b.md").contents()["text"], "bob's in work");
        let prompt = bob.prompt("work_summarize", json!({"path": "a/b.md"}));
        assert_eq!(prompt.message["result"]["messages"][0]["content"]["text"], "Summarize: bob's in work");
        assert_eq!(bob.complete("docs:///{+path}", "path", "of").values(), ["of-bob.md"]);
    }
}
