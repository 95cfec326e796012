//! Which filters apply to which capability.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{
    declared::Declared,
    rule::{Direction, InvalidFilter, Part, Rule},
    screen::{Compiled, Screen},
};
use crate::exposure::Capability;

/// What a capability's calls go through.
pub(crate) struct Screens {
    pub(crate) arguments: Option<Screen>,
    pub(crate) responses: Option<Screen>,
}

/// What applies to the capabilities of those who share a manifest, or have none; by their places in the catalog.
#[derive(Default)]
pub(crate) struct Table(HashMap<usize, Arc<Screens>>);

impl Table {
    /// Compiles the rules that apply to each of these capabilities, or says what was expected of them together.
    pub(crate) fn of<'c>(
        rules: &[Rule],
        capabilities: impl Iterator<Item = &'c Capability>,
    ) -> Result<Self, &'static str> {
        let mut table = HashMap::new();
        if rules.is_empty() {
            return Ok(Self::default());
        }
        let (mut compiled, mut declared) = (HashMap::new(), HashMap::new());
        for capability in capabilities {
            let mut screen = |direction, schema: Option<Arc<Declared>>| -> Result<Option<Screen>, &'static str> {
                let applies = |rule: &Rule| rule.direction == direction && rule.applies_to(capability);
                let numbers: Vec<usize> = (0..rules.len()).filter(|&number| applies(&rules[number])).collect();
                if numbers.is_empty() {
                    return Ok(None);
                }
                let compiled = match compiled.entry(numbers) {
                    Entry::Occupied(known) => Arc::clone(known.get()),
                    Entry::Vacant(new) => {
                        let rules = new.key().iter().map(|&number| rules[number].clone()).collect();
                        Arc::clone(new.insert(Arc::new(Compiled::of(rules)?)))
                    }
                };
                Ok(Some(Screen { compiled, declared: schema }))
            };
            let taken = capability.arguments.published();
            let takes =
                declared.entry(Arc::as_ptr(taken).cast::<()>()).or_insert_with(|| Arc::new(Declared::of(taken)));
            let arguments = screen(Direction::Arguments, Some(Arc::clone(takes)))?;
            let gives = capability.output.as_ref().map(|output| {
                let known = declared.entry(Arc::as_ptr(output).cast::<()>());
                Arc::clone(known.or_insert_with(|| Arc::new(Declared::of(&Arc::new(output.schema.clone())))))
            });
            let responses = screen(Direction::Responses, gives)?;
            if arguments.is_some() || responses.is_some() {
                table.insert(capability.id, Arc::new(Screens { arguments, responses }));
            }
        }
        Ok(Self(table))
    }

    /// What masks something in a capability's results.
    pub(crate) fn masking(&self, capability: usize) -> Option<&Screen> {
        self.get(capability)?.responses.as_ref().filter(|screen| screen.masks())
    }

    /// All that mask something in results, and in those of which capability.
    pub(crate) fn all_masking(&self) -> impl Iterator<Item = (usize, &Screen)> {
        self.0.keys().filter_map(|&id| Some((id, self.masking(id)?)))
    }

    /// What a capability's calls go through, if anything.
    pub(crate) fn get(&self, capability: usize) -> Option<&Arc<Screens>> {
        self.0.get(&capability)
    }
}

impl Rule {
    fn applies_to(&self, capability: &Capability) -> bool {
        self.tools.is_empty() || self.tools.iter().any(|glob| glob.matches(&capability.label))
    }

    /// What it names that isn't there: tools of which there is none, fields that no tool has which it is for.
    pub(crate) fn unknown<'c>(&self, capabilities: impl Iterator<Item = &'c Capability> + Clone) -> Vec<InvalidFilter> {
        let mut wrong = Vec::new();
        for (number, glob) in self.tools.iter().enumerate() {
            if !capabilities.clone().any(|it| glob.matches(&it.label)) {
                let expected = "the name of something that is granted, or a pattern of such names";
                wrong.push(InvalidFilter::of(&self.name, Part::Tool(number), expected));
            }
        }
        let schemas: Vec<Declared> =
            capabilities.filter(|it| self.applies_to(it)).map(|it| Declared::of(it.arguments.published())).collect();
        for (number, field) in self.fields.iter().enumerate() {
            if !matches!(field, super::fields::Field::Everything) && !schemas.iter().any(|it| field.is_in(it)) {
                let expected = "an argument that something has which the filter is for, as its schema declares it; a place \
                                within an argument that takes anything is a pointer, such as \"/data/path\"";
                wrong.push(InvalidFilter::of(&self.name, Part::Field(number), expected));
            }
        }
        wrong
    }
}
