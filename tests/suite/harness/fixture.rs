//! How the fixture is started: who may call it, with what settings.

use std::{
    fs,
    io::{Read, Seek, SeekFrom, Write},
    net::SocketAddr,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Caller, Door, Era, Lines, Process, SECRET, eventually};

/// Those who call: their token is `token-of-NAME`, what they may do follows from their type's manifest.
#[derive(Clone, Copy)]
pub(crate) struct Cast {
    pub(crate) id: &'static str,
    pub(crate) kind: &'static str,
}

impl Cast {
    pub(crate) const ALICE: Self = Self { id: "alice", kind: "reader" };
    pub(crate) const CAROL: Self = Self { id: "carol", kind: "reader" };
    pub(crate) const BOB: Self = Self { id: "bob", kind: "writer" };
    pub(crate) const ROOT: Self = Self { id: "root", kind: "admin" };
    /// A verified agent of a type that no manifest is for.
    pub(crate) const STRAY: Self = Self { id: "stray", kind: "unheard-of" };
    pub(crate) const ALL: [Self; 5] = [Self::ALICE, Self::CAROL, Self::BOB, Self::ROOT, Self::STRAY];

    /// Somebody else, for as long as the tests run.
    pub(crate) fn named(id: String, kind: String) -> Self {
        Self { id: id.leak(), kind: kind.leak() }
    }

    pub(crate) fn token(self) -> String {
        format!("token-of-{}", self.id)
    }
}

/// What each type of agent is granted.
const MANIFESTS: [(&str, &str); 3] = [
    ("reader", "[invoices:read, misc:use, docs:read]"),
    ("writer", "[invoices:read, invoices:write, misc:use, docs:read, work:read, work:write]"),
    ("admin", "[invoices:read, invoices:write, admin:all, misc:use, docs:read, docs:write, work:read, work:write]"),
];

/// The SHA-256 of a token as a token file says it.
pub(crate) fn digest(token: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is started.
#[derive(Clone, Copy)]
enum Program {
    /// The fixture.
    Fixture,
    /// The reference server.
    Reference,
}

impl Program {
    fn path(self) -> PathBuf {
        match self {
            Self::Fixture => env!("CARGO_BIN_EXE_fixture").into(),
            Self::Reference => reference_server().to_owned(),
        }
    }
}

/// The reference server's executable, built of what the tests are built of. It stands beside the fixture, in the same profile.
fn reference_server() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
        let build = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--bin", "doorman-server"])
            .args(profile)
            .status();
        assert!(build.expect("cargo runs").success(), "the reference server can't be built");
        Path::new(env!("CARGO_BIN_EXE_fixture")).with_file_name("doorman-server")
    })
}

/// What a command that is to end leaves; one that serves instead is ended, and has failed.
#[track_caller]
fn ended(mut command: Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let pid = rustix::process::Pid::from_child(&child);
    let (tells, told) = mpsc::channel();
    thread::spawn(move || tells.send(child.wait_with_output()));
    match told.recv_timeout(Duration::from_secs(60)) {
        Ok(output) => output.expect("its output"),
        Err(_) => {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            panic!("it goes on instead of ending");
        }
    }
}

/// The fixture before it is started, in a directory of its own.
#[derive(Clone)]
pub(crate) struct Fixture {
    program: Program,
    dir: Arc<TempDir>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    log: PathBuf,
    /// What its clients say that they can do.
    pub(super) abilities: Value,
}

impl Fixture {
    /// With the manifests, the tokens of everybody, and an audit file.
    pub(crate) fn new() -> Self {
        let fixture = Self::bare();
        MANIFESTS
            .iter()
            .fold(fixture.tokens(&Cast::ALL), |fixture, (kind, scopes)| fixture.manifest(kind, scopes))
            .env("DOORMAN_LOG", "trace")
    }

    /// The reference server with an audit file, without manifests and tokens. Its data is in `data`, which
    /// `${DOORMAN_DATA}` names.
    pub(crate) fn reference() -> Self {
        let fixture = Self::empty(Program::Reference);
        let data = fixture.path("data");
        fs::create_dir_all(format!("{data}/files")).expect("a directory");
        fixture.env("DOORMAN_DATA", data).env("DOORMAN_LOG", "trace")
    }

    /// The tokens of these.
    pub(crate) fn tokens(self, casts: &[Cast]) -> Self {
        let mut tokens = String::from("tokens:\n");
        for cast in casts {
            let digest = digest(&cast.token());
            tokens += &format!("  - {{sha256: {digest}, agent_id: {}, agent_type: {}}}\n", cast.id, cast.kind);
        }
        let tokens = self.private("tokens.yaml", &tokens);
        self.arg("--tokens").arg(tokens)
    }

    /// Tokens of authorization servers are taken as this says (JSON is YAML, too).
    pub(crate) fn auth(self, said: &Value) -> Self {
        let file = self.private("auth.yaml", &said.to_string());
        self.arg("--auth").arg(file)
    }

    /// Without manifests and tokens.
    pub(crate) fn bare() -> Self {
        let fixture = Self::empty(Program::Fixture);
        let base = fixture.path("base");
        for instance in ["docs", "work", "late"] {
            fs::create_dir_all(format!("{base}/{instance}")).expect("a directory");
        }
        fixture.env("FIXTURE_SECRET", SECRET).env("FIXTURE_BASE", base)
    }

    fn empty(program: Program) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("audit.jsonl");
        let args = vec!["--audit-log".to_owned(), log.display().to_string()];
        Self { program, dir: Arc::new(dir), args, env: Vec::new(), log, abilities: json!({}) }
    }

    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Its clients say that they can do this.
    pub(crate) fn able(mut self, abilities: Value) -> Self {
        self.abilities = abilities;
        self
    }

    /// Audit records go to the application's own sink, which appends to a path.
    pub(crate) fn audit_to(mut self, path: &str) -> Self {
        self.args.retain(|arg| *arg != "--audit-log" && *arg != self.log.display().to_string());
        self.env("FIXTURE_AUDIT", path)
    }

    /// Audit records go where the command line says.
    pub(crate) fn audit_log(mut self, destination: &str) -> Self {
        for arg in self.args.iter_mut().filter(|arg| **arg == self.log.display().to_string()) {
            destination.clone_into(arg);
        }
        self
    }

    /// Audit records go to a file that rotates at so many bytes.
    pub(crate) fn audit_rotated(self, bytes: u32) -> Self {
        let log = self.log.display().to_string();
        self.audit_to(&log).env("FIXTURE_AUDIT_ROTATE", bytes.to_string())
    }

    /// Where the audit log is, unless another place was said.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// A manifest that grants scopes, written as a YAML list.
    pub(crate) fn manifest(self, kind: &str, scopes: &str) -> Self {
        self.manifest_of(kind, &format!("scopes: {scopes}\n"))
    }

    /// A manifest for a type of agents, with all that it says beside.
    pub(crate) fn manifest_of(self, kind: &str, text: &str) -> Self {
        let file = self.file(&format!("{kind}.yaml"), &format!("agent_type: {kind}\n{text}"));
        self.arg("--manifest").arg(file)
    }

    /// Whoever starts it says that it is this agent.
    pub(crate) fn launched_by(self, cast: Cast) -> Self {
        self.env("AGENT_ID", cast.id).env("AGENT_TYPE", cast.kind)
    }

    /// A path in its directory.
    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// A file that others may read.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("writes");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("changes the mode");
        path
    }

    /// A file that only its owner may read.
    pub(crate) fn private(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        let file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("writes");
        path
    }

    /// The command that starts it: no variable of ours but what the test says.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.program.path());
        command.env_clear().args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// As [`command`](Self::command), with these arguments and none of its own.
    pub(crate) fn command_alone(&self, args: &[&str]) -> Command {
        let mut command = Self { args: Vec::new(), ..self.clone() }.command();
        command.args(args);
        command
    }

    /// Starts it on HTTP.
    #[track_caller]
    pub(crate) fn serve(&self) -> Server {
        self.serve_at("127.0.0.1:0")
    }

    /// Starts it on HTTP, on this port.
    #[track_caller]
    pub(crate) fn serve_on(&self, port: u16) -> Server {
        self.serve_at(&format!("127.0.0.1:{port}"))
    }

    /// Starts it on HTTP, on an address with any port.
    #[track_caller]
    pub(crate) fn serve_at(&self, address: &str) -> Server {
        let mut command = self.command();
        command.args(["--http", address]);
        let process = Process::start(command);
        let address = eventually("the server's address", || {
            let said = process.stderr();
            assert!(process.status().is_none(), "the fixture ended: {said}");
            let said = said.lines().find_map(|line| line.strip_prefix("serving MCP on http"))?;
            said.trim_start_matches('s').strip_prefix("://")?.split('/').next()?.parse().ok()
        });
        Server { process: Arc::new(process), address, fixture: self.clone() }
    }

    /// Starts it on stdio, without a word to it.
    pub(crate) fn lines(&self) -> Lines {
        Lines::start(self.command())
    }

    /// Starts it and lets somebody call through a door.
    #[track_caller]
    pub(crate) fn caller(&self, door: Door, cast: Cast) -> Caller {
        match door {
            Door::Http(era) => self.serve().caller(cast, era),
            Door::Stdio(era) => Caller::stdio(self.clone().launched_by(cast), era),
        }
    }

    /// Starts it on stdio, and says nothing of who calls.
    #[track_caller]
    pub(crate) fn unnamed(&self, era: Era) -> Caller {
        Caller::stdio(self.clone(), era)
    }

    /// Starts it, and gives its exit code and all it said on stderr; its stdout must stay empty.
    #[track_caller]
    pub(crate) fn refuses(&self) -> (i32, String) {
        let output = ended(self.command());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "nothing goes to stdout");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Runs it with these arguments alone, and gives its exit code, stdout and stderr.
    #[track_caller]
    pub(crate) fn says(&self, args: &[&str]) -> (i32, String, String) {
        Self { args: Vec::new(), ..self.clone() }.says_with_args(args)
    }

    /// Runs it with these arguments, too, and gives its exit code, stdout and stderr.
    #[track_caller]
    pub(crate) fn says_with_args(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = self.command();
        command.args(args);
        let output = ended(command);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// The audit log as it was written.
    pub(crate) fn audit_text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// All audit records of a kind.
    pub(crate) fn audit(&self, kind: &str) -> Vec<Value> {
        let text = self.audit_text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
        lines.filter(|record| record["kind"] == kind).collect()
    }

    /// The audit log from here on.
    pub(crate) fn tail(&self) -> Tail {
        Tail { log: self.log.clone(), read: self.audit_text().len() }
    }

    /// The records of calls of one capability.
    pub(crate) fn calls(&self, capability: &str) -> Vec<Value> {
        self.audit("call").into_iter().filter(|record| record["capability"] == capability).collect()
    }

    /// Waits for the first record of a call of a capability, and gives its verdict.
    #[track_caller]
    pub(crate) fn verdict(&self, capability: &str) -> String {
        let record = eventually("the audit record", || self.calls(capability).into_iter().next());
        record["verdict"].as_str().unwrap_or_default().to_owned()
    }
}

/// An audit log that is read as it grows. A record is there before its reply is.
pub(crate) struct Tail {
    log: PathBuf,
    read: usize,
}

impl Tail {
    /// The records of calls that have come since it was last asked.
    pub(crate) fn calls(&mut self) -> Vec<Value> {
        let mut file = fs::File::open(&self.log).expect("the audit log");
        let mut text = String::new();
        file.seek(SeekFrom::Start(self.read as u64)).expect("it is as long");
        file.read_to_string(&mut text).expect("it is text");
        self.read += text.len();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
        records.filter(|record| record["kind"] == "call").collect()
    }
}

/// The fixture on HTTP.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) process: Arc<Process>,
    pub(crate) address: SocketAddr,
    pub(crate) fixture: Fixture,
}

impl Server {
    /// Lets somebody call with their token.
    #[track_caller]
    pub(crate) fn caller(&self, cast: Cast, era: Era) -> Caller {
        Caller::http(self.clone(), Some(&cast.token()), era)
    }

    /// Lets somebody call with any token.
    #[track_caller]
    pub(crate) fn bearing(&self, token: &str, era: Era) -> Caller {
        Caller::http(self.clone(), Some(token), era)
    }

    /// Lets somebody call without a token.
    #[track_caller]
    pub(crate) fn stranger(&self, era: Era) -> Caller {
        Caller::http(self.clone(), None, era)
    }
}
