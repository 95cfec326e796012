//! Tools that ask the client: its user (elicitation), its model (sampling), its roots. The same code serves clients of
//! both generations.

use doorman::{input::Root, prelude::*};

/// A name.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Name {
    pub(crate) name: String,
}

/// A color.
#[derive(Deserialize, JsonSchema)]
struct Color {
    color: String,
}

/// A yes or no.
#[derive(Deserialize, JsonSchema)]
struct Confirmation {
    ok: bool,
}

/// Who answers.
#[derive(Deserialize, JsonSchema)]
struct Respondent {
    /// User's response
    username: String,
    /// User's email address
    email: String,
}

/// Has the client's model answer.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_sampling(
    /// What the model is asked.
    prompt: String,
    call: Call,
) -> ToolResult<String> {
    let answer = call.sample(Sampling::user(prompt).max_tokens(100)).await?;
    Ok(format!("LLM response: {}", answer.text()))
}

/// Asks the client's user.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_elicitation(
    /// What the user is asked.
    message: String,
    call: Call,
) -> ToolResult<String> {
    let Respondent { username, email } = call.elicit(message).await?;
    Ok(format!("User response: action=accept, username={username}, email={email}"))
}

/// Asks for a name.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_input_required_result_elicitation(call: Call) -> ToolResult<String> {
    let Name { name } = call.elicit("What is your name?").key("user_name").await?;
    Ok(format!("Hello, {name}!"))
}

/// Asks the client's model for a capital.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_input_required_result_sampling(call: Call) -> ToolResult<String> {
    let question = Sampling::user("What is the capital of France?").max_tokens(100);
    let answer = call.sample(question).key("capital_question").await?;
    Ok(format!("LLM response: {}", answer.text()))
}

/// Asks for the client's roots.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_input_required_result_list_roots(call: Call) -> ToolResult<String> {
    let roots = call.roots().key("client_roots").await?;
    Ok(format!("Roots: {}", uris(&roots)))
}

/// Asks for a confirmation, and has its state carried by the client.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_input_required_result_request_state(call: Call) -> ToolResult<String> {
    confirmed(call).await
}

/// Asks for a confirmation, with a state that nobody can change unseen.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_input_required_result_tampered_state(call: Call) -> ToolResult<String> {
    confirmed(call).await
}

async fn confirmed(call: Call) -> ToolResult<String> {
    let Confirmation { ok } = call.elicit("Please confirm").key("confirm").await?;
    Ok(format!("state-ok, confirmed: {ok}"))
}

/// Asks user, model and roots in one round.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_input_required_result_multiple_inputs(call: Call) -> ToolResult<String> {
    let greeting = Sampling::user("Generate a greeting").max_tokens(50);
    let (name, greeting, roots) = tokio::join!(
        call.elicit::<Name>("What is your name?").key("user_name").into_future(),
        call.sample(greeting).key("greeting").into_future(),
        call.roots().key("client_roots").into_future(),
    );
    let (name, greeting, roots) = (name?, greeting?, roots?);
    Ok(format!("{} {} {}", greeting.text(), name.name, uris(&roots)))
}

/// Asks in two rounds.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_input_required_result_multi_round(call: Call) -> ToolResult<String> {
    let Name { name } = call.elicit("Step 1: What is your name?").key("step1").await?;
    let Color { color } = call.elicit("Step 2: What is your favorite color?").key("step2").await?;
    Ok(format!("{name} likes {color}"))
}

/// Asks for what the client can give: what it can't is `Unsupported` at once, and not asked.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_input_required_result_capabilities(call: Call) -> ToolResult<String> {
    let greeting = Sampling::user("Generate a greeting").max_tokens(50);
    let (name, greeting) = tokio::join!(
        call.elicit::<Name>("What is your name?").key("user_name").into_future(),
        call.sample(greeting).key("greeting").into_future(),
    );
    let name = name.map_or_else(|_| "stranger".to_owned(), |it| it.name);
    let greeting = greeting.map_or_else(|_| "Hello,".to_owned(), |it| it.text().to_string());
    Ok(format!("{greeting} {name}"))
}

/// Needs sampling, which the client has to have declared.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_missing_capability(call: Call) -> ToolResult<String> {
    let answer = call.sample(Sampling::user("Say hello").max_tokens(10)).await?;
    Ok(format!("LLM response: {}", answer.text()))
}

/// Asks after a notification has begun the stream.
#[expose(read_only, scopes = ["questions:ask"])]
pub(crate) async fn test_streaming_elicitation(call: Call, progress: Progress) -> ToolResult<String> {
    progress.report(1.0, Some(2.0), None).await;
    let Confirmation { ok } = call.elicit("Shall it go on?").key("go_on").await?;
    Ok(format!("confirmed: {ok}"))
}

fn uris(roots: &[Root]) -> String {
    roots.iter().map(|root| root.uri.clone()).collect::<Vec<_>>().join(", ")
}
