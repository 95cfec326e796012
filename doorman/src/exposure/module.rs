//! Modules: tools that share an instance, a configuration and a resource scope.

use std::{
    any::{Any, TypeId},
    collections::BTreeMap,
    convert::Infallible,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::digest::{Context, SHA256};
use futures::future::BoxFuture;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CapabilitySpec, config::ConfigSchema};
use crate::{
    call::{Argument, Mounted},
    credentials::Secret,
    identity::Agent,
    scope::{ResourceScope, ScopeViolation},
};

/// Why a module can't be configured or started: any error, or a text.
pub type ModuleError = Box<dyn Error + Send + Sync>;

/// A group of tools on one instance. Written by `#[tool_module]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tool module",
    label = "not a tool module",
    note = "put `#[tool_module(scope = …)]` or `#[tool_module(unscoped)]` on an `impl` block of it"
)]
pub trait ToolModule: Send + Sync + 'static {
    /// The name of an instance unless the application gives another.
    const NAME: &'static str;
    /// What it exposes.
    #[doc(hidden)]
    const CAPABILITIES: &'static [&'static CapabilitySpec];
    /// The resource scope that confines the tools' arguments; [`Unscoped`] if there is none.
    type Scope: ResourceScope;

    /// The instance's resource scope.
    fn resource_scope(&self) -> Option<&Self::Scope>;

    /// Runs before the first call.
    fn start_module(&self) -> BoxFuture<'_, Result<(), ModuleError>> {
        Box::pin(async { Ok(()) })
    }

    /// Runs after the last call, if `start_module` succeeded.
    fn stop_module(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// A module that is made from configuration, as a manifest holds it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not made from configuration",
    label = "no configuration type",
    note = "say `#[tool_module(config = MyConfig, …)]` and write `fn configure(config: MyConfig, credentials: &Credentials) -> Result<Self, ModuleError>`"
)]
pub trait ConfiguredModule: ToolModule + Sized {
    /// The configuration.
    type Config: Configuration;
    /// The names of the credentials that the module may take.
    const CREDENTIALS: &'static [&'static str];

    /// Makes an instance.
    fn configure_module(config: Self::Config, credentials: &Credentials) -> Result<Self, ModuleError>;
}

/// What a module is configured with: a type that derives [`Argument`], so that unknown keys are refused at every depth
/// and a manifest's schema can be published.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a module's configuration",
    label = "not known to refuse unknown keys",
    note = "derive `doorman::Argument` for it, instead of `Deserialize` and `JsonSchema`"
)]
pub trait Configuration: Sized {
    /// Reads it from JSON.
    #[doc(hidden)]
    fn read(config: Value) -> Result<Self, serde_json::Error>;
    /// What a manifest may say.
    #[doc(hidden)]
    fn schema(generator: &mut SchemaGenerator) -> Schema;
}

#[diagnostic::do_not_recommend]
impl<T: Argument<Raw = T> + DeserializeOwned + JsonSchema> Configuration for T {
    fn read(config: Value) -> Result<T, serde_json::Error> {
        serde_json::from_value(config)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The credentials that a module instance was given, by name.
#[derive(Clone, Default)]
pub struct Credentials(BTreeMap<String, Secret>);

impl Credentials {
    /// No credentials.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, secret: Secret) -> Self {
        self.0.insert(name.into(), secret);
        self
    }

    /// The credential of this name, or an error that names what is missing.
    pub fn require(&self, name: &str) -> Result<Secret, ModuleError> {
        self.get(name).ok_or_else(|| format!("the credential `{name}` is missing").into())
    }

    /// The credential of this name.
    pub fn get(&self, name: &str) -> Option<Secret> {
        self.0.get(name).cloned()
    }

    /// SHA-256 of all names and values.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for (name, secret) in &self.0 {
            for part in [name.as_bytes(), secret.expose().as_bytes()] {
                context.update(&(part.len() as u64).to_le_bytes());
                context.update(part);
            }
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.0.values()
    }
}

/// The scope of a module that says `unscoped`: it has no resources, so nothing resolves.
pub struct Unscoped(Infallible);

impl ResourceScope for Unscoped {
    type Raw = String;
    type Resource = Infallible;

    fn resolve(&self, _: &String, _: &Agent) -> Result<Infallible, ScopeViolation> {
        match self.0 {}
    }
}

/// What serde expected, without what it found, which may be a secret in the wrong place.
fn without_value(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once("expected ")
        .map_or_else(|| "doesn't fit".to_owned(), |(_, expected)| format!("expected {expected}"))
}

/// Makes a module from configuration as JSON.
pub(crate) fn configured<M: ConfiguredModule>(config: Value, credentials: &Credentials) -> Result<M, ModuleError> {
    let config = M::Config::read(config).map_err(|error| format!("its configuration: {}", without_value(&error)))?;
    M::configure_module(config, credentials)
}

/// A module instance without its type: what calls need of it, and how it is started and stopped.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) mounted: Arc<Mounted>,
    start: for<'a> fn(&'a Anything) -> BoxFuture<'a, Result<(), ModuleError>>,
    stop: for<'a> fn(&'a Anything) -> BoxFuture<'a, ()>,
}

type Anything = dyn Any + Send + Sync;

impl Instance {
    pub(crate) fn of<M: ToolModule>(module: M) -> Self {
        fn scope<M: ToolModule>(module: &Anything) -> Option<&Anything> {
            Some(module.downcast_ref::<M>()?.resource_scope()?)
        }
        fn start<M: ToolModule>(module: &Anything) -> BoxFuture<'_, Result<(), ModuleError>> {
            match module.downcast_ref::<M>() {
                Some(module) => module.start_module(),
                None => Box::pin(async { Ok(()) }),
            }
        }
        fn stop<M: ToolModule>(module: &Anything) -> BoxFuture<'_, ()> {
            match module.downcast_ref::<M>() {
                Some(module) => module.stop_module(),
                None => Box::pin(async {}),
            }
        }
        let mounted = Mounted {
            instance: Arc::new(module),
            scope: scope::<M>,
            scope_type: TypeId::of::<M::Scope>,
            started: AtomicBool::new(false),
        };
        Self { mounted: Arc::new(mounted), start: start::<M>, stop: stop::<M> }
    }

    /// Starts it; from then on its tools are there.
    pub(crate) async fn start(&self) -> Result<(), ModuleError> {
        (self.start)(&*self.mounted.instance).await?;
        self.mounted.started.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) async fn stop(&self) {
        self.mounted.started.store(false, Ordering::Release);
        (self.stop)(&*self.mounted.instance).await;
    }
}

/// A type of module that manifests may ask for.
pub(crate) struct ModuleType {
    pub(crate) capabilities: &'static [&'static CapabilitySpec],
    /// The names of the credentials that an instance may take.
    pub(crate) credentials: &'static [&'static str],
    pub(crate) config: ConfigSchema,
    scope_type: fn() -> TypeId,
    pub(crate) make: fn(Value, &Credentials) -> Result<Instance, ModuleError>,
}

impl ModuleType {
    pub(crate) fn of<M: ConfiguredModule>() -> Result<Self, String> {
        Ok(Self {
            capabilities: M::CAPABILITIES,
            credentials: M::CREDENTIALS,
            config: ConfigSchema::of::<M::Config>()?,
            scope_type: TypeId::of::<M::Scope>,
            make: |config, credentials| configured::<M>(config, credentials).map(Instance::of),
        })
    }

    /// Stands for an instance that couldn't be made, where only its tools matter.
    pub(crate) fn absent(&self) -> Arc<Mounted> {
        let (instance, started) = (Arc::new(()), AtomicBool::new(false));
        Arc::new(Mounted { instance, scope: |_| None, scope_type: self.scope_type, started })
    }
}
