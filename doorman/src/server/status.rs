//! The tool that tells an agent which of its modules run.

use std::collections::BTreeMap;

use super::{modules::Health, reload::Reloads};
use crate::{exposure::CapabilitySpec, prelude::*, tools};

/// What `doorman_status` answers. Why a module doesn't run is for the operator's log.
#[derive(Serialize, JsonSchema)]
struct Status {
    /// Whether all modules run that are not optional, and limits can be checked.
    healthy: bool,
    /// How many modules don't run.
    failed_count: usize,
    /// How many modules there are.
    total_count: usize,
    /// By name.
    modules: BTreeMap<String, ModuleStatus>,
    /// Whether the manifests have changed since and can't be used as they are: what you see is older than what is written.
    stale: bool,
    /// What is wrong with your own manifest, if it is that.
    mistakes: Vec<String>,
    /// Whether the shared counts of limits can be looked at; while they can't, calls that need them are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Phase>,
}

#[derive(Serialize, JsonSchema)]
struct ModuleStatus {
    status: Phase,
    /// Whether the server does without it.
    optional: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Phase {
    /// Its tools are there.
    Running,
    /// It couldn't be started; its tools are not there.
    Failed,
}

/// Which of your modules run. The tools of a module that failed are not there until it runs again.
#[expose(read_only, scopes = ["doorman:status"])]
async fn doorman_status(health: State<Health>, reloads: State<Reloads>, caller: Caller) -> ToolResult<Status> {
    let kind = caller.require_agent()?.kind();
    let answers = health.store_answers();
    let mut status = Status {
        healthy: answers != Some(false),
        failed_count: 0,
        total_count: 0,
        modules: BTreeMap::new(),
        stale: reloads.is_stale(),
        mistakes: health.manifest(kind).map(|file| reloads.mistakes(file)).unwrap_or_default(),
        state: answers.map(|answers| if answers { Phase::Running } else { Phase::Failed }),
    };
    for module in health.of_type(kind) {
        status.total_count += 1;
        let runs = module.runs();
        if !runs {
            status.failed_count += 1;
            status.healthy &= module.optional;
        }
        let state = if runs { Phase::Running } else { Phase::Failed };
        status.modules.insert(module.name.to_string(), ModuleStatus { status: state, optional: module.optional });
    }
    Ok(status)
}

/// The tool's spec.
pub(super) fn spec() -> &'static CapabilitySpec {
    tools![doorman_status][0].capability()
}
