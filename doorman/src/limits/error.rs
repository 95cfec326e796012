//! What refuses a call, and what refuses a rule.

use std::fmt;
use std::time::Duration;

use doorman_grammar::GrammarError;

use crate::state::Unavailable;

/// Which kind of limit refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A rate rule: how often.
    Rate,
    /// A budget rule: how much it costs.
    Budget,
    /// A breaker: the same call again and again.
    Breaker,
    /// A bound on the calls that run at the same time.
    Concurrency,
}

/// A limit refused the call. It took nothing from any limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// The rule that refused, as in `60/min per_caller`; of several, the one that needs the longest wait.
    pub rule: String,
    /// The kind of that rule.
    pub kind: Kind,
    /// The time after which every limit would let this call pass if nothing else happens meanwhile. `None` when
    /// waiting alone doesn't help: the call costs more than the budget can ever hold, or another call has to end first.
    pub retry_after: Option<Duration>,
}

impl Exceeded {
    /// [`retry_after`](Self::retry_after) in whole seconds, rounded up, as `Retry-After` (RFC 9110 §10.2.3) wants it:
    /// whoever waits that long isn't refused for a fraction.
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Kind::Breaker {
            let wait = self.retry_after_secs().unwrap_or(0);
            return write!(f, "this same call was made too often ({}); change it, or retry in {wait} s", self.rule);
        }
        let kind = match self.kind {
            Kind::Breaker | Kind::Rate => "rate limit",
            Kind::Budget => "budget",
            Kind::Concurrency => "concurrency limit",
        };
        write!(f, "{kind} {} exceeded; ", self.rule)?;
        match (self.retry_after_secs(), self.kind) {
            (Some(secs), _) => write!(f, "retry in {secs} s"),
            (None, Kind::Concurrency) => f.write_str("retry when another call has ended"),
            (None, _) => f.write_str("this call can never pass"),
        }
    }
}

impl std::error::Error for Exceeded {}

/// Why a call wasn't let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A limit is reached.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    /// The counts can't be looked at, so nobody is let in.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A rule, or a tool's cost, that can't hold. Found when the application is put together, before anything is served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The text of a rule doesn't fit the grammar.
    #[error(transparent)]
    Rule(#[from] GrammarError),
    /// The tool costs nothing.
    #[error("tool {tool:?}: expected a cost of at least 1, found 0; leave it out for a cost of 1")]
    NoCost {
        /// The tool.
        tool: String,
    },
    /// The tool costs more than a budget holds when it is full.
    #[error(
        "tool {tool:?}: its cost {cost} exceeds the budget {budget}, so it could never run; lower the cost or raise the budget"
    )]
    CostExceedsBudget {
        /// The tool.
        tool: String,
        /// Its cost.
        cost: u32,
        /// The budget rule, as in `500/day per_caller`.
        budget: String,
    },
}
