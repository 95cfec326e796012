//! The server that the official MCP conformance suite tests: every fixture that it calls, written as an application's
//! author would, all but one behind a scope. `tests/run` runs the suite against it.
//!
//! ```text
//! conformance-server [--port N] [--bearer TOKEN] [--audit-log FILE] [--report]
//! ```
//!
//! It serves `http://127.0.0.1:N/mcp` as `Doorman::dev()` does, or, with `--bearer`, to whoever bears that token. At the
//! end (SIGINT, SIGTERM) `--report` says how often each step of the guard ran.

mod asking;
mod prompts;
mod resources;
mod schemas;
mod tasks;
mod tools;

use std::{net::SocketAddr, path::PathBuf};

use axum::serve::ListenerExt;
use doorman::{
    audit::RotatingFile,
    credentials::Secret,
    identity::{Agent, Tokens},
    manifest::Manifest,
    prelude::*,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use asking::*;
use prompts::*;
use resources::*;
use schemas::*;
use tasks::*;
use tools::*;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the command line says.
#[derive(Default)]
struct Options {
    port: u16,
    bearer: Option<Secret>,
    audit_log: Option<PathBuf>,
    report: bool,
}

impl Options {
    fn of(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let Some(option) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{option} needs a value"));
            match &*option {
                "--port" => options.port = value()?.parse()?,
                "--bearer" => options.bearer = Some(Secret::new(value()?)),
                "--audit-log" => options.audit_log = Some(value()?.into()),
                "--report" => options.report = true,
                _ => return Err(format!("there is no option {option}").into()),
            }
        }
        Ok(options)
    }
}

fn conformance(options: &Options) -> Result<Doorman, Failure> {
    let app = match &options.bearer {
        None => Doorman::dev("conformance"),
        Some(token) => Doorman::new("conformance")
            .tokens(Tokens::default().with(token, Agent::new("suite-1", "suite")?))
            .grant(Manifest::parse("conformance.yaml", include_str!("../conformance.yaml"))?),
    };
    let app = app
        .version(env!("CARGO_PKG_VERSION"))
        .instructions("Fixtures of the MCP conformance suite.")
        .tools(tools![about, test_simple_text, test_image_content, test_audio_content])
        .tools(tools![test_embedded_resource, test_multiple_content_types, test_error_handling])
        .tools(tools![test_tool_with_logging, test_logging_tool, test_tool_with_progress, test_reconnection])
        .tools(tools![test_custom_header, test_trigger_tool_change, test_trigger_prompt_change])
        .tools(tools![test_sampling, test_elicitation, test_missing_capability, test_streaming_elicitation])
        .tools(tools![test_input_required_result_elicitation, test_input_required_result_sampling])
        .tools(tools![test_input_required_result_list_roots, test_input_required_result_request_state])
        .tools(tools![test_input_required_result_multiple_inputs, test_input_required_result_multi_round])
        .tools(tools![test_input_required_result_tampered_state, test_input_required_result_capabilities])
        .tools(tools![json_schema_2020_12_tool, test_elicitation_sep1034_defaults, test_elicitation_sep1330_enums])
        .tools(tools![greet, slow_compute, failing_job, protocol_error_job])
        .tools(tools![confirm_delete, multi_input, test_tool_with_task])
        .resources(resources![static_text, static_binary, watched_resource, template_data])
        .prompts(prompts![test_simple_prompt, test_prompt_with_arguments, test_prompt_with_embedded_resource])
        .prompts(prompts![test_prompt_with_image, test_input_required_result_prompt]);
    Ok(match &options.audit_log {
        None => app,
        Some(path) => app.audit(RotatingFile::open(path, 64 << 20, 1)?),
    })
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let options = Options::of(std::env::args().skip(1))?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let app = conformance(&options)?.start().await?;
    let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
    eprintln!("serving MCP on http://{}/mcp", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let service = app.router()?.into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        served = axum::serve(listener, service).into_future() => served?,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    if options.report {
        app.steps().into_iter().for_each(|(step, times)| eprintln!("guard step {step}: {times}"));
    }
    app.stop().await;
    Ok(())
}
