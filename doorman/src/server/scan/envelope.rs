//! What makes JSON a JSON-RPC 2.0 message, and the facts read off one.

use std::borrow::Cow;

use super::{
    Envelope, Fault, Kind,
    lex::{Form, Spelling, decode},
    walk::Slot,
};

/// What a value is, as far as the envelope cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text(Spelling),
    Number(Form),
    Object,
    /// An array, a boolean or `null`.
    Other,
}

/// A value of the envelope.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) at: usize,
    /// As it was written; empty for objects and arrays.
    pub(super) json: &'a str,
    pub(super) shape: Shape,
}

/// The members that were found, each once: a second one of the same name is a fault that the walk notes.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    members: [Option<Member<'a>>; Slot::Other as usize],
    /// Two ids leave open which request is answered.
    ids: usize,
}

impl<'a> Facts<'a> {
    pub(super) fn put(&mut self, slot: Slot, member: Member<'a>) {
        self.ids += usize::from(slot == Slot::Id);
        if let Some(place) = self.members.get_mut(slot as usize) {
            *place = Some(member);
        }
    }

    fn get(&self, slot: Slot) -> Option<Member<'a>> {
        self.members.get(slot as usize).copied().flatten()
    }

    /// What a member says, if it is a string.
    fn text(&self, slot: Slot) -> Option<Cow<'a, str>> {
        self.get(slot)?.text()
    }

    /// The id to answer to, if there is no doubt about it.
    pub(super) fn sole_id(&self) -> Option<&'a str> {
        if self.ids == 1 { self.get(Slot::Id)?.legal_id() } else { None }
    }

    /// A batch and a bare value are JSON, but never a message.
    pub(super) fn is_object(&self) -> Result<(), Fault> {
        match self.get(Slot::Root) {
            Some(Member { shape: Shape::Object, .. }) => Ok(()),
            _ => Err(Fault::missing("expected one JSON-RPC object; batches are not accepted")),
        }
    }
}

impl<'a> Member<'a> {
    fn text(self) -> Option<Cow<'a, str>> {
        match self.shape {
            Shape::Text(spelling) => Some(decode(self.json, spelling)),
            Shape::Number(_) | Shape::Object | Shape::Other => None,
        }
    }

    /// A string of at most 256 bytes as it is written, for it is kept, or an integer that fits `i64`, which is what rmcp keeps; `-0` is a float to `serde_json`.
    fn legal_id(self) -> Option<&'a str> {
        match self.shape {
            Shape::Text(_) if self.json.len() <= 256 => Some(self.json),
            Shape::Number(Form::Integer) if self.json != "-0" => self.json.parse::<i64>().ok().map(|_| self.json),
            Shape::Text(_) | Shape::Number(_) | Shape::Object | Shape::Other => None,
        }
    }
}

/// Reads the envelope off its members.
pub(super) fn read<'a>(facts: &Facts<'a>) -> Result<Envelope<'a>, Fault> {
    match facts.get(Slot::Jsonrpc) {
        Some(version) if version.text().as_deref() == Some("2.0") => {}
        Some(version) => return Err(Fault::at(version.at, "`jsonrpc` must be \"2.0\"")),
        None => return Err(Fault::missing("`jsonrpc` is missing; it must be \"2.0\"")),
    }
    let id = match facts.get(Slot::Id) {
        Some(id) => Some(
            id.legal_id().ok_or(Fault::at(id.at, "`id` must be a string of at most 256 bytes or a 64-bit integer"))?,
        ),
        None => None,
    };
    let method = match facts.get(Slot::Method) {
        Some(method) => Some(method.text().ok_or(Fault::at(method.at, "`method` must be a string"))?),
        None => None,
    };
    for (slot, what) in [(Slot::Params, "`params` must be an object"), (Slot::Error, "`error` must be an object")] {
        if let Some(Member { at, shape: Shape::Text(_) | Shape::Number(_) | Shape::Other, .. }) = facts.get(slot) {
            return Err(Fault::at(at, what));
        }
    }
    let kind = match (&method, facts.get(Slot::Result), facts.get(Slot::Error), id) {
        (Some(_), None, None, Some(_)) => Kind::Request,
        (Some(_), None, None, None) => Kind::Notification,
        (None, Some(_), None, None) => return Err(Fault::missing("a response must have the `id` of its request")),
        // An error answers a request whose id could not be read, too.
        (None, Some(_), None, Some(_)) | (None, None, Some(_), _) => Kind::Response,
        _ => return Err(Fault::missing("expected exactly one of `method`, `result` and `error`")),
    };
    let target = method.as_deref().and_then(|method| target(facts, method));
    Ok(Envelope { kind, method, id, target, protocol_version: facts.text(Slot::ProtocolVersion) })
}

/// SEP-2243's table of what `Mcp-Name` repeats.
fn target<'a>(facts: &Facts<'a>, method: &str) -> Option<Cow<'a, str>> {
    match method {
        "tools/call" | "prompts/get" => facts.text(Slot::Name),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => facts.text(Slot::Uri),
        "tasks/get" | "tasks/update" | "tasks/cancel" => facts.text(Slot::TaskId),
        _ => None,
    }
}
