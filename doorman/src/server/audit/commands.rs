//! `audit keygen`, `verify`, `tail` and `stats`.

use std::{
    fs::File,
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use doorman_grammar::duration;
use serde_json::json;

use super::super::{Error, log::tell};
use crate::{
    audit::{
        Entry, Filter, Finding, Follow, Head, PublicKey, Report, SigningKey, Stats, Verifier, last, log_files,
        open_regular, time_text, visible, visible_json,
    },
    credentials::read_public_bytes,
};

/// How many findings are printed. All are counted.
const MOST_PRINTED: u64 = 100;

/// The most lines that `tail` gives at once.
const MOST_LINES: usize = 100_000;

/// What is asked of a log.
pub(in super::super) enum AuditCommand {
    Keygen { key: PathBuf },
    Verify { files: Vec<PathBuf>, keys: Vec<PathBuf>, heads: Vec<Head>, json: bool },
    Tail { log: PathBuf, count: usize, follow: bool, filter: Filter, json: bool },
    Stats { files: Vec<PathBuf>, since: Option<String>, json: bool },
}

pub(in super::super) fn command() -> Command {
    let files = || {
        Arg::new("files")
            .value_name("FILE")
            .required(true)
            .num_args(1..)
            .value_parser(value_parser!(PathBuf))
            .help("The log; its rotated files FILE.N are found. Several: exactly these, oldest first")
    };
    let log = || Arg::new("log").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help("The log");
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help("As JSON");
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("audit").about("Read and verify audit logs, without a server").subcommand_required(true).subcommands([
        Command::new("keygen")
            .about("Make a key that signs a log: FILE (0600) for the server, FILE.pub for whoever verifies")
            .arg(Arg::new("key").value_name("FILE").required(true).value_parser(value_parser!(PathBuf))),
        Command::new("verify")
            .about("Say whether a chained log is as it was written; exit 1 if it isn't, 2 if it can't be read")
            .arg(files())
            .arg(
                text(
                    "key",
                    "PUBLIC",
                    "A public key (PEM or DER) that checkpoints must be signed by, or one of several",
                )
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append),
            )
            .arg(
                text("expect-head", "N:HASH", "A head that an earlier run printed: this line must still be there")
                    .value_parser(|text: &str| text.parse::<Head>())
                    .action(ArgAction::Append),
            )
            .arg(json()),
        Command::new("tail")
            .about("Show the last lines of a log")
            .arg(log())
            .arg(text("lines", "N", "How many [default: 10]").short('n').value_parser(value_parser!(usize)))
            .arg(
                Arg::new("follow")
                    .short('f')
                    .long("follow")
                    .action(ArgAction::SetTrue)
                    .help("Go on with what is added, over rotations"),
            )
            .arg(text("agent", "ID", "Of this agent"))
            .arg(text("capability", "NAME", "Of this capability"))
            .arg(text("verdict", "VERDICT", "With this verdict"))
            .arg(text("kind", "KIND", "Of this kind: call, intent, rejected, recovered, chain, checkpoint"))
            .arg(json()),
        Command::new("stats")
            .about("Count calls, verdicts and latencies for each agent and capability")
            .arg(files())
            .arg(
                text("since", "TIME", "From this time on: 2026-01-31T12:00:00Z, or how long ago, as in 1h")
                    .value_parser(since),
            )
            .arg(json()),
    ])
}

impl AuditCommand {
    pub(in super::super) fn of(mut matches: ArgMatches) -> Result<Self, Error> {
        let (name, mut matches) = matches.remove_subcommand().ok_or_else(|| Error::Usage("audit what?".to_owned()))?;
        let paths = |matches: &mut ArgMatches, name: &str| -> Vec<PathBuf> {
            matches.remove_many(name).map(Iterator::collect).unwrap_or_default()
        };
        let needed = || Error::Usage("expected a file".to_owned());
        Ok(match &*name {
            "keygen" => Self::Keygen { key: matches.remove_one("key").ok_or_else(needed)? },
            "verify" => Self::Verify {
                files: paths(&mut matches, "files"),
                keys: paths(&mut matches, "key"),
                heads: matches.remove_many("expect-head").map(Iterator::collect).unwrap_or_default(),
                json: matches.get_flag("json"),
            },
            "tail" => Self::Tail {
                log: matches.remove_one("log").ok_or_else(needed)?,
                count: matches.remove_one("lines").unwrap_or(10).min(MOST_LINES),
                follow: matches.get_flag("follow"),
                filter: Filter {
                    agent: matches.remove_one("agent"),
                    capability: matches.remove_one("capability"),
                    verdict: matches.remove_one("verdict"),
                    kind: matches.remove_one("kind"),
                },
                json: matches.get_flag("json"),
            },
            _ => Self::Stats {
                files: paths(&mut matches, "files"),
                since: matches.remove_one("since"),
                json: matches.get_flag("json"),
            },
        })
    }

    /// Does it, on stdout.
    pub(in super::super) fn run(self) -> Result<(), Error> {
        let out = &mut io::stdout().lock();
        let done = match self {
            Self::Keygen { key } => keygen(&key, out),
            Self::Verify { files, keys, heads, json } => verify(&all(files), &keys, heads, json, out),
            Self::Tail { log, count, follow, filter, json } => tail(&log, count, follow, &filter, json, out),
            Self::Stats { files, since, json } => stats(&all(files), since, json, out),
        };
        match done {
            // Whoever read has read enough.
            Err(Failed::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(Failed::Output(error)) => Err(Error::Io { what: "stdout".to_owned(), error }),
            Err(Failed::Input(what)) => Err(Error::Usage(what)),
            Err(Failed::Findings(count)) => Err(Error::Findings(count)),
            Ok(()) => Ok(()),
        }
    }
}

/// Why a command came to no good end.
enum Failed {
    Output(io::Error),
    Input(String),
    Findings(u64),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Failed {
    let path = path.display().to_string();
    move |error| Failed::Input(format!("{path}: {error}"))
}

/// One log with its rotated files, or the files as they are said.
fn all(mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    if let [log] = &*files {
        let found = log_files(log);
        if !found.is_empty() {
            files = found;
        }
    }
    files
}

fn open(path: &Path) -> Result<BufReader<File>, Failed> {
    let file = open_regular(path).map_err(unreadable(path))?;
    Ok(BufReader::with_capacity(1 << 18, file))
}

fn keygen(path: &Path, out: &mut impl Write) -> Result<(), Failed> {
    let (key, pem) = SigningKey::generate().map_err(Failed::Input)?;
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    write_new(path, 0o600, pem.as_bytes())?;
    write_new(&public, 0o644, key.public_pem().as_bytes()).inspect_err(|_| {
        // Half a pair is of no use. It is ours: it was made just now.
        drop(std::fs::remove_file(path));
    })?;
    writeln!(out, "key {}: {} for the server, {} to verify with", key.id(), path.display(), public.display())?;
    Ok(())
}

/// A key that is there is never written over.
fn write_new(path: &Path, mode: u32, text: &[u8]) -> Result<(), Failed> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = file.map_err(unreadable(path))?;
    let written = file.write_all(text).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(std::fs::remove_file(path))).map_err(unreadable(path))
}

fn verify(
    files: &[PathBuf],
    keys: &[PathBuf],
    heads: Vec<Head>,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Failed> {
    let keys = keys.iter().map(|path| {
        let key = read_public_bytes(path).and_then(|bytes| PublicKey::parse(&bytes));
        key.map_err(|error| Failed::Input(format!("{}: {error}", path.display())))
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let mut printed = Ok(());
    let mut count = 0;
    let mut told = Vec::new();
    let mut verifier = Verifier::new(&keys, |finding: Finding| {
        count += 1;
        if json && count <= MOST_PRINTED {
            told.push(json!({"file": finding.file, "line": finding.line, "what": finding.what}));
        } else if count <= MOST_PRINTED && printed.is_ok() {
            printed = writeln!(out, "{}", visible(&finding.to_string()));
        }
    });
    heads.into_iter().for_each(|head| verifier.expect(head));
    for path in files {
        verifier.file(&path.display().to_string(), open(path)?).map_err(unreadable(path))?;
    }
    let report = verifier.end();
    printed?;
    if json {
        let open = report.open.iter().take(MOST_PRINTED as usize);
        let open: Vec<_> = open.map(|(file, line)| json!({"file": file, "line": line})).collect();
        let summary = json!({"files": files.len(), "lines": report.lines, "first": report.first,
            "head": report.head.map(|head| head.to_string()), "checkpoints": report.checkpoints,
            "checkpoints_unverified": report.unverified, "unsigned": report.unsigned, "intents_without_call": open,
            "intents_without_call_count": report.open.len(),
            "findings": told, "findings_count": report.findings});
        writeln!(out, "{summary:#}")?;
    } else {
        summary(&report, files.len(), out)?;
    }
    if report.findings > 0 { Err(Failed::Findings(report.findings)) } else { Ok(()) }
}

fn summary(report: &Report, files: usize, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{} lines in {files} files", report.lines)?;
    match report.first {
        None if report.lines == 0 => writeln!(out, "nothing is there: no line")?,
        Some(1) => writeln!(out, "from the beginning of the chain")?,
        Some(first) => writeln!(out, "from line {first} of the chain on; what was before isn't here")?,
        None => {}
    }
    if report.unverified > 0 {
        writeln!(out, "{} checkpoints not verified: no --key", report.unverified)?;
    } else {
        writeln!(out, "{} checkpoints; {} lines after the last", report.checkpoints, report.unsigned)?;
    }
    for (file, line) in report.open.iter().take(MOST_PRINTED as usize) {
        writeln!(out, "{}:{line}: a destructive call began, and no record says how it ended", visible(file))?;
    }
    if let Some(head) = report.head {
        writeln!(out, "head {head}")?;
    }
    Ok(())
}

fn tail(
    log: &Path,
    count: usize,
    follow: bool,
    filter: &Filter,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Failed> {
    const PAUSE: Duration = Duration::from_millis(200);
    let ending = last(log, count, filter).map_err(unreadable(log))?;
    if ending.cut {
        tell("the last 64 MiB of these lines; there are more");
    }
    for line in &ending.lines {
        show(line, json, out)?;
    }
    out.flush()?;
    if !follow {
        return Ok(());
    }
    let mut following = Follow::from(log, ending.at);
    loop {
        let mut shown = Ok(());
        let polled = following.poll(filter, |line| {
            if shown.is_ok() {
                shown = show(line, json, out);
            }
        });
        polled.map_err(unreadable(log))?;
        shown?;
        out.flush()?;
        std::thread::sleep(PAUSE);
    }
}

fn show(line: &[u8], json: bool, out: &mut impl Write) -> io::Result<()> {
    match Entry::of(line) {
        Some(_) if json => writeln!(out, "{}", visible_json(&String::from_utf8_lossy(line))),
        Some(entry) => writeln!(out, "{entry}"),
        None if json => Ok(()),
        None => writeln!(out, "(no record: {} bytes)", line.len()),
    }
}

fn stats(files: &[PathBuf], since: Option<String>, json: bool, out: &mut impl Write) -> Result<(), Failed> {
    let mut stats = Stats::since(since);
    for path in files {
        stats.file(open(path)?).map_err(unreadable(path))?;
    }
    let shown = if json { writeln!(out, "{:#}", stats.to_json()) } else { write!(out, "{stats}") };
    Ok(shown?)
}

/// A time, as records say it: said as such, or as how long ago.
fn since(text: &str) -> Result<String, String> {
    use time::{OffsetDateTime, format_description::well_known::Rfc3339};
    if let Ok(ago) = duration::parse(text) {
        return Ok(time_text(SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH)));
    }
    let time = OffsetDateTime::parse(text, &Rfc3339);
    let time = time.map_err(|_| "expected a time such as 2026-01-31T12:00:00Z, or a duration such as 1h".to_owned())?;
    Ok(time_text(time.into()))
}
