//! Parameters of a function, whatever they come from, and the one generic decode for all tools.

use std::{borrow::Cow, fmt, sync::Arc};

use futures::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    Argument, BadArgument, Call, FromCall, Need, Reply, ToolError,
    argument::{Foreign, Plain, decode_foreign, may_be_absent, schema_of},
    complete::Completer,
};
use crate::scope::ScopeViolation;

/// A function's parameter: an [`Argument`] from the model or an extractor ([`FromCall`]) from the server, never both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an argument nor an extractor",
    label = "not usable as a tool's parameter",
    note = "from the model: a standard type, `#[derive(doorman::Argument)]` on a type of yours, or `#[arg(serde)]` on the parameter for a foreign type",
    note = "from the server: `State<T>`, `Caller`, `Cancelled`, `Progress`, `Budget`, or implement `doorman::FromCall`"
)]
pub trait Param: Sized + Send + 'static {
    #[doc(hidden)]
    const ORIGIN: Origin;
    #[doc(hidden)]
    fn decode(spec: &ParamSpec, arguments: &Map<String, Value>, bad: &mut Vec<BadArgument>) -> Option<Decoded<Self>>;
}

/// A parameter of a resource that no variable of its URI names.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be taken from a call, and no variable of the URI has this parameter's name",
    label = "neither in the URI nor an extractor",
    note = "an argument of a resource is a variable of its URI: `notes://{{id}}` has `id`",
    note = "from the server: `State<T>`, `Caller`, `Call`, `Budget`, or implement `doorman::FromCall`"
)]
pub trait Given: FromCall {}

#[diagnostic::do_not_recommend]
impl<T: FromCall> Given for T {}

/// A parameter that has been decoded: what is left is to resolve its scope, or to take it from the server. (For a
/// type from the server the closure holds nothing, and the box doesn't allocate.)
#[doc(hidden)]
pub type Decoded<T> = Box<dyn FnOnce(&ParamSpec, &Call) -> Result<T, Refused>>;

#[diagnostic::do_not_recommend]
impl<T: FromCall> Param for T {
    const ORIGIN: Origin = Origin::Server { needs: T::NEEDS };

    fn decode(_: &ParamSpec, _: &Map<String, Value>, _: &mut Vec<BadArgument>) -> Option<Decoded<Self>> {
        Some(Box::new(|_, call| T::from_call(call).map_err(Refused::Extract)))
    }
}

/// Where a parameter comes from.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum Origin {
    /// From the server.
    Server { needs: &'static [Need] },
    /// From the model.
    Model { schema: fn(&mut SchemaGenerator) -> Schema, optional: fn() -> bool, needs: &'static [Need] },
}

/// How a parameter of type `T` is had. Whether `T` may be a parameter at all is checked where its slot is made and
/// nowhere else, so that a mistake is shown once; therefore neither this type nor [`Params`] has bounds.
#[doc(hidden)]
pub struct Slot<T> {
    origin: Origin,
    decode: Decode<T>,
}

type Decode<T> = fn(&ParamSpec, &Map<String, Value>, &mut Vec<BadArgument>) -> Option<Decoded<T>>;

#[doc(hidden)]
pub mod slots {
    //! The kinds of slots, each with the bound that its kind asks for.
    use super::*;
    use crate::scope::Confined;

    /// Any parameter.
    pub const fn param<T: Param>() -> Slot<T> {
        Slot { origin: T::ORIGIN, decode: T::decode }
    }

    /// A parameter that no variable of a resource's URI names: it must come from the server.
    pub const fn extractor<T: Given>() -> Slot<T> {
        param()
    }

    /// A parameter with `#[arg(…)]`: it must come from the model.
    pub const fn argument<T: Argument>() -> Slot<T> {
        param()
    }

    /// A parameter of a method in a module scoped by `S`.
    pub const fn confined<S, T: Confined<S>>() -> Slot<T> {
        param()
    }

    /// As [`confined`], with `#[arg(…)]`.
    pub const fn confined_argument<S, T: Confined<S> + Argument>() -> Slot<T> {
        param()
    }

    /// A parameter marked `#[data]`.
    pub const fn data<T: Plain>() -> Slot<T> {
        T::SLOT
    }

    /// A foreign type marked `#[arg(serde)]`.
    pub const fn foreign<T: Foreign>() -> Slot<T> {
        Slot {
            origin: Origin::foreign::<T::As>(),
            decode: |spec, arguments, bad| {
                let value: T::As = decode_foreign(spec, arguments, bad)?;
                Some(Box::new(|_, _| Ok(T::decoded(value))))
            },
        }
    }
}

impl Origin {
    /// An argument.
    pub const fn model<T: Argument>() -> Self {
        Self::Model { schema: schema_of::<T>, optional: may_be_absent::<T::Raw>, needs: T::NEEDS }
    }

    /// A foreign type marked `#[arg(serde)]`.
    pub const fn foreign<T: DeserializeOwned + JsonSchema>() -> Self {
        Self::Model { schema: |generator| generator.subschema_for::<T>(), optional: may_be_absent::<T>, needs: &[] }
    }
}

/// A bound on an argument's value, as said with `#[arg(…)]`.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Constraint {
    /// `range = low..=high`, inclusive; either end may be open.
    Range { min: Option<f64>, max: Option<f64> },
    /// `length = low..=high`: characters of a text, items of a list, entries of a map.
    Length { min: Option<u64>, max: Option<u64> },
    /// `pattern = "…"`: a regular expression (linear-time engine) that must be found in the text.
    Pattern(&'static str),
}

/// One parameter of a function: its name, where it comes from, and what `#[arg(…)]` said of it.
pub struct ParamSpec {
    name: &'static str,
    description: &'static str,
    origin: Origin,
    default: Option<fn() -> Value>,
    constraints: &'static [Constraint],
    header: Option<&'static str>,
    complete: Option<Completer>,
}

#[doc(hidden)]
impl ParamSpec {
    pub const fn of<T>(slot: &Slot<T>, name: &'static str) -> Self {
        Self {
            name,
            description: "",
            origin: slot.origin,
            default: None,
            constraints: &[],
            header: None,
            complete: None,
        }
    }

    pub const fn description(mut self, text: &'static str) -> Self {
        self.description = text;
        self
    }

    pub const fn default(mut self, value: fn() -> Value) -> Self {
        self.default = Some(value);
        self
    }

    pub const fn constraints(mut self, constraints: &'static [Constraint]) -> Self {
        self.constraints = constraints;
        self
    }

    pub const fn header(mut self, name: &'static str) -> Self {
        self.header = Some(name);
        self
    }

    pub const fn complete(mut self, by: Completer) -> Self {
        self.complete = Some(by);
        self
    }

    pub fn outside(&self, violation: ScopeViolation) -> Refused {
        Refused::Outside { argument: self.name, violation }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn doc(&self) -> &'static str {
        self.description
    }

    pub(crate) fn default_value(&self) -> Option<Value> {
        self.default.map(|make| make())
    }

    pub(crate) fn constraint_list(&self) -> &'static [Constraint] {
        self.constraints
    }

    pub(crate) fn header_name(&self) -> Option<&'static str> {
        self.header
    }

    pub(crate) fn completer(&self) -> Option<Completer> {
        self.complete
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    pub(crate) fn needs(&self) -> &'static [Need] {
        match self.origin {
            Origin::Server { needs } | Origin::Model { needs, .. } => needs,
        }
    }

    pub(crate) fn is_argument(&self) -> bool {
        matches!(self.origin, Origin::Model { .. })
    }
}

impl fmt::Debug for ParamSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_argument() {
            return write!(f, "Extractor({})", self.name);
        }
        let mut shown = f.debug_struct("Argument");
        shown
            .field("name", &self.name)
            .field("description", &self.description)
            .field("default", &self.default_value())
            .field("constraints", &self.constraints)
            .field("header", &self.header);
        if let Some(completer) = &self.complete {
            shown.field("complete", completer);
        }
        shown.finish()
    }
}

/// Why a call was refused before its function ran.
#[derive(Debug)]
pub enum Refused {
    /// Arguments that don't fit: all of them.
    Invalid(Vec<BadArgument>),
    /// An argument that names something outside the caller's resources.
    Outside {
        /// The argument's name.
        argument: &'static str,
        /// What is wrong with it.
        violation: ScopeViolation,
    },
    /// An extractor's error.
    Extract(ToolError),
}

/// A function with its arguments, ready to run.
#[doc(hidden)]
pub enum Bound {
    /// An `async fn`.
    Async(RunFuture),
    /// A plain `fn`, which runs on a thread where it may block.
    Blocking(Blocking),
}

impl Bound {
    /// What completes an argument, at hand already.
    pub(crate) fn values(values: Vec<String>) -> Self {
        Self::Async(Box::pin(std::future::ready(Ok(Reply::Values(values)))))
    }
}

/// A plain function with its arguments.
pub type Blocking = Box<dyn FnOnce() -> Result<Reply, ToolError> + Send>;

/// A running function.
pub type RunFuture = BoxFuture<'static, Result<Reply, ToolError>>;

#[doc(hidden)]
pub fn run_async<R, F>(future: F, reply: fn(R) -> Result<Reply, ToolError>) -> Result<Bound, Refused>
where
    R: 'static,
    F: Future<Output = R> + Send + 'static,
{
    Ok(Bound::Async(Box::pin(async move { reply(future.await) })))
}

#[doc(hidden)]
pub fn run_blocking<R, F>(function: F, reply: fn(R) -> Result<Reply, ToolError>) -> Result<Bound, Refused>
where
    R: 'static,
    F: FnOnce() -> R + Send + 'static,
{
    Ok(Bound::Blocking(Box::new(move || reply(function()))))
}

/// The module instance that a method runs on.
#[doc(hidden)]
pub fn module<M: Send + Sync + 'static>(call: &Call) -> Result<Arc<M>, Refused> {
    let instance = call.module.as_ref().and_then(|mounted| Arc::clone(&mounted.instance).downcast().ok());
    instance.ok_or_else(|| Refused::Extract(ToolError::internal("the module is not mounted")))
}

/// The slots of all parameters of a function: tuples of up to 16.
#[doc(hidden)]
pub trait Params {
    /// The parameters.
    type Values;
    /// Decodes every argument, reports all that don't fit, then resolves scopes and takes what comes from the server.
    fn take(&self, specs: &[ParamSpec], arguments: &Map<String, Value>, call: &Call) -> Result<Self::Values, Refused>;
}

fn unknown_names(specs: &[ParamSpec], arguments: &Map<String, Value>, bad: &mut Vec<BadArgument>) {
    for name in arguments.keys() {
        if !specs.iter().any(|spec| spec.is_argument() && spec.name == name) {
            bad.push(BadArgument { name: Cow::Owned(name.clone()), expected: "no such argument".into() });
        }
    }
}

macro_rules! tuples {
    ($($($ty:ident $index:tt)*;)*) => {$(
        impl<$($ty),*> Params for ($(Slot<$ty>,)*) {
            type Values = ($($ty,)*);

            #[allow(non_snake_case)]
            fn take(
                &self,
                specs: &[ParamSpec],
                arguments: &Map<String, Value>,
                call: &Call,
            ) -> Result<Self::Values, Refused> {
                let mut bad = Vec::new();
                $(let $ty = (self.$index.decode)(&specs[$index], arguments, &mut bad);)*
                unknown_names(specs, arguments, &mut bad);
                match ($($ty,)*) {
                    ($(Some($ty),)*) if bad.is_empty() => Ok(($($ty(&specs[$index], call)?,)*)),
                    _ => Err(Refused::Invalid(bad)),
                }
            }
        }
    )*};
}

impl Params for () {
    type Values = ();

    fn take(&self, specs: &[ParamSpec], arguments: &Map<String, Value>, _: &Call) -> Result<(), Refused> {
        let mut bad = Vec::new();
        unknown_names(specs, arguments, &mut bad);
        if bad.is_empty() { Ok(()) } else { Err(Refused::Invalid(bad)) }
    }
}

tuples! {
    A 0;
    A 0 B 1;
    A 0 B 1 C 2;
    A 0 B 1 C 2 D 3;
    A 0 B 1 C 2 D 3 E 4;
    A 0 B 1 C 2 D 3 E 4 F 5;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14;
    A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11 M 12 N 13 O 14 P 15;
}
