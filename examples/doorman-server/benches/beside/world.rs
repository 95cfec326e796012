//! The programs that are compared, and what an operator gives them.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use aws_lc_rs::digest::{SHA256, digest};
use tempfile::TempDir;

use super::Outcome;

/// A server.
pub(crate) enum Program {
    /// The one that is built here.
    Doorman,
    /// Its predecessor, as it is installed there.
    Predecessor(PathBuf),
}

impl Program {
    /// Serves a world on stdio; both programs take the same arguments.
    pub(crate) fn on_stdio(&self, world: &World) -> Outcome<Command> {
        let mut command = self.command();
        command.arg("run").arg("--manifest").arg(world.path("manifests/0.yaml"));
        command.arg("--audit-log").arg(world.path("audit.jsonl"));
        command.envs([("AGENT_ID", agent(0)), ("AGENT_TYPE", agent(0))]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(world.said()?);
        Ok(command)
    }

    /// Serves all agents of a world over HTTP.
    pub(crate) fn on_http(&self, world: &World) -> Command {
        let mut command = self.command();
        command.args(["run", "--transport", "http", "--port", "0", "--manifest"]).arg(world.path("manifests"));
        command.arg("--tokens").arg(world.path("tokens.yaml")).arg("--audit-log").arg(world.path("audit.jsonl"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn command(&self) -> Command {
        match self {
            Self::Doorman => Command::new(env!("CARGO_BIN_EXE_doorman-server")),
            Self::Predecessor(program) => Command::new(program),
        }
    }

    /// Its version and that of its Python.
    pub(crate) fn describe(&self) -> Outcome<String> {
        let Self::Predecessor(program) = self else { return Ok("doorman-server".to_owned()) };
        // The interpreter that the installed script names.
        let script = fs::read_to_string(program)?;
        let python = script.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or("python3");
        let asked = "import sys, importlib.metadata as m; \
                     print('scoped-mcp', m.version('scoped-mcp'), '· fastmcp', m.version('fastmcp'), \
                     '· Python', sys.version.split()[0])";
        let output = Command::new(python.trim()).args(["-c", asked]).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }
}

/// A fresh folder: manifests, tokens, what the agents keep, and the logs.
pub(crate) struct World(TempDir);

impl World {
    /// Of so many agents, each of a type of its own, which has a manifest of its own with a folder and a database.
    pub(crate) fn new(agents: usize) -> Outcome<Self> {
        let world = Self(TempDir::new()?);
        fs::create_dir(world.path("manifests"))?;
        let private = OpenOptions::new().write(true).create_new(true).mode(0o600).open(world.path("tokens.yaml"))?;
        let mut private = std::io::BufWriter::new(private);
        writeln!(private, "tokens:")?;
        for number in 0..agents {
            let (agent, files, databases) = (agent(number), world.files(number), world.databases(number));
            fs::create_dir_all(&files)?;
            fs::create_dir_all(&databases)?;
            let (files, databases) = (files.display(), databases.display());
            let manifest = format!(
                "agent_type: {agent}\n\
                 modules:\n\
                 \x20 filesystem:\n    mode: write\n    config:\n      base_path: {files}\n\
                 \x20 sqlite:\n    mode: write\n    config:\n      db_dir: {databases}\n"
            );
            fs::write(world.path(&format!("manifests/{number}.yaml")), manifest)?;
            let hash: String =
                digest(&SHA256, token(number).as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(private, "  - {{sha256: \"{hash}\", agent_id: {agent}, agent_type: {agent}}}")?;
        }
        private.flush()?;
        Ok(world)
    }

    fn files(&self, number: usize) -> PathBuf {
        self.path("files").join(agent(number))
    }

    fn databases(&self, number: usize) -> PathBuf {
        self.path("databases").join(agent(number))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where a server on stdio says what it has to say.
    fn said(&self) -> Outcome<File> {
        Ok(File::create(self.path("stderr"))?)
    }

    /// What a server on stdio has said so far.
    pub(crate) fn complaint(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }
}

/// The name of an agent, and of its type.
pub(crate) fn agent(number: usize) -> String {
    format!("agent-{number:04}")
}

/// The token of an agent.
pub(crate) fn token(number: usize) -> String {
    format!("beside-{number:04}-u6Qe0Zt3rWv8")
}
