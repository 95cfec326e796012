//! The context of one call, and the table of what the application provided.

use std::{
    any::{Any, TypeId, type_name},
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::{Trace, Updates, value};
use crate::{
    identity::{Agent, Principal},
    input::{Elicit, ElicitUrl, Level, Outlet, Roots, Sample, Sampling},
    limits::Budget,
};

/// Something that a tool needs from the application before it can be served.
#[derive(Clone, Copy)]
pub struct Need {
    id: fn() -> TypeId,
    name: fn() -> &'static str,
}

impl Need {
    /// A value of type `T`, given with `Doorman::state` or `Doorman::scope`.
    pub const fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>, name: type_name::<T> }
    }

    /// The type's name, for the message that says what is missing.
    pub fn name(&self) -> &'static str {
        (self.name)()
    }
}

/// The values that the application gave, by type.
#[derive(Clone, Default)]
pub(crate) struct StateTable(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl StateTable {
    /// Returns whether the type was new.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> bool {
        self.0.insert(TypeId::of::<T>(), Arc::new(value)).is_none()
    }

    /// As [`insert`](Self::insert), for a value that others hold too.
    pub(crate) fn share<T: Send + Sync + 'static>(&mut self, value: Arc<T>) {
        self.0.insert(TypeId::of::<T>(), value);
    }

    pub(crate) fn has(&self, need: &Need) -> bool {
        self.0.contains_key(&(need.id)())
    }

    fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }
}

/// A module instance that serves tools, with the resource scope it confines them to.
pub(crate) struct Mounted {
    pub(crate) instance: Arc<dyn Any + Send + Sync>,
    pub(crate) scope: fn(&(dyn Any + Send + Sync)) -> Option<&(dyn Any + Send + Sync)>,
    /// The type of that scope.
    pub(crate) scope_type: fn() -> TypeId,
    /// Whether it has started. Until then its tools aren't there.
    pub(crate) started: AtomicBool,
}

impl Mounted {
    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    pub(crate) fn provides(&self, need: &Need) -> bool {
        (self.scope_type)() == (need.id)()
    }
}

/// One call, as a function and its extractors see it: who calls, what the application gave, and the client, to tell and to
/// ask. Clones are the same call. It has no public constructor and can't see the arguments.
///
/// **Questions.** What is asked with [`elicit`](Self::elicit), [`elicit_url`](Self::elicit_url), [`sample`](Self::sample)
/// and [`roots`](Self::roots) works in both generations of the protocol. Up to 2025-11-25 the server asks while the function
/// waits; its timeout stands still meanwhile. In 2026-07-28 a question ends the round: the function is dropped there, the
/// client answers with its next request, and the function runs again from its beginning, with the answers that there are
/// then. So code before a question runs once a round, and **effects belong after the last question**. Rate rules count each
/// round, cost is taken once. Several questions at once (`futures::join!`) are asked in one round.
#[derive(Clone)]
pub struct Call {
    pub(crate) principal: Arc<Principal>,
    pub(crate) state: Arc<StateTable>,
    pub(crate) module: Option<Arc<Mounted>>,
    pub(crate) cancelled: CancellationToken,
    pub(crate) outlet: Arc<dyn Outlet>,
    pub(crate) budget: Budget,
    pub(crate) trace: Trace,
}

impl Call {
    /// Who calls.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The agent that the caller acts as; `None` for a caller that no verifier vouches for.
    pub fn agent(&self) -> Option<&Agent> {
        self.principal.agent()
    }

    /// The budgets that this call is counted in, to charge what it turns out to cost.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The trace that this call belongs to, for what it calls itself.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// A value that the application gave with `Doorman::state`. A type that takes it must say so in
    /// [`FromCall::NEEDS`](super::FromCall::NEEDS), or its absence shows only when the tool is called.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.state.get()
    }

    /// Asks the user to fill in a form: the fields of `T`, a flat struct of texts, numbers, yes or no, and choices. What
    /// isn't answered as the form says is asked again.
    ///
    /// ```
    /// use doorman::prelude::*;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct Confirm {
    ///     /// Type the invoice's number.
    ///     number: String,
    /// }
    ///
    /// /// Deletes an invoice.
    /// #[expose(destructive, scopes = ["invoices:write"])]
    /// async fn delete(id: String, call: Call) -> ToolResult<String> {
    ///     let confirm: Confirm = call.elicit("Really delete it?").await?;
    ///     if confirm.number != id {
    ///         return Err(ToolError::user("that is another number"));
    ///     }
    ///     Ok("deleted".into()) // Effects come after the question.
    /// }
    /// ```
    pub fn elicit<T>(&self, message: impl Into<String>) -> Elicit<T> {
        Elicit::new(Arc::clone(&self.outlet), message.into())
    }

    /// Asks the user to go to a page, for what must not pass through the client: a sign-in, a payment. The answer says that
    /// the user agreed, not that it is done.
    pub fn elicit_url(&self, message: impl Into<String>, url: impl Into<String>) -> ElicitUrl {
        ElicitUrl::new(Arc::clone(&self.outlet), message.into(), url.into())
    }

    /// Asks the client's model.
    pub fn sample(&self, sampling: Sampling) -> Sample {
        Sample::new(Arc::clone(&self.outlet), sampling)
    }

    /// Asks where the client works.
    pub fn roots(&self) -> Roots {
        Roots::new(Arc::clone(&self.outlet))
    }

    /// Sends a log message to a client that asked for messages of this level. It is redacted like any other output.
    pub async fn log(&self, level: Level, data: impl Serialize) {
        if let Ok((data, _)) = value::of(data) {
            self.outlet.log(level, data).await;
        }
    }

    /// Reports that `progress` of `total` units are done, to a caller that asked for it. The message is redacted.
    pub async fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.outlet.progress(progress, total, message).await;
    }

    /// Tells clients that something has changed.
    pub fn updates(&self) -> Updates {
        let updates = self.state::<Updates>().map_or_else(Updates::default, |updates| (*updates).clone());
        self.agent().map_or(updates.clone(), |agent| updates.of(agent))
    }

    /// Runs `f` with the resource scope that confines this call: the module's own, else the application's.
    pub(crate) fn with_scope<S: 'static + Send + Sync, R>(&self, f: impl FnOnce(&S) -> R) -> Option<R> {
        if let Some(module) = &self.module {
            return (module.scope)(&*module.instance)?.downcast_ref().map(f);
        }
        self.state.get::<S>().map(|scope| f(&scope))
    }
}
