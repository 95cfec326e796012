//! The figures that doorman is held to, each beside its goal and its baseline of the same run.
//!
//! `cargo bench -p doorman --features oauth --bench figures` takes a few minutes. After `--`: `--quick` for a run that only shows that
//! everything works, `--json FILE`, `--only ROWS` (`http`, `asking`, `identity`, `guard`, `audit`, `redaction`, `listing`, `start`, `state`,
//! `memory`, `telemetry`),
//! and `--compile` for the rows on compile time, which take longer than all others.

#![allow(clippy::print_stdout)]

mod bare;
mod client;
mod instructions;
#[cfg(feature = "oauth")]
mod issuer;
mod load;
mod machine;
mod roles;
mod rows;
mod server;
mod table;
mod tools;

use std::{error::Error, path::PathBuf, process::ExitCode};

use table::Row;

/// What anything here returns.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// What was asked for.
#[derive(Default)]
pub(crate) struct Options {
    quick: bool,
    compile: bool,
    json: Option<PathBuf>,
    only: Option<String>,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match &*arg {
                "--quick" => options.quick = true,
                "--compile" => options.compile = true,
                "--json" => options.json = Some(args.next().ok_or("--json takes a file")?.into()),
                "--only" => options.only = Some(args.next().ok_or("--only takes the name of some rows")?),
                // What cargo adds.
                "--bench" => {}
                other => {
                    return Err(
                        format!("expected --quick, --compile, --json FILE or --only ROWS; found {other}").into()
                    );
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
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = roles::play(&args).unwrap_or_else(|| measure(args));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("figures: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: Vec<String>) -> Outcome<()> {
    let options = Options::parse(args.into_iter())?;
    let machine = machine::describe();
    println!("{machine}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut all: Vec<Row> = Vec::new();
    let mut show = |title: &str, rows: Vec<Row>| {
        table::print(title, &rows);
        all.extend(rows);
    };
    if options.wants("http") {
        show("the whole guard over HTTP", runtime.block_on(rows::http::rows(&options))?);
    }
    if options.wants("asking") {
        show("questions", runtime.block_on(rows::asking::rows(&options))?);
    }
    if options.wants("identity") {
        #[cfg(feature = "oauth")]
        show("who calls", runtime.block_on(rows::identity::rows(&options))?);
        #[cfg(not(feature = "oauth"))]
        show("who calls", vec![table::Row::skipped("tokens of issuers", "NOT MEASURED: takes --features oauth")]);
    }
    if options.wants("guard") {
        show("the guard alone", runtime.block_on(rows::guard::rows(&options))?);
    }
    if options.wants("audit") {
        show("the audit log", rows::audit::rows(&options)?);
    }
    if options.wants("redaction") {
        show("redaction alone", rows::redaction::rows(&options)?);
    }
    if options.wants("listing") {
        show("listing", runtime.block_on(rows::listing::rows(&options))?);
    }
    if options.wants("start") {
        show("start", rows::start::rows(&options)?);
    }
    if options.wants("state") {
        show("counts in each store", rows::state::rows(&options)?);
    }
    if options.wants("telemetry") {
        #[cfg(feature = "telemetry")]
        show("telemetry", runtime.block_on(rows::telemetry::rows(&options))?);
        #[cfg(not(feature = "telemetry"))]
        show(
            "telemetry",
            vec![table::Row::skipped("what telemetry costs", "NOT MEASURED: takes --features telemetry")],
        );
    }
    if options.wants("memory") {
        show("memory", runtime.block_on(rows::memory::rows(&options))?);
    }
    if options.compile && options.wants("compile") {
        show("compile time", rows::compile::rows(&options)?);
    }
    if let Some(file) = &options.json {
        std::fs::write(file, format!("{:#}\n", table::to_json(&machine, &all)))?;
    }
    Ok(())
}
