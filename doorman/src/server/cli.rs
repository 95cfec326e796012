//! The command line that every doorman application has.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, error::ErrorKind, value_parser};

use super::Error;

/// What the operator said.
#[derive(Debug, Default)]
pub(super) struct Options {
    #[cfg(feature = "http")]
    pub(super) http: Option<std::net::SocketAddr>,
    #[cfg(feature = "http")]
    pub(super) reach: super::http::ReachOptions,
    pub(super) manifests: Vec<PathBuf>,
    pub(super) tokens: Option<PathBuf>,
    pub(super) audit_log: Option<PathBuf>,
}

/// Parses the process's arguments. Help and version are printed, and `None` says that there is nothing to serve.
pub(super) fn parse(
    name: &str,
    version: &str,
    args: impl IntoIterator<Item = String>,
) -> Result<Option<Options>, Error> {
    let mut matches = match command(name, version).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            drop(error.print());
            return Ok(None);
        }
        Err(error) => return Err(Error::Usage(error.to_string().trim_end().to_owned())),
    };
    Ok(Some(Options {
        #[cfg(feature = "http")]
        http: matches.remove_one("http"),
        #[cfg(feature = "http")]
        reach: super::http::ReachOptions {
            behind_tls_proxy: matches.get_flag("behind-tls-proxy"),
            hosts: texts(&mut matches, "allow-host"),
            origins: texts(&mut matches, "allow-origin"),
        },
        manifests: matches.remove_many("manifest").map(Iterator::collect).unwrap_or_default(),
        tokens: matches.remove_one("tokens"),
        audit_log: matches.remove_one("audit-log"),
    }))
}

#[cfg(feature = "http")]
fn texts(matches: &mut clap::ArgMatches, name: &str) -> Vec<String> {
    matches.remove_many(name).map(Iterator::collect).unwrap_or_default()
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn command(name: &str, version: &str) -> Command {
    let path = |name, help| option(name, "FILE", help).value_parser(value_parser!(PathBuf));
    let command = Command::new(name.to_owned())
        .version(version.to_owned())
        .about("An MCP server. Without options it serves one client on stdin and stdout.")
        .after_help(ENVIRONMENT)
        .arg(flag("stdio", "Serve on stdin and stdout (the default)"))
        .arg(path("manifest", "What an agent type is granted; may be given several times").action(ArgAction::Append))
        .arg(path("tokens", "Bearer tokens and their agents; a file that only its owner may read"))
        .arg(path("audit-log", "Write audit records to this file (0600, rotated) rather than to stderr"));
    #[cfg(feature = "http")]
    let command = http(command);
    command
}

#[cfg(feature = "http")]
fn http(command: Command) -> Command {
    command
        .arg(
            option("http", "ADDR", "Serve HTTP on this address, as in 127.0.0.1:8080")
                .value_parser(value_parser!(std::net::SocketAddr))
                .conflicts_with("stdio"),
        )
        .arg(flag("behind-tls-proxy", "A proxy in front speaks TLS: an address beyond this machine may be served"))
        .arg(
            option("allow-host", "HOST", "A Host that this server answers to, besides this machine's")
                .action(ArgAction::Append),
        )
        .arg(
            option("allow-origin", "ORIGIN", "A web origin whose pages may call, as in https://app.example.com")
                .action(ArgAction::Append),
        )
}

const ENVIRONMENT: &str = "Environment:
  AGENT_ID, AGENT_TYPE   the agent that calls on stdio, or that bears the token
  DOORMAN_BEARER_TOKEN   the one token that HTTP callers may bear
  DOORMAN_LOG            what is logged on stderr [default: warn]";
