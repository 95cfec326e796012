//! What the server has recorded: read back from its audit log, call by call.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::Outcome;

/// The records of one kind, of one agent, in the order in which they were written.
pub(super) struct Trail {
    log: PathBuf,
    agent: Option<&'static str>,
    seen: usize,
}

impl Trail {
    /// The calls of an agent.
    pub(super) fn of_agent(log: PathBuf, agent: &'static str) -> Self {
        Self { log, agent: Some(agent), seen: 0 }
    }

    /// What was refused before it was a call.
    pub(super) fn of_rejected(log: PathBuf) -> Self {
        Self { log, agent: None, seen: 0 }
    }

    /// The one record that is new. It is written before the reply leaves, so it is there when the reply is.
    pub(super) fn next(&mut self) -> Outcome<Value> {
        let text = fs::read_to_string(&self.log)?;
        let records = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        let mut new = records.into_iter().filter(|record| self.is_ours(record)).skip(self.seen);
        let record = new.next().ok_or("there is no audit record")?;
        match new.next() {
            None => {
                self.seen += 1;
                Ok(record)
            }
            Some(_) => Err("there is more than one audit record".into()),
        }
    }

    fn is_ours(&self, record: &Value) -> bool {
        match self.agent {
            Some(agent) => record["kind"] == "call" && record["agent_id"] == agent,
            None => record["kind"] == "rejected",
        }
    }
}
