//! The tools as a caller has them: arguments as JSON, through the decoding and the scope of a real call.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    call::{Bound, Failure, Refused, Reply},
    exposure::{ConfiguredModule, Instance},
    identity::{Agent, Identity, Principal},
    input::Silent,
};

/// A module, and a neighbour's file and another outside of all agents' roots that nobody may see.
pub(super) struct Ground {
    base: TempDir,
    pub(super) call: Call,
}

/// What a refusal said, and whether it is recorded as `denied`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    User(String),
    Denied(String),
    Internal(String),
}

impl Refusal {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::User(text) | Self::Denied(text) | Self::Internal(text) => text,
        }
    }
}

const SECRETS: [&str; 2] = ["agents/victim/x", "secret"];

impl Ground {
    pub(super) fn new() -> Self {
        Self::with(json!({}))
    }

    /// With these settings beside `base_path`.
    pub(super) fn with(mut settings: Value) -> Self {
        let base = tempfile::tempdir().expect("temporary directory");
        fs::create_dir_all(base.path().join("agents/victim")).expect("made");
        for secret in SECRETS {
            fs::write(base.path().join(secret), "secret").expect("written");
        }
        settings["base_path"] = base.path().to_str().into();
        let instance = Instance::of(configured(settings).expect("configured"));
        let agent = Agent::new("a", "t").expect("legal");
        let call = Call {
            principal: Arc::new(Principal::verified(Identity::of_agent(agent))),
            state: Arc::default(),
            module: Some(instance.mounted),
            cancelled: tokio_util::sync::CancellationToken::new(),
            outlet: Arc::new(Silent),
            budget: Budget::default(),
            trace: Default::default(),
        };
        Self { base, call }
    }

    pub(super) fn base(&self) -> &Path {
        self.base.path()
    }

    pub(super) fn host(&self, path: &str) -> PathBuf {
        self.base.path().join("agents/a").join(path)
    }

    pub(super) fn link(&self, to: impl AsRef<Path>, name: &str) {
        std::os::unix::fs::symlink(to, self.host(name)).expect("linked");
    }

    /// Calls a tool. Structured content as it is, content blocks as a list of their texts.
    pub(super) fn call(&self, tool: &str, arguments: Value) -> Result<Value, Refusal> {
        let spec = Filesystem::CAPABILITIES.iter().find(|spec| spec.name == tool).expect(tool);
        let arguments: Map<String, Value> = serde_json::from_value(arguments).expect("an object");
        let refusal = |error: ToolError| match error.into_failure() {
            Failure::User(text) => Refusal::User(text.into_owned()),
            Failure::Denied(text) => Refusal::Denied(text.into_owned()),
            Failure::Internal(error) => Refusal::Internal(error.to_string()),
            Failure::Lacking(ability) => panic!("it asks for {ability}"),
        };
        let function = match (spec.bind)(&self.call, &arguments) {
            Ok(Bound::Blocking(function)) => function,
            Ok(Bound::Async(_)) => panic!("{tool} would block"),
            Err(Refused::Outside { violation, .. }) => return Err(Refusal::Denied(violation.to_string())),
            Err(Refused::Invalid(mistakes)) => panic!("{mistakes:?}"),
            Err(Refused::Extract(error)) => return Err(refusal(error)),
        };
        match function().map_err(refusal)? {
            Reply::Structured(value) => Ok(value),
            Reply::Text(text) => Ok(text.into()),
            Reply::Content(blocks) => {
                let text = |block: ContentBlock| serde_json::to_value(block).expect("JSON")["text"].take();
                Ok(blocks.into_iter().map(text).collect())
            }
            other => panic!("no tool's reply: {other:?}"),
        }
    }

    pub(super) fn ok(&self, tool: &str, arguments: Value) -> Value {
        self.call(tool, arguments).unwrap_or_else(|refusal| panic!("{tool}: {refusal:?}"))
    }

    pub(super) fn write(&self, path: &str, content: &str) {
        self.ok("write_file", json!({ "path": path, "content": content }));
    }

    pub(super) fn refused(&self, tool: &str, arguments: Value) -> String {
        match self.call(tool, arguments) {
            Err(Refusal::User(text)) => text,
            other => panic!("{tool}: {other:?}"),
        }
    }

    /// Nothing outside of the agent's root has changed.
    pub(super) fn assert_untouched(&self) {
        for secret in SECRETS {
            assert_eq!(fs::read_to_string(self.base().join(secret)).expect("there"), "secret", "{secret}");
        }
        let names = |dir: &str| {
            let entries = fs::read_dir(self.base().join(dir)).expect("there");
            let mut names: Vec<_> = entries.map(|entry| entry.expect("entry").file_name()).collect();
            names.sort();
            names
        };
        assert_eq!((names("agents/victim").len(), names("")), (1, vec!["agents".into(), "secret".into()]));
    }
}

fn configured(settings: Value) -> Result<Filesystem, String> {
    let settings: Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
    Filesystem::configure_module(settings, &Credentials::none()).map_err(|error| error.to_string())
}

#[test]
fn files_are_written_read_listed_moved_and_deleted() {
    let ground = Ground::new();
    assert_eq!(ground.ok("list_dir", json!({})), json!({ "entries": [], "truncated": false }));
    let written = ground.ok("write_file", json!({ "path": "notes/one.txt", "content": "één\r\n" }));
    assert_eq!(written, json!({ "bytes": 7, "size": 7 }));
    let appended = ground.ok("write_file", json!({ "path": "notes/one.txt", "content": "+", "append": true }));
    assert_eq!(appended, json!({ "bytes": 1, "size": 8 }));
    assert_eq!(ground.ok("read_file", json!({ "path": "notes/one.txt" })), json!(["één\r\n+"]));
    let bytes = json!({ "path": "notes/bytes", "content": "/wD+", "encoding": "base64" });
    assert_eq!(ground.ok("write_file", bytes), json!({ "bytes": 3, "size": 3 }));
    assert_eq!(fs::read(ground.host("notes/bytes")).expect("there"), [0xff, 0, 0xfe]);
    ground.link("one.txt", "notes/link");
    let expected = json!({ "entries": [
        { "name": "bytes", "kind": "file", "size": 3 },
        { "name": "link", "kind": "symlink" },
        { "name": "one.txt", "kind": "file", "size": 8 },
    ], "truncated": false });
    assert_eq!(ground.ok("list_dir", json!({ "path": "notes" })), expected);
    let expected = json!({ "entries": [{ "name": "notes", "kind": "directory" }], "truncated": false });
    assert_eq!(ground.ok("list_dir", json!({ "path": null })), expected);

    let facts = ground.ok("stat", json!({ "path": "./notes//one.txt" }));
    assert_eq!((&facts["path"], &facts["kind"], &facts["size"]), (&"notes/one.txt".into(), &"file".into(), &8.into()));
    let modified = facts["modified"].as_str().expect("known");
    assert!(modified.starts_with("20") && modified.ends_with('Z'), "{modified}");
    assert_eq!(ground.ok("stat", json!({ "path": "." }))["kind"], "directory");

    let moving = json!({ "source": "notes/one.txt", "destination": "new/dir/two.txt" });
    assert_eq!(ground.ok("move_file", moving.clone()), json!({ "moved": true }));
    assert_eq!(ground.refused("move_file", moving), r#""notes/one.txt": no such file or directory"#);
    let onto = json!({ "source": "notes/bytes", "destination": "new/dir/two.txt" });
    assert_eq!(ground.refused("move_file", onto), r#""new/dir/two.txt": already exists"#);
    let refusal = ground.refused("delete_file", json!({ "path": "new/dir" }));
    assert_eq!(refusal, r#""new/dir": is a directory; expected a file"#);
    assert_eq!(ground.ok("delete_file", json!({ "path": "new/dir/two.txt" })), json!({ "deleted": true }));
    for tool in ["read_file", "stat", "delete_file"] {
        let refusal = ground.refused(tool, json!({ "path": "new/dir/two.txt" }));
        assert_eq!(refusal, r#""new/dir/two.txt": no such file or directory"#, "{tool}");
    }
    ground.assert_untouched();
}

#[test]
fn large_files_are_read_in_ranges_and_never_cut_silently() {
    let ground = Ground::with(json!({ "max_read_bytes": 10 }));
    let read = |arguments: Value| ground.ok("read_file", arguments);
    ground.write("text", "0123456789abcdef");
    let refusal = ground.refused("read_file", json!({ "path": "text" }));
    assert!(refusal.contains("16 bytes") && refusal.contains("offset 0 and length 10"), "{refusal}");
    assert!(ground.refused("read_file", json!({ "path": "text", "length": 11 })).contains("at most 10"));
    let first = read(json!({ "path": "text", "length": 10 }));
    assert_eq!(first, json!(["0123456789", "bytes 0-9 of 16; continue with offset 10"]));
    let last = read(json!({ "path": "text", "offset": 10 }));
    assert_eq!(last, json!(["abcdef", "bytes 10-15 of 16; this is the end of the file"]));
    for offset in [16, 17, u64::MAX] {
        let none = read(json!({ "path": "text", "offset": offset }));
        assert_eq!(none, json!(["", format!("no bytes at offset {offset}; the file has 16 bytes")]));
    }
    ground.write("exact", "0123456789");
    assert_eq!(read(json!({ "path": "exact" })), json!(["0123456789"]));
    ground.write("empty", "");
    assert_eq!(read(json!({ "path": "empty" })), json!([""]));
}

#[test]
fn text_is_divided_between_characters_and_the_rest_is_base64() {
    let ground = Ground::new();
    let read = |arguments: Value| ground.ok("read_file", arguments);
    ground.write("text", "a€😀é");
    let divided = read(json!({ "path": "text", "length": 7 }));
    assert_eq!(divided, json!(["a€", "bytes 0-3 of 10; continue with offset 4"]));
    assert_eq!(read(json!({ "path": "text", "offset": 4, "length": 5 }))[0], "😀");
    for (offset, boundaries) in [(2, "1 or 4"), (3, "1 or 4"), (5, "4 or 8"), (7, "4 or 8"), (9, "8 or 10")] {
        for length in [1, 2, 100] {
            let refusal = ground.refused("read_file", json!({ "path": "text", "offset": offset, "length": length }));
            assert!(refusal.contains(&format!("begin at {boundaries}")), "{offset}: {refusal}");
        }
    }
    let refusal = ground.refused("read_file", json!({ "path": "text", "offset": 4, "length": 3 }));
    assert!(refusal.contains("at least 4"), "{refusal}");
    let bytes = read(json!({ "path": "text", "offset": 2, "length": 2, "encoding": "base64" }));
    assert_eq!(bytes, json!(["gqw=", "base64 of 2 bytes; bytes 2-3 of 10; continue with offset 4"]));

    fs::write(ground.host("bytes"), [b'a', 0xff, 0x80, 0x80]).expect("written");
    assert_eq!(read(json!({ "path": "bytes" })), json!(["Yf+AgA==", "base64 of 4 bytes"]));
    assert_eq!(read(json!({ "path": "bytes", "offset": 2 }))[0], "gIA=");
    let refusal = ground.refused("read_file", json!({ "path": "bytes", "encoding": "utf8" }));
    assert!(refusal.contains("isn't UTF-8"), "{refusal}");
    // A file that ends inside of a character is no text, however little of it is asked for at the end.
    fs::write(ground.host("cut"), [b'a', 0xe2, 0x82]).expect("written");
    assert_eq!(read(json!({ "path": "cut" })), json!(["YeKC", "base64 of 3 bytes"]));
}

#[test]
fn searches_find_names_lines_and_both() {
    let ground = Ground::new();
    for (path, content) in [("a.rs", "fn a\nfn b\n"), ("src/b.rs", "fn b"), ("src/deep/c.txt", "x\r\nfn b()\r\n")] {
        ground.write(path, content);
    }
    ground.link("src", "link");
    ground.link("a.rs", "link.rs");
    let search = |arguments: Value| {
        let found = ground.ok("search_files", arguments);
        let found = found["matches"].as_array().expect("a list").iter().map(|found| {
            let line = found["line"].as_u64().map_or(String::new(), |line| format!(":{line}:{}", found["text"]));
            format!("{}{line}", found["path"].as_str().expect("text"))
        });
        found.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(search(json!({ "pattern": "*.rs" })), "a.rs link.rs src/b.rs");
    assert_eq!(search(json!({ "pattern": "*" })), "a.rs link link.rs src/b.rs src/deep/c.txt");
    assert_eq!(search(json!({ "pattern": "src/*" })), "src/b.rs");
    assert_eq!(search(json!({ "pattern": "deep/*", "path": "src" })), "src/deep/c.txt");
    assert_eq!(search(json!({ "pattern": "**/c.*" })), "src/deep/c.txt");
    assert_eq!(search(json!({ "text": "fn b" })), r#"a.rs:2:"fn b" src/b.rs:1:"fn b" src/deep/c.txt:2:"fn b()""#);
    assert_eq!(search(json!({ "text": "fn b", "pattern": "*.txt" })), r#"src/deep/c.txt:2:"fn b()""#);
    assert_eq!(search(json!({ "text": "FN" })), "");
    let few = ground.ok("search_files", json!({ "text": "fn", "max_results": 3 }));
    assert_eq!((few["matches"].as_array().map(Vec::len), &few["truncated"]), (Some(3), &true.into()));
    let all = ground.ok("search_files", json!({ "text": "fn", "max_results": 4 }));
    assert_eq!((all["matches"].as_array().map(Vec::len), &all["truncated"]), (Some(4), &false.into()));
    assert!(ground.refused("search_files", json!({})).contains("`pattern`"));
    assert!(ground.refused("search_files", json!({ "text": "a\nb" })).contains("one line"));
    assert!(ground.refused("search_files", json!({ "pattern": "{a" })).contains("expected a glob"));
    assert!(ground.refused("search_files", json!({ "pattern": "*", "path": "a.rs" })).contains("not a directory"));
}

#[test]
fn contents_are_decoded_strictly_and_bounded() {
    let ground = Ground::with(json!({ "max_file_bytes": 8 }));
    for content in ["a", "YQ", "YQ=", "YQ==\n", " YQ==", "Y-==", "YR=="] {
        let arguments = json!({ "path": "x", "content": content, "encoding": "base64" });
        assert!(ground.refused("write_file", arguments).contains("base64"), "{content:?}");
    }
    assert!(ground.refused("write_file", json!({ "path": "x", "content": "123456789" })).contains("at most 8 bytes"));
    assert!(!ground.host("x").exists());
    ground.write("x", "12345678");
    let more = json!({ "path": "x", "content": "9", "append": true });
    assert!(ground.refused("write_file", more).contains("too long"));
    assert_eq!(ground.ok("read_file", json!({ "path": "x" })), json!(["12345678"]));
    fs::write(ground.host("large"), "123456789").expect("written");
    let found = ground.ok("search_files", json!({ "text": "1" }));
    assert_eq!((found["matches"].as_array().map(Vec::len), &found["skipped"]), (Some(1), &1.into()));
}

#[test]
fn a_configuration_is_checked_without_touching_a_path() {
    let legal = json!({
        "base_path": "/nowhere/at/all", "allow_hard_links": true, "max_read_bytes": "16MiB", "max_file_bytes": 1,
        "quota_bytes": "1GiB", "quota_files": 1,
    });
    let module = configured(legal).expect("legal");
    assert_eq!((module.max_read_bytes, module.max_file_bytes), (16 << 20, 1));
    for (settings, word) in [
        (json!({}), "base_path"),
        (json!({ "base_path": "relative" }), "absolute"),
        (json!({ "base_path": "/x", "root": "/y" }), "root"),
        (json!({ "base_path": "/x", "max_read_bytes": 16_777_217 }), "16MiB"),
        (json!({ "base_path": "/x", "max_file_bytes": 0 }), "size"),
    ] {
        let error = configured(settings.clone()).expect_err("illegal");
        assert!(error.contains(word), "{settings}: {error}");
    }
}

#[tokio::test]
async fn a_base_that_is_no_directory_is_an_error_at_start() {
    let base = tempfile::tempdir().expect("temporary directory");
    fs::write(base.path().join("file"), "").expect("written");
    for name in ["none", "file"] {
        let path = base.path().join(name);
        let error = Filesystem::beneath(&path).start_module().await.expect_err(name).to_string();
        assert!(error.contains(path.to_str().expect("UTF-8")), "{error}");
    }
    Filesystem::beneath(base.path()).start_module().await.expect("started");
    assert!(base.path().join("agents").is_dir());
}

#[tokio::test]
async fn an_application_serves_it_and_enforces_what_is_published() {
    let base = tempfile::tempdir().expect("temporary directory");
    let app = Doorman::dev("files").module(Filesystem::beneath(base.path())).start().await.expect("started");
    for (tool, arguments, legal) in [
        ("write_file", json!({ "path": "a.txt", "content": "x", "encoding": "utf8" }), true),
        ("write_file", json!({ "path": "a.txt", "content": "x", "encoding": "UTF8" }), false),
        ("write_file", json!({ "path": "a.txt", "content": "x", "mode": "0666" }), false),
        ("read_file", json!({ "path": "a.txt", "offset": 0, "length": 1 }), true),
        ("read_file", json!({ "path": "a.txt", "length": 0 }), false),
        ("list_dir", json!({}), true),
        ("stat", json!({ "path": "" }), true),
        ("search_files", json!({ "pattern": "*", "max_results": 1000 }), true),
        ("search_files", json!({ "pattern": "*", "max_results": 1001 }), false),
        ("search_files", json!({ "pattern": "a".repeat(257) }), false),
        ("search_files", json!({ "text": "" }), false),
        ("move_file", json!({ "source": "a.txt", "destination": "b.txt" }), true),
        ("delete_file", json!({ "path": "b.txt" }), true),
        ("delete_file", json!({ "path": "nope/../../victim/x" }), false),
    ] {
        assert_eq!(app.__call(&format!("filesystem_{tool}"), arguments.clone()).await, legal, "{tool} {arguments}");
    }
    app.stop().await;
}
