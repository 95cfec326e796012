//! Shows what two callers see and can do: the application is served over HTTP, and a real MCP client calls it with two
//! tokens. Every line says what came back and whether it is what should have; if one isn't, the program fails.

// A program that a person reads: stdout is not the protocol's here.
#![allow(clippy::print_stdout)]

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use doorman::{
    Doorman,
    audit::Sink,
    credentials::Secret,
    identity::{Agent, Tokens},
};
use futures::future::BoxFuture;
use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ElicitRequestParams, ElicitResult,
        ElicitationAction, ElicitationCapability, GetPromptRequestParams, Implementation, ProtocolVersion,
        ReadResourceRequestParams,
    },
    service::{ClientLifecycleMode, ClientServiceExt, RequestContext, RunningService},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Client = RunningService<RoleClient, User>;

/// A client whose user agrees to everything.
struct User;

impl ClientHandler for User {
    fn get_info(&self) -> ClientConfig {
        let elicitation = Some(ElicitationCapability::default());
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = elicitation;
        ClientConfig::new(capabilities, Implementation::new("demo", env!("CARGO_PKG_VERSION")))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({ "sure": true })))
    }
}

/// The two generations of the protocol.
const GENERATIONS: [ProtocolVersion; 2] = [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28];

/// Serves the application, calls it as two agents, prints what happens.
pub fn show(app: Doorman) -> BoxFuture<'static, doorman::Result> {
    Box::pin(async move {
        run(app).await.map_err(|failure| doorman::Error::Setting(format!("the demonstration failed: {failure}")))
    })
}

async fn run(app: Doorman) -> Result<(), Failure> {
    let (support, clerk) = (Secret::new("token-of-the-support-agent"), Secret::new("token-of-the-clerk"));
    let log = Log::default();
    let app = app
        .tokens(
            Tokens::default()
                .with(&support, Agent::new("support-1", "support")?)
                .with(&clerk, Agent::new("clerk-1", "clerk")?),
        )
        .audit(log.clone())
        .start()
        .await?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    let service = app.router()?.into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(axum::serve(listener, service).into_future());

    let mut table = Table::begin(&url);
    {
        let support = connect(&url, &support, &GENERATIONS[1]).await?;
        table.line("support", "what is there?", &tools(&support).await?, "get_invoice, opening_hours");
        let invoice = call(&support, "get_invoice", json!({"id": "INV-1"})).await;
        table.line("support", "get_invoice INV-1", &invoice, "«redacted:email»");
        table.line(
            "support",
            "refund INV-1",
            &call(&support, "refund", json!({"id": "INV-1", "amount": 20})).await,
            "Unknown tool",
        );
        table.line("support", "no_such_tool", &call(&support, "no_such_tool", json!({})).await, "Unknown tool");
        table.line("support", "read invoice://INV-1", &read(&support, "invoice://INV-1").await, "«redacted:email»");
        table.line("support", "complete INV-", &complete(&support, "INV-").await, "INV-1, INV-2");
        let prompt = prompt(&support, json!({"id": "INV-1", "tone": "kind"})).await;
        table.line("support", "prompt remind, kind", &prompt, "Write a kind reminder");
        drop(support.cancel().await);
    }
    {
        let clerk = connect(&url, &clerk, &GENERATIONS[1]).await?;
        table.line("clerk", "what is there?", &tools(&clerk).await?, "cancel, get_invoice, opening_hours, refund");
        let bad = call(&clerk, "refund", json!({"id": "INV-1", "amount": "20", "caller": "root"})).await;
        table.line("clerk", "refund INV-1, amount \"20\", caller root", &bad, "caller: no such argument");
        for left in ["100", "80"] {
            let answer = call(&clerk, "refund", json!({"id": "INV-1", "amount": 20})).await;
            table.line("clerk", "refund INV-1, amount 20", &answer, left);
        }
        let answer = call(&clerk, "refund", json!({"id": "INV-1", "amount": 20})).await;
        table.line("clerk", "refund INV-1, amount 20", &answer, "retry in");
        drop(clerk.cancel().await);
    }
    for (generation, id) in GENERATIONS.iter().zip(["INV-1", "INV-2"]) {
        let clerk = connect(&url, &clerk, generation).await?;
        let answer = call(&clerk, "cancel", json!({ "id": id })).await;
        table.line("clerk", &format!("cancel {id}, asked in {generation}"), &answer, "is cancelled");
        drop(clerk.cancel().await);
    }
    let stranger = connect(&url, &Secret::new("a-guess"), &GENERATIONS[0]).await;
    let refused = stranger.err().map_or_else(|| "connected".to_owned(), |error| error.to_string());
    // rmcp names its transport's whole type first.
    let refused = refused.rsplit_once("error: ").map_or(&*refused, |(_, reason)| reason);
    table.line("stranger", "connect with a guessed token", refused, "Auth required");

    server.abort();
    app.stop().await;
    println!("\nThe audit log of these calls:\n{}", log.text());
    table.end()
}

async fn connect(url: &str, token: &Secret, generation: &ProtocolVersion) -> Result<Client, Failure> {
    let config = StreamableHttpClientTransportConfig::with_uri(url.to_owned()).auth_header(token.expose());
    let lifecycle = match generation.has_initialize() {
        true => ClientLifecycleMode::Initialize,
        false => ClientLifecycleMode::Discover { preferred_versions: vec![generation.clone()] },
    };
    Ok(User.serve_with_lifecycle(StreamableHttpClientTransport::from_config(config), lifecycle).await?)
}

async fn tools(client: &Client) -> Result<String, Failure> {
    let tools = client.list_all_tools().await?;
    Ok(tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>().join(", "))
}

/// Calls a tool and says what came back, in a line.
async fn call(client: &Client, tool: &'static str, arguments: Value) -> String {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    match client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await {
        Ok(result) => text(&result),
        Err(error) => error.to_string(),
    }
}

async fn read(client: &Client, uri: &str) -> String {
    match client.read_resource(ReadResourceRequestParams::new(uri)).await {
        Ok(result) => serde_json::to_value(&result.contents).unwrap_or_default()[0]["text"].to_string(),
        Err(error) => error.to_string(),
    }
}

async fn complete(client: &Client, typed: &str) -> String {
    let values = client.complete_resource_simple("invoice://{id}", "id", typed).await;
    values.map_or_else(|error| error.to_string(), |values| values.join(", "))
}

async fn prompt(client: &Client, arguments: Value) -> String {
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    match client.get_prompt(GetPromptRequestParams::new("remind").with_arguments(arguments)).await {
        Ok(result) => serde_json::to_value(&result.messages).unwrap_or_default()[0]["content"]["text"].to_string(),
        Err(error) => error.to_string(),
    }
}

fn text(result: &CallToolResult) -> String {
    let texts = result.content.iter().filter_map(|block| block.as_text().map(|text| text.text.clone()));
    texts.collect::<Vec<_>>().join(" ")
}

/// What happened, beside what should have.
struct Table {
    wrong: usize,
}

impl Table {
    fn begin(url: &str) -> Self {
        println!("A server on {url}, and what its callers see:\n");
        println!("    {:<9} {:<38} answer", "caller", "tries");
        Self { wrong: 0 }
    }

    fn line(&mut self, caller: &str, tries: &str, answer: &str, expected: &str) {
        let right = answer.contains(expected);
        self.wrong += usize::from(!right);
        println!("{} {caller:<9} {tries:<38} {answer}", if right { "ok " } else { "NO!" });
    }

    fn end(self) -> Result<(), Failure> {
        match self.wrong {
            0 => Ok(()),
            wrong => Err(format!("{wrong} answers are not what they should be").into()),
        }
    }
}

/// An audit sink of the application's own: it keeps the lines.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().map(|lines| String::from_utf8_lossy(&lines).into_owned()).unwrap_or_default()
    }
}

impl Sink for Log {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        self.0.lock().map_err(|_| io::Error::other("poisoned"))?.extend_from_slice(line);
        Ok(())
    }
}
