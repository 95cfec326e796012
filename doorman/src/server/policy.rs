//! What an application says that every call is held to: limits, what may leave, and what is told of it.

use std::time::Duration;

use super::{Doorman, Error};
use crate::{
    audit::{self, Sink},
    filter::Filter,
    limits::Running,
    redact::Kind,
    state::StateStore,
    telemetry::Telemetry,
};

impl Doorman {
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

    /// How often one caller may make the same call, with the same arguments, of a tool that says nothing of its own:
    /// `"5 in 1min"`.
    pub fn breaker(mut self, rule: impl Into<String>) -> Self {
        self.breaker = Some(rule.into());
        self
    }

    /// Where the counts of limits are kept. Default: the memory of this process, or what `--state` or the manifests'
    /// `state_backend` say.
    pub fn state_store(mut self, store: StateStore) -> Self {
        self.store = Some(store);
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

    /// Regular expressions whose matches are masked in everything that leaves: numbers and names of the application's own.
    /// They take linear time; one that matches the empty text is refused at start.
    ///
    /// ```
    /// use doorman::{Doorman, redact::Kind};
    ///
    /// let app = Doorman::new("billing").redact(["iban"]).redact_patterns(["EMP-[0-9]{6}"]).detect([Kind::Ip]);
    /// ```
    pub fn redact_patterns<'a>(mut self, patterns: impl IntoIterator<Item = &'a str>) -> Self {
        self.redact_patterns.extend(patterns.into_iter().map(str::to_owned));
        self
    }

    /// Kinds that are masked only where asked for: [`Kind::Ip`], [`Kind::Mac`].
    pub fn detect(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.detect.extend(kinds);
        self
    }

    /// Looks for a pattern in what callers send, or in what leaves, whoever calls. Manifests have filters of their own beside
    /// these.
    ///
    /// ```no_run
    /// use doorman::{Doorman, filter::Filter};
    ///
    /// let app = Doorman::new("billing").filter(Filter::arguments("traversal", r"\.\./").fields(["path"]));
    /// ```
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Where audit records go. Default: stderr, or where `--audit-log` says.
    pub fn audit(mut self, sink: impl Sink) -> Self {
        self.sink = Some(Box::new(sink));
        self
    }

    /// When a record counts as written, what becomes of calls whose record can't be, and whether records are chained and
    /// signed. The command line goes before.
    ///
    /// ```no_run
    /// use doorman::{Doorman, audit::{Chaining, Durability, Settings, SigningKey}};
    ///
    /// let key = SigningKey::read("audit.key".as_ref())?;
    /// let settings =
    ///     Settings { durability: Durability::Fsync, chaining: Chaining::Signed(key), ..Settings::default() };
    /// let app = Doorman::new("billing").audit_settings(settings);
    /// # Ok::<(), String>(())
    /// ```
    pub fn audit_settings(mut self, settings: audit::Settings) -> Self {
        self.audit = settings;
        self
    }

    /// What is exported of calls: spans and metrics.
    #[cfg(feature = "telemetry")]
    pub fn telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = telemetry;
        self
    }
}
