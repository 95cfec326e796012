//! The baseline: the same tool on bare rmcp, written by hand without macros or routers, which is its cheapest form.

use std::sync::Arc;

use axum::{Router, serve::ListenerExt};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ElicitRequest, ElicitRequestParams,
        InputRequest, InputRequiredResult, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
        Tool, ToolAnnotations,
    },
    service::RequestContext,
    transport::{
        StreamableHttpServerConfig, StreamableHttpService, streamable_http_server::session::local::LocalSessionManager,
    },
};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Outcome, tools};

/// How the baseline is served.
#[derive(Clone, Copy)]
pub(crate) enum Mode {
    /// Plain JSON answers, no sessions.
    Json,
    /// As rmcp comes: sessions, and every answer an event stream.
    Sse,
    /// Standard input and output.
    Stdio,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Sse => "sse",
            Self::Stdio => "stdio",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Json, Self::Sse, Self::Stdio].into_iter().find(|mode| mode.name() == name)
    }
}

/// Serves until the process is killed or its client goes away.
pub(crate) async fn serve(mode: Mode) -> Outcome<()> {
    let bare = Bare { tool: Arc::new(tool()?) };
    let config = StreamableHttpServerConfig::default();
    let config = match mode {
        Mode::Json => config.with_legacy_session_mode(false).with_json_response(true),
        Mode::Sse => config,
        Mode::Stdio => {
            bare.serve((tokio::io::stdin(), tokio::io::stdout())).await?.waiting().await?;
            return Ok(());
        }
    };
    let service =
        StreamableHttpService::new(move || Ok(bare.clone()), Arc::new(LocalSessionManager::default()), config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    eprintln!("serving MCP on http://{}/mcp", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, Router::new().route_service("/mcp", service)).await?;
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// The invoice's number.
    id: String,
}

#[derive(Clone)]
struct Bare {
    tool: Arc<Tool>,
}

fn tool() -> Outcome<Tool> {
    let object = |schema: schemars::Schema| match schema.to_value() {
        Value::Object(object) => Ok(Arc::new(object)),
        _ => Err("no object"),
    };
    let generator = || SchemaSettings::draft2020_12().into_generator();
    let input = object(generator().into_root_schema_for::<Arguments>())?;
    let output = object(generator().into_root_schema_for::<tools::Invoice>())?;
    let hints = ToolAnnotations::from_raw(None, Some(true), Some(false), Some(true), None);
    Ok(Tool::new("get_invoice", "Look up one invoice.", input).with_raw_output_schema(output).with_annotations(hints))
}

/// The question of `confirm_invoice`, with a state that says nothing and that nobody looks at.
fn asking() -> Result<InputRequiredResult, ErrorData> {
    let field = json!({ "type": "boolean", "description": "Whether to show it." });
    let form = json!({ "type": "object", "properties": { "sure": field }, "required": ["sure"] });
    let requested_schema =
        serde_json::from_value(form).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let params =
        ElicitRequestParams::FormElicitationParams { meta: None, message: "Show it?".into(), requested_schema };
    let questions = [("confirm".to_owned(), InputRequest::Elicitation(ElicitRequest::new(params)))];
    Ok(InputRequiredResult::new(Some(questions.into()), Some("state".to_owned())))
}

impl ServerHandler for Bare {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(vec![Tool::clone(&self.tool)]))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if request.name == "confirm_invoice" && request.request_state.is_none() {
            return asking().map(Into::into);
        }
        if request.name != self.tool.name && request.name != "confirm_invoice" {
            return Err(ErrorData::invalid_params("unknown tool", None));
        }
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let arguments: Arguments = match serde_json::from_value(arguments) {
            Ok(arguments) => arguments,
            Err(error) => return Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())]).into()),
        };
        match serde_json::to_value(tools::invoice(arguments.id)) {
            Ok(value) => Ok(CallToolResult::structured(value).into()),
            Err(error) => Err(ErrorData::internal_error(error.to_string(), None)),
        }
    }
}
