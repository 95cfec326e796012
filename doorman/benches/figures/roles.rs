//! What this binary is when it is started again: one of the servers, or a process whose memory is looked at.

use std::{
    fs::{self, OpenOptions},
    hint::black_box,
    io::Write,
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use aws_lc_rs::digest::{SHA256, digest};
use doorman::{
    Doorman,
    limits::{Caller, Limits, Monotonic, Quotas},
    tools,
};
use futures::FutureExt;
use tempfile::TempDir;

use super::{Outcome, bare, server::Memory, tools as measured};

/// Rules that are checked at every call and that no load of ours reaches.
pub(crate) const RATE: &str = "1000000/s per_caller";
pub(crate) const BUDGET: &str = "1000000000/h per_caller";

/// Runs a role if the arguments name one.
pub(crate) fn play(args: &[String]) -> Option<Outcome<()>> {
    let (role, rest) = args.split_first()?;
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let outcome = match (&**role, &*words) {
        ("serve-doorman", [app, options @ ..]) => doorman(app, options),
        ("serve-bare", [mode]) => runtime().and_then(|runtime| {
            runtime.block_on(bare::serve(bare::Mode::named(mode).ok_or("expected json, sse or stdio")?))
        }),
        ("hold-callers", [count]) => count.parse().map_err(Into::into).and_then(hold_callers),
        _ => return None,
    };
    Some(outcome)
}

fn runtime() -> Outcome<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// An application with a number of tools; `public` is one tool for everybody.
fn doorman(app: &str, options: &[&str]) -> Outcome<()> {
    let application = Doorman::new("billing").rate(RATE).budget(BUDGET);
    let application = match app {
        "public" => application.tools(tools![measured::get_public_invoice]).allow_anonymous(),
        "1" => application.tools(tools![measured::get_invoice]),
        "asking" => application.tools(tools![measured::confirm_invoice]),
        count => measured::many(application, count.parse()?),
    };
    let args = ["figures"].iter().chain(options).map(|&arg| arg.to_owned()).collect();
    Ok(runtime()?.block_on(application.run_with(args))?)
}

/// Lets so many distinct anonymous callers through the limits of an application with a rate and a budget, with buckets
/// that stay in use, and says what that holds.
fn hold_callers(count: u32) -> Outcome<()> {
    let before = Memory::of("self")?;
    let limits =
        Limits::new(Monotonic::start(), &Quotas::parse(Some("60/min per_caller"), Some("500/day per_caller"))?);
    let tool = limits.tool("get_invoice", None, 1)?;
    for number in 0..count {
        let peer = Some(IpAddr::V4(Ipv4Addr::from_bits(number)));
        drop(black_box(limits.admit(Caller::Anonymous { peer }.key(), Some(&tool)).now_or_never()));
    }
    let after = Memory::of("self")?;
    println!("{}", after.resident - before.resident);
    Ok(())
}

/// The operator's files of one server: a manifest, tokens and a place for the audit log.
pub(crate) struct Files(TempDir);

impl Files {
    /// Tokens for so many agents.
    pub(crate) fn new(agents: usize) -> Outcome<Self> {
        let files = Self(TempDir::new()?);
        fs::write(files.path("manifest.yaml"), "agent_type: billing\nscopes: [invoices:read]\n")?;
        let private = OpenOptions::new().write(true).create_new(true).mode(0o600).open(files.path("tokens.yaml"))?;
        let mut private = std::io::BufWriter::new(private);
        writeln!(private, "tokens:")?;
        for agent in 0..agents {
            let hash: String = digest(&SHA256, token(agent).as_bytes()).as_ref().iter().map(hex).collect();
            writeln!(private, "  - {{sha256: \"{hash}\", agent_id: agent-{agent}, agent_type: billing}}")?;
        }
        private.flush()?;
        Ok(files)
    }

    /// The arguments with which an application is served over HTTP.
    pub(crate) fn http(&self, app: &str) -> Vec<String> {
        let file = |name| self.path(name).display().to_string();
        let mut args = ["serve-doorman", app, "--http", "127.0.0.1:0"].map(str::to_owned).to_vec();
        args.extend(["--audit-log".to_owned(), file("audit.jsonl")]);
        if app != "public" {
            args.extend(["--tokens".to_owned(), file("tokens.yaml"), "--manifest".to_owned(), file("manifest.yaml")]);
        }
        args
    }

    /// The same for an application that takes an issuer's tokens, too.
    #[cfg(feature = "oauth")]
    pub(crate) fn http_with_issuer(&self, app: &str, issuer: &str) -> Outcome<Vec<String>> {
        let resource = super::issuer::RESOURCE;
        let issuers = format!("issuers: [{{issuer: \"{issuer}\", allow_loopback_http: true}}]");
        fs::write(self.path("auth.yaml"), format!("resource: {resource}\n{issuers}\n"))?;
        let mut args = self.http(app);
        args.extend(["--auth".to_owned(), self.path("auth.yaml").display().to_string()]);
        // A file of tokens has at least one.
        if fs::read_to_string(self.path("tokens.yaml"))?.lines().count() < 2 {
            args.retain(|arg| arg != "--tokens" && !arg.ends_with("/tokens.yaml"));
        }
        Ok(args)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn hex(byte: &u8) -> String {
    format!("{byte:02x}")
}

/// The token of an agent.
pub(crate) fn token(agent: usize) -> String {
    format!("figures-{agent:04}-u6Qe0Zt3rWv8")
}
