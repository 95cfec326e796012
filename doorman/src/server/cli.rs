//! The command line that every doorman application has.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, error::ErrorKind, value_parser};
use futures::future::BoxFuture;

use super::{
    Doorman, Error,
    audit::{self, AuditCommand, AuditOptions},
    redact::{self, RedactCommand},
};
use crate::state::StateStore;

/// What the operator asked for.
pub(super) enum Asked {
    /// To serve.
    Run(Box<Options>),
    /// Whether these manifests are valid, and a file about issuers.
    Validate(Vec<PathBuf>, Option<PathBuf>),
    /// What they open.
    Inspect(Vec<PathBuf>, Form),
    /// What would be masked in texts.
    Redact(RedactCommand),
    /// Something about an audit log.
    Audit(AuditCommand),
    /// A subcommand of the application's own.
    Own(fn() -> BoxFuture<'static, Result<(), Error>>),
    /// Help or the version, which has been printed.
    Nothing,
}

/// How something is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Json,
}

/// How to serve.
#[derive(Debug, Default)]
pub(super) struct Options {
    #[cfg(feature = "http")]
    pub(super) http: Option<std::net::SocketAddr>,
    #[cfg(feature = "http")]
    pub(super) reach: super::http::ReachOptions,
    pub(super) manifests: Vec<PathBuf>,
    pub(super) watch: bool,
    pub(super) tokens: Option<PathBuf>,
    /// About issuers; without the feature `oauth` there is none.
    pub(super) auth: Option<PathBuf>,
    pub(super) state: Option<StateStore>,
    pub(super) audit: AuditOptions,
    pub(super) ops_log: Option<PathBuf>,
    pub(super) input_keys: Option<PathBuf>,
    #[cfg(all(feature = "http", feature = "telemetry"))]
    pub(super) metrics: Option<std::net::SocketAddr>,
    #[cfg(all(feature = "http", feature = "telemetry"))]
    pub(super) metrics_token: Option<PathBuf>,
}

/// Parses the process's arguments; the first is the program's name.
pub(super) fn parse(builder: &Doorman, args: Vec<OsString>) -> Result<Asked, Error> {
    let mut matches = match command(builder).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            drop(error.print());
            return Ok(Asked::Nothing);
        }
        Err(error) => return Err(Error::Usage(error.to_string().trim_end().to_owned())),
    };
    match matches.remove_subcommand() {
        None => options(&mut matches).map(|options| Asked::Run(options.into())),
        Some((name, mut matches)) => match &*name {
            "run" => options(&mut matches).map(|options| Asked::Run(options.into())),
            "validate" => Ok(Asked::Validate(paths(&mut matches), auth(&mut matches))),
            "inspect" => {
                let form = if matches.get_flag("json") { Form::Json } else { Form::Text };
                Ok(Asked::Inspect(paths(&mut matches), form))
            }
            "redact" => Ok(Asked::Redact(RedactCommand::of(matches))),
            "audit" => AuditCommand::of(matches).map(Asked::Audit),
            "version" => {
                say(&format!("{} {}\n", builder.name, builder.version));
                Ok(Asked::Nothing)
            }
            own => match builder.commands.iter().find(|command| command.name == own) {
                Some(command) => Ok(Asked::Own(command.run)),
                None => Err(Error::Usage("no such command".to_owned())),
            },
        },
    }
}

/// Writes to stdout, for commands that don't serve.
pub(super) fn say(text: &str) {
    use std::io::Write;
    // A reader that went away has read enough.
    drop(std::io::stdout().write_all(text.as_bytes()));
}

fn paths(matches: &mut ArgMatches) -> Vec<PathBuf> {
    matches.remove_many("manifest").map(Iterator::collect).unwrap_or_default()
}

fn auth(matches: &mut ArgMatches) -> Option<PathBuf> {
    if cfg!(feature = "oauth") { matches.remove_one("auth") } else { None }
}

fn options(matches: &mut ArgMatches) -> Result<Options, Error> {
    Ok(Options {
        #[cfg(feature = "http")]
        http: address(matches)?,
        #[cfg(feature = "http")]
        reach: super::http::ReachOptions {
            path: matches.remove_one("path"),
            behind_tls_proxy: matches.get_flag("behind-tls-proxy"),
            hosts: texts(matches, "allow-host"),
            origins: texts(matches, "allow-origin"),
            trusted_proxies: texts(matches, "trusted-proxy"),
            max_connections: matches.remove_one::<u64>("max-connections").and_then(|it| it.try_into().ok()),
            #[cfg(feature = "tls")]
            pair: pair(matches),
        },
        manifests: paths(matches),
        watch: matches.get_flag("watch"),
        tokens: matches.remove_one("tokens"),
        auth: auth(matches),
        state: state(matches)?,
        audit: AuditOptions::of(matches)?,
        ops_log: matches.remove_one("ops-log"),
        input_keys: matches.remove_one("input-keys"),
        #[cfg(all(feature = "http", feature = "telemetry"))]
        metrics: matches.remove_one("metrics"),
        #[cfg(all(feature = "http", feature = "telemetry"))]
        metrics_token: matches.remove_one("metrics-token-file"),
    })
}

/// Where counts are kept. What was said isn't repeated: it may hold a password.
fn state(matches: &mut ArgMatches) -> Result<Option<StateStore>, Error> {
    let said = matches.remove_one::<String>("state");
    said.map(|text| text.parse().map_err(|error| Error::Usage(format!("--state: {error}")))).transpose()
}

/// Where HTTP is served: `--http ADDR`, or `--transport http` with `--port` and perhaps `--host`.
#[cfg(feature = "http")]
fn address(matches: &mut ArgMatches) -> Result<Option<std::net::SocketAddr>, Error> {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};
    let transport: Option<String> = matches.remove_one("transport");
    let (host, port) = (matches.remove_one::<IpAddr>("host"), matches.remove_one::<u16>("port"));
    let short = matches.remove_one("http");
    match (transport.as_deref(), short, port) {
        (Some("http"), None, Some(port)) => Ok(Some(SocketAddr::new(host.unwrap_or(Ipv4Addr::LOCALHOST.into()), port))),
        (Some("http"), None, None) => Err(Error::Usage("--transport http needs --port PORT".to_owned())),
        (Some("http"), Some(address), None) if host.is_none() => Ok(Some(address)),
        (None, Some(address), None) if host.is_none() => Ok(Some(address)),
        (Some("stdio") | None, None, None) if host.is_none() => Ok(None),
        (_, Some(_), _) => Err(Error::Usage("--http ADDR says all: no --host, --port or stdio beside it".to_owned())),
        _ => Err(Error::Usage("--host and --port need --transport http".to_owned())),
    }
}

#[cfg(feature = "tls")]
fn pair(matches: &mut ArgMatches) -> Option<super::http::Pair> {
    let (cert, key) = (matches.remove_one("tls-cert")?, matches.remove_one("tls-key")?);
    Some(super::http::Pair { cert, key })
}

#[cfg(feature = "http")]
fn texts(matches: &mut ArgMatches, name: &str) -> Vec<String> {
    matches.remove_many(name).map(Iterator::collect).unwrap_or_default()
}

fn option(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn path(name: &'static str, help: &'static str) -> Arg {
    option(name, "FILE", help).value_parser(value_parser!(PathBuf))
}

fn manifest(help: &'static str) -> Arg {
    path("manifest", help).value_name("FILE|DIR").action(ArgAction::Append).num_args(1..)
}

fn command(builder: &Doorman) -> Command {
    let required = |it: Arg| it.required(true);
    let subcommands = [
        serving(Command::new("run").about("Serve (what happens without a command, too)")),
        issuers(
            Command::new("validate")
                .about(
                    "Say whether manifests are valid, and all that is wrong with them; touches nothing that they name",
                )
                .arg(required(manifest("A manifest, or a folder of them"))),
        ),
        Command::new("inspect")
            .about("Show what agents see under these manifests: tools, effects, scopes, limits")
            .arg(required(manifest("A manifest, or a folder of them")))
            .arg(flag("json", "As JSON")),
        redact::command(),
        audit::command(),
        Command::new("version").about("Print the version"),
    ];
    let own = builder.commands.iter().map(|command| Command::new(command.name).about(command.about));
    serving(Command::new(builder.name.clone()))
        .version(builder.version.clone())
        .about("An MCP server. Without options it serves one client on stdin and stdout.")
        .after_help(ENVIRONMENT)
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommands(subcommands)
        .subcommands(own)
}

fn serving(command: Command) -> Command {
    let command = command
        .arg(flag("stdio", "Serve on stdin and stdout (the default)"))
        .arg(manifest("What agents of a type are granted; a file, or a folder of them"))
        .arg(flag("watch", "Read manifests and tokens again when they change (SIGHUP does so at once)"))
        .arg(path("tokens", "Bearer tokens and their agents; a file that only its owner may read"))
        .arg(option(
            "state",
            "STORE",
            "Where the counts of limits are kept: memory, file:PATH, or redis://HOST [default: memory]",
        ))
        .arg(path("ops-log", "Write the server's own log to this file, too (0600, rotated, JSON lines)"))
        .arg(path(
            "input-keys",
            "Keys for what clients carry, for servers behind one address (0600; 64 hex digits a line)",
        ));
    let command = audit::arguments(issuers(command));
    #[cfg(feature = "http")]
    let command = http(command);
    #[cfg(all(feature = "http", feature = "telemetry"))]
    let command = command
        .arg(path(
            "metrics-token-file",
            "Serve /metrics beside the MCP endpoint to whoever bears the token in this file (0600)",
        ))
        .arg(
            option("metrics", "ADDR", "Serve /metrics on this address of this machine instead, as in 127.0.0.1:9464")
                .value_parser(value_parser!(std::net::SocketAddr)),
        );
    command
}

fn issuers(command: Command) -> Command {
    if !cfg!(feature = "oauth") {
        return command;
    }
    command.arg(path("auth", "The OAuth issuers whose tokens callers may bear, and who those are; YAML"))
}

#[cfg(feature = "http")]
fn http(command: Command) -> Command {
    #[cfg(feature = "tls")]
    let command = command
        .arg(
            path("tls-cert", "Serve HTTPS with these certificates (PEM), read again as the tokens are")
                .requires("tls-key"),
        )
        .arg(path("tls-key", "Their private key (PEM), a file that only its owner may read").requires("tls-cert"));
    command
        .arg(
            option("transport", "TRANSPORT", "stdio (the default) or http")
                .value_parser(["stdio", "http"])
                .conflicts_with("stdio"),
        )
        .arg(
            option("host", "IP", "Serve HTTP on this address [default: 127.0.0.1]")
                .value_parser(value_parser!(std::net::IpAddr)),
        )
        .arg(option("port", "PORT", "Serve HTTP on this port").value_parser(value_parser!(u16)))
        .arg(option("path", "PATH", "The path of the MCP endpoint [default: /mcp]"))
        .arg(
            option("http", "ADDR", "As --transport http with a host and a port, as in 127.0.0.1:8080")
                .value_parser(value_parser!(std::net::SocketAddr))
                .conflicts_with("stdio"),
        )
        .arg(flag("behind-tls-proxy", "A proxy in front speaks TLS: an address beyond this machine may be served"))
        .arg(
            option("trusted-proxy", "CIDR", "A network of proxies that say where requests come from, as in 10.0.0.0/8")
                .value_parser(|text: &str| super::http::network(text).map(|network| network.to_string()))
                .action(ArgAction::Append),
        )
        .arg(
            option("max-connections", "N", "How many connections there may be at once [default: 1024]")
                .value_parser(value_parser!(u64).range(1..)),
        )
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
  DOORMAN_STATE_PASSWORD the password of the Redis server, if its URL has none; or
  DOORMAN_STATE_PASSWORD_FILE  a file that has it and that only its owner may read
  DOORMAN_LOG            what is logged on stderr [default: warn]
  OTEL_EXPORTER_OTLP_ENDPOINT and others of OpenTelemetry  where spans and metrics go (feature `telemetry`)";
