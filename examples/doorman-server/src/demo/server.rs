//! This executable, started as a server.

use std::process::Stdio;

use rmcp::transport::TokioChildProcess;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{Outcome, ground::Ground};

/// The server without anything of our environment: what it needs is said.
fn command(ground: &Ground, transport: &str) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env_clear().env("DOORMAN_DATA", ground.data()).kill_on_drop(true);
    command.args(["run", "--transport", transport, "--audit-log"]).arg(ground.audit_log(transport));
    Ok(command)
}

/// A server for one agent, on the other end of two pipes.
pub(super) fn on_stdio(ground: &Ground, id: &str, kind: &str) -> Outcome<TokioChildProcess> {
    let mut command = command(ground, "stdio")?;
    command.arg("--manifest").arg(ground.manifests().join(format!("{kind}.yaml")));
    command.env("AGENT_ID", id).env("AGENT_TYPE", kind);
    Ok(TokioChildProcess::new(command)?)
}

/// A server for all who have a token.
pub(super) struct HttpServer {
    pub(super) url: String,
    child: Child,
}

impl HttpServer {
    pub(super) async fn start(ground: &Ground) -> Outcome<Self> {
        let mut command = command(ground, "http")?;
        command.args(["--port", "0", "--manifest"]).arg(ground.manifests());
        command.arg("--tokens").arg(ground.tokens_file());
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
        let mut said = Vec::new();
        while let Some(line) = lines.next_line().await? {
            if let Some(url) = line.strip_prefix("serving MCP on ") {
                let url = url.to_owned();
                // What else it says is for the person who watches.
                tokio::spawn(async move {
                    while let Ok(Some(line)) = lines.next_line().await {
                        eprintln!("{line}");
                    }
                });
                return Ok(Self { url, child });
            }
            said.push(line);
        }
        Err(format!("the HTTP server didn't start:\n{}", said.join("\n")).into())
    }

    pub(super) async fn stop(mut self) -> Outcome {
        Ok(self.child.kill().await?)
    }
}
