//! MCP servers in Rust, with the locks already on the doors.
//!
//! Annotate ordinary functions with [`#[expose]`](expose), group those that share an instance with
//! [`#[tool_module]`](tool_module), list them with [`tools!`], [`resources!`] and [`prompts!`], and serve them with a [`Doorman`]: on stdio, and over
//! HTTP, for MCP 2026-07-28 and earlier versions, deny by default. What isn't said doesn't compile; what wasn't granted
//! doesn't exist.
//!
//! ```no_run
//! use doorman::prelude::*;
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Invoice {
//!     id: String,
//!     email: String,
//!     amount: f64,
//! }
//!
//! struct Ledger;
//!
//! /// Look up one invoice.
//! #[expose(read_only, scopes = ["invoices:read"], rate = "30/min")]
//! async fn get_invoice(
//!     /// The invoice's number, as in INV-1.
//!     #[arg(length = 1..=32)]
//!     id: String,
//!     ledger: State<Ledger>,
//!     caller: Caller,
//! ) -> ToolResult<Invoice> {
//!     let _ = (ledger, caller.require_agent()?);
//!     Ok(Invoice { id, email: "ada@example.com".into(), amount: 120.0 })
//! }
//!
//! #[tokio::main]
//! async fn main() -> doorman::Result {
//!     Doorman::new("billing").tools(tools![get_invoice]).state(Ledger).manifest("support.yaml").run().await
//! }
//! ```
//!
//! The agent that calls `get_invoice` gets the e-mail address as `«redacted:email»`; one whose manifest doesn't grant
//! `invoices:read` gets the answer of a server that never had the tool.
//!
//! Where to look: [`call`] for what functions take and give back, [`scope`] for resources, [`exposure`] for modules,
//! [`identity`] and [`manifest`] for who may call what, [`limits`], [`redact`] and [`audit`] for what the guard does on the
//! way. The guard itself is one page, `src/guard/mod.rs`. Feature `http` (default) adds HTTP to stdio, and `telemetry` spans and
//! metrics for those who look after the server.
//!
//! An application's `Cargo.toml` has `serde` and `schemars` beside `doorman`, because derives name them literally.

#[allow(unused_extern_crates)]
extern crate self as doorman;

pub mod audit;
pub mod call;
pub mod credentials;
pub mod exposure;
pub mod filter;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod guard;
pub mod identity;
pub mod input;
pub mod limits;
mod lines;
pub mod manifest;
#[cfg(any(feature = "filesystem", feature = "sqlite"))]
pub mod modules;
pub mod redact;
pub mod scope;
mod server;
mod state;
#[cfg(feature = "telemetry")]
pub mod telemetry;
#[cfg(not(feature = "telemetry"))]
mod telemetry;
#[cfg(test)]
mod testing;

pub use doorman_macros::{Argument, expose, prompts, resources, tool_module, tools};

#[doc(inline)]
pub use call::{
    Argument, Call, Caller, Cancelled, FromCall, Partial, Progress, State, ToolError, ToolResult, Trace, Updates,
};
#[doc(inline)]
pub use exposure::{Credentials, ModuleError, ToolModule};
#[doc(inline)]
pub use input::{InputError, Level, Sampling};
#[doc(inline)]
pub use limits::Budget;
#[doc(inline)]
pub use scope::{ResourceScope, ScopeViolation, Scoped};
#[doc(inline)]
#[cfg(feature = "http")]
pub use server::Refusals;
pub use server::{App, Doorman, Error};
#[doc(inline)]
pub use state::{InvalidStore, StateStore};

pub mod content {
    //! MCP content: blocks, for tools that return more than text and structured data; what resources hold; the messages of
    //! prompts.
    pub use rmcp::model::ContentBlock;

    pub use crate::call::{Contents, IntoContent, Message, link};
}

/// What `main` returns.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

#[doc(hidden)]
pub mod __private {
    //! What the macros' expansions name. Not for hand-written code: it may change in any release.
    pub use std::{
        borrow::Cow,
        boxed::Box,
        option::Option::{self, None, Some},
        result::Result::{self, Err, Ok},
        string::String,
        vec::Vec,
    };

    pub use futures::future::BoxFuture;
    pub use schemars::{self, JsonSchema, Schema, SchemaGenerator};
    pub use serde;
    pub use serde_json::Value;

    pub use crate::{
        call::{
            Argument, BadArgument, Bound, Call, Completing, Decoded, Param, ParamSpec, Params, Partial, Refused, Reply,
            ToolError, private::*,
        },
        exposure::{
            Access, CapabilitySpec, ConfiguredModule, Credentials, Effect, ModuleError, PromptSpec, ResourceSpec,
            TaskUse, ToolModule, ToolSpec, Unscoped,
        },
        redact::Kind,
        scope::{Confined, ResourceScope, ScopeViolation, sealed::Confinable},
    };

    /// A call's arguments as they came.
    pub type Arguments = serde_json::Map<String, Value>;
}

/// What an application needs in its files.
pub mod prelude {
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};

    pub use crate::{
        Argument, Budget, Call, Caller, Cancelled, Credentials, Doorman, FromCall, InputError, Level, ModuleError,
        Partial, Progress, ResourceScope, Sampling, ScopeViolation, Scoped, State, ToolError, ToolModule, ToolResult,
        Updates,
        content::{ContentBlock, Contents, Message},
        expose, prompts, resources, tool_module, tools,
    };
}
