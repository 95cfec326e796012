//! Prompts: plain, with arguments that complete, with a resource, with an image, and one that asks.

use doorman::prelude::*;

use crate::tools::pixel;

/// What a prompt should be about.
#[derive(Deserialize, JsonSchema)]
struct Context {
    context: String,
}

/// A prompt without arguments.
#[expose(prompt, read_only, scopes = ["prompts:read"])]
pub(crate) fn test_simple_prompt() -> &'static str {
    "This is a simple prompt for testing."
}

/// A prompt with two arguments.
#[expose(prompt, read_only, scopes = ["prompts:read"])]
pub(crate) fn test_prompt_with_arguments(
    /// First test argument
    #[arg(complete = first_arguments)]
    arg1: String,
    /// Second test argument
    #[arg(complete = ["testValue2", "world"])]
    arg2: String,
) -> String {
    format!("Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")
}

async fn first_arguments(partial: Partial, _call: Call) -> Vec<String> {
    let known = ["hello", "testValue1", "testing"];
    known.iter().filter(|it| it.starts_with(partial.text())).map(|it| (*it).to_owned()).collect()
}

/// A prompt that holds a resource.
#[expose(prompt, read_only, scopes = ["prompts:read"])]
#[allow(non_snake_case, reason = "arguments are named as their parameters are")]
pub(crate) fn test_prompt_with_embedded_resource(
    /// URI of the resource to embed
    resourceUri: String,
) -> Vec<Message> {
    vec![
        Message::user(ContentBlock::embedded_text(resourceUri, "Embedded resource content for testing.")),
        Message::user("Please process the embedded resource above."),
    ]
}

/// A prompt that holds an image.
#[expose(prompt, read_only, scopes = ["prompts:read"])]
pub(crate) fn test_prompt_with_image() -> Vec<Message> {
    vec![Message::user(pixel()), Message::user("Please analyze the image above.")]
}

/// A prompt that asks its user first.
#[expose(prompt, read_only, scopes = ["prompts:read"])]
pub(crate) async fn test_input_required_result_prompt(call: Call) -> ToolResult<Vec<Message>> {
    let Context { context } = call.elicit("What context should the prompt use?").key("user_context").await?;
    Ok(vec![Message::user(format!("Use this context: {context}"))])
}
