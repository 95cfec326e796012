//! Rates and budgets: all that apply to a call are probed, then all are committed, or none.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use doorman_grammar::rate::{self, Per, RateRule, RateSpec};

use super::bucket::Bucket;
use super::caller::Counted;
use super::clock::Clock;
use super::error::{Exceeded, Kind, LimitError};
use crate::state::{Ask, Memory, Op};

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
    /// How many counts per caller are kept, about 40 bytes each. A count is kept until it is full again. When that many
    /// are active, further callers share one count per rule.
    pub max_cells: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { rate: RateSpec::default(), budget: RateSpec::default(), max_cells: DEFAULT_MAX_CELLS }
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
    store: Memory,
}

/// The limits of one tool, made once by [`Limits::tool`] and only good for those [`Limits`].
#[derive(Debug, Clone)]
pub struct ToolLimits {
    buckets: Vec<Bucket>,
    cost: NonZeroU32,
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

/// A call that every limit let in. Dropping it means that the call has been used.
#[derive(Debug)]
#[must_use = "an admitted call that never ran should get its cost refunded"]
pub struct Admission(Option<Reservation>);

/// What was taken from the budgets.
#[derive(Debug)]
struct Reservation {
    limits: Limits,
    taken: Vec<Ask>,
    at: u64,
}

impl Limits {
    /// Limits of these rules, counted on this clock.
    #[must_use]
    pub fn new(clock: impl Clock, quotas: &Quotas) -> Self {
        let store = Memory::new(clock, quotas.max_cells);
        let shared = |spec: &RateSpec, kind| {
            let rules = spec.rules().iter().filter(|rule| !of_each_tool(rule));
            rules.map(|&rule| Bucket::new(rule, kind, "", &store)).collect::<Vec<_>>()
        };
        let attempts = shared(&quotas.rate, Kind::Rate);
        let budgets = shared(&quotas.budget, Kind::Budget);
        let per_tool = |spec: &RateSpec, kind| {
            let rules = spec.rules().to_vec().into_iter().filter(of_each_tool);
            rules.map(move |rule| (rule, kind))
        };
        let each_tool = per_tool(&quotas.rate, Kind::Rate).chain(per_tool(&quotas.budget, Kind::Budget)).collect();
        Self(Arc::new(Inner { attempts, budgets, each_tool, store }))
    }

    /// The limits of a tool: the application's rules per tool, and its own, which are `per_caller` (each caller of this
    /// tool) or `per_tool` (all its callers together). `cost` is what a call takes from every budget. Registering the
    /// same name again goes on with the same counts.
    ///
    /// # Errors
    /// A rule that doesn't fit the grammar or is `global`; a cost of 0, or one that a budget can never hold.
    pub fn tool(&self, name: &str, rate: Option<&str>, cost: u32) -> Result<ToolLimits, LimitError> {
        let own = rate.map(rate::parse_for_tool).transpose()?.unwrap_or_default();
        let cost = NonZeroU32::new(cost).ok_or_else(|| LimitError::NoCost { tool: name.to_owned() })?;

        let store = &self.0.store;
        let own = own.rules().iter().map(|&rule| (rule, Kind::Rate));
        let rules = self.0.each_tool.iter().copied().chain(own);
        let buckets: Vec<_> = rules.map(|(rule, kind)| Bucket::new(rule, kind, name, store)).collect();

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

    /// The limits of a grant. `every` counts every attempt; each of `of_tools` has a name, a rule, and the numbers of the
    /// tools that share its count. `owner` keeps the counts of two grants apart; the same owner goes on with the same.
    #[must_use]
    pub fn grant<'a>(
        &self,
        owner: &str,
        every: Option<RateRule>,
        of_tools: impl IntoIterator<Item = (&'a str, RateRule, Vec<usize>)>,
    ) -> GrantLimits {
        let bucket = |name: String, rule| Bucket::new(rule, Kind::Rate, &name, &self.0.store);
        let mut grant = GrantLimits::default();
        grant.attempts.extend(every.map(|rule| bucket(format!("grant {owner}"), rule)));
        for (name, rule, tools) in of_tools {
            let shared = bucket(format!("grant {owner} {name}"), rule);
            for tool in tools {
                grant.of_tools.entry(tool).or_default().push(shared.clone());
            }
        }
        grant
    }

    /// Counts one attempt of this caller, if every limit that applies lets it pass; otherwise counts nothing. Without a
    /// tool (an attempt at something that is unknown, or not granted) the rate rules per caller and the global ones
    /// apply; with a tool its own rules and the budgets, too.
    ///
    /// # Errors
    /// What refused.
    pub fn admit(&self, caller: impl Into<Counted>, tool: Option<&ToolLimits>) -> Result<Admission, Exceeded> {
        self.admit_under(&GrantLimits::default(), caller, tool.map(|tool| (usize::MAX, tool)))
    }

    /// As [`admit`](Self::admit), for a caller under a grant; a tool comes with its number.
    ///
    /// # Errors
    /// What refused.
    pub fn admit_under(
        &self,
        grant: &GrantLimits,
        caller: impl Into<Counted>,
        tool: Option<(usize, &ToolLimits)>,
    ) -> Result<Admission, Exceeded> {
        let of_tool = tool.into_iter().flat_map(|(number, tool)| {
            let granted = grant.of_tools.get(&number).into_iter().flatten();
            tool.buckets.iter().chain(granted).chain(&self.0.budgets).map(|bucket| (bucket, tool.cost))
        });
        let attempts = self.0.attempts.iter().chain(&grant.attempts).map(|bucket| (bucket, NonZeroU32::MIN));
        let buckets = attempts.chain(of_tool);
        let who = caller.into();
        let mut asks: Vec<Ask> = buckets.clone().map(|(bucket, cost)| bucket.ask(&who, cost.get())).collect();
        if asks.is_empty() {
            return Ok(Admission(None));
        }
        let answer = self.0.store.run(Op::Take, &mut asks);
        if let Some((index, retry_after)) = answer.refused
            && let Some((bucket, _)) = buckets.into_iter().nth(index)
        {
            return Err(Exceeded { rule: bucket.rule.to_string(), kind: bucket.kind, retry_after });
        }
        asks.retain(|ask| ask.budget);
        let reservation = Reservation { limits: self.clone(), taken: asks, at: answer.at };
        Ok(Admission(Some(reservation).filter(|r| !r.taken.is_empty())))
    }

    /// How much this caller could still spend on this tool at once, of the scarcest budget that applies; `None` without
    /// a budget. Takes nothing and remembers nothing.
    #[must_use]
    pub fn remaining(&self, caller: impl Into<Counted>, tool: &ToolLimits) -> Option<u32> {
        let who = caller.into();
        let budgets = self.0.budgets.iter().chain(&tool.buckets).filter(|bucket| bucket.kind == Kind::Budget);
        let mut asks: Vec<Ask> = budgets.map(|bucket| bucket.ask(&who, 1)).collect();
        self.0.store.run(Op::Peek, &mut asks);
        asks.iter().map(|ask| ask.left).min()
    }

    /// How many counts per caller are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.0.store.kept()
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.0.attempts.iter().chain(&self.0.budgets).map(|bucket| (bucket.rule, bucket.kind));
        f.debug_list().entries(rules.chain(self.0.each_tool.iter().copied())).finish()
    }
}

impl ToolLimits {
    /// What a call of this tool takes from a budget.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost.get()
    }

    /// The rules that this tool has of its own.
    pub fn rules(&self) -> impl Iterator<Item = RateRule> {
        self.buckets.iter().map(|bucket| bucket.rule)
    }
}

impl Admission {
    /// Gives the cost back to the budgets, because the function never ran. The rate rules keep counting the attempt.
    pub fn refund(self) {
        if let Some(Reservation { limits, mut taken, at }) = self.0 {
            limits.0.store.run(Op::GiveBack { since: at }, &mut taken);
        }
    }
}

/// Whether every tool gets a rule of its own for this one.
fn of_each_tool(rule: &RateRule) -> bool {
    matches!(rule.per, Per::Tool | Per::CallerAndTool)
}
