//! `argument_filters` and `response_filters`: the predecessor's grammar, and a little more.

use serde_saphyr::Location;

use super::{
    fields::{Fields, Mistakes, Text},
    node::Node,
};
use crate::filter::{Action, Direction, Filter, Part, Rule};

/// A filter as it is written, and the rule that it is.
#[derive(Debug, Clone)]
pub(crate) struct WrittenFilter {
    pub(crate) filter: Filter,
    pub(crate) rule: Rule,
    places: Places,
}

impl WrittenFilter {
    /// Where a part of it is written.
    pub(crate) fn at(&self, part: Part) -> Location {
        self.places.of(part)
    }
}

/// Where the parts of a filter are written.
#[derive(Debug, Clone)]
struct Places {
    filter: Location,
    name: Location,
    pattern: Location,
    action: Location,
    fields: Vec<Location>,
    tools: Vec<Location>,
}

impl Places {
    fn of(&self, part: Part) -> Location {
        let listed = |list: &[Location], number: usize| list.get(number).copied().unwrap_or(self.filter);
        match part {
            Part::Filter => self.filter,
            Part::Name => self.name,
            Part::Pattern => self.pattern,
            Part::Action => self.action,
            Part::Field(number) => listed(&self.fields, number),
            Part::Tool(number) => listed(&self.tools, number),
        }
    }
}

/// Reads a list of filters. Their names are each said once.
pub(super) fn read(node: Option<Node>, direction: Direction, mistakes: &mut Mistakes<'_>) -> Vec<WrittenFilter> {
    // A key without a value is a list of none, as the predecessor has it.
    let written = node.filter(|node| !matches!(node.value, super::node::Value::Null));
    let mut filters: Vec<WrittenFilter> = Vec::new();
    for item in written.and_then(|node| mistakes.list(node)).unwrap_or_default() {
        let Some(filter) = read_one(item, direction, mistakes) else { continue };
        if filters.iter().any(|known| known.filter.name() == filter.filter.name()) {
            mistakes.at(filter.places.name, "another filter of this list has this name");
        }
        filters.push(filter);
    }
    filters
}

fn read_one(node: Node, direction: Direction, mistakes: &mut Mistakes<'_>) -> Option<WrittenFilter> {
    let mut keys = Fields::of(node, mistakes)?;
    let at = keys.at;
    let name = keys.require("name", mistakes).and_then(|node| mistakes.text(node));
    let pattern = keys.require("pattern", mistakes).and_then(|node| mistakes.text(node));
    let action = keys.take("action").map(|node| (node.at, mistakes.word(node, actions(direction))));
    let fields = match direction {
        Direction::Arguments => keys.take_written("fields").map(|node| texts(node, mistakes)),
        Direction::Responses => None,
    };
    let tools = keys.take_written("tools").map(|node| texts(node, mistakes));
    let insensitive = keys.take("case_insensitive").and_then(|node| mistakes.boolean(&node)).unwrap_or(false);
    // All encodings are looked through in any case; what is said here is checked, and adds nothing.
    for decoding in keys.take("decode").and_then(|node| mistakes.list(node)).unwrap_or_default() {
        const KNOWN: [(&str, ()); 5] =
            [("base64", ()), ("urlsafe_base64", ()), ("url", ()), ("html", ()), ("json", ())];
        let _ = mistakes.word(decoding, &KNOWN);
    }
    keys.finish(mistakes);
    let places = |texts: &Option<Option<Vec<Text>>>| {
        texts.iter().flatten().flatten().map(|text| text.at).collect::<Vec<Location>>()
    };
    let places = Places {
        filter: at,
        name: name.as_ref().map_or(at, |text| text.at),
        pattern: pattern.as_ref().map_or(at, |text| text.at),
        action: action.as_ref().map_or(at, |(at, _)| *at),
        fields: places(&fields),
        tools: places(&tools),
    };
    let (name, pattern) = (name?.text, pattern?.text);
    let (mut filter, default) = match direction {
        Direction::Arguments => (Filter::arguments(name, pattern), Action::Block),
        Direction::Responses => (Filter::responses(name, pattern), Action::Warn),
    };
    filter = filter.acting(action.map_or(Some(default), |(_, action)| action)?);
    if let Some(fields) = fields {
        filter = filter.fields(fields?.iter().map(|text| &*text.text));
    }
    if let Some(tools) = tools {
        filter = filter.tools(tools?.iter().map(|text| &*text.text));
    }
    if insensitive {
        filter = filter.case_insensitive();
    }
    match filter.compile() {
        Ok(rule) => Some(WrittenFilter { filter, rule, places }),
        Err(wrong) => {
            for mistake in wrong {
                mistakes.at(places.of(mistake.part()), format!("expected {}", mistake.expected()));
            }
            None
        }
    }
}

fn actions(direction: Direction) -> &'static [(&'static str, Action)] {
    match direction {
        Direction::Arguments => &[("block", Action::Block), ("warn", Action::Warn)],
        Direction::Responses => &[("block", Action::Block), ("warn", Action::Warn), ("redact", Action::Redact)],
    }
}

/// A list of at least one text; `None` if it isn't one.
fn texts(node: Node, mistakes: &mut Mistakes<'_>) -> Option<Vec<Text>> {
    let at = node.at;
    let items = mistakes.list(node)?;
    if items.is_empty() {
        return mistakes.expected(at, "at least one");
    }
    let texts: Vec<Text> = items.into_iter().filter_map(|item| mistakes.text(item)).collect();
    Some(texts)
}
