//! Extractors: parameters that come from the server and never from the model.

use std::{fmt, ops::Deref, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{Call, Need, ToolError, ToolResult};
use crate::{
    identity::{Agent, Principal},
    input::{Outlet, Silent},
    limits::Budget,
};

/// A parameter that comes from the server: the model can't name it, see it or fill it in.
///
/// Implement it for types that are derived from the caller or from the application's state. It is synchronous, does no
/// I/O and can't see the arguments. A type can't be both an extractor and an [`Argument`](super::Argument).
///
/// ```
/// use doorman::prelude::*;
/// struct Tenant(String);
/// impl FromCall for Tenant {
///     fn from_call(call: &Call) -> ToolResult<Self> {
///         let tenant = call.principal().tenant().ok_or_else(|| ToolError::denied("no tenant"))?;
///         Ok(Tenant(tenant.to_owned()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be taken from a call",
    label = "not an extractor",
    note = "implement `doorman::FromCall` for it"
)]
pub trait FromCall: Sized + Send + 'static {
    /// What the application must have provided; what is missing is reported at start.
    const NEEDS: &'static [Need] = &[];

    /// Takes the value from the call. An error ends the call before the function runs.
    fn from_call(call: &Call) -> ToolResult<Self>;
}

/// A value that the application gave with `Doorman::state`, shared by all calls.
pub struct State<T>(Arc<T>);

impl<T> State<T> {
    /// Wraps a value, for calling a tool's function directly.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Send + Sync + 'static> FromCall for State<T> {
    const NEEDS: &'static [Need] = &[Need::of::<T>()];

    fn from_call(call: &Call) -> ToolResult<Self> {
        let value = call.state::<T>().map(State);
        value.ok_or_else(|| ToolError::internal(format!("no state of type {}", std::any::type_name::<T>())))
    }
}

/// Who calls. It derefs to the [`Principal`].
#[derive(Clone, Debug)]
pub struct Caller(Arc<Principal>);

impl Caller {
    /// Wraps a principal, for calling a tool's function directly.
    pub fn new(principal: Principal) -> Self {
        Self(Arc::new(principal))
    }

    /// The agent that the caller acts as, or a `denied` error for a caller without one.
    pub fn require_agent(&self) -> ToolResult<&Agent> {
        self.0.agent().ok_or_else(|| ToolError::denied("this needs a verified agent"))
    }
}

impl Deref for Caller {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl FromCall for Caller {
    fn from_call(call: &Call) -> ToolResult<Self> {
        Ok(Self(Arc::clone(&call.principal)))
    }
}

/// Tells a function that its call was cancelled or timed out. The function's future is dropped then anyway; take this
/// to stop work that runs beside it, or in a synchronous function.
#[derive(Clone, Debug)]
pub struct Cancelled(CancellationToken);

impl Cancelled {
    /// One that never fires, for calling a tool's function directly.
    pub fn never() -> Self {
        Self(CancellationToken::new())
    }

    /// Whether the call was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the call is cancelled.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }
}

impl FromCall for Cancelled {
    fn from_call(call: &Call) -> ToolResult<Self> {
        Ok(Self(call.cancelled.clone()))
    }
}

impl FromCall for Call {
    fn from_call(call: &Call) -> ToolResult<Self> {
        Ok(call.clone())
    }
}

impl FromCall for Budget {
    fn from_call(call: &Call) -> ToolResult<Self> {
        Ok(call.budget.clone())
    }
}

/// Reports progress to a caller that asked for it; otherwise it does nothing.
#[derive(Clone)]
pub struct Progress(Arc<dyn Outlet>);

impl Progress {
    /// One that reports to nobody, for calling a tool's function directly.
    pub fn silent() -> Self {
        Self(Arc::new(Silent))
    }

    /// Reports that `progress` of `total` units are done. The message is redacted like any other output.
    pub async fn report(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.0.progress(progress, total, message).await;
    }
}

impl FromCall for Progress {
    fn from_call(call: &Call) -> ToolResult<Self> {
        Ok(Self(Arc::clone(&call.outlet)))
    }
}
