//! The client of one request, as rmcp has it: what it said of itself, and the ways to tell it and to ask it.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use futures::future::BoxFuture;
#[expect(deprecated, reason = "SEP-2577 deprecates sampling, roots and logging; clients of today have them")]
use rmcp::model::{CreateMessageRequest, ListRootsRequest, LoggingLevel, LoggingMessageNotificationParam};
use rmcp::{
    RoleServer,
    model::{
        ClientCapabilities, ClientResult, ElicitRequest, ElicitRequestParams, InputRequest, NumberOrString,
        ProgressNotificationParam, ProgressToken, ProtocolVersion, RequestMetaObject, ServerRequest,
    },
    service::{Peer, RequestContext},
};
use serde_json::Value;

use crate::{
    guard,
    input::{Ability, InputError, Level, Question},
};

/// The least severe messages that a client of the earlier generation gets.
#[derive(Clone)]
pub(super) struct LogLevel(Arc<AtomicU8>);

impl Default for LogLevel {
    /// What is sent to a client that hasn't said: everything but what is for debugging.
    fn default() -> Self {
        Self(Arc::new(AtomicU8::new(Level::Info as u8)))
    }
}

impl LogLevel {
    #[expect(deprecated, reason = "SEP-2577 deprecates logging; clients of today have it")]
    pub(super) fn set(&self, level: LoggingLevel) {
        self.0.store(known(level) as u8, Ordering::Relaxed);
    }
}

/// The client of a request.
pub(super) struct Client {
    peer: Peer<RoleServer>,
    meta: RequestMetaObject,
    modern: bool,
    level: LogLevel,
}

impl Client {
    pub(super) fn of(context: &mut RequestContext<RoleServer>, level: &LogLevel) -> Self {
        Self {
            modern: is_modern(context),
            meta: std::mem::take(&mut context.meta),
            peer: context.peer.clone(),
            level: level.clone(),
        }
    }

    fn capabilities(&self) -> Option<ClientCapabilities> {
        match self.modern {
            true => self.meta.client_capabilities(),
            false => self.peer.peer_info().map(|info| info.capabilities.clone()),
        }
    }
}

/// Whether a request is of a protocol version in which each request stands alone.
pub(super) fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version.as_str() >= ProtocolVersion::V_2026_07_28.as_str())
}

impl guard::Client for Client {
    fn can(&self, ability: Ability) -> bool {
        let Some(said) = self.capabilities() else { return false };
        match ability {
            // Before there were modes, elicitation was forms; so it is where no mode is said.
            Ability::Form => said.elicitation.is_some_and(|it| it.form.is_some() || it.url.is_none()),
            Ability::Url => said.elicitation.is_some_and(|it| it.url.is_some()),
            Ability::Sampling => said.sampling.is_some(),
            Ability::Roots => said.roots.is_some(),
            Ability::Tasks => self.modern && said.supports_tasks(),
        }
    }

    fn has_rounds(&self) -> bool {
        self.modern
    }

    fn progress(&self, progress: f64, total: Option<f64>, message: Option<String>) -> BoxFuture<'static, ()> {
        let Some(token) = self.meta.get_progress_token().filter(fits) else {
            return Box::pin(std::future::ready(()));
        };
        let mut params = ProgressNotificationParam::new(token, progress);
        (params.total, params.message) = (total, message);
        let peer = self.peer.clone();
        Box::pin(async move { drop(peer.notify_progress(params).await) })
    }

    #[expect(deprecated, reason = "SEP-2577 deprecates logging; clients of today have it")]
    fn log(&self, level: Level, data: Value) -> BoxFuture<'static, ()> {
        let least = match self.modern {
            true => self.meta.log_level().map(|level| known(level) as u8),
            false => Some(self.level.0.load(Ordering::Relaxed)),
        };
        if least.is_none_or(|least| (level as u8) < least) {
            return Box::pin(std::future::ready(()));
        }
        let params = LoggingMessageNotificationParam::new(named(level), data);
        let peer = self.peer.clone();
        Box::pin(async move { drop(peer.notify_logging_message(params).await) })
    }

    fn ask(&self, question: Question) -> BoxFuture<'static, Result<Value, InputError>> {
        let request = match request(question) {
            InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
            InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
            InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
            _ => return Box::pin(std::future::ready(Err(InputError::NoAnswer))),
        };
        let peer = self.peer.clone();
        Box::pin(async move {
            let answer = match peer.send_request(request).await {
                Ok(ClientResult::ElicitResult(answer)) => serde_json::to_value(answer),
                Ok(ClientResult::CreateMessageResult(answer)) => serde_json::to_value(answer),
                Ok(ClientResult::ListRootsResult(answer)) => serde_json::to_value(answer),
                // What has none of these forms fits none of these questions.
                Ok(ClientResult::EmptyResult(_) | ClientResult::CustomResult(_)) => Ok(Value::Null),
                _ => return Err(InputError::NoAnswer),
            };
            answer.map_err(|_| InputError::NoAnswer)
        })
    }
}

/// A question in the words of the protocol.
#[expect(deprecated, reason = "SEP-2577 deprecates sampling and roots; clients of today have them")]
pub(super) fn request(question: Question) -> InputRequest {
    match question {
        Question::Form { message, schema } => {
            let requested_schema = Arc::unwrap_or_clone(schema);
            let params = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
            InputRequest::Elicitation(ElicitRequest::new(params))
        }
        Question::Url { message, url } => {
            // An id of its own: it is said again when what happens there is done, which we don't hear of.
            let elicitation_id = format!("{:016x}", rand());
            let params = ElicitRequestParams::UrlElicitationParams { meta: None, message, url, elicitation_id };
            InputRequest::Elicitation(ElicitRequest::new(params))
        }
        Question::Sample(sampling) => InputRequest::CreateMessage(CreateMessageRequest::new(sampling.to_params())),
        Question::Roots => InputRequest::ListRoots(ListRootsRequest::default()),
    }
}

fn rand() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::time::SystemTime::now())
}

/// Whether a progress token is short enough to be repeated in each report.
fn fits(token: &ProgressToken) -> bool {
    const MOST: usize = 256;
    match &token.0 {
        NumberOrString::String(text) => text.len() <= MOST,
        NumberOrString::Number(_) => true,
    }
}

#[expect(deprecated, reason = "SEP-2577 deprecates logging; clients of today have it")]
fn known(level: LoggingLevel) -> Level {
    match level {
        LoggingLevel::Debug => Level::Debug,
        LoggingLevel::Info => Level::Info,
        LoggingLevel::Notice => Level::Notice,
        LoggingLevel::Warning => Level::Warning,
        LoggingLevel::Error => Level::Error,
        LoggingLevel::Critical => Level::Critical,
        LoggingLevel::Alert => Level::Alert,
        LoggingLevel::Emergency => Level::Emergency,
    }
}

#[expect(deprecated, reason = "SEP-2577 deprecates logging; clients of today have it")]
fn named(level: Level) -> LoggingLevel {
    match level {
        Level::Debug => LoggingLevel::Debug,
        Level::Info => LoggingLevel::Info,
        Level::Notice => LoggingLevel::Notice,
        Level::Warning => LoggingLevel::Warning,
        Level::Error => LoggingLevel::Error,
        Level::Critical => LoggingLevel::Critical,
        Level::Alert => LoggingLevel::Alert,
        Level::Emergency => LoggingLevel::Emergency,
    }
}
