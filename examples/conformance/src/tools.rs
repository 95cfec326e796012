//! Tools that answer at once: content of every type, errors, logs, progress, a header, changes of the lists.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use doorman::prelude::*;

/// One red pixel.
pub(crate) const PIXEL: &[u8] = include_bytes!("../assets/pixel.png");
/// A thousandth of a second of silence.
const SILENCE: &[u8] = include_bytes!("../assets/silence.wav");

const BEAT: Duration = Duration::from_millis(50);

/// Says what this server is for. The one fixture that needs no scope; the suite calls whichever tool is listed first,
/// and that is this one.
#[expose(read_only, public)]
pub(crate) async fn about() -> &'static str {
    "fixtures of the MCP conformance suite, behind doorman's guard"
}

/// Returns a text.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_simple_text() -> &'static str {
    "This is a simple text response for testing."
}

/// Returns an image.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_image_content() -> ContentBlock {
    pixel()
}

/// Returns a sound.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_audio_content() -> ContentBlock {
    ContentBlock::audio(STANDARD.encode(SILENCE), "audio/wav")
}

/// Returns a resource within the result.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_embedded_resource() -> ContentBlock {
    ContentBlock::embedded_text("test://embedded-resource", "This is an embedded resource content.")
}

/// Returns a text, an image and a resource.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_multiple_content_types() -> Vec<ContentBlock> {
    let json = Contents::text(r#"{"test":"data","value":123}"#).mime("application/json");
    vec![ContentBlock::text("Multiple content types test:"), pixel(), json.embedded("test://mixed-content-resource")]
}

/// The pixel as content.
pub(crate) fn pixel() -> ContentBlock {
    ContentBlock::image(STANDARD.encode(PIXEL), "image/png")
}

/// Always fails.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_error_handling() -> ToolResult<String> {
    Err(ToolError::user("This tool intentionally returns an error for testing"))
}

/// Sends three log messages while it runs.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_tool_with_logging(call: Call) -> &'static str {
    call.log(Level::Info, "Tool execution started").await;
    tokio::time::sleep(BEAT).await;
    call.log(Level::Info, "Tool processing data").await;
    tokio::time::sleep(BEAT).await;
    call.log(Level::Info, "Tool execution completed").await;
    "Tool with logging executed successfully"
}

/// Sends a log message, which reaches only a client that asked for it.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_logging_tool(call: Call) -> &'static str {
    call.log(Level::Info, "Logging tool executed").await;
    "Logging tool executed successfully"
}

/// Reports progress three times while it runs.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_tool_with_progress(progress: Progress) -> &'static str {
    for done in [0.0, 50.0, 100.0] {
        if done > 0.0 {
            tokio::time::sleep(BEAT).await;
        }
        progress.report(done, Some(100.0), None).await;
    }
    "Tool with progress executed successfully"
}

/// Takes a while, so that a client can lose its stream and come back.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_reconnection() -> &'static str {
    tokio::time::sleep(2 * BEAT).await;
    "Reconnection test completed successfully"
}

/// Takes an argument that travels in a header too.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_custom_header(
    /// Any text.
    #[arg(header = "Value")]
    value: String,
) -> String {
    format!("The header says: {value}")
}

/// Says that the list of tools has changed.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_trigger_tool_change(call: Call) -> &'static str {
    call.updates().tools();
    "Clients that listen were told that the tools changed"
}

/// Says that the list of prompts has changed.
#[expose(read_only, scopes = ["tools:use"])]
pub(crate) async fn test_trigger_prompt_change(call: Call) -> &'static str {
    call.updates().prompts();
    "Clients that listen were told that the prompts changed"
}
