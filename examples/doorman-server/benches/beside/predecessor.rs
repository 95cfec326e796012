//! scoped-mcp from PyPI.

use std::path::Path;

use super::{Outcome, python, world::Program};

/// What the table calls it.
pub(crate) const NAME: &str = "scoped-mcp";
/// With what its sqlite module needs.
const PACKAGE: &str = "scoped-mcp[sqlite]==1.19.1";
const FOLDER: &str = "scoped-mcp-1.19.1";

/// The given program, or one that is installed now.
pub(crate) fn program(given: Option<&Path>) -> Outcome<Program> {
    let program = match given {
        Some(program) => program.to_owned(),
        None => python::environment(FOLDER, &[PACKAGE])?.join("bin/scoped-mcp"),
    };
    if !program.is_file() {
        return Err(format!("there is no {}", program.display()).into());
    }
    Ok(Program::Predecessor(program))
}
