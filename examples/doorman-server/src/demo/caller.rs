//! An agent's end: a real MCP client, and what it hears.

use std::collections::BTreeSet;

use rmcp::{
    RoleClient, ServiceError, ServiceExt,
    model::{CallToolRequestParams, CallToolResult, ErrorCode},
    service::RunningService,
    transport::{
        StreamableHttpClientTransport, TokioChildProcess, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::Value;

use super::{Outcome, audit::Trail};

/// An agent that is connected, and the audit log in which its calls appear.
pub(super) struct Caller {
    pub(super) id: &'static str,
    pub(super) transport: &'static str,
    pub(super) trail: Trail,
    client: RunningService<RoleClient, ()>,
}

/// What came back from a call.
pub(super) struct Answer {
    /// As the answer itself says it.
    pub(super) verdict: String,
    pub(super) text: String,
}

impl Caller {
    pub(super) async fn on_stdio(id: &'static str, server: TokioChildProcess, trail: Trail) -> Outcome<Self> {
        Ok(Self { id, transport: "stdio", trail, client: ().serve(server).await? })
    }

    pub(super) async fn over_http(id: &'static str, url: &str, token: &str, trail: Trail) -> Outcome<Self> {
        let config = StreamableHttpClientTransportConfig::with_uri(url.to_owned()).auth_header(token);
        let client = ().serve(StreamableHttpClientTransport::from_config(config)).await?;
        Ok(Self { id, transport: "http", trail, client })
    }

    /// The names of the tools that it sees.
    pub(super) async fn tools(&self) -> Outcome<BTreeSet<String>> {
        Ok(self.client.list_all_tools().await?.into_iter().map(|tool| tool.name.into_owned()).collect())
    }

    pub(super) async fn call(&self, tool: &'static str, arguments: &Value) -> Outcome<Answer> {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        match self.client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await {
            Ok(result) => Ok(Answer { verdict: verdict(&result), text: text(&result) }),
            // SPEC.md §11: for what isn't there, or isn't there for this caller.
            Err(ServiceError::McpError(error)) if error.code == ErrorCode::INVALID_PARAMS => {
                Ok(Answer { verdict: "denied".to_owned(), text: error.message.into_owned() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Goes away; a server on stdio ends with that.
    pub(super) async fn leave(self) -> Outcome {
        self.client.cancel().await?;
        Ok(())
    }
}

fn verdict(result: &CallToolResult) -> String {
    if result.is_error != Some(true) {
        return "ok".to_owned();
    }
    let said = result.meta.as_ref().and_then(|meta| meta.0.get("doorman/verdict")).and_then(Value::as_str);
    said.unwrap_or("an error without a verdict").to_owned()
}

fn text(result: &CallToolResult) -> String {
    let texts = result.content.iter().filter_map(|block| block.as_text().map(|text| text.text.as_str()));
    texts.collect::<Vec<_>>().join(" ")
}
