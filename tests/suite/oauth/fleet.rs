//! A thousand agents in one process, each with a token and a manifest of its kind, all at once: what is each one's own stays it.

use std::{collections::HashMap, fs, thread};

use serde_json::{Value, json};

use super::trusting;
use crate::harness::{Authority, Era, Fixture, Request, Server};

const AGENTS: usize = 1_000;
const KINDS: usize = 10;
const THREADS: usize = 16;
/// How often an agent may write in a minute.
const WRITES: usize = 3;

fn id(agent: usize) -> String {
    format!("agent-{agent:04}")
}

/// A folder of manifests, one for each kind of agents, that use the same names for the same folders.
fn fleet(authority: &Authority) -> Fixture {
    let fixture = Fixture::reference();
    for folder in ["manifests", "data/databases"] {
        fs::create_dir_all(fixture.path(folder)).expect("a folder");
    }
    for kind in 0..KINDS {
        let text = format!(
            "agent_type: kind-{kind}\n\
             modules:\n  \
               files: {{type: filesystem, mode: write, config: {{base_path: \"${{DOORMAN_DATA}}/files\"}}}}\n  \
               db: {{type: sqlite, mode: write, config: {{db_dir: \"${{DOORMAN_DATA}}/databases\"}}}}\n\
             rate_limits: {{per_tool: {{files_write_file: {WRITES}/min}}}}\n"
        );
        fixture.file(&format!("manifests/kind-{kind}.yaml"), &text);
    }
    let folder = fixture.path("manifests");
    fixture.arg("--manifest").arg(folder).auth(&trusting([authority.entry()]))
}

/// What one agent does, and finds; gives the session that it leaves open.
fn live(server: &Server, agent: usize, token: &str) -> String {
    let name = id(agent);
    let mut caller = server.bearing(token, if agent.is_multiple_of(2) { Era::Session } else { Era::Modern });
    let wrote = caller.call("files_write_file", json!({"path": "mine.txt", "content": name}));
    assert!(!wrote.is_error(), "{name}: {wrote:?}");
    for sql in ["CREATE TABLE mine (value TEXT)", &format!("INSERT INTO mine VALUES ('{name}')")] {
        let reply = caller.call("db_execute", json!({ "sql": sql }));
        assert!(!reply.is_error(), "{name} {sql}: {reply:?}");
    }
    assert_eq!(caller.call("files_read_file", json!({"path": "mine.txt"})).text(), name);
    let rows = caller.call("db_query", json!({"sql": "SELECT value FROM mine"}));
    assert_eq!(rows.everything().matches("agent-").count(), rows.everything().matches(&*name).count(), "{rows:?}");
    assert!(rows.everything().contains(&name), "{rows:?}");
    let other = format!("../{}/mine.txt", id((agent + 1) % AGENTS));
    assert_eq!(caller.call("files_read_file", json!({ "path": other })).verdict(), "denied", "{name}");
    // Its limits are its own: so many writes, whatever the others do.
    let verdicts: Vec<bool> = (0..WRITES)
        .map(|_| caller.call("files_write_file", json!({"path": "mine.txt", "content": name})).is_error())
        .collect();
    assert_eq!(verdicts, [false, false, true], "{name}");
    caller.session().map(str::to_owned).unwrap_or_default()
}

#[test]
fn s05_s10_s13_s23_a_thousand_agents_stay_apart() {
    let authority = Authority::shared();
    let said = |agent: usize| json!({"sub": format!("user-{agent}"), "agent_id": id(agent), "agent_type": format!("kind-{}", agent % KINDS), "scope": "files:read files:write db:read db:write"});
    let tokens = authority.tokens((0..AGENTS).map(said));
    let fixture = fleet(authority);
    let server = fixture.serve();
    let sessions: Vec<String> = thread::scope(|scope| {
        let (server, tokens) = (&server, &tokens);
        let share = |thread: usize| (0..AGENTS).filter(move |agent| agent % THREADS == thread);
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    let lived = share(thread).map(|agent| (agent, live(server, agent, &tokens[agent])));
                    lived.collect::<HashMap<usize, String>>()
                })
            })
            .collect();
        let mut all: HashMap<usize, String> =
            threads.into_iter().flat_map(|thread| thread.join().expect("it lived")).collect();
        (0..AGENTS).map(|agent| all.remove(&agent).unwrap_or_default()).collect()
    });

    // Another's session isn't there.
    for agent in (0..AGENTS).step_by(20) {
        let ping = |token: &str| {
            let request = Request::post(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#).bearer(token);
            let request = request.header("Mcp-Session-Id", &sessions[agent]);
            request.header("MCP-Protocol-Version", "2025-11-25").send(server.address).status
        };
        assert_eq!((ping(&tokens[agent]), ping(&tokens[agent + 10])), (200, 404), "{agent}");
    }

    // On the disk each has what it wrote, and nothing else.
    for agent in (0..AGENTS).map(id) {
        let folder = fixture.path(&format!("data/files/agents/{agent}"));
        let files: Vec<_> =
            fs::read_dir(&folder).expect("its folder").map(|it| it.expect("a file").file_name()).collect();
        assert_eq!(files, ["mine.txt"], "{agent}");
        assert_eq!(fs::read_to_string(format!("{folder}/mine.txt")).expect("its file"), agent);
    }

    // Each call has its record, under the name of who called.
    let mut calls: HashMap<(String, String), usize> = HashMap::new();
    for record in fixture.audit("call") {
        let of = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
        assert_eq!(of("issuer"), authority.issuer);
        assert_eq!(
            of("principal").strip_prefix("user-").map(|it| id(it.parse().expect("a number"))),
            Some(of("agent_id"))
        );
        *calls.entry((of("agent_id"), of("verdict"))).or_default() += 1;
    }
    for agent in (0..AGENTS).map(id) {
        let of = |verdict: &str| calls.get(&(agent.clone(), verdict.to_owned())).copied().unwrap_or_default();
        assert_eq!((of("ok"), of("denied"), of("rate_limited")), (7, 1, 1), "{agent}");
    }
    let rejected: Vec<Value> = fixture.audit("rejected");
    assert!(rejected.iter().all(|it| it["reason"] == "unknown_session"), "{rejected:?}");
}
