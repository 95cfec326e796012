//! The builder: what an application says about itself.

use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf, process::ExitCode, sync::Arc};

use futures::future::BoxFuture;
use serde_json::Value;

use super::{App, Error, log::tell, verifying::VerifierSource};
use crate::{
    audit::{self, Sink},
    call::{StateTable, Updates},
    credentials::Secret,
    exposure::{
        CapabilitySpec, ConfiguredModule, Credentials, Instance, Listed, ModuleError, ModuleType, PromptSpec,
        ResourceSpec, ToolModule, ToolSpec,
    },
    filter::Filter,
    guard::Defaults,
    identity::{TokenVerifier, Tokens},
    limits::Running,
    manifest::Manifest,
    redact::Kind,
    scope::ResourceScope,
    state::StateStore,
    telemetry::Telemetry,
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
    /// What manifests may ask for, by name.
    pub(super) types: BTreeMap<&'static str, ModuleType>,
    pub(super) commands: Vec<Command>,
    pub(super) state: StateTable,
    pub(super) secrets: Vec<Secret>,
    pub(super) manifests: Vec<Source>,
    /// Whether changed files are read again unasked.
    pub(super) watch: bool,
    pub(super) rate: Option<String>,
    pub(super) budget: Option<String>,
    pub(super) breaker: Option<String>,
    pub(super) store: Option<StateStore>,
    /// For a store whose URL has none.
    pub(super) state_password: Option<Secret>,
    pub(super) running: Running,
    pub(super) defaults: Defaults,
    pub(super) redact_keys: Vec<String>,
    pub(super) redact_patterns: Vec<String>,
    pub(super) detect: Vec<Kind>,
    pub(super) discoverable: Vec<String>,
    pub(super) filters: Vec<Filter>,
    pub(super) sink: Option<Box<dyn Sink>>,
    pub(super) audit: audit::Settings,
    pub(super) max_request: usize,
    pub(super) page_size: usize,
    pub(super) updates: Updates,
    /// For what clients carry.
    pub(super) input_keys: Option<PathBuf>,
    #[cfg(feature = "http")]
    pub(super) reach: super::http::Reach,
    pub(super) tokens: Option<Tokens>,
    pub(super) verifier: VerifierSource,
    pub(super) telemetry: Telemetry,
    pub(super) dev: bool,
    pub(super) errors: Vec<Error>,
}

/// A manifest, or where one is.
pub(super) enum Source {
    Read(Box<Manifest>),
    At(PathBuf),
}

/// A module instance that the application mounts itself.
pub(super) struct Module {
    pub(super) name: Arc<str>,
    pub(super) capabilities: &'static [&'static CapabilitySpec],
    pub(super) instance: Instance,
}

/// A subcommand of the application's own.
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) run: fn() -> BoxFuture<'static, Result<(), Error>>,
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
            types: BTreeMap::new(),
            commands: Vec::new(),
            state: StateTable::default(),
            secrets: Vec::new(),
            manifests: Vec::new(),
            watch: false,
            rate: None,
            budget: None,
            breaker: None,
            store: None,
            state_password: None,
            running: Running { global: NonZeroU32::new(1024), per_caller: NonZeroU32::new(128) },
            defaults: Defaults::default(),
            redact_keys: Vec::new(),
            redact_patterns: Vec::new(),
            detect: Vec::new(),
            discoverable: Vec::new(),
            filters: Vec::new(),
            sink: None,
            audit: audit::Settings::default(),
            max_request: 4 << 20,
            page_size: 1_000,
            updates: Updates::default(),
            input_keys: None,
            #[cfg(feature = "http")]
            reach: super::http::Reach::default(),
            tokens: None,
            verifier: VerifierSource::Nowhere,
            telemetry: Telemetry::default(),
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
    pub fn tools(self, tools: &[&'static ToolSpec]) -> Self {
        self.list(tools.iter().map(|it| it.capability()))
    }

    /// Lists resources and templates of resources: `resources![note, billing::statement]`.
    pub fn resources(self, resources: &[&'static ResourceSpec]) -> Self {
        self.list(resources.iter().map(|it| it.capability()))
    }

    /// Lists prompts: `prompts![review]`.
    pub fn prompts(self, prompts: &[&'static PromptSpec]) -> Self {
        self.list(prompts.iter().map(|it| it.capability()))
    }

    fn list(mut self, specs: impl Iterator<Item = &'static CapabilitySpec>) -> Self {
        self.listed.extend(specs.map(|spec| Listed { spec, module: None, world: None }));
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
        let (name, instance): (Arc<str>, _) = (instance.into(), Instance::of(module));
        self.listed.extend(M::CAPABILITIES.iter().map(|&spec| {
            let module = Some((Arc::clone(&name), Arc::clone(&instance.mounted)));
            Listed { spec, module, world: None }
        }));
        self.modules.push(Module { name, capabilities: M::CAPABILITIES, instance });
        self
    }

    /// Lets manifests ask for modules of this type, by the module's own name: `modules: {docs: {type: filesystem, …}}`.
    /// Each manifest gets instances of its own.
    pub fn module_type<M: ConfiguredModule>(mut self) -> Self {
        match ModuleType::of::<M>() {
            Ok(kind) => {
                if self.types.insert(M::NAME, kind).is_some() {
                    self.errors.push(Error::Setting(format!("two module types are named `{}`", M::NAME)));
                }
            }
            Err(reason) => self.errors.push(Error::Setting(format!("the module type `{}`: {reason}", M::NAME))),
        }
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

    /// A manifest file, or a folder of them: what an agent type is granted. Several for several types.
    pub fn manifest(mut self, path: impl Into<PathBuf>) -> Self {
        self.manifests.push(Source::At(path.into()));
        self
    }

    /// A manifest that the application has at hand.
    pub fn grant(mut self, manifest: Manifest) -> Self {
        self.manifests.push(Source::Read(manifest.into()));
        self
    }

    /// Reads manifests, their credentials' files and the tokens' file again as soon as they change, besides at SIGHUP. For
    /// [`run`](Self::run).
    pub fn watch(mut self) -> Self {
        self.watch = true;
        self
    }

    /// Capabilities, by name or glob, that are listed to verified callers whose tokens lack their scopes, if nothing else
    /// keeps these from them. A call to one is answered with the scopes that it takes (over HTTP by 403
    /// `insufficient_scope`, RFC 6750 §3.1), so that a client can ask for a better token. All others are not there.
    pub fn discoverable<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.discoverable.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// The bearer tokens that HTTP callers may bear. Default: `--tokens`, else `DOORMAN_BEARER_TOKEN`.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Says who bears a token, beside the static ones.
    pub fn verifier(mut self, verifier: impl TokenVerifier) -> Self {
        self.verify_with(Arc::new(verifier), Vec::new());
        self
    }

    /// The issuers (OAuth authorization servers) whose tokens callers may bear. One is an
    /// [`Auth`](crate::identity::Auth), several are [`Issuers`](crate::identity::Issuers). `--auth` goes before.
    ///
    /// ```
    /// use doorman::{Doorman, identity::Auth};
    ///
    /// let auth = Auth::jwt("https://issuer.example", "https://mcp.example/mcp").scopes_supported(["invoices:read"]);
    /// let app = Doorman::new("billing").auth(auth);
    /// ```
    #[cfg(feature = "oauth")]
    pub fn auth(mut self, issuers: impl Into<crate::identity::Issuers>) -> Self {
        let issuers = issuers.into();
        match issuers.check() {
            Ok(()) => {
                let secrets = issuers.secrets().cloned().collect();
                self.verify_with(Arc::new(issuers), secrets);
            }
            Err(error) => self.errors.push(Error::Setting(error.to_string())),
        }
        self
    }

    fn verify_with(&mut self, verifier: Arc<dyn TokenVerifier>, secrets: Vec<Secret>) {
        if !matches!(self.verifier, VerifierSource::Nowhere) {
            let text = "two verifiers of tokens were given; several issuers are `Issuers`";
            self.errors.push(Error::Setting(text.to_owned()));
        }
        self.verifier = VerifierSource::Given(verifier, secrets);
    }

    /// How many bytes a request may have, on HTTP and as a line on stdio. Default: 4 MiB.
    pub fn max_request(mut self, bytes: usize) -> Self {
        self.max_request = bytes;
        self
    }

    /// How many capabilities a page of a list has, at least 1. Default: 1,000.
    pub fn page_size(mut self, capabilities: usize) -> Self {
        self.page_size = capabilities.max(1);
        self
    }

    /// For telling clients of changes, from outside of calls, too. It tells nobody before the application serves.
    ///
    /// ```no_run
    /// # async fn watch(_: doorman::Updates) {}
    /// use doorman::Doorman;
    ///
    /// let app = Doorman::new("notes");
    /// tokio::spawn(watch(app.updates()));
    /// ```
    pub fn updates(&self) -> Updates {
        self.updates.clone()
    }

    /// The keys for what clients carry for this server: the state of calls that ask something, and the cursors of lists. The
    /// file has one key a line, 64 hexadecimal digits, the one that seals first; it must be 0600. Servers that stand behind
    /// one address share it, and a state that is kept ([`state_store`](Self::state_store)), for an answer is good once; without it a key
    /// is made at each start. `--input-keys` goes before.
    pub fn input_keys(mut self, path: impl Into<PathBuf>) -> Self {
        self.input_keys = Some(path.into());
        self
    }

    /// A subcommand of the application's own, beside those that every application has: `NAME` on the command line runs
    /// `run` and serves nothing.
    pub fn command(
        mut self,
        name: &'static str,
        about: &'static str,
        run: fn() -> BoxFuture<'static, Result<(), Error>>,
    ) -> Self {
        self.commands.push(Command { name, about, run });
        self
    }

    /// Serves as the process's command line says: stdio, or `--http ADDR`. Returns when the client goes away or the
    /// process is asked to stop (SIGINT, SIGTERM).
    pub fn run(self) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(super::app::run(self, std::env::args_os().collect()))
    }

    /// As [`run`](Self::run), for a `main` that returns an exit code: 0 at the end, 1 when the application can't start or
    /// a manifest isn't valid, 2 for a command line that makes no sense. What is wrong is said on stderr.
    pub fn main(self) -> BoxFuture<'static, ExitCode> {
        Box::pin(async {
            match self.run().await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    tell(&error.to_string());
                    ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
                }
            }
        })
    }

    /// As [`run`](Self::run), with arguments of the application's choice; the first is the program's name.
    pub fn run_with(self, args: Vec<String>) -> BoxFuture<'static, Result<(), Error>> {
        Box::pin(super::app::run(self, args.into_iter().map(Into::into).collect()))
    }

    pub(super) fn manifest_paths(&self) -> Vec<PathBuf> {
        let path = |source: &Source| match source {
            Source::At(path) => Some(path.clone()),
            Source::Read(_) => None,
        };
        self.manifests.iter().filter_map(path).collect()
    }

    /// Checks everything, starts the modules, and gives an application that can be served.
    pub fn start(self) -> BoxFuture<'static, Result<App, Error>> {
        Box::pin(App::start(self))
    }
}
