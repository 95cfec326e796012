//! One call: what a function takes, what it gives back, and what it can know about its caller.
//!
//! Arguments come from the model as JSON and are decoded by type ([`Argument`]); everything else a function takes
//! comes from the server ([`FromCall`]). What goes out is a [`Reply`], or a [`ToolError`].

mod argument;
mod complete;
mod content;
mod context;
mod error;
mod extract;
mod field;
mod output;
mod param;
mod trace;
mod updates;
mod value;

pub use argument::{Argument, BadArgument};
pub use complete::{Completing, IntoValues, Partial};
pub use content::{Contents, IntoContent, Message, link};
pub use context::{Call, Need};
pub use error::{IntoToolError, ToolError, ToolResult};
pub use extract::{Caller, Cancelled, FromCall, Progress, State};
pub use output::{Held, Reply, Spoken, Structured};
pub use param::{Blocking, Bound, Decoded, Param, ParamSpec, Params, Refused, RunFuture};
pub use trace::Trace;
pub use updates::Updates;
pub(crate) use updates::{Announce, Change};

pub(crate) use complete::{Completer, beginning_with};
pub(crate) use content::Held as HeldContents;
pub(crate) use context::{Mounted, StateTable};
pub(crate) use error::Failure;
pub(crate) use param::{Constraint, Origin};
#[cfg(feature = "telemetry")]
pub(crate) use trace::TraceParent;

#[doc(hidden)]
pub mod private {
    //! What the macros' expansions name. Not for hand-written code.
    pub use super::{
        argument::{DefaultValue, Foreign, Plain, decode, default_value},
        complete::{Completer, Completing, completed},
        field::{Field, FieldType, ForeignField, ForeignFieldType},
        output::{
            Output, Ret, RetExact, RetHeld, RetHeldPlain, RetHeldResult, RetPlain, RetResult, RetSpoken,
            RetSpokenPlain, RetSpokenResult,
        },
        param::{Constraint, Origin, Slot, module, run_async, run_blocking, slots},
    };
}
