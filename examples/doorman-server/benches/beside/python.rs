//! Packages from PyPI, in a Python environment of their own below the target folder, made once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::Outcome;

/// The environment that has these packages, installed now if it isn't there.
pub(crate) fn environment(folder: &str, packages: &[&str]) -> Outcome<PathBuf> {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let wanted = packages.join(" ");
    // Written last: an environment without it is half of one.
    let marker = environment.join("installed");
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(environment);
    }
    println!("installing {wanted} …");
    if environment.exists() {
        fs::remove_dir_all(&environment)?;
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
    let mut pip = Command::new(environment.join("bin/pip"));
    run(pip.args(["--quiet", "--disable-pip-version-check", "install"]).args(packages))?;
    fs::write(&marker, wanted)?;
    Ok(environment)
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
