//! An agent's files as resources: the same files as through tools, under the instance's scheme, and nothing else.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{
    Case, cases,
    filesystem::{neighbours, others},
};
use crate::harness::{Caller, Door, Era};

fn read(caller: &mut Caller, uri: &str) -> Value {
    caller.request("resources/read", json!({ "uri": uri })).message
}

/// The URI of a path, as a client writes it.
fn uri(path: &str) -> String {
    let encoded = path.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    format!("filesystem:///{}", encoded.collect::<String>())
}

#[test]
fn files_are_resources_of_the_instance() {
    for door in Door::ALL {
        let (fixture, agent, base) = neighbours();
        let own = format!("{base}/agents/agent-a");
        fs::write(format!("{own}/page one.md"), "# One").expect("writes");
        fs::write(format!("{own}/dot.png"), [0x89, 0x50, 0xff]).expect("writes");
        let mut caller = fixture.caller(door, agent);
        let listed = caller.request("resources/templates/list", json!({}));
        let template = &listed.message["result"]["resourceTemplates"][0];
        assert_eq!(template["uriTemplate"], "filesystem:///{+path}", "{listed:?}");

        let text = read(&mut caller, "filesystem:///page%20one.md");
        let expected = json!({ "uri": "filesystem:///page%20one.md", "mimeType": "text/markdown", "text": "# One" });
        assert_eq!(text["result"]["contents"], json!([expected]), "{text}");
        let bytes = read(&mut caller, "filesystem:///dot.png");
        let expected = json!({ "uri": "filesystem:///dot.png", "mimeType": "image/png", "blob": "iVD/" });
        assert_eq!(bytes["result"]["contents"], json!([expected]), "{bytes}");
        let root = read(&mut caller, "filesystem:///");
        let listing = root["result"]["contents"][0]["text"].as_str().unwrap_or_default();
        assert!(listing.contains("own.txt") && listing.contains("sub"), "{root}");
        assert!(!root.to_string().contains(&base), "no path of the host: {root}");

        let complete = |caller: &mut Caller, typed: &str| {
            let reference = json!({ "type": "ref/resource", "uri": "filesystem:///{+path}" });
            let params = json!({ "ref": reference, "argument": { "name": "path", "value": typed } });
            caller.request("completion/complete", params).message["result"]["completion"]["values"].clone()
        };
        assert_eq!(complete(&mut caller, "s"), json!(["sub/"]));
        assert_eq!(complete(&mut caller, "sub/"), json!(["sub/in.txt"]));
        assert_eq!(complete(&mut caller, "../agent-b/"), Value::Null, "outside: an error, and no names");
    }
}

#[test]
fn s13_every_case_of_the_path_table_as_a_uri() {
    let (fixture, agent, base) = neighbours();
    let before = others(&base);
    let mut caller = fixture.caller(Door::Http(Era::Modern), agent);
    for Case { input, expect } in cases("filesystem_paths") {
        if input["tool"] != "read_file" {
            continue;
        }
        let path = input["path"].as_str().expect("a path").replace("{BASE}", &base);
        let answer = read(&mut caller, &uri(&path));
        // A directory is no file for the tool; here it is the list of its entries.
        let directory = Path::new(&format!("{base}/agents/agent-a/{path}")).is_dir();
        let allowed = answer.get("result").is_some();
        assert!((directory && allowed) || allowed == (expect == "allow"), "{input}: {answer}");
        assert_eq!(others(&base), before, "{input}");
        assert!(!answer.to_string().contains("b-private") && !answer.to_string().contains("nobody's"), "{answer}");
    }
}

#[test]
fn s13_no_spelling_of_a_uri_leads_out() {
    let (fixture, agent, base) = neighbours();
    std::os::unix::fs::symlink(format!("{base}/outside/secret.txt"), format!("{base}/agents/agent-a/out"))
        .expect("a link");
    let mut caller = fixture.caller(Door::Http(Era::Session), agent);
    for rest in [
        "../agent-b/notes.txt",
        "%2e%2e/agent-b/notes.txt",
        "..%2Fagent-b%2Fnotes.txt",
        "sub/%2e%2e/%2e%2e/agent-b/notes.txt",
        "%2Fetc/passwd",
        "/etc/passwd",
        "own.txt%00.md",
        "out",
        "..",
    ] {
        let answer = read(&mut caller, &format!("filesystem:///{rest}"));
        assert!(answer.get("error").is_some(), "{rest}: {answer}");
        let said = answer.to_string();
        assert!(!said.contains("b-private") && !said.contains("nobody's") && !said.contains(&base), "{said}");
    }
    // Another scheme, or another instance, is no resource of this server.
    for uri in ["file:///own.txt", "docs:///own.txt", "filesystem://agent-b/notes.txt", "FILESYSTEM:///own.txt"] {
        let answer = read(&mut caller, uri);
        assert_eq!(answer["error"]["code"], -32002, "{uri}: {answer}");
        assert_eq!(answer["error"]["message"], "Resource not found");
    }
}
