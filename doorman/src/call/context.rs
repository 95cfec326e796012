//! The context of one call, and the table of what the application provided.

use std::{
    any::{Any, TypeId, type_name},
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::{
    identity::{Agent, Principal},
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

/// Where progress reports of a call go; the transport implements it, redaction included.
pub(crate) trait ProgressSink: Send + Sync {
    fn report(&self, progress: f64, total: Option<f64>, message: Option<Cow<'_, str>>) -> BoxFuture<'static, ()>;
}

/// One call, as a [`FromCall`](super::FromCall) type sees it. It has no public constructor and can't see the arguments.
pub struct Call {
    pub(crate) principal: Arc<Principal>,
    pub(crate) state: Arc<StateTable>,
    pub(crate) module: Option<Arc<Mounted>>,
    pub(crate) cancelled: CancellationToken,
    pub(crate) progress: Option<Arc<dyn ProgressSink>>,
    pub(crate) budget: Budget,
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

    /// A value that the application gave with `Doorman::state`. A type that takes it must say so in
    /// [`FromCall::NEEDS`](super::FromCall::NEEDS), or its absence shows only when the tool is called.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.state.get()
    }

    /// Runs `f` with the resource scope that confines this call: the module's own, else the application's.
    pub(crate) fn with_scope<S: 'static + Send + Sync, R>(&self, f: impl FnOnce(&S) -> R) -> Option<R> {
        if let Some(module) = &self.module {
            return (module.scope)(&*module.instance)?.downcast_ref().map(f);
        }
        self.state.get::<S>().map(|scope| f(&scope))
    }
}
