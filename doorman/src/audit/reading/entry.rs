//! A line as it is read, shown to people.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::Deserialize;

use super::super::line::escaped;

/// The members of a line that are shown or counted. Those of lines that somebody else wrote may be anything.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry<'a> {
    #[serde(borrow)]
    pub(crate) ts: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) kind: Cow<'a, str>,
    pub(crate) agent_id: Option<String>,
    pub(crate) agent_type: Option<String>,
    pub(crate) principal: Option<String>,
    pub(crate) transport: Option<String>,
    pub(crate) capability: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) duration_us: Option<u64>,
    pub(crate) call: Option<String>,
    pub(crate) count: Option<u64>,
    pub(crate) lost: Option<u64>,
    pub(crate) torn: Option<u64>,
    pub(crate) cause: Option<String>,
    pub(crate) lines: Option<u64>,
}

/// Which lines are wanted.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) agent: Option<String>,
    pub(crate) capability: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) kind: Option<String>,
}

impl Filter {
    /// Whether a line is wanted. One that is no record is, unless something is asked for that it can't have.
    pub(crate) fn wants(&self, entry: Option<&Entry<'_>>) -> bool {
        let same = |asked: &Option<String>, is: Option<&str>| match asked {
            Some(asked) => is == Some(asked),
            None => true,
        };
        same(&self.kind, entry.map(|it| &*it.kind))
            && same(&self.agent, entry.and_then(|it| it.agent_id.as_deref()))
            && same(&self.capability, entry.and_then(|it| it.capability.as_deref()))
            && same(&self.verdict, entry.and_then(|it| it.verdict.as_deref()))
    }
}

impl<'a> Entry<'a> {
    /// A line that is a record of ours by its form.
    pub(crate) fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Who called: the agent, else the principal.
    pub(crate) fn who(&self) -> String {
        match (&self.agent_id, &self.agent_type, &self.principal) {
            (Some(id), Some(kind), _) => format!("{id}/{kind}"),
            (Some(id), None, _) => id.clone(),
            (None, _, Some(principal)) => principal.clone(),
            (None, _, None) => "-".to_owned(),
        }
    }
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &Option<String>| visible(text.as_deref().unwrap_or("-")).into_owned();
        write!(f, "{}  ", visible(&self.ts))?;
        let (who, what) = (self.who(), shown(&self.capability));
        let who = visible(&who);
        match &*self.kind {
            "call" => {
                let (verdict, reason) = (shown(&self.verdict), shown(&self.reason));
                write!(f, "{verdict:<16} {who:<24} {what:<32} {:>10}", millis(self.duration_us.unwrap_or(0)))?;
                if reason == verdict { Ok(()) } else { write!(f, "  {reason}") }
            }
            "intent" => write!(f, "{:<16} {who:<24} {what:<32}  call {}", "intent", shown(&self.call)),
            "rejected" => {
                let (transport, reason) = (shown(&self.transport), shown(&self.reason));
                write!(f, "{:<16} {transport:<24} {reason:<32} ×{}", "rejected", self.count.unwrap_or(0))
            }
            "recovered" => {
                write!(f, "{:<16} {} records lost", "recovered", self.lost.unwrap_or(0))?;
                self.torn.map_or(Ok(()), |bytes| write!(f, ", {bytes} bytes torn"))
            }
            "checkpoint" => write!(f, "{:<16} {} lines signed", "checkpoint", self.lines.unwrap_or(0)),
            "chain" => write!(f, "{:<16} {}", "chain", shown(&self.cause)),
            other => write!(f, "{}", visible(other)),
        }
    }
}

/// Microseconds as people read them.
pub(crate) fn millis(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// A text in which a terminal finds nothing to obey, and a reader nothing that he doesn't see.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(dangerous) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for c in text.chars() {
        if dangerous(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// A line of JSON as it is, in which a terminal finds nothing to obey: inside texts, such characters are escaped.
pub(crate) fn visible_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if !dangerous(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(shown, "\\u{unit:04x}");
        }
    }
    shown
}

fn dangerous(c: char) -> bool {
    escaped(c) && !matches!(c, '"' | '\\')
}
