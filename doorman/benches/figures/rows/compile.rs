//! What `#[expose]` costs at compile time, and a user's rebuild. In a scratch workspace whose dependencies are built once
//! and kept in the target directory.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    Options, Outcome,
    load::median,
    table::{Goal, Row, Unit},
};

const TOOLS: usize = 100;
const TYPES: [&str; 10] =
    ["String", "u32", "bool", "Option<String>", "i64", "Vec<String>", "f64", "Option<u32>", "Vec<i64>", "u64"];

pub(crate) fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let scratch = Scratch::new()?;
    for package in ["annotated", "plain"] {
        scratch.cargo(&["build", "-p", package])?;
    }
    scratch.cargo(&["build", "--release", "-p", "quickstart"])?;
    let rounds = if options.quick { 1 } else { 5 };
    let (mut annotated, mut plain, mut rebuilt) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        for (package, seen) in [("annotated", &mut annotated), ("plain", &mut plain)] {
            scratch.cargo(&["clean", "-p", package])?;
            seen.push(scratch.cargo(&["build", "-p", package])?);
        }
        scratch.edit(round)?;
        rebuilt.push(scratch.cargo(&["build", "--release", "-p", "quickstart"])?);
    }
    let (annotated, plain) = (median(annotated.into_iter()), median(plain.into_iter()));
    let each = (annotated - plain) * 1e3 / TOOLS as f64;
    Ok(vec![
        Row::new("debug build of 100 tools, CPU", annotated, Unit::Seconds, Goal::Open).against(plain, "not annotated"),
        Row::new("one more tool, CPU", each, Unit::Millis, Goal::AtMost(20.0)),
        Row::new(
            "release rebuild of the quickstart, CPU",
            median(rebuilt.into_iter()),
            Unit::Seconds,
            Goal::AtMost(3.0),
        ),
    ])
}

/// A workspace beside this one, with the same dependencies.
struct Scratch {
    place: TempDir,
    target: PathBuf,
}

impl Scratch {
    fn new() -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
        // This binary is `TARGET/release/deps/figures-…`.
        let binary = std::env::current_exe()?;
        let target = binary.ancestors().nth(3).ok_or("no target directory")?.join("figures-compile");
        let scratch = Self { place: TempDir::new()?, target };
        let workspace = fs::read_to_string(root.join("Cargo.toml"))?;
        let (start, end) = workspace.split_once("members = [").ok_or("no members")?;
        let (_, end) = end.split_once(']').ok_or("no members")?;
        let end = end.replace("path = \"", &format!("path = \"{}/", root.display()));
        scratch.write("Cargo.toml", &format!("{start}members = [\"annotated\", \"plain\", \"quickstart\"]{end}"))?;
        fs::copy(root.join("Cargo.lock"), scratch.place.path().join("Cargo.lock"))?;
        copy(&root.join("examples/quickstart"), &scratch.place.path().join("quickstart"))?;
        for (package, annotated) in [("annotated", true), ("plain", false)] {
            let manifest = format!(
                "[package]\nname = \"{package}\"\nedition.workspace = true\n[dependencies]\ndoorman.workspace = true\nserde.workspace = true\nschemars.workspace = true\n"
            );
            scratch.write(&format!("{package}/Cargo.toml"), &manifest)?;
            scratch.write(&format!("{package}/src/lib.rs"), &source(annotated))?;
        }
        Ok(scratch)
    }

    fn write(&self, name: &str, text: &str) -> Outcome<()> {
        let path = self.place.path().join(name);
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        Ok(fs::write(path, text)?)
    }

    /// An edit as a user makes one.
    fn edit(&self, round: usize) -> Outcome<()> {
        let path = self.place.path().join("quickstart/src/main.rs");
        let text = fs::read_to_string(&path)?;
        Ok(fs::write(path, format!("{text}\nconst _: usize = {round};\n"))?)
    }

    /// Runs cargo; the CPU seconds that it and its compilers took.
    fn cargo(&self, args: &[&str]) -> Outcome<f64> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let before = children()?;
        let output = Command::new(cargo)
            .current_dir(&self.place)
            .args(args)
            .args(["--offline", "--quiet", "--target-dir"])
            .arg(&self.target)
            .env("CARGO_TERM_COLOR", "never")
            .output()?;
        match output.status.success() {
            true => Ok(children()? - before),
            false => Err(format!("cargo {args:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
        }
    }
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name()))?,
            false => drop(fs::copy(entry.path(), to.join(entry.file_name()))?),
        }
    }
    Ok(())
}

/// Functions of four arguments and a state, annotated or not.
fn source(annotated: bool) -> String {
    let mut text = "//! Scratch.\n#![allow(missing_docs)]\nuse doorman::prelude::*;\npub struct Db;\n\
                    #[derive(Serialize, JsonSchema)]\npub struct Reply { pub text: String, pub count: usize }\n"
        .to_owned();
    for tool in 0..TOOLS {
        let expose = if annotated { "#[expose(read_only, scopes = [\"a:read\"])]" } else { "" };
        let ty = |argument: usize| TYPES[(tool * 3 + argument * 7 + tool / 10) % TYPES.len()];
        let arguments: String = (0..4).map(|argument| format!("a{argument}: {}, ", ty(argument))).collect();
        let _ = writeln!(
            text,
            "/// Tool {tool}.\n{expose}\npub async fn tool_{tool}({arguments}db: State<Db>) -> ToolResult<Reply> {{\n    \
             let _ = &db;\n    Ok(Reply {{ text: format!(\"{{a0:?}} {{a1:?}}\"), count: size_of_val(&(a2, a3)) }})\n}}"
        );
    }
    if annotated {
        let names: Vec<String> = (0..TOOLS).map(|tool| format!("tool_{tool}")).collect();
        let _ = writeln!(
            text,
            "pub fn all(app: doorman::Doorman) -> doorman::Doorman {{ app.tools(tools![{}]) }}",
            names.join(", ")
        );
    }
    text
}

/// CPU seconds of all processes that ended under this one (`cutime` and `cstime`, in ticks of 10 ms).
fn children() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name")?;
    let ticks = fields.split_whitespace().skip(13).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}
