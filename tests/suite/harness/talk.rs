//! Calls that ask their client before they end: the same conversation in both generations. In the earlier one the server
//! sends requests, which are answered while the call waits; in the later one a round ends, and the next brings answers.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Caller, Era, Reply, Wire};

/// Everything that a client can do but tasks.
pub(crate) fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

/// Everything that a client can do.
pub(crate) fn able_of_tasks() -> Value {
    let mut able = able();
    able["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
    able
}

/// The user fills in the form.
pub(crate) fn accept(content: Value) -> Value {
    json!({"action": "accept", "content": content})
}

/// The model says this.
pub(crate) fn say(text: &str) -> Value {
    json!({"role": "assistant", "content": {"type": "text", "text": text}, "model": "m", "stopReason": "endTurn"})
}

/// A question of the server.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Its name; in the earlier generation the id of its request.
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) params: Value,
}

impl Question {
    fn of(id: Value, request: &Value) -> Self {
        let method = request["method"].as_str().unwrap_or_default().to_owned();
        Self { id, method, params: request["params"].clone() }
    }

    /// What the user reads.
    pub(crate) fn message(&self) -> &str {
        self.params["message"].as_str().unwrap_or_default()
    }
}

/// A call that has begun.
pub(crate) struct Talk {
    /// Its request's id, in the earlier generation.
    pub(crate) id: Value,
    wire: Option<Wire>,
    method: String,
    /// What each round says.
    params: Value,
    notifications: Vec<Value>,
}

/// What comes next of a call.
#[derive(Debug)]
pub(crate) enum Turn {
    Asks(Vec<Question>),
    Ends(Reply),
}

impl Caller {
    /// Begins a call that will ask.
    pub(crate) fn talk(&mut self, method: &str, params: Value) -> Talk {
        let (id, mut wire) = match self.era {
            Era::Session => self.begin(method, params.clone()),
            Era::Modern => (Value::Null, None),
        };
        if let Some(wire) = &mut wire {
            wire.stream();
        }
        Talk { id, wire, method: method.to_owned(), params, notifications: Vec::new() }
    }

    /// Waits for what comes next.
    #[track_caller]
    pub(crate) fn turn(&mut self, talk: &mut Talk) -> Turn {
        if self.era == Era::Modern {
            let reply = self.request(&talk.method, talk.params.clone());
            let questions = reply.questions();
            talk.params["requestState"] = reply.message["result"]["requestState"].clone();
            return if questions.is_empty() { Turn::Ends(reply) } else { Turn::Asks(questions) };
        }
        loop {
            let message = match &mut talk.wire {
                Some(wire) => wire.event(Duration::from_secs(30)).expect("a message"),
                None => self.lines().next(),
            };
            match (message.get("id"), message.get("method")) {
                (Some(id), Some(_)) => return Turn::Asks(vec![Question::of(id.clone(), &message)]),
                (None, _) => talk.notifications.push(message),
                (Some(id), None) if *id == talk.id => {
                    return Turn::Ends(Reply { message, notifications: std::mem::take(&mut talk.notifications) });
                }
                // Another call's.
                (Some(_), None) => {}
            }
        }
    }

    /// Answers questions of a call.
    #[track_caller]
    pub(crate) fn answer(&mut self, talk: &mut Talk, answers: impl IntoIterator<Item = (Value, Value)>) {
        let answers = answers.into_iter();
        if self.era == Era::Modern {
            let answers = answers.map(|(name, answer)| (name.as_str().expect("a name").to_owned(), answer));
            talk.params["inputResponses"] = Value::Object(answers.collect::<Map<_, _>>());
            return;
        }
        for (id, answer) in answers {
            self.respond(json!({"jsonrpc": "2.0", "id": id, "result": answer}));
        }
    }

    /// Sends a response to a request of the server.
    #[track_caller]
    pub(crate) fn respond(&mut self, response: Value) {
        if self.is_on_stdio() {
            self.lines().line(response.to_string());
            return;
        }
        let taken = self.exchange(&response);
        assert_eq!(taken.status, 202, "{taken:?}");
    }

    /// Calls, answers what is asked until the end, and gives the end and all that was asked.
    #[track_caller]
    pub(crate) fn converse(
        &mut self,
        method: &str,
        params: Value,
        mut answer: impl FnMut(&Question) -> Value,
    ) -> (Reply, Vec<Question>) {
        let mut talk = self.talk(method, params);
        let mut asked = Vec::new();
        loop {
            match self.turn(&mut talk) {
                Turn::Ends(reply) => return (reply, asked),
                Turn::Asks(questions) => {
                    assert!(asked.len() < 20, "it asks for ever: {asked:?}");
                    let answers: Vec<_> = questions.iter().map(|it| (it.id.clone(), answer(it))).collect();
                    asked.extend(questions);
                    self.answer(&mut talk, answers);
                }
            }
        }
    }

    /// As [`converse`](Self::converse), with a tool.
    #[track_caller]
    pub(crate) fn converse_with(
        &mut self,
        tool: &str,
        arguments: Value,
        answer: impl FnMut(&Question) -> Value,
    ) -> (Reply, Vec<Question>) {
        self.converse("tools/call", json!({"name": tool, "arguments": arguments}), answer)
    }

    /// Goes on with a call of a tool, in the later generation.
    #[track_caller]
    pub(crate) fn go_on(&mut self, tool: &str, arguments: Value, state: &str, answers: Value) -> Reply {
        self.request("tools/call", going_on(tool, arguments, state, answers))
    }
}

/// The params of a later round.
pub(crate) fn going_on(tool: &str, arguments: Value, state: &str, answers: Value) -> Value {
    json!({"name": tool, "arguments": arguments, "requestState": state, "inputResponses": answers})
}

impl Reply {
    /// What a round asks; nothing if it was the last.
    pub(crate) fn questions(&self) -> Vec<Question> {
        let asked = self.message["result"]["inputRequests"].as_object();
        asked.into_iter().flatten().map(|(name, request)| Question::of(name.as_str().into(), request)).collect()
    }

    /// The state that goes with questions.
    #[track_caller]
    pub(crate) fn state(&self) -> String {
        let state = self.message["result"]["requestState"].as_str();
        state.unwrap_or_else(|| panic!("no state in {:?}", self.message)).to_owned()
    }
}
