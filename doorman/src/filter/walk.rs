//! One pass over a value that says which rules match in it.

use serde_json::Value;

use super::{
    forms::{self, Budget, Unscannable, each_form},
    found::{Findings, Place},
    normal::normal,
    origin::Nothing,
    rule::Action,
    screen::{Compiled, Refused, Screen, unmasked},
};
use crate::redact::{Blocked, Parsed, may_be_json, parse_json};

/// How deep a value may be nested, and how often JSON may be in a text in JSON.
const MAX_DEPTH: usize = 128;

/// Where in a value the walk is.
#[derive(Clone, Copy)]
pub(super) struct At {
    depth: usize,
    embedded: usize,
    /// The rules that look here.
    active: u64,
    /// The pointers that have led here.
    live: u64,
}

impl At {
    pub(super) fn root(compiled: &Compiled) -> Self {
        let live = if compiled.pointers.is_empty() { 0 } else { u64::MAX };
        Self { depth: 0, embedded: 0, active: compiled.everywhere, live }
    }

    fn inner(self) -> Result<Self, Unscannable> {
        if self.depth >= MAX_DEPTH { Err(Unscannable::TooDeep) } else { Ok(Self { depth: self.depth + 1, ..self }) }
    }
}

/// Whose words the keys are that no schema declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Whoever wrote the value: they are looked at.
    Data,
    /// The protocol's, or those of a form of the application's.
    Ours,
}

pub(super) struct Walk<'s> {
    screen: &'s Screen,
    keys: Keys,
    findings: &'s Findings,
    /// The rules that matched.
    pub(super) hits: u64,
}

impl<'s> Walk<'s> {
    pub(super) fn new(screen: &'s Screen, keys: Keys, findings: &'s Findings) -> Self {
        Self { screen, keys, findings, hits: 0 }
    }

    pub(super) fn compiled(&self) -> &'s Compiled {
        &self.screen.compiled
    }

    pub(super) fn value(
        &mut self,
        value: &Value,
        at: At,
        place: &mut Place,
        budget: &mut Budget,
    ) -> Result<(), Refused> {
        budget.value()?;
        match value {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::Number(number) => self.text(&number.to_string(), at, place, budget),
            Value::String(text) => self.text(text, at, place, budget),
            Value::Array(items) => {
                let at = at.inner()?;
                items.iter().enumerate().try_for_each(|(number, item)| {
                    let at = if at.live == 0 { at } else { self.beneath(&number.to_string(), at) };
                    place.within(None, |place| self.value(item, at, place, budget))
                })
            }
            Value::Object(members) => {
                let at = at.inner()?;
                members.iter().try_for_each(|(key, member)| {
                    let known = self.screen.declared.as_ref().is_some_and(|declared| declared.has(key));
                    let name = known.then_some(key.as_str());
                    place.within(name, |place| {
                        if !known && self.keys == Keys::Data {
                            self.text(key, At { embedded: forms::MAX_DEPTH, ..at }, place, budget)?;
                        }
                        let at = self.under(key, at);
                        self.value(member, self.beneath(key, at), place, budget)
                    })
                })
            }
        }
    }

    /// Under a member of this name.
    fn under(&self, key: &str, at: At) -> At {
        let named = &self.compiled().named;
        if named.is_empty() {
            return at;
        }
        let form = normal(key, &mut Nothing);
        let names = |name: &str| name == key || form.as_deref() == Some(name);
        let bits = named.iter().filter(|(name, _)| names(name)).fold(0, |bits, (_, bit)| bits | bit);
        At { active: at.active | bits, ..at }
    }

    /// Where pointers have led to that go on with this part, which is of the depth that `at` says.
    fn beneath(&self, part: &str, at: At) -> At {
        if at.live == 0 {
            return at;
        }
        let (mut live, mut active) = (0, at.active);
        for (number, (parts, rule)) in self.compiled().pointers.iter().enumerate() {
            let bit = 1 << number;
            if at.live & bit != 0 && parts.get(at.depth - 1).is_some_and(|it| it.fits(part)) {
                live |= bit;
                active |= if parts.len() == at.depth { *rule } else { 0 };
            }
        }
        At { live, active, ..at }
    }

    /// A text, in all of its forms; and as a value where it is JSON that a name may be in.
    pub(super) fn text(&mut self, text: &str, at: At, place: &mut Place, budget: &mut Budget) -> Result<(), Refused> {
        let compiled = self.compiled();
        let seeks = compiled.named.iter().any(|(_, bit)| bit & !at.active != 0);
        if at.active == 0 && !seeks {
            return Ok(());
        }
        let text = unmasked(text);
        let mut bits = 0;
        each_form(&text, budget, &mut |form: &str, budget: &mut Budget| {
            bits |= compiled.patterns.matching(form) & at.active;
            if seeks { self.embedded(form, at, place, budget) } else { Ok(()) }
        })?;
        self.note(bits, place)
    }

    fn embedded(&mut self, text: &str, at: At, place: &mut Place, budget: &mut Budget) -> Result<(), Refused> {
        if at.embedded >= forms::MAX_DEPTH || !may_be_json(text) {
            return Ok(());
        }
        match parse_json(text, MAX_DEPTH.saturating_sub(at.depth), budget.values_left()) {
            Parsed::Text => Ok(()),
            Parsed::Blocked(Blocked::TooManyValues) => Err(Unscannable::TooMany.into()),
            Parsed::Blocked(_) => Err(Unscannable::TooDeep.into()),
            // What a parser drops, another one may take.
            Parsed::Json { repeated: true, .. } => Err(Unscannable::Repeated.into()),
            Parsed::Json { value, .. } => {
                self.value(&value, At { embedded: at.embedded + 1, live: 0, ..at }, place, budget)
            }
        }
    }

    /// Tells what matched, and stops at what blocks.
    fn note(&mut self, bits: u64, place: &Place) -> Result<(), Refused> {
        if bits == 0 {
            return Ok(());
        }
        self.hits |= bits;
        let mut refused = Ok(());
        for rule in self.compiled().of_bits(bits) {
            self.findings.add(&rule.name, place, rule.action);
            if rule.action == Action::Block {
                refused = Err(Refused::Filtered(rule.direction));
            }
        }
        refused
    }
}
