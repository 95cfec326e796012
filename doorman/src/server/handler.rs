//! The one place where rmcp's requests become the guard's and the guard's answers become rmcp's.

#[cfg(feature = "http")]
use std::sync::{Mutex, PoisonError};
use std::{borrow::Cow, sync::Arc, time::SystemTime};

use futures::future::BoxFuture;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestMethod, CompleteRequestParams,
        CompleteResult, ContentBlock, CustomRequest, CustomResult, ErrorCode, Extensions, GetPromptRequestMethod,
        GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsRequestMethod, ListPromptsResult,
        ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod,
        ListResourcesResult, ListToolsResult, MetaObject, NumberOrString, PaginatedRequestParams,
        ProgressNotificationParam, ProgressToken, ReadResourceRequestMethod, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, ServerConfig, SubscriptionFilter,
    },
    service::{NotificationContext, Peer, RequestContext, SubscriptionContext},
};
use serde_json::{Value, json};

use super::{door::Door, generation::Generation, listeners::Ear};
use crate::{
    audit::{SessionTag, Transport},
    call::ProgressSink,
    exposure::Kind,
    guard::{Access, Answer, Body, Meta, Request, Rules},
    redact::Counts,
};

/// Who sent a request, and how.
#[derive(Clone)]
pub(super) struct Arrival {
    /// What was served when it came.
    pub(super) generation: Arc<Generation>,
    pub(super) access: Arc<Access>,
    pub(super) session: Option<SessionTag>,
    pub(super) transport: Transport,
}

/// An [`Arrival`] on its way through rmcp, which keeps what a request came with for as long as it is answered.
#[cfg(feature = "http")]
#[derive(Clone)]
pub(super) struct Pass(Arc<Mutex<Option<Arrival>>>);

#[cfg(feature = "http")]
impl Pass {
    pub(super) fn of(arrival: &Arrival) -> Self {
        Self(Arc::new(Mutex::new(Some(arrival.clone()))))
    }

    fn arrival(&self) -> Option<Arrival> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of it, for an answer that goes on and on.
    fn give_up(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// What rmcp serves: cheap to clone, one for all connections.
#[derive(Clone)]
pub(super) struct Handler {
    door: Arc<Door>,
}

impl Handler {
    pub(super) fn new(door: Arc<Door>) -> Self {
        Self { door }
    }

    /// Counts what was refused before it became a request.
    pub(super) fn refused(&self, reason: &'static str) {
        self.door.guard.audit.rejected(reason, Transport::Stdio);
    }

    /// Who calls: over HTTP the caller of this very request, never the session's; on stdio the one who was launched.
    fn arrival(&self, extensions: &Extensions) -> Arrival {
        #[cfg(feature = "http")]
        if let Some(parts) = extensions.get::<axum::http::request::Parts>() {
            let passed = parts.extensions.get().and_then(Pass::arrival);
            return passed.unwrap_or_else(|| self.nobody(Transport::Http));
        }
        #[cfg(not(feature = "http"))]
        let _ = extensions;
        let mut arrival = self.nobody(Transport::Stdio);
        if let Some(access) = arrival.generation.launched.as_ref().and_then(|it| it.access(SystemTime::now())) {
            arrival.access = Arc::clone(access);
        }
        arrival
    }

    fn nobody(&self, transport: Transport) -> Arrival {
        let generation = self.door.present();
        Arrival { access: Arc::clone(&generation.nobody), generation, session: None, transport }
    }

    /// Notes a client that is to be told when its list of tools changes. Nobody who isn't known leaves anything behind
    /// (S10).
    fn listen_to(&self, ear: Ear, arrival: &Arrival) -> Option<u64> {
        let known = arrival.transport == Transport::Stdio || arrival.access.principal.is_verified();
        if !known {
            return None;
        }
        self.door.listeners.add(ear, &arrival.access, &arrival.generation).ok()
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let info = ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build())
            .with_server_info(Implementation::new(self.door.name.clone(), self.door.version.clone()));
        match &self.door.instructions {
            Some(text) => info.with_instructions(text.clone()),
            None => info,
        }
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        if request.is_some_and(|page| page.cursor.is_some()) {
            return Err(ErrorData::invalid_params("this server gave no cursor", None));
        }
        let arrival = self.arrival(&context.extensions);
        let listed = arrival.access.view.listed(Kind::Tool).map(|id| arrival.generation.tools[id].clone());
        Ok(ListToolsResult::with_all_items(listed.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arrival = self.arrival(&context.extensions);
        let rules = Arc::clone(&arrival.generation.rules);
        let found = arrival.access.view.find(Kind::Tool, &request.name);
        let token = context.meta.get_progress_token().filter(fits);
        let progress = found.zip(token).map(|(capability, token)| {
            let sink = Reports { peer: context.peer.clone(), token, rules: Arc::clone(&rules), capability };
            Arc::new(sink) as Arc<dyn ProgressSink>
        });
        let name = request.name;
        // Boxed: rmcp moves a request's future from task to task, and this one is long.
        let answer = Box::pin(self.door.guard.call(Request {
            rules: Arc::clone(&rules),
            access: arrival.access,
            capability: name.as_ref().into(),
            arguments: Value::Object(request.arguments.unwrap_or_default()),
            transport: arrival.transport,
            session: arrival.session,
            cancelled: context.ct.clone(),
            progress,
        }));
        match answer.await {
            Some(answer) => Ok(result(answer).into()),
            None => Err(unknown(&rules.redactor.scrub(&name))),
        }
    }

    #[cfg(feature = "http")]
    /// rmcp asks this before it dispatches, to learn which headers repeat a tool's arguments (`Mcp-Param-*`). A tool that
    /// the caller may not know of has none (S02).
    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        let Arrival { generation, access, .. } = super::http::arrival()?;
        let id = access.view.find(Kind::Tool, name)?;
        let headers = generation.rules.catalog.get(id).spec.params.iter().any(|param| param.header_name().is_some());
        headers.then(|| generation.tools[id].clone())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let arrival = self.arrival(&context.extensions);
        // A request without a session has nobody to be told anything afterwards.
        if arrival.transport == Transport::Stdio || arrival.session.is_some() {
            self.listen_to(Ear::Session(context.peer), &arrival);
        }
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    /// Lasts until the client goes away. rmcp has told it already what it subscribed to: what isn't declared is not in it.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let number = {
            let request = context.request_context();
            let ear = Ear::Subscription(context.sink().clone(), request.peer.clone());
            self.listen_to(ear, &self.arrival(&request.extensions))
        };
        let number =
            number.ok_or_else(|| ErrorData::invalid_request("no more subscriptions, or none for this caller", None))?;
        let _listening = self.door.listeners.until_dropped(number);
        #[cfg(feature = "http")]
        if let Some(parts) = context.request_context().extensions.get::<axum::http::request::Parts>() {
            parts.extensions.get().map(Pass::give_up);
        }
        context.cancelled().await;
        Ok(())
    }

    // rmcp answers undeclared features with empty results; whatever isn't declared isn't there.
    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListPromptsRequestMethod>())
    }

    async fn get_prompt(
        &self,
        _: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Err(ErrorData::method_not_found::<GetPromptRequestMethod>())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourcesRequestMethod>())
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>())
    }

    async fn read_resource(
        &self,
        _: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Err(ErrorData::method_not_found::<ReadResourceRequestMethod>())
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }

    /// A known method whose params don't parse lands here, because rmcp tries each method's shape in turn.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        const KNOWN: [&str; 4] = ["tools/call", "tools/list", "server/discover", "subscriptions/listen"];
        if KNOWN.contains(&&*request.method) {
            return Err(ErrorData::invalid_params("the params don't fit the method", None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "method not found", None))
    }
}

/// The answer for a capability that was never there, or that this caller may not know of: the same bytes (S02).
fn unknown(name: &str) -> ErrorData {
    if doorman_grammar::name::is_tool(name) {
        ErrorData::invalid_params(format!("Unknown tool: {name}"), None)
    } else {
        ErrorData::invalid_params("Unknown tool", None)
    }
}

fn result(answer: Answer) -> CallToolResult {
    let mut result = match answer.body {
        Body::Structured(value, text) => {
            let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
            result.structured_content = Some(value);
            result
        }
        Body::Content(blocks) => CallToolResult::success(blocks),
        Body::Error(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        // What a tool can't give, its return type doesn't allow.
        Body::Contents(..) | Body::Messages(_) | Body::Values(..) => CallToolResult::error(Vec::new()),
    };
    let mut facts = answer.meta.map(facts).unwrap_or_default();
    if let Some(remaining) = answer.remaining {
        facts.insert("doorman/budgetRemaining".into(), remaining.into());
    }
    result.meta = Some(facts).filter(|facts| !facts.is_empty()).map(MetaObject::from);
    result
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

/// Whether a progress token is short enough to be repeated in each report.
fn fits(token: &ProgressToken) -> bool {
    const MOST: usize = 256;
    match &token.0 {
        NumberOrString::String(text) => text.len() <= MOST,
        NumberOrString::Number(_) => true,
    }
}

/// Progress reports of one call: redacted, then sent on the request's own stream.
struct Reports {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    rules: Arc<Rules>,
    capability: usize,
}

impl ProgressSink for Reports {
    fn report(&self, progress: f64, total: Option<f64>, message: Option<Cow<'_, str>>) -> BoxFuture<'static, ()> {
        let mut params = ProgressNotificationParam::new(self.token.clone(), progress);
        params.total = total;
        let plan = &self.rules.policies.of(self.rules.catalog.get(self.capability)).plan;
        params.message = message.and_then(|it| plan.text(&it, &mut Counts::default()).ok().map(Cow::into_owned));
        let peer = self.peer.clone();
        Box::pin(async move { drop(peer.notify_progress(params).await) })
    }
}
