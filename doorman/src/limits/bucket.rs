//! One rule: whose counts it keeps, where, and how they are filled.

use std::{fmt, sync::Arc};

use doorman_grammar::{
    breaker::Breaker,
    rate::{Per, RateRule},
};

use super::{
    caller::{Counted, Digest},
    error::Kind,
    low::{Low, Lows},
};
use crate::state::{Ask, Place, Shape, Store};

/// A rule as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Rate(RateRule),
    Breaker(Breaker),
}

impl Rule {
    /// The most that it ever holds.
    pub(super) fn capacity(&self) -> u32 {
        match self {
            Self::Rate(rule) => rule.capacity(),
            Self::Breaker(breaker) => breaker.count,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rule) => rule.fmt(f),
            Self::Breaker(breaker) => breaker.fmt(f),
        }
    }
}

/// One rule and the place of its counts. Different rules never share a count, however alike they are (D21).
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) rule: Rule,
    pub(super) kind: Kind,
    shape: Shape,
    place: Place,
    pub(super) low: Arc<Low>,
}

impl Bucket {
    /// `owner` is what the counts belong to, `""` for the application. The same rule of the same owner gets the same place
    /// again, in this process and in all that share the store, so that registering anew forgets nothing.
    pub(super) fn new(rule: RateRule, kind: Kind, owner: &str, (store, lows): (&Store, &Lows)) -> Self {
        Self::placed(Rule::Rate(rule), kind, Shape::of(&rule), owner, (store, lows))
    }

    /// A bucket for each call with the same arguments.
    pub(super) fn breaker(rule: Breaker, owner: &str, (store, lows): (&Store, &Lows)) -> Self {
        let shape = Shape::rolling(rule.count, rule.window, rule.count);
        Self::placed(Rule::Breaker(rule), Kind::Breaker, shape, owner, (store, lows))
    }

    fn placed(rule: Rule, kind: Kind, shape: Shape, owner: &str, (store, lows): (&Store, &Lows)) -> Self {
        let id = Digest::new(u8::MAX).text(owner).text(&format!("{kind:?} {rule}")).finish();
        let place = Place { rule: id, index: store.reserve(id), key: None };
        Self { rule, kind, shape, place, low: lows.of(&rule, kind) }
    }

    /// What is asked of the store for this caller.
    pub(super) fn ask(&self, who: &Counted, cost: u32) -> Ask {
        let key = match self.rule {
            Rule::Breaker(_) => Some(who.call),
            Rule::Rate(RateRule { per: Per::Caller | Per::CallerAndTool, .. }) => Some(who.caller),
            Rule::Rate(RateRule { per: Per::Agent, .. }) => Some(who.agent),
            Rule::Rate(RateRule { per: Per::Tenant, .. }) => Some(who.tenant),
            Rule::Rate(RateRule { per: Per::Tool | Per::Global, .. }) => None,
        };
        // Both are 128-bit digests: nobody finds two pairs of rule and caller that meet.
        let key = key.map(|key| self.place.rule ^ key.0);
        let budget = self.kind == Kind::Budget;
        Ask {
            place: Place { key, ..self.place },
            shape: self.shape,
            weight: if budget { cost } else { 1 },
            budget,
            left: 0,
        }
    }
}
