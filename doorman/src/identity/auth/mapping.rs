//! From what an issuer says to what we say: scopes with those that they imply, and agents.

use std::collections::HashMap;

use super::json::Object;
use crate::identity::Agent;

/// The longest name that is taken from a token, in bytes.
const LONGEST: usize = 512;

/// How a token's bearer becomes an agent.
#[derive(Clone)]
pub(super) enum Agents {
    /// Two claims name it.
    Claims { id: String, kind: String },
    /// One claim is looked up.
    Table { claim: String, agents: HashMap<String, Agent> },
}

impl Default for Agents {
    fn default() -> Self {
        Self::Claims { id: "agent_id".into(), kind: "agent_type".into() }
    }
}

impl Agents {
    /// The agent, if the token is one's. Half an agent, or one whose names aren't legal, is an error: they become file names
    /// and keys.
    pub(super) fn of(&self, claims: &Object) -> Result<Option<Agent>, &'static str> {
        match self {
            Self::Claims { id, kind } => match (name(claims, id), name(claims, kind)) {
                (Ok(None), Ok(None)) => Ok(None),
                (Ok(Some(id)), Ok(Some(kind))) => Agent::new(id, kind).map(Some).map_err(|_| "illegal agent"),
                _ => Err("illegal agent"),
            },
            Self::Table { claim, agents } => {
                let found = name(claims, claim).map_err(|_| "illegal agent")?;
                Ok(found.and_then(|found| agents.get(found)).cloned())
            }
        }
    }
}

/// A name in a claim: text with something in it, of bounded length, that can't forge a line.
pub(super) fn name<'c>(claims: &'c Object, claim: &str) -> Result<Option<&'c str>, ()> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let legal = |it: &&str| (1..=LONGEST).contains(&it.len()) && !it.contains(char::is_control);
    value.as_str().filter(legal).map(Some).ok_or(())
}

/// Which scopes others stand for, where the operator declared it.
#[derive(Clone, Default)]
pub(super) struct Hierarchy(HashMap<String, Vec<String>>);

impl Hierarchy {
    pub(super) fn declare(&mut self, scope: String, implied: impl Iterator<Item = String>) {
        self.0.entry(scope).or_default().extend(implied);
    }

    /// All names in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.iter().flat_map(|(scope, implied)| std::iter::once(scope).chain(implied))
    }

    /// The scopes, each once, and all that they stand for.
    pub(super) fn closure<'s>(&'s self, held: impl Iterator<Item = &'s str>) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut next: Vec<&str> = held.collect();
        next.reverse();
        while let Some(scope) = next.pop() {
            if !all.iter().any(|it| it == scope) {
                all.push(scope.to_owned());
                next.extend(self.0.get(scope).into_iter().flatten().rev().map(String::as_str));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: serde_json::Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn scopes_stand_for_others_only_where_declared() {
        let mut hierarchy = Hierarchy::default();
        hierarchy.declare("admin".into(), ["write".to_owned(), "audit".to_owned()].into_iter());
        hierarchy.declare("write".into(), ["read".to_owned()].into_iter());
        fn of(hierarchy: &Hierarchy, held: &[&str]) -> String {
            hierarchy.closure(held.iter().copied()).join(" ")
        }
        assert_eq!(of(&hierarchy, &["admin"]), "admin write read audit");
        assert_eq!(of(&hierarchy, &["write", "write", "x"]), "write read x");
        assert_eq!(of(&hierarchy, &["read", "adm", "admin:x", "Admin"]), "read adm admin:x Admin");
        assert_eq!(of(&hierarchy, &[]), "");
        // A ring ends.
        hierarchy.declare("read".into(), ["admin".to_owned()].into_iter());
        assert_eq!(of(&hierarchy, &["read"]), "read admin write audit");
    }

    #[test]
    fn s03_an_agent_is_whole_and_legal_or_the_token_is_refused() {
        let agents = Agents::default();
        let found = agents.of(&claims(json!({ "agent_id": "a-1", "agent_type": "clerk" }))).unwrap().unwrap();
        assert_eq!((found.id(), found.kind()), ("a-1", "clerk"));
        assert_eq!(agents.of(&claims(json!({ "sub": "a-1" }))), Ok(None));
        for value in [
            json!({ "agent_id": "a-1" }),
            json!({ "agent_type": "clerk" }),
            json!({ "agent_id": "../a", "agent_type": "clerk" }),
            json!({ "agent_id": "A-1", "agent_type": "clerk" }),
            json!({ "agent_id": "a-1", "agent_type": "clerk/x" }),
            json!({ "agent_id": "a-1\n", "agent_type": "clerk" }),
            json!({ "agent_id": "", "agent_type": "clerk" }),
            json!({ "agent_id": 1, "agent_type": "clerk" }),
            json!({ "agent_id": null, "agent_type": null }),
            json!({ "agent_id": ["a-1"], "agent_type": "clerk" }),
        ] {
            assert_eq!(agents.of(&claims(value.clone())), Err("illegal agent"), "{value}");
        }
    }

    #[test]
    fn a_table_names_agents_by_exact_values() {
        let agent = Agent::new("a-1", "clerk").unwrap();
        let agents = Agents::Table { claim: "sub".into(), agents: HashMap::from([("ada".to_owned(), agent.clone())]) };
        assert_eq!(agents.of(&claims(json!({ "sub": "ada" }))), Ok(Some(agent)));
        for value in
            [json!({ "sub": "Ada" }), json!({ "sub": "ada " }), json!({ "agent_id": "a-1", "agent_type": "clerk" })]
        {
            assert_eq!(agents.of(&claims(value.clone())), Ok(None), "{value}");
        }
        assert_eq!(agents.of(&claims(json!({ "sub": ["ada"] }))), Err("illegal agent"));
    }
}
