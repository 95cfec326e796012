//! What the guard decides by. Made whole, replaced whole, never changed: a call ends under the rules that it began with.

use std::{sync::Arc, time::Duration};

use super::Policies;
use crate::{call::StateTable, exposure::Catalog, filter::Table, redact::Redactor, telemetry::Series};

pub(crate) struct Rules {
    pub(crate) catalog: Catalog,
    pub(crate) policies: Policies,
    /// The application's filters, for those who have no manifest. A manifest's are with what it grants.
    pub(crate) filters: Table,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) state: Arc<StateTable>,
    /// What is counted of calls under them.
    pub(crate) series: Series,
}

impl Rules {
    /// How long any call may run under these rules.
    pub(crate) fn longest_timeout(&self) -> Duration {
        self.policies.all().map(|policy| policy.timeout).max().unwrap_or_default()
    }
}
