//! The builder: what an application says about itself.

use std::{any::Any, num::NonZeroU32, path::PathBuf, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use serde_json::Value;

use super::{App, Error, cli::Options};
use crate::{
    audit::Sink,
    call::{Mounted, StateTable},
    credentials::Secret,
    exposure::{ConfiguredModule, Credentials, Listed, ModuleError, ToolModule, ToolSpec},
    guard::Defaults,
    identity::Tokens,
    limits::Running,
    manifest::Manifest,
    scope::ResourceScope,
};

/// An MCP server, put together from the functions that the application lists.
///
/// Nothing is served that isn't listed, nothing listed is open to a caller whose grant doesn't cover it, and nothing is
/// limited unless a limit is said.
///
/// ```no_run
/// use doorman::prelude::*;
///
/// /// Adds two numbers.
/// #[expose(read_only, public)]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// #[tokio::main]
/// async fn main() -> doorman::Result {
///     Doorman::new("calculator").tools(tools![add]).rate("60/min per_caller").run().await
/// }
/// ```
#[must_use = "an application does nothing until `run`, `start` or `into_router`"]
pub struct Doorman {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) instructions: Option<String>,
    pub(super) listed: Vec<Listed>,
    pub(super) modules: Vec<Module>,
    pub(super) state: StateTable,
    pub(super) secrets: Vec<Secret>,
    pub(super) manifests: Vec<Source>,
    pub(super) rate: Option<String>,
    pub(super) budget: Option<String>,
    pub(super) running: Running,
    pub(super) defaults: Defaults,
    pub(super) redact_keys: Vec<String>,
    pub(super) sink: Option<Box<dyn Sink>>,
    pub(super) max_request: usize,
    #[cfg(feature = "http")]
    pub(super) reach: super::http::Reach,
    pub(super) tokens: Option<Tokens>,
    pub(super) dev: bool,
    pub(super) errors: Vec<Error>,
}

/// A manifest, or where one is.
pub(super) enum Source {
    Read(Manifest),
    At(PathBuf),
}

/// A module instance that is started and stopped with the application.
pub(super) struct Module {
    pub(super) instance: String,
    pub(super) start: fn(&(dyn Any + Send + Sync)) -> BoxFuture<'_, Result<(), ModuleError>>,
    pub(super) stop: fn(&(dyn Any + Send + Sync)) -> BoxFuture<'_, ()>,
    pub(super) value: Arc<dyn Any + Send + Sync>,
}

impl Doorman {
    /// An application of this name, which clients see.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            version: "0".to_owned(),
            instructions: None,
            listed: Vec::new(),
            modules: Vec::new(),
            state: StateTable::default(),
            secrets: Vec::new(),
            manifests: Vec::new(),
            rate: None,
            budget: None,
            running: Running { global: NonZeroU32::new(1024), per_caller: NonZeroU32::new(128) },
            defaults: Defaults::default(),
            redact_keys: Vec::new(),
            sink: None,
            max_request: 4 << 20,
            #[cfg(feature = "http")]
            reach: super::http::Reach::default(),
            tokens: None,
            dev: false,
            errors: Vec::new(),
        }
    }

    /// For development: everything is granted to one local principal, on stdio and to loopback callers only, and every
    /// start says so.
    pub fn dev(name: impl Into<String>) -> Self {
        Self { dev: true, ..Self::new(name) }
    }

    /// The application's version, which clients see. Default: `0`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// A text that tells a model how to use this server.
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.instructions = Some(text.into());
        self
    }

    /// Lists tools: `tools![get_invoice, billing::refund]`.
    pub fn tools(mut self, tools: &[&'static ToolSpec]) -> Self {
        self.listed.extend(tools.iter().map(|&spec| Listed { spec, module: None }));
        self
    }

    /// Mounts a module under its own name.
    pub fn module<M: ToolModule>(self, module: M) -> Self {
        self.module_as(M::NAME, module)
    }

    /// Mounts a module under an instance name: its tools are `<instance>_<tool>` and ask for `<instance>:read` and
    /// `<instance>:write` unless they say otherwise.
    pub fn module_as<M: ToolModule>(mut self, instance: &str, module: M) -> Self {
        if let Err(error) = doorman_grammar::name::instance(instance) {
            self.errors.push(Error::Setting(format!("the instance name of a module: {error}")));
            return self;
        }
        let value: Arc<dyn Any + Send + Sync> = Arc::new(module);
        let mounted = Arc::new(Mounted { instance: Arc::clone(&value), scope: scope_of::<M> });
        let name: Arc<str> = instance.into();
        let tools =
            M::TOOLS.iter().map(|&spec| Listed { spec, module: Some((Arc::clone(&name), Arc::clone(&mounted))) });
        self.listed.extend(tools);
        self.modules.push(Module {
            instance: instance.to_owned(),
            start: |module| match module.downcast_ref::<M>() {
                Some(module) => module.start_module(),
                None => Box::pin(async { Ok(()) }),
            },
            stop: |module| match module.downcast_ref::<M>() {
                Some(module) => module.stop_module(),
                None => Box::pin(async {}),
            },
            value,
        });
        self
    }

    /// Makes a module from configuration and credentials, and mounts it under an instance name. Unknown keys in the
    /// configuration and unknown credentials are errors.
    pub fn configure<M: ConfiguredModule>(mut self, instance: &str, config: Value, credentials: &Credentials) -> Self {
        self.secrets.extend(credentials.secrets().cloned());
        let fail = |reason: ModuleError| Error::Module { instance: instance.to_owned(), reason };
        if let Some(unknown) = credentials.names().find(|name| !M::CREDENTIALS.contains(name)) {
            self.errors
                .push(fail(format!("it takes no credential `{unknown}`; legal: {}", M::CREDENTIALS.join(", ")).into()));
            return self;
        }
        match crate::exposure::configured::<M>(config, credentials) {
            Ok(module) => self.module_as(instance, module),
            Err(reason) => {
                self.errors.push(fail(reason));
                self
            }
        }
    }

    /// A value that tools take as `State<T>`. One of each type.
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        if !self.state.insert(value) {
            self.errors
                .push(Error::Setting(format!("two values of the type `{}` were given", std::any::type_name::<T>())));
        }
        self
    }

    /// The resource scope that confines `Scoped<S>` arguments of free functions.
    pub fn scope<S: ResourceScope>(self, scope: S) -> Self {
        self.state(scope)
    }

    /// A credential that the process holds: it is removed by value from everything that leaves.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// A manifest file: what an agent type is granted. Several for several types.
    pub fn manifest(mut self, path: impl Into<PathBuf>) -> Self {
        self.manifests.push(Source::At(path.into()));
        self
    }

    /// A manifest that the application has at hand.
    pub fn grant(mut self, manifest: Manifest) -> Self {
        self.manifests.push(Source::Read(manifest));
        self
    }

    /// Rate rules for every attempt to call: `"60/min per_caller; 1000/min global; 10/s per_tool"`.
    pub fn rate(mut self, rules: impl Into<String>) -> Self {
        self.rate = Some(rules.into());
        self
    }

    /// Budget rules, in units of the tools' `cost`: `"500/day per_caller"`.
    pub fn budget(mut self, rules: impl Into<String>) -> Self {
        self.budget = Some(rules.into());
        self
    }

    /// How many calls may run at once: in all, and of one caller. Default: 1,024 and 128.
    pub fn concurrency(mut self, global: u32, per_caller: u32) -> Self {
        self.running = Running { global: global.try_into().ok(), per_caller: per_caller.try_into().ok() };
        if self.running.global.is_none() || self.running.per_caller.is_none() {
            self.errors.push(Error::Setting("a bound on running calls must be at least 1".to_owned()));
        }
        self
    }

    /// How long a tool may run that says nothing of its own. Default: 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.defaults.timeout = timeout;
        self
    }

    /// How many bytes a result may have if its tool says nothing of its own. Default: 4 MiB.
    pub fn max_result(mut self, bytes: u64) -> Self {
        self.defaults.max_result = bytes;
        self
    }

    /// More keys whose values are masked in everything that leaves, as globs over normalized names: `"iban"`,
    /// `"*_number"`.
    pub fn redact<'a>(mut self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.redact_keys.extend(keys.into_iter().map(str::to_owned));
        self
    }

    /// Where audit records go. Default: stderr, or the file that `--audit-log` names.
    pub fn audit(mut self, sink: impl Sink) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// The bearer tokens that HTTP callers may bear. Default: `--tokens`, else `DOORMAN_BEARER_TOKEN`.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// How many bytes a request may have, on HTTP and as a line on stdio. Default: 4 MiB.
    pub fn max_request(mut self, bytes: usize) -> Self {
        self.max_request = bytes;
        self
    }

    /// Serves as the process's command line says: stdio, or `--http ADDR`. Returns when the client goes away or the
    /// process is asked to stop (SIGINT, SIGTERM).
    pub fn run(self) -> BoxFuture<'static, Result<(), Error>> {
        self.run_with(std::env::args().collect())
    }

    /// As [`run`](Self::run), with arguments of the application's choice; the first is the program's name.
    pub fn run_with(self, args: Vec<String>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(super::app::run(self, args))
    }

    /// Checks everything, starts the modules, and gives an application that can be served.
    pub fn start(self) -> BoxFuture<'static, Result<App, Error>> {
        Box::pin(App::start(self, Options::default()))
    }
}

/// The resource scope of a module instance, as the call context looks for it.
fn scope_of<M: ToolModule>(module: &(dyn Any + Send + Sync)) -> Option<&(dyn Any + Send + Sync)> {
    Some(module.downcast_ref::<M>()?.resource_scope()?)
}
