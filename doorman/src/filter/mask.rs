//! A second pass over a value in which something is to be masked.

use serde_json::{Map, Value};

use super::{
    forms::{Budget, Unscannable, each_form},
    locate,
    screen::{Compiled, Refused, Screen, unmasked},
    walk::Keys,
};
use crate::redact::{Counts, Kind, masks};

pub(super) struct Masker<'s, 'c> {
    screen: &'s Screen,
    keys: Keys,
    counts: &'c mut Counts,
    budget: Budget,
}

impl<'s, 'c> Masker<'s, 'c> {
    pub(super) fn new(screen: &'s Screen, keys: Keys, counts: &'c mut Counts) -> Self {
        Self { screen, keys, counts, budget: Budget::new() }
    }

    fn compiled(&self) -> &'s Compiled {
        &self.screen.compiled
    }

    /// Masks in place. The walk before has seen that it isn't too deep.
    pub(super) fn value(&mut self, value: &mut Value) -> Result<(), Refused> {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => {
                if let Some(masked) = self.text(&number.to_string())? {
                    *value = masked.into();
                }
            }
            Value::String(text) => {
                if let Some(masked) = self.text(text)? {
                    *text = masked;
                }
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.value(item))?,
            Value::Object(members) => {
                members.values_mut().try_for_each(|member| self.value(member))?;
                if self.keys == Keys::Data {
                    self.keys(members)?;
                }
            }
        }
        Ok(())
    }

    /// Masks what keys of the data's own hold; keys that become the same are numbered.
    fn keys(&mut self, members: &mut Map<String, Value>) -> Result<(), Refused> {
        let declared = self.screen.declared.as_ref();
        let mut masked = Vec::new();
        for (number, key) in members.keys().enumerate() {
            if !declared.is_some_and(|declared| declared.has(key))
                && let Some(new) = self.text(key)?
            {
                masked.push((number, new));
            }
        }
        if masked.is_empty() {
            return Ok(());
        }
        let mut masked = masked.into_iter().peekable();
        let (mut renamed, mut last) = (Map::with_capacity(members.len()), 1);
        for (number, (key, member)) in std::mem::take(members).into_iter().enumerate() {
            let base = masked.next_if(|(at, _)| *at == number).map_or(key, |(_, new)| new);
            let mut new = base.clone();
            while renamed.contains_key(&new) {
                last += 1;
                new = format!("{base}#{last}");
            }
            renamed.insert(new, member);
        }
        *members = renamed;
        Ok(())
    }

    /// A text with masks for what matches: in its place if that can be told, else for the whole text. `None`: nothing does.
    pub(super) fn text(&mut self, text: &str) -> Result<Option<String>, Refused> {
        let matching = self.matching(text)?;
        if matching == 0 {
            return Ok(None);
        }
        let compiled = self.compiled();
        let plain = unmasked(text);
        let parts = locate::parts(&plain, &|form, into| {
            compiled.of_bits(matching).for_each(|rule| rule.pattern.find(form, into));
        });
        let whole = || Kind::Filter.mask().to_owned();
        let masked = match parts {
            Some(parts) if !parts.is_empty() => replaced(text, &parts),
            _ => whole(),
        };
        self.counts.add(Kind::Filter);
        let is_clean = masked == whole() || self.matching(&masked)? == 0;
        Ok(Some(if is_clean { masked } else { whole() }))
    }

    /// The bits of the rules that mask and match in some form of a text.
    fn matching(&mut self, text: &str) -> Result<u64, Refused> {
        let (compiled, mut bits) = (self.compiled(), 0);
        let text = unmasked(text);
        each_form(&text, &mut self.budget, &mut |form: &str, _: &mut Budget| {
            bits |= compiled.patterns.matching(form) & compiled.masking;
            Ok::<(), Unscannable>(())
        })?;
        Ok(bits)
    }
}

/// A text with masks in the place of parts, which are in order; a mask that a part reaches into is part of it.
fn replaced(text: &str, parts: &[std::ops::Range<usize>]) -> String {
    let masks = masks(text);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for part in parts {
        let within = |mask: &&std::ops::Range<usize>| mask.start < part.end && part.start < mask.end;
        let first = masks.partition_point(|mask| mask.end <= part.start);
        let touched = masks[first..].iter().take_while(within);
        let (start, end) =
            touched.fold((part.start, part.end), |(start, end), mask| (start.min(mask.start), end.max(mask.end)));
        if end <= at {
            continue;
        }
        if start >= at {
            out.push_str(&text[at..start]);
            out.push_str(Kind::Filter.mask());
        }
        at = end;
    }
    out.push_str(&text[at..]);
    out
}
