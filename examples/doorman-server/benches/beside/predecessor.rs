//! scoped-mcp from PyPI, in a Python environment of its own below the target folder, made once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Outcome, world::Program};

/// What the table calls it.
pub(crate) const NAME: &str = "scoped-mcp";
/// With what its sqlite module needs.
const PACKAGE: &str = "scoped-mcp[sqlite]==1.19.1";
const FOLDER: &str = "scoped-mcp-1.19.1";

/// The given program, or one that is installed now.
pub(crate) fn program(given: Option<&Path>) -> Outcome<Program> {
    let program = match given {
        Some(program) => program.to_owned(),
        None => installed()?,
    };
    if !program.is_file() {
        return Err(format!("there is no {}", program.display()).into());
    }
    Ok(Program::Predecessor(program))
}

fn installed() -> Outcome<PathBuf> {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(FOLDER);
    let program = environment.join("bin/scoped-mcp");
    // Written last: an environment without it is half of one.
    let marker = environment.join("installed");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == PACKAGE) {
        return Ok(program);
    }
    println!("installing {PACKAGE} …");
    if environment.exists() {
        fs::remove_dir_all(&environment)?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let mut pip = Command::new(environment.join("bin/pip"));
    run(pip.args(["--quiet", "--disable-pip-version-check", "install", PACKAGE]))?;
    fs::write(&marker, PACKAGE)?;
    Ok(program)
}

fn run(command: &mut Command) -> Outcome<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
    Err(format!("{} failed: {last}", command.get_program().display()).into())
}
