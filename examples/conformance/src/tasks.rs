//! Tools that run as tasks where the client can follow one, and one that can't be called otherwise.

use std::time::Duration;

use doorman::prelude::*;

use crate::asking::Name;

/// A yes or no.
#[derive(Deserialize, JsonSchema)]
struct Confirmation {
    confirm: bool,
}

/// Greets; never a task.
#[expose(read_only, scopes = ["tasks:run"])]
pub(crate) async fn greet(
    /// Who is greeted.
    name: String,
) -> String {
    format!("Hello, {name}!")
}

/// Computes for a while.
#[expose(read_only, scopes = ["tasks:run"], task)]
pub(crate) async fn slow_compute(
    /// How long, in seconds.
    #[arg(range = 0..=60)]
    seconds: u64,
    /// What the computation is called.
    label: Option<String>,
) -> String {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    format!("Computed {} in {seconds} s", label.as_deref().unwrap_or("something"))
}

/// Fails after a second, as a tool does: its task is completed, with an error for a result.
#[expose(read_only, scopes = ["tasks:run"], task = "required")]
pub(crate) async fn failing_job() -> ToolResult<String> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    Err(ToolError::user("This job always fails"))
}

/// Breaks: its task has failed.
#[expose(read_only, scopes = ["tasks:run"], task)]
pub(crate) async fn protocol_error_job() -> ToolResult<String> {
    Err(ToolError::internal("this job is broken"))
}

/// Asks before it deletes; the task waits for the answer.
#[expose(destructive, scopes = ["tasks:run"], task)]
pub(crate) async fn confirm_delete(
    /// What is to be deleted.
    filename: String,
    call: Call,
) -> ToolResult<String> {
    let Confirmation { confirm } = call.elicit(format!("Delete {filename}?")).key("confirm").await?;
    Ok(if confirm { format!("Deleted {filename}") } else { format!("Kept {filename}") })
}

/// Asks two things at once; the task waits for both answers.
#[expose(read_only, scopes = ["tasks:run"], task)]
pub(crate) async fn multi_input(call: Call) -> ToolResult<String> {
    let (name, confirmation) = tokio::join!(
        call.elicit::<Name>("What is your name?").key("name").into_future(),
        call.elicit::<Confirmation>("Shall it go on?").key("confirm").into_future(),
    );
    Ok(format!("{}: {}", name?.name, confirmation?.confirm))
}

/// Asks first, in the call's own round, and is a task from then on.
#[expose(read_only, scopes = ["tasks:run"], task = "after_input")]
pub(crate) async fn test_tool_with_task(call: Call) -> ToolResult<String> {
    let Name { name } = call.elicit("What is your name?").key("user_name").await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(format!("Hello, {name}!"))
}
