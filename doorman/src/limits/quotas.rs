//! Rates and budgets: all that apply to a call are probed, then all are committed, or none.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use doorman_grammar::{
    breaker::Breaker,
    rate::{self, Per, RateRule, RateSpec},
};

use super::admission::Admission;
use super::bucket::Bucket;
use super::caller::Counted;
use super::clock::Clock;
use super::error::{Exceeded, Kind, LimitError, Refusal};
use super::low::Lows;
use crate::state::{Answer, Ask, Memory, Op, StateStore, Store, Unavailable};

/// The default of [`Quotas::max_cells`].
pub const DEFAULT_MAX_CELLS: usize = 100_000;

/// The rules of an application. The default has none, and then nothing is limited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quotas {
    /// How often. Rules per tool, and per caller and tool, count the calls of each tool; all others count every attempt.
    pub rate: RateSpec,
    /// How much: as `rate`, but each call counts its tool's cost. A budget of `500/day` holds 500 at once and gets 500
    /// a day back evenly, so the first day after a rest can spend up to 1000.
    pub budget: RateSpec,
    /// How often one caller may make the same call; for tools that say none of their own.
    pub breaker: Option<Breaker>,
    /// How many counts per caller are kept, about 40 bytes each. A count is kept until it is full again. When that many
    /// are active, further callers share one count per rule.
    pub max_cells: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { rate: RateSpec::default(), budget: RateSpec::default(), breaker: None, max_cells: DEFAULT_MAX_CELLS }
    }
}

impl Quotas {
    /// Parses rate and budget rules, each in the grammar of [`rate::parse`]; `None` is no rule.
    ///
    /// # Errors
    /// A rule that doesn't fit the grammar.
    pub fn parse(rate: Option<&str>, budget: Option<&str>) -> Result<Self, LimitError> {
        let spec = |text: Option<&str>| text.map(rate::parse).transpose().map(Option::unwrap_or_default);
        Ok(Self { rate: spec(rate)?, budget: spec(budget)?, ..Self::default() })
    }
}

/// The limits of an application and the counts behind them. Clones share the counts.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    /// Rate rules that count every attempt.
    attempts: Vec<Bucket>,
    /// Budgets per caller and global ones.
    budgets: Vec<Bucket>,
    /// Rules of which every tool gets one of its own.
    each_tool: Vec<(RateRule, Kind)>,
    /// For tools without one of their own.
    breaker: Option<Breaker>,
    store: Store,
    /// How near anybody came to each rule.
    lows: Lows,
    /// What times the store's answers.
    timed: OnceLock<Timer>,
}

/// What times the store's answers.
type Timer = Box<dyn Fn(Duration) + Send + Sync>;

/// The limits of one tool, made once by [`Limits::tool`] and only good for those [`Limits`].
#[derive(Debug, Clone)]
pub struct ToolLimits {
    buckets: Vec<Bucket>,
    cost: NonZeroU32,
}

/// Which round of a call is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// The first, or the only one.
    First,
    /// One that goes on with a call that was counted before.
    Later,
}

/// What a grant adds to the limits of the application, for those who hold it: made once by [`Limits::grant`], and only
/// good for those [`Limits`]. Each caller has counts of its own. The default adds nothing.
#[derive(Debug, Clone, Default)]
pub struct GrantLimits {
    /// Rules that count every attempt.
    attempts: Vec<Bucket>,
    /// Rules that count the calls of some tools, by the tools' numbers.
    of_tools: HashMap<usize, Vec<Bucket>>,
}

impl Limits {
    /// Limits of these rules, counted in this process on this clock.
    #[must_use]
    pub fn new(clock: impl Clock, quotas: &Quotas) -> Self {
        Self::over(Store::Memory(Memory::new(clock, quotas.max_cells)), quotas)
    }

    /// Limits of these rules, counted in a store that others may share; `application` keeps its counts apart from those of
    /// other applications there. A server that can't be reached yet is no error: until it can be, nobody is let in.
    ///
    /// # Errors
    /// A store that can't be used.
    pub async fn open(store: &StateStore, application: &str, quotas: &Quotas) -> std::io::Result<Self> {
        let opened = store.open(application, quotas.max_cells, None)?;
        opened.start().await;
        Ok(Self::over(opened, quotas))
    }

    /// Limits of these rules, counted in this store.
    pub(crate) fn over(store: Store, quotas: &Quotas) -> Self {
        let lows = Lows::default();
        let shared = |spec: &RateSpec, kind| {
            let rules = spec.rules().iter().filter(|rule| !of_each_tool(rule));
            rules.map(|&rule| Bucket::new(rule, kind, "", (&store, &lows))).collect::<Vec<_>>()
        };
        let attempts = shared(&quotas.rate, Kind::Rate);
        let budgets = shared(&quotas.budget, Kind::Budget);
        let per_tool = |spec: &RateSpec, kind| {
            let rules = spec.rules().to_vec().into_iter().filter(of_each_tool);
            rules.map(move |rule| (rule, kind))
        };
        let each_tool = per_tool(&quotas.rate, Kind::Rate).chain(per_tool(&quotas.budget, Kind::Budget)).collect();
        Self(Arc::new(Inner {
            attempts,
            budgets,
            each_tool,
            breaker: quotas.breaker,
            store,
            lows,
            timed: OnceLock::new(),
        }))
    }

    /// The limits of a tool: the application's rules per tool, and its own, which are `per_caller` (each caller of this
    /// tool) or `per_tool` (all its callers together). `cost` is what a call takes from every budget. Registering the
    /// same name again goes on with the same counts.
    ///
    /// # Errors
    /// A rule that doesn't fit the grammar or is `global`; a cost of 0, or one that a budget can never hold.
    pub fn tool(&self, name: &str, rate: Option<&str>, cost: u32) -> Result<ToolLimits, LimitError> {
        self.tool_with(name, rate, None, cost)
    }

    /// As [`tool`](Self::tool), for a tool with a breaker of its own.
    ///
    /// # Errors
    /// As those of [`tool`](Self::tool).
    pub fn tool_with(
        &self,
        name: &str,
        rate: Option<&str>,
        breaker: Option<&str>,
        cost: u32,
    ) -> Result<ToolLimits, LimitError> {
        let own = rate.map(rate::parse_for_tool).transpose()?.unwrap_or_default();
        let cost = NonZeroU32::new(cost).ok_or_else(|| LimitError::NoCost { tool: name.to_owned() })?;

        let store = (&self.0.store, &self.0.lows);
        let own = own.rules().iter().map(|&rule| (rule, Kind::Rate));
        let rules = self.0.each_tool.iter().copied().chain(own);
        let buckets = rules.map(|(rule, kind)| Bucket::new(rule, kind, name, store));
        let breaker = breaker
            .map(doorman_grammar::breaker::parse)
            .transpose()?
            .or(self.0.breaker)
            .map(|breaker| Bucket::breaker(breaker, name, store));
        let buckets: Vec<_> = buckets.chain(breaker).collect();

        let mut budgets = self.0.budgets.iter().chain(&buckets).filter(|bucket| bucket.kind == Kind::Budget);
        match budgets.find(|bucket| cost.get() > bucket.rule.capacity()) {
            Some(bucket) => Err(LimitError::CostExceedsBudget {
                tool: name.to_owned(),
                cost: cost.get(),
                budget: bucket.rule.to_string(),
            }),
            None => Ok(ToolLimits { buckets, cost }),
        }
    }

    /// The limits of a grant. `every` counts every attempt; each of `of_tools` has a name, rules, and the numbers of the
    /// tools that share their counts. `owner` keeps the counts of two grants apart; the same owner goes on with the same.
    #[must_use]
    pub fn grant<'a>(
        &self,
        owner: &str,
        every: &RateSpec,
        of_tools: impl IntoIterator<Item = (&'a str, &'a RateSpec, Vec<usize>)>,
    ) -> GrantLimits {
        let bucket = |name: String, rule| Bucket::new(rule, Kind::Rate, &name, (&self.0.store, &self.0.lows));
        let own = format!("grant {owner}");
        let attempts = every.rules().iter().map(|&rule| bucket(own.clone(), rule)).collect();
        let mut grant = GrantLimits { attempts, of_tools: HashMap::new() };
        for (name, spec, tools) in of_tools {
            for &rule in spec.rules() {
                let shared = bucket(format!("{own} {name}"), rule);
                for &tool in &tools {
                    grant.of_tools.entry(tool).or_default().push(shared.clone());
                }
            }
        }
        grant
    }

    /// Counts one attempt of this caller, if every limit that applies lets it pass; otherwise counts nothing. Without a
    /// tool (an attempt at something that is unknown, or not granted) the rate rules per caller and the global ones
    /// apply; with a tool its own rules and the budgets, too. Counts in memory are there at once: it never waits then.
    ///
    /// # Errors
    /// What refused, or that the store can't be asked.
    pub async fn admit(&self, caller: impl Into<Counted>, tool: Option<&ToolLimits>) -> Result<Admission, Refusal> {
        self.admit_under(None, caller, tool.map(|tool| (usize::MAX, tool)), Round::First).await
    }

    /// As [`admit`](Self::admit), for a caller under a grant, if any; a tool comes with its number. A later round of a call
    /// counts for rates, takes no cost again, and is no call of its own for breakers.
    ///
    /// # Errors
    /// As those of [`admit`](Self::admit).
    pub async fn admit_under(
        &self,
        grant: Option<&GrantLimits>,
        caller: impl Into<Counted>,
        tool: Option<(usize, &ToolLimits)>,
        round: Round,
    ) -> Result<Admission, Refusal> {
        let who = caller.into();
        let rules = self.applying(grant, tool, round);
        let mut asks: Vec<Ask> = rules.map(|(bucket, cost)| bucket.ask(&who, cost)).collect();
        if asks.is_empty() {
            return Ok(Admission::of(self, asks, 0));
        }
        let answer = self.take(&mut asks).await?;
        if self.0.lows.are_watched() {
            for (place, ((bucket, _), ask)) in self.applying(grant, tool, round).zip(&asks).enumerate() {
                let refused = answer.refused.is_some_and(|(index, _)| index == place);
                bucket.low.saw(if refused { 0 } else { ask.left }, bucket.rule.capacity());
            }
        }
        if let Some((index, retry_after)) = answer.refused
            && let Some((bucket, _)) = self.applying(grant, tool, round).nth(index)
        {
            return Err(Exceeded { rule: bucket.rule.to_string(), kind: bucket.kind, retry_after }.into());
        }
        Ok(Admission::of(self, asks, answer.at))
    }

    /// Asks the store, and times a store that may take its time.
    async fn take(&self, asks: &mut [Ask]) -> Result<Answer, Unavailable> {
        let Some(timed) = self.0.timed.get().filter(|_| self.outlive_the_process()) else {
            return self.0.store.run(Op::Take, asks).await;
        };
        let began = Instant::now();
        let answer = self.0.store.run(Op::Take, asks).await;
        timed(began.elapsed());
        answer
    }

    /// Has somebody know how long the store takes.
    #[cfg(feature = "telemetry")]
    pub(crate) fn time(&self, timer: impl Fn(Duration) + Send + Sync + 'static) {
        let _ = self.0.timed.set(Box::new(timer));
    }

    /// From now on it is noted how near anybody comes to each rule.
    #[cfg(feature = "telemetry")]
    pub(crate) fn watch_lows(&self) {
        self.0.lows.watch();
    }

    /// The rules by which somebody was counted lately: what they say, what they are for, and the least share that was left.
    #[cfg(feature = "telemetry")]
    pub(crate) fn lows(&self) -> Vec<(String, &'static str, f64)> {
        self.0.lows.all()
    }

    /// All rules that apply to a call, and what it takes of each.
    fn applying<'a>(
        &'a self,
        grant: Option<&'a GrantLimits>,
        tool: Option<(usize, &'a ToolLimits)>,
        round: Round,
    ) -> impl Iterator<Item = (&'a Bucket, u32)> {
        let of_tool = tool.into_iter().flat_map(move |(number, tool)| {
            let granted = grant.and_then(|grant| grant.of_tools.get(&number)).into_iter().flatten();
            let cost = if round == Round::First { tool.cost.get() } else { 0 };
            tool.buckets.iter().chain(granted).chain(&self.0.budgets).map(move |bucket| (bucket, cost))
        });
        let attempts =
            self.0.attempts.iter().chain(grant.into_iter().flat_map(|grant| &grant.attempts)).map(|bucket| (bucket, 1));
        attempts.chain(of_tool).filter(move |(bucket, _)| round == Round::First || bucket.kind != Kind::Breaker)
    }

    /// How much this caller could still spend on this tool at once, of the scarcest budget that applies; `None` without
    /// a budget. Takes nothing and remembers nothing.
    ///
    /// # Errors
    /// The store can't be asked.
    pub async fn remaining(&self, caller: impl Into<Counted>, tool: &ToolLimits) -> Result<Option<u32>, Unavailable> {
        let who = caller.into();
        let budgets = self.0.budgets.iter().chain(&tool.buckets).filter(|bucket| bucket.kind == Kind::Budget);
        let mut asks: Vec<Ask> = budgets.map(|bucket| bucket.ask(&who, 1)).collect();
        if !asks.is_empty() {
            self.0.store.run(Op::Peek, &mut asks).await?;
        }
        Ok(asks.iter().map(|ask| ask.left).min())
    }

    /// Whether what is counted and taken is known to other processes, and after a restart.
    pub(crate) fn outlive_the_process(&self) -> bool {
        !matches!(self.0.store, Store::Memory(_))
    }

    pub(super) fn store(&self) -> &Store {
        &self.0.store
    }

    /// How many counts per caller are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        let Store::Memory(memory) = &self.0.store else { return 0 };
        memory.kept()
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.0.attempts.iter().chain(&self.0.budgets).map(|bucket| bucket.rule.to_string());
        f.debug_list().entries(rules.chain(self.0.each_tool.iter().map(|(rule, _)| rule.to_string()))).finish()
    }
}

impl ToolLimits {
    /// What a call of this tool takes from a budget.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost.get()
    }

    /// The rules that this tool has of its own, as they are best written.
    pub fn rules(&self) -> impl Iterator<Item = String> {
        self.buckets.iter().map(|bucket| match bucket.kind {
            Kind::Breaker => format!("breaker {}", bucket.rule),
            _ => bucket.rule.to_string(),
        })
    }

    /// Whether identical calls are counted, so that [`Counted::calling`] is asked for.
    #[must_use]
    pub fn breaks(&self) -> bool {
        self.buckets.iter().any(|bucket| bucket.kind == Kind::Breaker)
    }
}

/// Whether every tool gets a rule of its own for this one.
fn of_each_tool(rule: &RateRule) -> bool {
    matches!(rule.per, Per::Tool | Per::CallerAndTool)
}
