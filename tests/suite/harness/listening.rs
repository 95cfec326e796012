//! What a client hears of changes, in the way that its transport and generation have for it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Caller, Era, Request, Wire, caller::Link};

/// Longer than it takes to tell a client; too short for a test to wait for in vain often.
const A_WHILE: Duration = Duration::from_secs(5);

/// The resource that [`Caller::heard`] has touched to know that it has heard all.
const LAST: &str = "memo://welcome";

/// Where a client hears of changes.
pub(crate) enum Ear {
    /// Among the lines of its process.
    Lines,
    /// A stream of its own.
    Stream(Wire),
}

impl Ear {
    /// The next message of a stream; `None` if there is none for a while.
    pub(crate) fn event(&mut self) -> Option<Value> {
        match self {
            Self::Lines => panic!("this one listens on stdio"),
            Self::Stream(wire) => wire.event(A_WHILE),
        }
    }
}

/// A change in a word: the resource's URI, or the list.
fn change(message: &Value) -> Option<String> {
    let list = match message["method"].as_str()? {
        "notifications/resources/updated" => return message["params"]["uri"].as_str().map(str::to_owned),
        "notifications/tools/list_changed" => "tools",
        "notifications/prompts/list_changed" => "prompts",
        "notifications/resources/list_changed" => "resources",
        _ => return None,
    };
    Some(list.to_owned())
}

impl Caller {
    /// Listens to all lists and these resources, all of which it may read.
    #[track_caller]
    pub(crate) fn listen(&mut self, uris: &[&str]) -> Ear {
        let mut uris = uris.to_vec();
        uris.push(LAST);
        match self.era {
            Era::Session => {
                let ear = self.listen_in_session();
                for uri in uris {
                    let reply = self.request("resources/subscribe", json!({ "uri": uri }));
                    assert!(!reply.is_error(), "{uri}: {reply:?}");
                }
                ear
            }
            Era::Modern => {
                let lists = json!({
                    "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true,
                    "resourceSubscriptions": uris,
                });
                self.subscribe(&lists).0
            }
        }
    }

    /// The stream of a session, where there is one.
    #[track_caller]
    fn listen_in_session(&self) -> Ear {
        let Link::Http { server, token, .. } = &self.link else { return Ear::Lines };
        let request = Request::new("GET", "/mcp")
            .header("Accept", "text/event-stream")
            .header("MCP-Protocol-Version", "2025-11-25")
            .header("Mcp-Session-Id", self.session().expect("a session"))
            .bearer(token.as_deref().expect("a token"));
        let mut wire = Wire::connect(server.address);
        wire.send(&request.bytes(server.address)).expect("the server reads");
        wire.stream();
        Ear::Stream(wire)
    }

    /// `subscriptions/listen`, and what the server says that it will tell.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, wanted: &Value) -> (Ear, Value) {
        let (_, wire) = self.begin("subscriptions/listen", json!({ "notifications": wanted }));
        let (ear, first) = match (wire, &mut self.link) {
            (Some(mut wire), _) => {
                wire.stream();
                let first = wire.event(A_WHILE).expect("an acknowledgment");
                (Ear::Stream(wire), first)
            }
            (None, Link::Stdio(lines, _)) => (Ear::Lines, lines.notification()),
            (None, Link::Http { .. }) => unreachable!("HTTP has a wire"),
        };
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged", "{first}");
        (ear, first["params"]["notifications"].clone())
    }

    /// All that it has heard of by now: what changed first is told first.
    #[track_caller]
    pub(crate) fn heard(&mut self, ear: &mut Ear) -> Vec<String> {
        assert!(!self.call("touch", json!({ "uri": LAST })).is_error());
        let mut heard = Vec::new();
        loop {
            let message = match (&mut *ear, &mut self.link) {
                (Ear::Lines, Link::Stdio(lines, _)) => lines.notification(),
                (ear, _) => ear.event().unwrap_or_else(|| panic!("it hears nothing after {heard:?}")),
            };
            match change(&message) {
                Some(uri) if uri == LAST => return heard,
                Some(other) => heard.push(other),
                None => {}
            }
        }
    }
}
