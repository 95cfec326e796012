//! Looking at manifests without serving: whether they are valid, and what they open.

use std::{fmt::Write, path::PathBuf, sync::Arc};

use doorman_grammar::rate::RateSpec;
use serde::Serialize;

use super::{
    Doorman, Error,
    builder::Source,
    checked::{self, Checked, Lasting, Purpose},
    cli::{Form, say},
    verifying::VerifierSource,
};
use crate::{
    exposure::{Effect, Grant, Kind},
    filter::Direction,
    manifest::Granted,
};

/// Checks manifests as a start would, and nothing else: what is wrong is the error.
pub(super) fn validate(builder: Doorman, manifests: Vec<PathBuf>, auth: Option<PathBuf>) -> Result<(), Error> {
    let issuers = VerifierSource::of(auth).open(&builder.name, None);
    let checked = check(builder, manifests)?;
    issuers?;
    for agent_type in checked.grants.types() {
        let modules: Vec<&str> = checked.health.of_type(agent_type).map(|module| &*module.name).collect();
        let line = format!("valid: agent type {agent_type}, modules: {}\n", listed(&modules));
        say(&checked.rules.redactor.scrub(&line));
    }
    Ok(())
}

/// Prints what an agent of each type sees.
pub(super) fn inspect(builder: Doorman, manifests: Vec<PathBuf>, form: Form) -> Result<(), Error> {
    let checked = check(builder, manifests)?;
    let types = checked.grants.types().into_iter().filter_map(|it| checked.grants.of_type(it));
    let opened: Vec<Opened<'_>> = types.map(|granted| Opened::of(granted, &checked)).collect();
    match form {
        Form::Json => {
            say(&checked.rules.redactor.scrub(&format!("{:#}\n", serde_json::json!({ "manifests": opened }))));
        }
        Form::Text => opened.iter().for_each(|opened| say(&checked.rules.redactor.scrub(&opened.to_text()))),
    }
    Ok(())
}

pub(super) fn check(mut builder: Doorman, manifests: Vec<PathBuf>) -> Result<Checked, Error> {
    builder.manifests.extend(manifests.into_iter().map(Source::At));
    checked::sound(&mut builder)?;
    Checked::of(&builder, Lasting::new(&Arc::default()), Purpose::Looking)
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// What one manifest opens.
#[derive(Serialize)]
struct Opened<'c> {
    agent_type: &'c str,
    description: &'c str,
    scopes: Vec<&'c str>,
    modules: Vec<ModuleLine<'c>>,
    rate_limits: RateLimits,
    argument_filters: Vec<FilterLine<'c>>,
    response_filters: Vec<FilterLine<'c>>,
    tools: Vec<ToolLine<'c>>,
    resources: Vec<Line<'c>>,
    prompts: Vec<Line<'c>>,
}

/// A resource, a template of resources, or a prompt.
#[derive(Serialize)]
struct Line<'c> {
    /// Of a resource the URI, or the template.
    name: &'c str,
    description: &'c str,
    scopes: Vec<&'c str>,
}

#[derive(Serialize)]
struct ModuleLine<'c> {
    name: &'c str,
    optional: bool,
}

/// A filter of the manifest's or of the application's. What it looks for isn't shown.
#[derive(Serialize)]
struct FilterLine<'c> {
    name: &'c str,
    action: &'static str,
}

#[derive(Serialize)]
struct RateLimits {
    global: Option<String>,
    per_tool: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
struct ToolLine<'c> {
    name: &'c str,
    description: &'c str,
    effect: &'static str,
    scopes: Vec<&'c str>,
    /// The rules that apply to this tool beside those that count every attempt.
    limits: Vec<String>,
    cost: u32,
    timeout_ms: u128,
    max_result_bytes: u64,
}

impl<'c> Opened<'c> {
    fn of(granted: &'c Granted, checked: &'c Checked) -> Self {
        let manifest = &granted.manifest;
        let limits = manifest.rate_limits();
        let view = checked.rules.catalog.view(&Grant::Scopes(Some(granted.world), granted.scopes.to_vec()), &[]);
        let tools = view.granted(Kind::Tool).map(|id| {
            let capability = checked.rules.catalog.get(id);
            let policy = checked.rules.policies.of(capability);
            let shared = limits.per_tool.iter().filter(|(_, glob, _)| glob.matches(&capability.name));
            let shared = shared.map(|(pattern, _, rules)| format!("{} ({})", written(rules), pattern.text));
            ToolLine {
                name: &capability.name,
                description: capability.spec.description,
                effect: match capability.spec.effect {
                    Effect::ReadOnly => "read_only",
                    Effect::Write => "write",
                    Effect::Destructive => "destructive",
                },
                scopes: capability.scopes.iter().map(|scope| &**scope).collect(),
                limits: policy.limits.rules().chain(shared).collect(),
                cost: policy.limits.cost(),
                timeout_ms: policy.timeout.as_millis(),
                max_result_bytes: policy.max_result,
            }
        });
        let lines = |kinds: &[Kind]| {
            let ids = kinds.iter().flat_map(|&kind| view.granted(kind));
            let line = |id| {
                let capability = checked.rules.catalog.get(id);
                let scopes = capability.scopes.iter().map(|scope| &**scope).collect();
                Line { name: &capability.name, description: capability.spec.description, scopes }
            };
            ids.map(line).collect::<Vec<_>>()
        };
        let filters = |direction| {
            let filters = checked.filters.iter().chain(manifest.filters()).filter(|it| it.direction() == direction);
            filters.map(|it| FilterLine { name: it.name(), action: it.action().word() }).collect()
        };
        let modules = checked.health.of_type(manifest.agent_type());
        let mut scopes: Vec<&str> = granted.scopes.iter().map(|scope| &**scope).collect();
        scopes.sort_unstable();
        Self {
            agent_type: manifest.agent_type(),
            description: manifest.description(),
            scopes,
            modules: modules.map(|it| ModuleLine { name: &it.name, optional: it.optional }).collect(),
            rate_limits: RateLimits {
                global: Some(written(&limits.global)).filter(|rules| !rules.is_empty()),
                per_tool: limits
                    .per_tool
                    .iter()
                    .map(|(pattern, _, rules)| (pattern.text.clone(), written(rules).into()))
                    .collect(),
            },
            argument_filters: filters(Direction::Arguments),
            response_filters: filters(Direction::Responses),
            tools: tools.collect(),
            resources: lines(&[Kind::Resource, Kind::Template]),
            prompts: lines(&[Kind::Prompt]),
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!("agent type {}\n", self.agent_type);
        if !self.description.is_empty() {
            text += &format!("  {}\n", self.description);
        }
        let modules: Vec<&str> = self.modules.iter().map(|module| module.name).collect();
        text += &format!("  modules  {}\n  scopes   {}\n", listed(&modules), listed(&self.scopes));
        if let Some(rule) = &self.rate_limits.global {
            text += &format!("  limit    {rule}, every attempt of an agent\n");
        }
        for (what, filters) in [("arguments", &self.argument_filters), ("responses", &self.response_filters)] {
            for filter in filters {
                let _ = writeln!(text, "  filter   {}, {} of {what}", filter.name, filter.action);
            }
        }
        let width = self.tools.iter().map(|tool| tool.name.len()).max().unwrap_or(0);
        for tool in &self.tools {
            let (name, effect, scopes) = (tool.name, tool.effect, listed(&tool.scopes));
            // Writing to a text can't fail.
            let _ = writeln!(text, "  {name:width$}  {effect:11}  {scopes:18}  {}", tool.limits.join("; "));
        }
        for (what, lines) in [("resource", &self.resources), ("prompt", &self.prompts)] {
            for line in lines {
                let _ = writeln!(text, "  {:width$}  {what:11}  {}", line.name, listed(&line.scopes));
            }
        }
        text
    }
}

/// Rules as they are best written.
fn written(spec: &RateSpec) -> String {
    spec.rules().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
