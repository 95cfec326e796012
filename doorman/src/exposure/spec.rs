//! What `#[expose]` says of a function.

use std::{fmt, time::Duration};

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use crate::{
    call::{Bound, Call, ParamSpec, Refused},
    redact::{Kind, ToolRules},
};

/// What a capability does to the world. Published as MCP's `readOnlyHint` and `destructiveHint`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing.
    ReadOnly,
    /// Adds, and takes nothing away.
    Write,
    /// May change or remove what is there.
    Destructive,
}

/// Who may call a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone whom the transport lets in.
    Public,
    /// A caller that holds all of these scopes.
    Scopes(&'static [&'static str]),
    /// In a module: `<instance>:read` for a read-only tool, `<instance>:write` for the others.
    Instance,
}

/// A capability as its annotation describes it. Written by `#[expose]`; everything in it is checked at compile time.
pub struct CapabilitySpec {
    pub(crate) exposed: Exposed,
    pub(crate) name: &'static str,
    pub(crate) title: Option<&'static str>,
    pub(crate) description: &'static str,
    pub(crate) effect: Effect,
    pub(crate) idempotent: bool,
    pub(crate) open_world: Option<bool>,
    pub(crate) access: Access,
    pub(crate) redact: &'static [&'static str],
    pub(crate) reveal: &'static [&'static str],
    pub(crate) patterns: &'static [&'static str],
    pub(crate) detect: &'static [Kind],
    pub(crate) rate: Option<&'static str>,
    pub(crate) breaker: Option<&'static str>,
    pub(crate) cost: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) max_result: Option<u64>,
    pub(crate) params: &'static [ParamSpec],
    pub(crate) schema: Option<fn() -> Value>,
    pub(crate) output: OutputSchema,
    pub(crate) bind: Bind,
}

/// What a function is exposed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposed {
    Tool(TaskUse),
    /// A resource, or a template of resources. In a module the URI is what follows `SCHEME://`.
    Resource {
        uri: &'static str,
        mime: Option<&'static str>,
        /// In bytes.
        size: Option<u64>,
    },
    Prompt,
}

/// Whether a tool runs as a task (MCP extension `io.modelcontextprotocol/tasks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskUse {
    /// The answer is the result.
    Never,
    /// For a client that knows tasks; any other gets the result.
    Where,
    /// A client that doesn't know tasks can't call it.
    Required,
    /// As `Required`; the questions of its first round are asked before there is a task.
    AfterInput,
}

impl CapabilitySpec {
    /// Whether it changes something.
    pub(crate) fn writes(&self) -> bool {
        self.effect != Effect::ReadOnly
    }

    /// What it says of redaction.
    pub(crate) fn rules(&self) -> ToolRules<'static> {
        ToolRules { redact: self.redact, reveal: self.reveal, patterns: self.patterns, detect: self.detect }
    }

    /// The scopes that it names itself.
    pub(crate) fn scopes(&self) -> &'static [&'static str] {
        match self.access {
            Access::Scopes(scopes) => scopes,
            Access::Public | Access::Instance => &[],
        }
    }
}

impl fmt::Debug for CapabilitySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let structured = (self.output)(&mut SchemaGenerator::default()).is_some();
        f.debug_struct("CapabilitySpec")
            .field("name", &self.name)
            .field("exposed", &self.exposed)
            .field("title", &self.title)
            .field("description", &self.description)
            .field("effect", &self.effect)
            .field("idempotent", &self.idempotent)
            .field("open_world", &self.open_world)
            .field("access", &self.access)
            .field("redact", &self.redact)
            .field("reveal", &self.reveal)
            .field("redact_patterns", &self.patterns)
            .field("detect", &self.detect)
            .field("rate", &self.rate)
            .field("breaker", &self.breaker)
            .field("cost", &self.cost)
            .field("timeout", &self.timeout)
            .field("max_result", &self.max_result)
            .field("params", &self.params)
            .field("schema", &self.schema.is_some())
            .field("structured", &structured)
            .finish_non_exhaustive()
    }
}

/// A capability of one kind: what a list of its kind takes.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(CapabilitySpec);

        #[doc(hidden)]
        impl $name {
            pub const fn of(spec: CapabilitySpec) -> Self {
                Self(spec)
            }

            pub const fn capability(&'static self) -> &'static CapabilitySpec {
                &self.0
            }
        }
    )*};
}

kinds! {
    /// A tool, as `tools![…]` lists it.
    ToolSpec;
    /// A resource, or a template of resources, as `resources![…]` lists it.
    ResourceSpec;
    /// A prompt, as `prompts![…]` lists it.
    PromptSpec;
}

/// The schema of a tool's output, if it is structured.
pub(crate) type OutputSchema = fn(&mut SchemaGenerator) -> Option<Schema>;

/// Decodes the arguments, resolves scopes, takes what comes from the server: a function ready to run.
pub(crate) type Bind = fn(&Call, &Map<String, Value>) -> Result<Bound, Refused>;

#[doc(hidden)]
impl CapabilitySpec {
    pub const fn new(
        name: &'static str,
        effect: Effect,
        access: Access,
        params: &'static [ParamSpec],
        output: OutputSchema,
        bind: Bind,
    ) -> Self {
        Self {
            exposed: Exposed::Tool(TaskUse::Never),
            name,
            title: None,
            description: "",
            effect,
            idempotent: false,
            open_world: None,
            access,
            redact: &[],
            reveal: &[],
            patterns: &[],
            detect: &[],
            rate: None,
            breaker: None,
            cost: 1,
            timeout: None,
            max_result: None,
            params,
            schema: None,
            output,
            bind,
        }
    }

    pub const fn title(mut self, title: &'static str) -> Self {
        self.title = Some(title);
        self
    }

    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    pub const fn open_world(mut self, open: bool) -> Self {
        self.open_world = Some(open);
        self
    }

    pub const fn redact(mut self, keys: &'static [&'static str]) -> Self {
        self.redact = keys;
        self
    }

    pub const fn reveal(mut self, keys: &'static [&'static str]) -> Self {
        self.reveal = keys;
        self
    }

    pub const fn redact_patterns(mut self, patterns: &'static [&'static str]) -> Self {
        self.patterns = patterns;
        self
    }

    pub const fn detect(mut self, kinds: &'static [Kind]) -> Self {
        self.detect = kinds;
        self
    }

    pub const fn rate(mut self, rules: &'static str) -> Self {
        self.rate = Some(rules);
        self
    }

    pub const fn breaker(mut self, rule: &'static str) -> Self {
        self.breaker = Some(rule);
        self
    }

    pub const fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    pub const fn timeout(mut self, millis: u64) -> Self {
        self.timeout = Some(Duration::from_millis(millis));
        self
    }

    pub const fn max_result(mut self, bytes: u64) -> Self {
        self.max_result = Some(bytes);
        self
    }

    pub const fn schema(mut self, schema: fn() -> Value) -> Self {
        self.schema = Some(schema);
        self
    }

    pub const fn task(mut self, tasks: TaskUse) -> Self {
        self.exposed = Exposed::Tool(tasks);
        self
    }

    pub const fn resource(mut self, uri: &'static str, mime: Option<&'static str>, size: Option<u64>) -> Self {
        self.exposed = Exposed::Resource { uri, mime, size };
        self
    }

    pub const fn prompt(mut self) -> Self {
        self.exposed = Exposed::Prompt;
        self
    }
}
