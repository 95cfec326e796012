//! The reference server beside scoped-mcp, its predecessor, on the same manifest and in the same run.
//!
//! `cargo bench -p doorman-server --bench beside` takes a few minutes. After `--`: `--quick` for a run that only shows
//! that everything works, `--json FILE`, `--only ROWS` (`start`, `calls`, `agents`), `--scoped-mcp PROGRAM` for one that
//! is installed already (otherwise it is installed from PyPI into the target folder, which takes `python3` with `venv`),
//! `--without-baseline` if there need be none.

#![allow(clippy::print_stdout)]

mod http;
#[path = "../../../../doorman/benches/figures/machine.rs"]
mod machine;
mod numbers;
mod predecessor;
mod process;
mod python;
mod rows;
mod stdio;
mod table;
mod world;

use std::{error::Error, fs, path::PathBuf, process::ExitCode};

use table::{Baseline, Row};
use world::Program;

/// What anything here returns.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// What was asked for.
#[derive(Default)]
pub(crate) struct Options {
    quick: bool,
    without_baseline: bool,
    json: Option<PathBuf>,
    only: Option<String>,
    scoped_mcp: Option<PathBuf>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match &*arg {
                "--quick" => options.quick = true,
                "--without-baseline" => options.without_baseline = true,
                "--json" => options.json = Some(args.next().ok_or("--json takes a file")?.into()),
                "--only" => options.only = Some(args.next().ok_or("--only takes the name of some rows")?),
                "--scoped-mcp" => options.scoped_mcp = Some(args.next().ok_or("--scoped-mcp takes a program")?.into()),
                // What cargo adds.
                "--bench" => {}
                other => {
                    let known = "--quick, --json FILE, --only ROWS, --scoped-mcp PROGRAM or --without-baseline";
                    return Err(format!("expected {known}; found {other}").into());
                }
            }
        }
        Ok(options)
    }

    fn wants(&self, rows: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == rows)
    }
}

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| measure(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("beside: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Outcome<()> {
    let machine = machine::describe();
    println!("{machine}");
    let doorman = Program::Doorman;
    let predecessor = if options.without_baseline {
        Err("not asked for".to_owned())
    } else {
        predecessor::program(options.scoped_mcp.as_deref()).map_err(|error| error.to_string())
    };
    match &predecessor {
        Ok(program) => println!("{}", program.describe()?),
        Err(why) => println!("{}: NOT MEASURED: {why}", predecessor::NAME),
    }
    let mut all: Vec<Row> = Vec::new();
    let mut show = |title: &str, rows: Vec<Row>| {
        table::print(title, &rows);
        all.extend(rows);
    };
    let mut memory = Baseline::Missing(predecessor.as_ref().err().cloned().unwrap_or_else(|| "see start".to_owned()));
    if options.wants("start") {
        let start = rows::start::rows(options, &doorman, &predecessor)?;
        show("start, on stdio", start.rows);
        memory = start.memory;
    }
    if options.wants("calls") {
        show("calls on stdio, one after the other", rows::calls::rows(options, &doorman, &predecessor)?);
    }
    if options.wants("agents") {
        let (title, rows) = rows::agents::rows(options, &doorman, &memory)?;
        show(&title, rows);
    }
    println!("\nload at the end: {}", fs::read_to_string("/proc/loadavg")?.trim());
    if let Some(file) = &options.json {
        fs::write(file, format!("{:#}\n", table::to_json(&machine, &all)))?;
    }
    match predecessor {
        Err(why) if !options.without_baseline => {
            Err(format!("{} was not measured: {why}; --without-baseline if that is well", predecessor::NAME).into())
        }
        _ => Ok(()),
    }
}
