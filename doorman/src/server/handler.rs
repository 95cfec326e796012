//! The one place where rmcp's requests become the guard's and the guard's answers become rmcp's.

use std::{borrow::Cow, collections::HashMap, sync::Arc, time::SystemTime};

use futures::future::BoxFuture;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestMethod, CompleteRequestParams,
        CompleteResult, ContentBlock, CustomRequest, CustomResult, ErrorCode, GetPromptRequestMethod,
        GetPromptRequestParams, GetPromptResponse, Implementation, ListPromptsRequestMethod, ListPromptsResult,
        ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod,
        ListResourcesResult, ListToolsResult, MetaObject, NumberOrString, PaginatedRequestParams,
        ProgressNotificationParam, ProgressToken, ReadResourceRequestMethod, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::{Peer, RequestContext},
};
use serde_json::{Value, json};

use crate::{
    audit::{SessionTag, Transport},
    call::ProgressSink,
    exposure::{Capability, ToolSpec},
    guard::{Access, Answer, Body, Guard, Meta, Request},
    redact::Counts,
};

/// Who sent a request, and how.
#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) access: Arc<Access>,
    pub(super) session: Option<SessionTag>,
    pub(super) transport: Transport,
}

/// What rmcp serves: cheap to clone, one for all connections.
#[derive(Clone)]
pub(super) struct Handler {
    door: Arc<Door>,
    /// Who calls on stdio. Over HTTP every request brings its own caller.
    launched: Option<Launched>,
}

/// Who calls on stdio, and until when.
#[derive(Clone)]
pub(super) struct Launched {
    pub(super) access: Arc<Access>,
    pub(super) expires: Option<SystemTime>,
}

impl Launched {
    pub(super) fn for_good(access: Arc<Access>) -> Self {
        Self { access, expires: None }
    }
}

/// A guard with what is published of it.
pub(crate) struct Door {
    pub(crate) guard: Guard,
    /// The tools as they are listed, in the catalog's order.
    pub(crate) tools: Box<[Tool]>,
    /// What a caller gets that nobody vouches for and whose address is unknown.
    pub(crate) nobody: Arc<Access>,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) instructions: Option<String>,
}

impl Door {
    /// Publishes a guard's catalog.
    pub(crate) fn publish(guard: &Guard) -> Box<[Tool]> {
        // Instances of a tool differ in their names only.
        let mut published: HashMap<*const ToolSpec, Tool> = HashMap::new();
        let tools = guard.catalog.all().iter().map(|capability| {
            let known =
                published.entry(std::ptr::from_ref(capability.spec)).or_insert_with(|| publish(guard, capability));
            let mut tool = known.clone();
            tool.name = Cow::Owned(capability.name.to_string());
            tool
        });
        tools.collect()
    }
}

fn publish(guard: &Guard, capability: &Capability) -> Tool {
    let spec = capability.spec;
    let (read_only, destructive) = capability.hints();
    let annotations = ToolAnnotations::from_raw(
        spec.title.map(str::to_owned),
        Some(read_only),
        Some(destructive),
        Some(spec.idempotent || read_only),
        spec.open_world,
    );
    let mut tool = Tool::new_with_raw("", None, Arc::clone(capability.arguments.published()));
    tool.title = spec.title.map(str::to_owned);
    tool.description = (!spec.description.is_empty()).then_some(Cow::Borrowed(spec.description));
    tool.output_schema = capability.output.as_ref().map(|output| {
        let mut schema = Value::Object(output.schema.clone());
        guard.policies.of(capability).plan.widen(&mut schema);
        match schema {
            Value::Object(schema) => Arc::new(schema),
            _ => Arc::default(),
        }
    });
    tool.with_annotations(annotations)
}

impl Handler {
    pub(super) fn new(door: Arc<Door>, launched: Option<Launched>) -> Self {
        Self { door, launched }
    }

    /// Who calls: over HTTP the caller of this very request, never the session's.
    fn arrival(&self, context: &RequestContext<RoleServer>) -> Arrival {
        #[cfg(feature = "http")]
        if let Some(parts) = context.extensions.get::<axum::http::request::Parts>() {
            let nobody =
                || Arrival { access: Arc::clone(&self.door.nobody), session: None, transport: Transport::Http };
            return parts.extensions.get().cloned().unwrap_or_else(nobody);
        }
        #[cfg(not(feature = "http"))]
        let _ = context;
        let valid = |it: &&Launched| it.expires.is_none_or(|expires| SystemTime::now() < expires);
        let access = self.launched.as_ref().filter(valid).map_or(&self.door.nobody, |it| &it.access);
        Arrival { access: Arc::clone(access), session: None, transport: Transport::Stdio }
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
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
        let arrival = self.arrival(&context);
        let listed = arrival.access.view.listed().map(|id| self.door.tools[id].clone());
        Ok(ListToolsResult::with_all_items(listed.collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arrival = self.arrival(&context);
        let found = arrival.access.view.find(&request.name);
        let token = context.meta.get_progress_token().filter(fits);
        let progress = found.zip(token).map(|(capability, token)| {
            let sink = Reports { peer: context.peer.clone(), token, door: Arc::clone(&self.door), capability };
            Arc::new(sink) as Arc<dyn ProgressSink>
        });
        let name = request.name;
        let answer = self.door.guard.call(Request {
            access: arrival.access,
            capability: name.as_ref().into(),
            arguments: Value::Object(request.arguments.unwrap_or_default()),
            transport: arrival.transport,
            session: arrival.session,
            cancelled: context.ct.clone(),
            progress,
        });
        match answer.await {
            Some(answer) => Ok(result(answer).into()),
            None => Err(unknown(&self.door.guard.redactor.scrub(&name))),
        }
    }

    #[cfg(feature = "http")]
    /// rmcp asks this before it dispatches, to learn which headers repeat a tool's arguments (`Mcp-Param-*`). A tool that
    /// the caller may not know of has none (S02).
    fn get_tool(&self, name: &str) -> Option<Tool> {
        let id = super::http::caller()?.view.find(name)?;
        let headers = self.door.guard.catalog.get(id).spec.params.iter().any(|param| param.header_name().is_some());
        headers.then(|| self.door.tools[id].clone())
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
    door: Arc<Door>,
    capability: usize,
}

impl ProgressSink for Reports {
    fn report(&self, progress: f64, total: Option<f64>, message: Option<Cow<'_, str>>) -> BoxFuture<'static, ()> {
        let mut params = ProgressNotificationParam::new(self.token.clone(), progress);
        params.total = total;
        let guard = &self.door.guard;
        let plan = &guard.policies.of(guard.catalog.get(self.capability)).plan;
        params.message = message.and_then(|it| plan.text(&it, &mut Counts::default()).ok().map(Cow::into_owned));
        let peer = self.peer.clone();
        Box::pin(async move { drop(peer.notify_progress(params).await) })
    }
}
