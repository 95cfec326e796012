//! `doorman`: deny-by-default MCP servers out of annotated functions.

#[allow(unused_extern_crates)]
extern crate self as doorman;

pub mod audit;
pub mod call;
pub mod credentials;
pub mod exposure;
mod guard;
pub mod identity;
pub mod limits;
pub mod manifest;
pub mod redact;
pub mod scope;
mod server;

pub use doorman_macros::{Argument, expose, tool_module, tools};

#[doc(inline)]
pub use call::{Argument, Call, Caller, Cancelled, FromCall, Progress, State, ToolError, ToolResult};
#[doc(inline)]
pub use exposure::{Credentials, ModuleError, ToolModule};
#[doc(inline)]
pub use scope::{ResourceScope, ScopeViolation, Scoped};
#[doc(inline)]
pub use server::{App, Doorman, Error};

pub mod content {
    //! MCP content blocks, for tools that return more than text and structured data.
    pub use rmcp::model::ContentBlock;
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
            Argument, BadArgument, Bound, Call, Decoded, Param, ParamSpec, Params, Refused, Reply, ToolError,
            private::*,
        },
        exposure::{Access, ConfiguredModule, Credentials, Effect, ModuleError, ToolModule, ToolSpec, Unscoped},
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
        Argument, Call, Caller, Cancelled, Credentials, Doorman, FromCall, ModuleError, Progress, ResourceScope,
        ScopeViolation, Scoped, State, ToolError, ToolModule, ToolResult, content::ContentBlock, expose, tool_module,
        tools,
    };
}
