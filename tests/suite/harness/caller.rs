//! A client of each transport and each generation of the protocol.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Fixture, Lines, Process, Reply, Request, Response, Server, Wire};

/// The two generations of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// 2025-11-25: `initialize`, and sessions over HTTP.
    Session,
    /// 2026-07-28: each request stands alone.
    Modern,
}

/// A transport and a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Stdio(Era),
    Http(Era),
}

impl Door {
    pub(crate) const ALL: [Self; 4] =
        [Self::Stdio(Era::Session), Self::Stdio(Era::Modern), Self::Http(Era::Session), Self::Http(Era::Modern)];
}

pub(super) enum Link {
    Stdio(Lines, Fixture),
    Http { server: Server, wire: Wire, token: Option<String>, session: Option<String> },
}

/// A client that calls tools.
pub(crate) struct Caller {
    pub(super) era: Era,
    pub(super) link: Link,
    next: u64,
    /// What it says that it can do.
    abilities: Value,
    /// What the server said of itself when the session began.
    greeting: Value,
}

/// What every request of the later generation says about itself.
fn meta(abilities: &Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": abilities,
        "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "1"},
    })
}

/// The params of `completion/complete`: what is no URI is a prompt's name.
pub(crate) fn completing(of: &str, argument: &str, typed: &str) -> Value {
    let reference = match of.contains("://") {
        true => json!({"type": "ref/resource", "uri": of}),
        false => json!({"type": "ref/prompt", "name": of}),
    };
    json!({"ref": reference, "argument": {"name": argument, "value": typed}})
}

impl Caller {
    pub(super) fn stdio(fixture: Fixture, era: Era) -> Self {
        let abilities = fixture.abilities.clone();
        let link = Link::Stdio(fixture.lines(), fixture);
        let mut caller = Self { era, link, next: 0, abilities, greeting: Value::Null };
        caller.greet();
        caller
    }

    pub(super) fn http(server: Server, token: Option<&str>, era: Era) -> Self {
        let (wire, abilities) = (Wire::connect(server.address), server.fixture.abilities.clone());
        let link = Link::Http { server, wire, token: token.map(str::to_owned), session: None };
        let mut caller = Self { era, link, next: 0, abilities, greeting: Value::Null };
        caller.greet();
        caller
    }

    fn greet(&mut self) {
        if self.era == Era::Session {
            let client = json!({"name": "wire", "version": "1"});
            let params = json!({"protocolVersion": "2025-11-25", "capabilities": self.abilities, "clientInfo": client});
            let mut reply = self.request("initialize", params);
            assert_eq!(reply.message["result"]["protocolVersion"], "2025-11-25", "{reply:?}");
            self.greeting = reply.message["result"].take();
            self.notify("notifications/initialized", json!({}));
        }
    }

    /// From now on it says that it can do this; in the earlier generation that is said once, at the beginning.
    pub(crate) fn can(&mut self, abilities: Value) {
        assert_eq!(self.era, Era::Modern, "what a session can do is said when it begins");
        self.abilities = abilities;
    }

    /// From now on it bears another token, in the same session.
    pub(crate) fn bears(&mut self, other: &str) {
        let Link::Http { token, .. } = &mut self.link else { panic!("this caller is on stdio") };
        *token = Some(other.to_owned());
    }

    pub(super) fn is_on_stdio(&self) -> bool {
        matches!(self.link, Link::Stdio(..))
    }

    /// Waits for each answer this long.
    pub(crate) fn patient(&mut self, patience: Duration) -> &mut Self {
        match &mut self.link {
            Link::Stdio(lines, _) => lines.patience = patience,
            Link::Http { wire, .. } => wire.patient(patience),
        }
        self
    }

    /// The fixture that it calls.
    pub(crate) fn fixture(&self) -> &Fixture {
        match &self.link {
            Link::Stdio(_, fixture) => fixture,
            Link::Http { server, .. } => &server.fixture,
        }
    }

    /// The process that it calls.
    pub(crate) fn process(&self) -> &Process {
        match &self.link {
            Link::Stdio(lines, _) => &lines.process,
            Link::Http { server, .. } => &server.process,
        }
    }

    /// What the server says of itself, in the way of the caller's generation.
    #[track_caller]
    pub(crate) fn greeting(&mut self) -> Value {
        match self.era {
            Era::Session => self.greeting.clone(),
            Era::Modern => self.request("server/discover", json!({})).message["result"].take(),
        }
    }

    /// The session that the server gave, over HTTP.
    pub(crate) fn session(&self) -> Option<&str> {
        match &self.link {
            Link::Http { session, .. } => session.as_deref(),
            Link::Stdio(..) => None,
        }
    }

    /// The process behind it.
    pub(crate) fn lines(&mut self) -> &mut Lines {
        match &mut self.link {
            Link::Stdio(lines, _) => lines,
            Link::Http { .. } => panic!("this caller is on HTTP"),
        }
    }

    /// The message of a request, with what its generation adds.
    pub(crate) fn message(&mut self, method: &str, mut params: Value) -> Value {
        self.next += 1;
        if self.era == Era::Modern {
            let mut said = meta(&self.abilities);
            if let (Some(said), Some(own)) = (said.as_object_mut(), params["_meta"].as_object()) {
                said.extend(own.clone());
            }
            params["_meta"] = said;
        }
        json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params})
    }

    /// A message as an HTTP request of this caller.
    pub(crate) fn http_request(&self, message: &Value) -> Request {
        let Link::Http { token, session, .. } = &self.link else { panic!("this caller is on stdio") };
        let mut request = Request::post(message.to_string());
        if let Some(token) = token {
            request = request.bearer(token);
        }
        if let Some(session) = session {
            request = request.header("Mcp-Session-Id", session);
        }
        match self.era {
            Era::Session => request.header("MCP-Protocol-Version", "2025-11-25"),
            Era::Modern => {
                let method = message["method"].as_str().unwrap_or_default();
                let request = request.header("MCP-Protocol-Version", "2026-07-28").header("Mcp-Method", method);
                let params = &message["params"];
                match ["name", "uri", "taskId"].iter().find_map(|it| params[it].as_str()) {
                    Some(name) if name.is_ascii() && name.trim() == name && !name.contains(char::is_control) => {
                        request.header("Mcp-Name", name)
                    }
                    Some(name) => {
                        use base64::{Engine, engine::general_purpose::STANDARD};
                        request.header("Mcp-Name", format!("=?base64?{}?=", STANDARD.encode(name)))
                    }
                    None => request,
                }
            }
        }
    }

    /// Sends a request and waits for its answer.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Reply {
        let message = self.message(method, params);
        if let Link::Stdio(lines, _) = &mut self.link {
            lines.line(message.to_string());
            return lines.answer(&message["id"]);
        }
        let response = self.exchange(&message);
        let found = response.messages();
        let notifications = found.into_iter().filter(|it| it.get("id").is_none()).collect();
        Reply { message: response.json(), notifications }
    }

    /// Sends a message on the open connection and reads the HTTP answer.
    #[track_caller]
    pub(crate) fn exchange(&mut self, message: &Value) -> Response {
        let request = self.http_request(message);
        let Link::Http { server, wire, session, .. } = &mut self.link else { panic!("this caller is on stdio") };
        let response = wire.exchange(&request.bytes(server.address)).expect("an answer");
        if let Some(id) = response.header("mcp-session-id") {
            *session = Some(id.to_owned());
        }
        response
    }

    /// Sends a request and doesn't wait. On HTTP it goes on a connection of its own, which is given back.
    pub(crate) fn begin(&mut self, method: &str, params: Value) -> (Value, Option<Wire>) {
        let message = self.message(method, params);
        let id = message["id"].clone();
        if let Link::Stdio(lines, _) = &mut self.link {
            lines.line(message.to_string());
            return (id, None);
        }
        let request = self.http_request(&message);
        let Link::Http { server, .. } = &self.link else { panic!("this caller is on stdio") };
        let mut wire = Wire::connect(server.address);
        wire.send(&request.bytes(server.address)).expect("the server reads");
        (id, Some(wire))
    }

    /// Sends a notification.
    pub(crate) fn notify(&mut self, method: &str, mut params: Value) {
        if self.era == Era::Modern {
            params["_meta"] = meta(&self.abilities);
        }
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        if let Link::Stdio(lines, _) = &mut self.link {
            lines.line(message.to_string());
            return;
        }
        let response = self.exchange(&message);
        assert!(response.status < 300, "{response:?}");
    }

    /// Calls a tool.
    #[track_caller]
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Reply {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Sends a request under an id of the test's, and gives all that is told by its answer: HTTP status and headers, and
    /// the message.
    #[track_caller]
    pub(crate) fn told(&mut self, id: &str, method: &str, params: Value) -> (String, Value) {
        let mut message = self.message(method, params);
        message["id"] = id.into();
        if let Link::Stdio(lines, _) = &mut self.link {
            lines.line(message.to_string());
            return (String::new(), lines.answer(&message["id"]).message);
        }
        let response = self.exchange(&message);
        (format!("{} {:?}", response.status, response.headers()), response.json())
    }

    /// All items of a list; `None` if there is no such list for it.
    #[track_caller]
    pub(crate) fn listed(&mut self, method: &str) -> Option<Vec<Value>> {
        let reply = self.request(method, json!({}));
        if reply.code() == -32601 {
            return None;
        }
        let field = match method {
            "resources/templates/list" => "resourceTemplates",
            _ => method.split('/').next().unwrap_or_default(),
        };
        Some(reply.message["result"][field].as_array().unwrap_or_else(|| panic!("no list in {reply:?}")).clone())
    }

    /// Reads a resource.
    #[track_caller]
    pub(crate) fn read(&mut self, uri: &str) -> Reply {
        self.request("resources/read", json!({ "uri": uri }))
    }

    /// Gets a prompt.
    #[track_caller]
    pub(crate) fn prompt(&mut self, name: &str, arguments: Value) -> Reply {
        self.request("prompts/get", json!({"name": name, "arguments": arguments}))
    }

    /// Completes an argument of a prompt, or a variable of a template.
    #[track_caller]
    pub(crate) fn complete(&mut self, of: &str, argument: &str, typed: &str) -> Reply {
        self.request("completion/complete", completing(of, argument, typed))
    }

    /// All tools that it is shown.
    #[track_caller]
    pub(crate) fn list(&mut self) -> Vec<Value> {
        let reply = self.request("tools/list", json!({}));
        reply.message["result"]["tools"].as_array().unwrap_or_else(|| panic!("no list in {reply:?}")).clone()
    }

    /// The names of all tools that it is shown.
    #[track_caller]
    pub(crate) fn names(&mut self) -> Vec<String> {
        let names = self.list();
        names.iter().map(|tool| tool["name"].as_str().unwrap_or_default().to_owned()).collect()
    }
}
