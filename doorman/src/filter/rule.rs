//! What an operator or an application says of a filter, and the rule that it becomes.

use std::sync::Arc;

use doorman_grammar::glob::{self, Glob};

use super::{
    fields::Field,
    pattern::{Case, Pattern},
};

/// A pattern that is looked for in what callers send, or in what leaves.
///
/// It is looked for in every text and number and in every key that isn't the application's own, at any depth: as it is
/// written, and as it reads once escapes, base64, compatibility forms and characters without width are resolved. A filter
/// blocks unless it says otherwise.
///
/// ```no_run
/// use doorman::{Doorman, filter::Filter};
///
/// let app = Doorman::new("billing")
///     .filter(Filter::arguments("traversal", r"\.\./").fields(["path"]))
///     .filter(Filter::responses("internal hosts", r"\b[\w-]+\.corp\.example\b").redact())
///     .filter(Filter::responses("injection", "ignore (all )?previous instructions").case_insensitive().warn());
/// ```
#[derive(Debug, Clone)]
#[must_use = "a filter does nothing until an application has it"]
pub struct Filter {
    name: String,
    pattern: String,
    case: Case,
    direction: Direction,
    action: Action,
    fields: Vec<String>,
    tools: Vec<String>,
}

/// What a filter looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What callers send.
    Arguments,
    /// What leaves.
    Responses,
}

/// What becomes of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Block,
    Warn,
    Redact,
}

impl Action {
    /// The word in manifests and records.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Warn => "warn",
            Self::Redact => "redact",
        }
    }
}

/// A filter that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("filter `{name}`: {}: expected {expected}", .part.word())]
pub struct InvalidFilter {
    name: String,
    part: Part,
    expected: String,
}

impl InvalidFilter {
    pub(super) fn of(filter: &str, part: Part, expected: impl Into<String>) -> Self {
        Self { name: filter.to_owned(), part, expected: expected.into() }
    }

    /// Which part of the filter.
    pub(crate) fn part(&self) -> Part {
        self.part
    }

    /// What was expected of it.
    pub(crate) fn expected(&self) -> &str {
        &self.expected
    }
}

/// A part of a filter; a field or a tool by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Filter,
    Name,
    Pattern,
    Action,
    Field(usize),
    Tool(usize),
}

impl Part {
    fn word(self) -> &'static str {
        match self {
            Self::Filter => "the filter",
            Self::Name => "its name",
            Self::Pattern => "its pattern",
            Self::Action => "its action",
            Self::Field(_) => "its fields",
            Self::Tool(_) => "its tools",
        }
    }
}

impl Filter {
    /// Looks at what callers send: arguments of tools and prompts, variables of URIs, what is typed where something completes,
    /// answers to questions. The pattern is a regular expression for a linear-time engine, unanchored.
    pub fn arguments(name: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self::new(Direction::Arguments, name.into(), pattern.into())
    }

    /// Looks at what leaves: results, contents, messages, errors, progress, log messages, questions.
    pub fn responses(name: impl Into<String>, pattern: impl Into<String>) -> Self {
        Self::new(Direction::Responses, name.into(), pattern.into())
    }

    fn new(direction: Direction, name: String, pattern: String) -> Self {
        let (fields, tools) = (vec!["*".to_owned()], Vec::new());
        Self { name, pattern, case: Case::Sensitive, direction, action: Action::Block, fields, tools }
    }

    /// Only what stands under these members: a name is a member of that name at any depth, a JSON pointer such as
    /// `/options/*/path` a place (`*` is any one part). Of a filter of arguments. Each must be one that something has.
    pub fn fields<'a>(mut self, fields: impl IntoIterator<Item = &'a str>) -> Self {
        self.fields = fields.into_iter().map(str::to_owned).collect();
        self
    }

    /// Only for the capabilities of these names, which may be globs (of a resource its function's name). Default: for all.
    pub fn tools<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.tools = names.into_iter().map(str::to_owned).collect();
        self
    }

    /// Capital letters are as good as small ones.
    pub fn case_insensitive(mut self) -> Self {
        self.case = Case::Insensitive;
        self
    }

    /// A match is recorded, and the call goes on.
    pub fn warn(self) -> Self {
        self.acting(Action::Warn)
    }

    /// A match is masked: `«redacted:filter»`. Of a filter of responses.
    pub fn redact(self) -> Self {
        self.acting(Action::Redact)
    }

    pub(crate) fn acting(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn direction(&self) -> Direction {
        self.direction
    }

    pub(crate) fn action(&self) -> Action {
        self.action
    }

    /// The rule, or all that is wrong with what was said.
    pub(crate) fn compile(&self) -> Result<Rule, Vec<InvalidFilter>> {
        const NAME: &str = "a text of 1 to 128 bytes without control characters";
        let mut wrong = Vec::new();
        let mut mistake = |part, expected: String| wrong.push(InvalidFilter::of(&self.name, part, expected));
        if self.name.is_empty() || self.name.len() > 128 || self.name.chars().any(char::is_control) {
            mistake(Part::Name, NAME.to_owned());
        }
        let pattern =
            Pattern::parse(&self.pattern, self.case).map_err(|expected| mistake(Part::Pattern, expected)).ok();
        if self.direction == Direction::Arguments && self.action == Action::Redact {
            mistake(Part::Action, "block or warn: what a caller sends is refused or taken as it is".to_owned());
        }
        if self.fields.is_empty() {
            mistake(Part::Filter, "at least one field".to_owned());
        }
        let everywhere = self.fields.iter().all(|field| field == "*");
        if self.direction == Direction::Responses && !everywhere {
            mistake(Part::Field(0), "none: a filter of responses looks at everything".to_owned());
        }
        let mut fields = Vec::with_capacity(self.fields.len());
        for (number, field) in self.fields.iter().enumerate() {
            match Field::parse(field) {
                Ok(field) => fields.push(field),
                Err(expected) => mistake(Part::Field(number), expected.to_owned()),
            }
        }
        let mut tools = Vec::with_capacity(self.tools.len());
        for (number, tool) in self.tools.iter().enumerate() {
            match glob::parse(tool) {
                Ok(glob) => tools.push(glob),
                Err(error) => mistake(Part::Tool(number), error.expected().to_owned()),
            }
        }
        let (Some(pattern), true) = (pattern, wrong.is_empty()) else { return Err(wrong) };
        let (name, direction, action) = (self.name.as_str().into(), self.direction, self.action);
        Ok(Rule { name, direction, action, pattern, fields: fields.into(), tools: tools.into() })
    }
}

/// A filter, compiled.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) direction: Direction,
    pub(crate) action: Action,
    pub(super) pattern: Pattern,
    pub(super) fields: Box<[Field]>,
    /// For which capabilities; empty for all.
    pub(super) tools: Box<[Glob]>,
}
