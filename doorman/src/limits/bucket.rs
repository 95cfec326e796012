//! One rule: whose counts it keeps, where, and how they are filled.

use doorman_grammar::rate::{Per, RateRule};

use super::{
    caller::{Counted, Digest},
    error::Kind,
};
use crate::state::{Ask, Memory, Place, Shape};

/// One rule and the place of its counts. Different rules never share a count, however alike they are (D21).
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub(super) rule: RateRule,
    pub(super) kind: Kind,
    shape: Shape,
    place: Place,
}

impl Bucket {
    /// `owner` is what the counts belong to, `""` for the application. The same rule of the same owner gets the same place
    /// again, so that registering anew forgets nothing.
    pub(super) fn new(rule: RateRule, kind: Kind, owner: &str, store: &Memory) -> Self {
        let id = Digest::new(u8::MAX).text(owner).text(&format!("{kind:?} {rule}")).finish();
        let place = Place { rule: id, index: store.reserve(id), key: None };
        Self { rule, kind, shape: Shape::of(&rule), place }
    }

    /// What is asked of the store for this caller.
    pub(super) fn ask(&self, who: &Counted, cost: u32) -> Ask {
        let key = match self.rule.per {
            Per::Caller | Per::CallerAndTool => Some(who.caller),
            Per::Agent => Some(who.agent),
            Per::Tenant => Some(who.tenant),
            Per::Tool | Per::Global => None,
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
