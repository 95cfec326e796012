//! The guard's answers in the words of the protocol.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use rmcp::{
    ErrorData,
    model::{
        CallToolResponse, CallToolResult, CompleteResult, CompletionInfo, ContentBlock, CreateTaskResult, DetailedTask,
        ErrorCode, GetPromptResponse, GetPromptResult, GetTaskResult, InputRequests, InputRequiredResult, JsonObject,
        MetaObject, ReadResourceResponse, ReadResourceResult, ResourceContents, TASKS_EXTENSION_ID, Task, TaskPayload,
        TaskStatus,
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::client::request;
use crate::{
    audit::Verdict,
    exposure::Kind,
    guard::{Answer, Body, Meta, Outcome, Round, Sent, Snapshot},
    input::{Ability, Question},
};

/// What was asked for isn't there, or the caller may not know of it: the same bytes (S02).
pub(super) fn unknown(kind: Kind, name: &str) -> ErrorData {
    let what = kind.word();
    match kind {
        Kind::Resource => ErrorData::resource_not_found("Resource not found", Some(json!({ "uri": name }))),
        Kind::Tool | Kind::Prompt if doorman_grammar::name::is_tool(name) => {
            ErrorData::invalid_params(format!("Unknown {what}: {name}"), None)
        }
        Kind::Tool | Kind::Prompt | Kind::Template => ErrorData::invalid_params(format!("Unknown {what}"), None),
    }
}

/// The answer to `tools/call`. `modern`: the protocol version has an error for what a client can't do.
pub(super) fn tool(answer: Answer, modern: bool) -> Result<CallToolResponse, ErrorData> {
    let mut facts = answer.meta.map(facts).unwrap_or_default();
    let mut result = match answer.body {
        Body::Structured(value, text) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(value);
            result
        }
        Body::Content(blocks) => CallToolResult::success(blocks),
        Body::Asking(round) => return Ok(asking(round).into()),
        Body::Task(task) => return Ok(CreateTaskResult::new(shown(&task)).into()),
        Body::Lacking(ability) if !modern => {
            facts.insert("doorman/verdict".into(), Verdict::Error.as_str().into());
            CallToolResult::error(vec![ContentBlock::text(lacking_text(ability))])
        }
        Body::Scopes(scopes) => {
            facts.insert("doorman/scopes".into(), scopes_of(&scopes));
            CallToolResult::error(vec![ContentBlock::text(scopes_text(&scopes))])
        }
        Body::Error(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        body => return Err(error(body, facts)),
    };
    if let Some(remaining) = answer.remaining {
        facts.insert("doorman/budgetRemaining".into(), remaining.into());
    }
    result.meta = Some(facts).filter(|facts| !facts.is_empty()).map(MetaObject::from);
    Ok(result.into())
}

/// The answer to `tasks/get`.
pub(super) fn task(answer: Answer) -> Result<GetTaskResult, ErrorData> {
    let Body::Task(task) = answer.body else {
        return Err(error(answer.body, answer.meta.map(facts).unwrap_or_default()));
    };
    let shown = shown(&task);
    let payload = match task.outcome {
        Outcome::Working => TaskPayload::Working,
        Outcome::Cancelled => TaskPayload::Cancelled,
        Outcome::Asking(questions) => TaskPayload::InputRequired { input_requests: requests(questions) },
        Outcome::Completed(answer) => match tool(Arc::unwrap_or_clone(answer), true) {
            Ok(CallToolResponse::Complete(result)) => TaskPayload::Completed { result: object(result) },
            Ok(_) => TaskPayload::Failed { error: object(ErrorData::internal_error("no such result", None)) },
            Err(error) => TaskPayload::Failed { error: object(error) },
        },
        Outcome::Failed(answer) => {
            let answer = Arc::unwrap_or_clone(answer);
            TaskPayload::Failed { error: object(error(answer.body, answer.meta.map(facts).unwrap_or_default())) }
        }
    };
    Ok(GetTaskResult::new(DetailedTask::new(shown, payload)))
}

/// The answer to `tasks/update` and `tasks/cancel`.
pub(super) fn acknowledged(answer: Answer) -> Result<(), ErrorData> {
    match answer.body {
        Body::Task(_) => Ok(()),
        body => Err(error(body, answer.meta.map(facts).unwrap_or_default())),
    }
}

/// The caller has no such task.
pub(super) fn unknown_task() -> ErrorData {
    ErrorData::invalid_params("Unknown task", None)
}

fn shown(task: &Snapshot) -> Task {
    /// How often a client had better ask, in ms.
    const POLL: u64 = 500;
    let status = match task.outcome {
        Outcome::Working => TaskStatus::Working,
        Outcome::Asking(_) => TaskStatus::InputRequired,
        Outcome::Completed(_) => TaskStatus::Completed,
        Outcome::Failed(_) => TaskStatus::Failed,
        Outcome::Cancelled => TaskStatus::Cancelled,
    };
    let ttl = u64::try_from(task.ttl.as_millis()).unwrap_or(u64::MAX);
    Task::new(&*task.id, status, rfc3339(task.created), rfc3339(task.updated))
        .with_ttl_ms(ttl)
        .with_poll_interval_ms(POLL)
}

fn rfc3339(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}

fn object(value: impl Serialize) -> JsonObject {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => JsonObject::new(),
    }
}

/// The answer to `prompts/get`.
pub(super) fn prompt(answer: Answer, description: Option<String>) -> Result<GetPromptResponse, ErrorData> {
    match answer.body {
        Body::Messages(messages) => {
            let mut result = GetPromptResult::new(messages);
            result.description = description;
            Ok(result.into())
        }
        Body::Asking(round) => Ok(asking(round).into()),
        body => Err(error(body, answer.meta.map(facts).unwrap_or_default())),
    }
}

/// The answer to `resources/read`.
pub(super) fn resource(answer: Answer, uri: String, mime: Option<&str>) -> Result<ReadResourceResponse, ErrorData> {
    match answer.body {
        Body::Contents(sent, own) => {
            let mime = own.or_else(|| mime.map(str::to_owned));
            let contents = match sent {
                Sent::Text(text) => {
                    ResourceContents::text(text, uri).with_mime_type(mime.unwrap_or_else(|| "text/plain".to_owned()))
                }
                Sent::Base64(blob) => ResourceContents::blob(blob, uri)
                    .with_mime_type(mime.unwrap_or_else(|| "application/octet-stream".to_owned())),
            };
            Ok(ReadResourceResult::new(vec![contents]).into())
        }
        Body::Asking(round) => Ok(asking(round).into()),
        body => Err(error(body, answer.meta.map(facts).unwrap_or_default())),
    }
}

/// The answer to `completion/complete`.
pub(super) fn completion(answer: Answer) -> Result<CompleteResult, ErrorData> {
    match answer.body {
        Body::Values(values, total) => {
            let more = total > values.len();
            let total = u32::try_from(total).ok();
            let info = CompletionInfo::with_pagination(values, total, more);
            info.map(CompleteResult::new).map_err(|text| ErrorData::internal_error(text, None))
        }
        body => Err(error(body, answer.meta.map(facts).unwrap_or_default())),
    }
}

fn asking(round: Round) -> InputRequiredResult {
    InputRequiredResult::new(Some(requests(round.questions)), Some(round.state))
}

fn requests(questions: BTreeMap<String, Question>) -> InputRequests {
    questions.into_iter().map(|(key, question)| (key, request(question))).collect()
}

fn scopes_text(scopes: &[Arc<str>]) -> String {
    format!("insufficient_scope: this takes a token with the scopes {}", scopes.join(" "))
}

fn scopes_of(scopes: &[Arc<str>]) -> Value {
    scopes.iter().map(|scope| Value::from(&**scope)).collect()
}

/// Why there is no result, where a result can't say so itself.
fn error(body: Body, mut facts: serde_json::Map<String, Value>) -> ErrorData {
    let invalid = |facts: &serde_json::Map<String, Value>| {
        let verdict = facts.get("doorman/verdict").and_then(Value::as_str).unwrap_or_default();
        [Verdict::Invalid, Verdict::Denied].iter().any(|it| it.as_str() == verdict)
    };
    match body {
        Body::Error(text) => {
            let code = if invalid(&facts) { ErrorCode::INVALID_PARAMS } else { ErrorCode::INTERNAL_ERROR };
            ErrorData::new(code, text, Some(Value::Object(facts)))
        }
        Body::Lacking(ability) => {
            let required = match ability {
                Ability::Form => json!({ "elicitation": { "form": {} } }),
                Ability::Url => json!({ "elicitation": { "url": {} } }),
                Ability::Sampling => json!({ "sampling": {} }),
                Ability::Roots => json!({ "roots": {} }),
                Ability::Tasks => json!({ "extensions": { TASKS_EXTENSION_ID: {} } }),
            };
            let data = json!({ "requiredCapabilities": required });
            ErrorData::new(ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY, lacking_text(ability), Some(data))
        }
        Body::Scopes(scopes) => {
            facts.insert("doorman/scopes".into(), scopes_of(&scopes));
            ErrorData::invalid_params(scopes_text(&scopes), Some(Value::Object(facts)))
        }
        Body::ForeignState => {
            ErrorData::invalid_params("the requestState isn't good for this call, or not any more: begin it anew", None)
        }
        // What the function can't give, its return type doesn't allow.
        _ => ErrorData::internal_error("no such result", None),
    }
}

fn lacking_text(ability: Ability) -> String {
    format!("this client doesn't support {ability}, which this needs")
}

/// The machine-readable side of a refusal: what a client can decide on without reading the text.
fn facts(meta: Meta) -> serde_json::Map<String, Value> {
    let mut facts = serde_json::Map::new();
    facts.insert("doorman/verdict".into(), meta.verdict.as_str().into());
    if let Some(rule) = meta.rule {
        facts.insert("doorman/rule".into(), rule.into());
        facts.insert(
            "doorman/retryAfterMs".into(),
            meta.retry_after.map_or(Value::Null, |wait| json!(wait.as_millis() as u64)),
        );
    }
    facts
}
