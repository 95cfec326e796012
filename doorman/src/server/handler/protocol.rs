//! The protocol's methods.

#![expect(
    deprecated,
    reason = "SEP-2577 deprecates logging and subscriptions of resources; clients of today have them"
)]

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestMethod, CompleteRequestParams,
        CompleteResult, CustomRequest, CustomResult, ErrorCode, GetPromptRequestMethod, GetPromptRequestParams,
        GetPromptResponse, GetTaskParams, GetTaskResult, Implementation, InitializeRequestParams, InitializeResult,
        ListPromptsRequestMethod, ListPromptsResult, ListResourceTemplatesRequestMethod, ListResourceTemplatesResult,
        ListResourcesRequestMethod, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ReadResourceRequestMethod, ReadResourceRequestParams, ReadResourceResponse, Reference, ServerCapabilities,
        ServerConfig, SetLevelRequestMethod, SetLevelRequestParams, SubscribeRequestMethod, SubscribeRequestParams,
        SubscriptionFilter, TASKS_EXTENSION_ID, UnsubscribeRequestMethod, UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde_json::{Map, Value};

use super::{
    super::{
        answers,
        client::is_modern,
        listeners::{self, Ear, Wants},
        pages::Page,
    },
    Handler,
};
#[cfg(feature = "http")]
use crate::server::arrival::{Arrival, Pass};
use crate::{
    call::Partial,
    exposure::{Exposed, Kind},
    guard::{Asked, Continuation, TaskRequest},
};

/// The kinds that the protocol's feature `resources` is about.
const RESOURCES: [Kind; 2] = [Kind::Resource, Kind::Template];

fn continuation(state: Option<String>, answers: Option<BTreeMap<String, Value>>) -> Continuation {
    Continuation { state, answers: answers.unwrap_or_default() }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let view = self.view();
        let mut capabilities =
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging().build();
        let resources = RESOURCES.iter().any(|&kind| view.has(kind));
        if resources {
            let has = ServerCapabilities::builder()
                .enable_resources()
                .enable_resources_list_changed()
                .enable_resources_subscribe()
                .build();
            capabilities.resources = has.resources;
        }
        if view.has(Kind::Prompt) {
            capabilities.prompts =
                ServerCapabilities::builder().enable_prompts().enable_prompts_list_changed().build().prompts;
        }
        if resources || view.has(Kind::Prompt) {
            capabilities.completions = ServerCapabilities::builder().enable_completions().build().completions;
        }
        if self.has_tasks(&view) {
            capabilities.extensions = ServerCapabilities::builder().enable_tasks().build().extensions;
        }
        let info = ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(self.door.name.clone(), self.door.version.clone()));
        match &self.door.instructions {
            Some(text) => info.with_instructions(text.clone()),
            None => info,
        }
    }

    /// What a session of the earlier generation is told: it has no tasks.
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.negotiate_initialize(&request)?;
        if let Some(extensions) = &mut result.capabilities.extensions {
            extensions.remove(TASKS_EXTENSION_ID);
        }
        result.capabilities.extensions = result.capabilities.extensions.filter(|it| !it.is_empty());
        Ok(result)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let arrival = self.arrival(&context.extensions);
        let page = Page::of(&self.door, &arrival, Kind::Tool, request)?;
        let tools = page.ids.iter().filter_map(|&id| arrival.generation.published.tool(arrival.access.world(), id));
        let mut result = ListToolsResult::with_all_items(tools.cloned().collect());
        result.next_cursor = page.next;
        Ok(result)
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let found = self.page(Kind::Prompt, &[Kind::Prompt], request, &context)?;
        let (page, arrival) = found.ok_or_else(ErrorData::method_not_found::<ListPromptsRequestMethod>)?;
        let prompts = page.ids.iter().filter_map(|&id| arrival.generation.published.prompt(id));
        let mut result = ListPromptsResult::with_all_items(prompts.cloned().collect());
        result.next_cursor = page.next;
        Ok(result)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let found = self.page(Kind::Resource, &RESOURCES, request, &context)?;
        let (page, arrival) = found.ok_or_else(ErrorData::method_not_found::<ListResourcesRequestMethod>)?;
        let resources = page.ids.iter().filter_map(|&id| arrival.generation.published.resource(id));
        let mut result = ListResourcesResult::with_all_items(resources.cloned().collect());
        result.next_cursor = page.next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let found = self.page(Kind::Template, &RESOURCES, request, &context)?;
        let (page, arrival) = found.ok_or_else(ErrorData::method_not_found::<ListResourceTemplatesRequestMethod>)?;
        let templates = page.ids.iter().filter_map(|&id| arrival.generation.published.template(id));
        let mut result = ListResourceTemplatesResult::with_all_items(templates.cloned().collect());
        result.next_cursor = page.next;
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arrival = self.arrival(&context.extensions);
        let modern = is_modern(&context);
        let name = request.name;
        let asked =
            Asked::Tool { name: name.as_ref().into(), arguments: Value::Object(request.arguments.unwrap_or_default()) };
        let goes_on = continuation(request.request_state, request.input_responses);
        // Boxed: rmcp moves a request's future from task to task, and this one is long.
        let answer = Box::pin(self.door.guard.call(self.request(&arrival, asked, goes_on, &mut context)));
        match answer.await {
            Some(answer) => answers::tool(answer, modern),
            None => Err(answers::unknown(Kind::Tool, &arrival.generation.rules.redactor.scrub(&name))),
        }
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arrival = self.arrival(&context.extensions);
        if !arrival.access.view.has(Kind::Prompt) {
            return Err(ErrorData::method_not_found::<GetPromptRequestMethod>());
        }
        let found = arrival.access.view.find(Kind::Prompt, &request.name);
        let description = found.and_then(|id| arrival.generation.published.prompt(id)?.description.clone());
        let asked = Asked::Prompt {
            name: request.name.as_str().into(),
            arguments: Value::Object(request.arguments.unwrap_or_default()),
        };
        let goes_on = continuation(request.request_state, request.input_responses);
        let answer = Box::pin(self.door.guard.call(self.request(&arrival, asked, goes_on, &mut context)));
        match answer.await {
            Some(answer) => answers::prompt(answer, description),
            None => Err(answers::unknown(Kind::Prompt, &arrival.generation.rules.redactor.scrub(&request.name))),
        }
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let arrival = self.arrival(&context.extensions);
        if !RESOURCES.iter().any(|&kind| arrival.access.view.has(kind)) {
            return Err(ErrorData::method_not_found::<ReadResourceRequestMethod>());
        }
        let rules = &arrival.generation.rules;
        let mime =
            arrival.access.view.resource(&request.uri).and_then(|it| match rules.catalog.get(it.id).spec.exposed {
                Exposed::Resource { mime, .. } => mime,
                Exposed::Tool(_) | Exposed::Prompt => None,
            });
        let asked = Asked::Resource { uri: request.uri.as_str().into() };
        let goes_on = continuation(request.request_state, request.input_responses);
        let answer = Box::pin(self.door.guard.call(self.request(&arrival, asked, goes_on, &mut context)));
        let uri = rules.redactor.scrub(&request.uri);
        match answer.await {
            Some(answer) => answers::resource(answer, uri.into_owned(), mime),
            None => Err(answers::unknown(Kind::Resource, &uri)),
        }
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let arrival = self.arrival(&context.extensions);
        let (of, name) = match request.r#ref {
            Reference::Prompt(prompt) => (Kind::Prompt, prompt.name),
            Reference::Resource(resource) => (Kind::Template, resource.uri),
            _ => {
                return Err(ErrorData::invalid_params("expected a reference to a prompt or a resource template", None));
            }
        };
        if !arrival.access.view.has(Kind::Prompt) && !RESOURCES.iter().any(|&kind| arrival.access.view.has(kind)) {
            return Err(ErrorData::method_not_found::<CompleteRequestMethod>());
        }
        let others = request.context.and_then(|context| context.arguments).unwrap_or_default();
        let others: Map<String, Value> = others.into_iter().map(|(name, text)| (name, text.into())).collect();
        let partial = Partial { text: request.argument.value.into(), others };
        let asked =
            Asked::Completion { of, name: name.as_str().into(), argument: request.argument.name.into(), partial };
        let answer = self.request(&arrival, asked, Continuation::default(), &mut context);
        match Box::pin(self.door.guard.call(answer)).await {
            Some(answer) => answers::completion(answer),
            None => Err(answers::unknown(of, &arrival.generation.rules.redactor.scrub(&name))),
        }
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        answers::task(self.task(request.task_id, TaskRequest::Get, context).await?)
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let update = TaskRequest::Update(request.input_responses);
        answers::acknowledged(self.task(request.task_id, update, context).await?)
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        answers::acknowledged(self.task(request.task_id, TaskRequest::Cancel, context).await?)
    }

    #[cfg(feature = "http")]
    /// rmcp asks this before it dispatches, to learn which headers repeat a tool's arguments (`Mcp-Param-*`). A tool that
    /// the caller may not know of has none (S02).
    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        let Arrival { generation, access, .. } = crate::server::http::arrival()?;
        let id = access.view.find(Kind::Tool, name)?;
        let headers = generation.rules.catalog.get(id).spec.params.iter().any(|param| param.header_name().is_some());
        if headers { generation.published.tool(access.world(), id).cloned() } else { None }
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if is_modern(&context) {
            return Err(ErrorData::method_not_found::<SetLevelRequestMethod>());
        }
        self.level.set(request.level);
        Ok(())
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let arrival = self.arrival(&context.extensions);
        self.listener(&context.peer, &arrival);
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let arrival = self.arrival(&context.extensions);
        let view = &arrival.access.view;
        if !RESOURCES.iter().any(|&kind| view.has(kind)) {
            return Err(ErrorData::method_not_found::<SubscribeRequestMethod>());
        }
        if view.resource(&request.uri).is_none() {
            let uri = arrival.generation.rules.redactor.scrub(&request.uri);
            return Err(answers::unknown(Kind::Resource, &uri));
        }
        let listener = self.listener(&context.peer, &arrival);
        let subscribed = listener.is_some_and(|number| self.door.listeners.subscribe(number, request.uri));
        if subscribed { Ok(()) } else { Err(ErrorData::invalid_request("no more subscriptions, or none here", None)) }
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let view = Arc::clone(&self.arrival(&context.extensions).access.view);
        if !RESOURCES.iter().any(|&kind| view.has(kind)) {
            return Err(ErrorData::method_not_found::<UnsubscribeRequestMethod>());
        }
        if let Some(&Some(number)) = self.listener.get() {
            self.door.listeners.unsubscribe(number, &request.uri);
        }
        Ok(())
    }

    /// The beginning of a subscription: rmcp says to the client what is accepted before it calls [`listen`](Self::listen),
    /// in the same task. What changes in between isn't lost.
    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        if let Some(task) = tokio::task::try_id() {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.insert(task, self.door.listeners.mark());
        }
        let mut accepted = requested.clone();
        if let Some(uris) = &mut accepted.resource_subscriptions {
            listeners::shorten(uris);
        }
        Some(accepted)
    }

    /// Lasts until the client goes away. rmcp has told it already what it subscribed to: what isn't declared is not in it.
    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let since = tokio::task::try_id()
            .and_then(|task| self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&task));
        let number = {
            let request = context.request_context();
            let ear = Ear::Subscription(context.sink().clone(), request.peer.clone());
            let arrival = self.arrival(&request.extensions);
            let number = self.listen_to(ear, Wants::of(context.accepted()), &arrival);
            if let Some((number, since)) = number.zip(since) {
                self.door.listeners.catch_up(number, since, &arrival.access, &arrival.generation);
            }
            number
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

    /// A known method whose params don't parse lands here, because rmcp tries each method's shape in turn.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let view = self.view();
        let modern = is_modern(&context);
        let (prompts, resources) = (view.has(Kind::Prompt), RESOURCES.iter().any(|&kind| view.has(kind)));
        let known = match &*request.method {
            "tools/call" | "tools/list" => true,
            "server/discover" | "subscriptions/listen" => modern,
            "logging/setLevel" => !modern,
            "prompts/list" | "prompts/get" => prompts,
            "resources/list" | "resources/templates/list" | "resources/read" => resources,
            "resources/subscribe" | "resources/unsubscribe" => resources && !modern,
            "completion/complete" => prompts || resources,
            "tasks/get" | "tasks/update" | "tasks/cancel" => modern && self.has_tasks(&view),
            _ => false,
        };
        if known {
            return Err(ErrorData::invalid_params("the params don't fit the method", None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "method not found", None))
    }
}
