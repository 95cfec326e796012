//! Who is told that its list of tools has changed.

use serde_json::json;

use super::{A_WHILE, can_write, files, reader, token};
use crate::harness::{Caller, Cast, Era, Fixture, Request, Server, Wire};

/// Something that is told when its list of tools changes.
enum Told {
    Stdio(Box<Caller>),
    Http(Wire),
}

impl Told {
    /// Listens as its generation does.
    fn listening(caller: &mut Caller, server: &Server, era: Era, token: &str) -> Self {
        let mut wire = Wire::connect(server.address);
        let request = match era {
            Era::Session => Request::new("GET", "/mcp")
                .header("Accept", "text/event-stream")
                .header("MCP-Protocol-Version", "2025-11-25")
                .header("Mcp-Session-Id", caller.session().expect("a session"))
                .bearer(token),
            Era::Modern => {
                let message =
                    caller.message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
                caller.http_request(&message)
            }
        };
        wire.send(&request.bytes(server.address)).expect("the server reads");
        wire.stream();
        if era == Era::Modern {
            let first = wire.event(A_WHILE).expect("an acknowledgment");
            assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
        }
        Self::Http(wire)
    }

    fn is_told(&mut self) -> bool {
        let told = match self {
            Self::Stdio(caller) => Some(caller.lines().next()),
            Self::Http(wire) => wire.event(A_WHILE),
        };
        told.is_some_and(|it| it["method"] == "notifications/tools/list_changed")
    }
}

#[test]
fn those_whose_tools_change_are_told_and_nobody_else() {
    let fixture = Fixture::reference()
        .manifest_of("reader", &files("read"))
        .manifest_of("writer", &files("write"))
        .tokens(&[Cast::ALICE, Cast::BOB]);
    for era in [Era::Session, Era::Modern] {
        reader(&fixture, &files("read"));
        let server = fixture.serve();
        let (mut alice, mut bob) = (server.caller(Cast::ALICE, era), server.caller(Cast::BOB, era));
        let mut hers = Told::listening(&mut alice, &server, era, &Cast::ALICE.token());
        let mut his = Told::listening(&mut bob, &server, era, &Cast::BOB.token());
        reader(&fixture, &files("write"));
        server.process.reload();
        assert!(hers.is_told(), "{era:?}");
        assert!(!his.is_told(), "{era:?}: nothing of his has changed");
        assert!(can_write(&mut alice), "{era:?}");
        // Who bears no token any more isn't told of anything.
        fixture.private("tokens.yaml", &format!("tokens:\n{}", token(Cast::BOB)));
        server.process.reload();
        reader(&fixture, &files("read"));
        server.process.reload();
        assert!(!hers.is_told(), "{era:?}");
        fixture.private("tokens.yaml", &format!("tokens:\n{}{}", token(Cast::ALICE), token(Cast::BOB)));
    }
    reader(&fixture, &files("read"));
    let mut caller = Fixture::reference()
        .arg("--manifest")
        .arg(fixture.path("reader.yaml"))
        .env("DOORMAN_DATA", fixture.path("data"))
        .launched_by(Cast::ALICE)
        .unnamed(Era::Session);
    assert!(!caller.names().is_empty());
    reader(&fixture, &files("write"));
    caller.lines().process.reload();
    assert!(Told::Stdio(Box::new(caller)).is_told());
}

#[test]
fn s10_who_is_not_known_subscribes_to_nothing() {
    let server = Fixture::new().env("FIXTURE_ANONYMOUS", "1").serve();
    let mut stranger = server.stranger(Era::Modern);
    let message = stranger.message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}));
    let mut wire = Wire::connect(server.address);
    wire.send(&stranger.http_request(&message).bytes(server.address)).expect("the server reads");
    wire.stream();
    // The acknowledgment is the SDK's; the stream ends with the refusal.
    let ending = std::iter::from_fn(|| wire.event(A_WHILE)).find(|it| it.get("error").is_some());
    assert!(
        ending.is_some_and(|it| it["error"]["message"].as_str().is_some_and(|text| text.contains("subscriptions")))
    );
}
