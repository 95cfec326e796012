//! `redact`: what this application would mask, in any text. Lines come in on stdin and go out on stdout, one by one and in
//! constant memory; nothing is served.

use std::{
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::PathBuf,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;

use super::{Doorman, Error, checked, inspect, log::tell};
use crate::{
    lines::{Lines, Read},
    redact::{Counts, Kind, More, Plan, Redactor},
};

/// What is asked of the redactor.
pub(super) struct RedactCommand {
    manifests: Vec<PathBuf>,
    keys: Vec<String>,
    form: Form,
}

/// What a line is, and what is given for it.
#[derive(Clone, Copy)]
enum Form {
    /// A text, redacted.
    Text,
    /// One JSON value, redacted.
    Json,
    /// A text, and where in it is what would be masked.
    Spans,
}

pub(super) fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("redact")
        .about("Redact the lines of stdin as results are redacted; exit 1 if a line can't be")
        .arg(
            Arg::new("manifest")
                .long("manifest")
                .value_name("FILE|DIR")
                .value_parser(value_parser!(PathBuf))
                .action(ArgAction::Append)
                .help("Also by what this manifest has masked, or all in a folder"),
        )
        .arg(
            Arg::new("keys")
                .long("keys")
                .value_name("GLOB,…")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .help("More keys whose values are masked, as in iban,*_ref"),
        )
        .arg(flag("json", "Each line is one JSON value").conflicts_with("spans"))
        .arg(flag("spans", "For each line say where what is to be masked is, in code points, as JSON"))
}

impl RedactCommand {
    pub(super) fn of(mut matches: ArgMatches) -> Self {
        let form = match (matches.get_flag("json"), matches.get_flag("spans")) {
            (true, _) => Form::Json,
            (_, true) => Form::Spans,
            _ => Form::Text,
        };
        let mut all = |name| matches.remove_many::<String>(name).map(Iterator::collect).unwrap_or_default();
        let keys = all("keys");
        let manifests = matches.remove_many("manifest").map(Iterator::collect).unwrap_or_default();
        Self { manifests, keys, form }
    }

    pub(super) fn run(self, builder: Doorman) -> Result<(), Error> {
        let form = self.form;
        let plan = self.plan(builder)?;
        let input = BufReader::with_capacity(1 << 18, io::stdin().lock());
        let output = BufWriter::with_capacity(1 << 18, io::stdout().lock());
        match redact(&plan, form, input, output, &mut |line, wrong| tell(&format!("line {line}: {wrong}"))) {
            Ok(0) => Ok(()),
            Ok(lines) => Err(Error::Unredacted(lines)),
            // A reader that went away has read enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Error::Io { what: "stdin or stdout".to_owned(), error }),
        }
    }

    /// The application's rules, those of the manifests, and the keys that were said.
    fn plan(self, mut builder: Doorman) -> Result<Plan, Error> {
        let mut more = More::default();
        for key in &self.keys {
            more.key(key).map_err(|error| Error::Usage(format!("--keys: {error}")))?;
        }
        let plan = |redactor: &Redactor, more: &More| redactor.plan_of_all(more);
        if self.manifests.is_empty() {
            checked::sound(&mut builder)?;
            return Ok(plan(&checked::redactor(&builder, std::iter::empty())?, &more));
        }
        let checked = inspect::check(builder, self.manifests)?;
        checked.grants.all().for_each(|granted| more.merge(granted.redaction()));
        Ok(plan(&checked.rules.redactor, &more))
    }
}

/// Redacts lines; the number of those that couldn't be.
fn redact(
    plan: &Plan,
    form: Form,
    input: impl BufRead,
    mut output: impl Write,
    complain: &mut dyn FnMut(u64, &str),
) -> io::Result<u64> {
    let mut lines = Lines::up_to(input, Plan::MAX_BYTES);
    let (mut number, mut wrong) = (0_u64, 0_u64);
    while let Some(line) = lines.next()? {
        number += 1;
        let (line, newline) = match line {
            Read::Whole(line) => (Ok(line), "\n"),
            Read::Torn(line) => (Ok(line), ""),
            Read::TooLong(_) => (Err(format!("longer than {} bytes", Plan::MAX_BYTES)), "\n"),
        };
        let done = match (line, form) {
            (Err(why), _) => Err(why),
            (Ok(line), Form::Text) => text(plan, line, &mut output),
            (Ok(line), Form::Json) => value(plan, line, &mut output),
            (Ok(line), Form::Spans) => spans(plan, line, &mut output),
        };
        match done {
            Ok(written) => {
                written?;
                let ended = matches!(form, Form::Spans) || !newline.is_empty();
                output.write_all(if ended { b"\n" } else { b"" })?;
            }
            Err(why) => {
                wrong += 1;
                complain(number, &why);
                output.write_all(form.of_nothing().as_bytes())?;
            }
        }
    }
    output.flush()?;
    Ok(wrong)
}

/// What is written, or why nothing can be.
type Written = Result<io::Result<()>, String>;

/// Bytes that are no text stay, and hide nothing that stands around them.
fn text(plan: &Plan, line: &[u8], output: &mut impl Write) -> Written {
    let mut counts = Counts::default();
    for chunk in line.utf8_chunks() {
        let redacted = plan.text(chunk.valid(), &mut counts).map_err(|blocked| blocked.to_string())?;
        let written = output.write_all(redacted.as_bytes()).and_then(|()| output.write_all(chunk.invalid()));
        if written.is_err() {
            return Ok(written);
        }
    }
    Ok(Ok(()))
}

fn value(plan: &Plan, line: &[u8], output: &mut impl Write) -> Written {
    let text = str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
    match plan.json(text, &mut Counts::default()) {
        Ok(Some(redacted)) => Ok(output.write_all(redacted.as_bytes())),
        Ok(None) => Err("not JSON".to_owned()),
        Err(blocked) => Err(blocked.to_string()),
    }
}

/// Bytes that are no text count as the replacement character that takes their place when the line is decoded.
fn spans(plan: &Plan, line: &[u8], output: &mut impl Write) -> Written {
    let (mut found, mut place) = (Vec::new(), 0);
    for chunk in line.utf8_chunks() {
        let (text, mut at) = (chunk.valid(), 0);
        for span in plan.spans(text) {
            let start = place + text[at..span.start].chars().count();
            place = start + text[span.start..span.end].chars().count();
            at = span.end;
            found.push(json!({ "kind": span.kind.name(), "start": start, "end": place }));
        }
        place += text[at..].chars().count() + usize::from(!chunk.invalid().is_empty());
    }
    Ok(serde_json::to_writer(output, &json!({ "spans": found })).map_err(io::Error::from))
}

impl Form {
    /// What stands for a line that can't be redacted: nothing of it.
    fn of_nothing(self) -> String {
        match self {
            Self::Text => format!("{}\n", Kind::Blocked.mask()),
            Self::Json | Self::Spans => "\n".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        match Redactor::builder().build() {
            Ok(redactor) => redactor.plan_of_all(&More::default()),
            Err(error) => panic!("{error}"),
        }
    }

    /// What comes out, and what is complained of.
    fn run(form: Form, input: &[u8]) -> (String, Vec<String>) {
        let (mut output, mut said) = (Vec::new(), Vec::new());
        let wrong = redact(&plan(), form, input, &mut output, &mut |line, why| said.push(format!("{line}: {why}")));
        assert_eq!(wrong.map_err(|error| error.kind()), Ok(said.len() as u64));
        (String::from_utf8_lossy(&output).into_owned(), said)
    }

    #[test]
    fn texts_line_by_line() {
        let (out, said) = run(Form::Text, b"mail a@b.com\r\n\n{\"a\": 1.50, \"password\": 2}\nlast");
        assert_eq!(out, "mail «redacted:email»\r\n\n{\"a\": 1.50, \"password\": \"«redacted:key»\"}\nlast");
        assert!(said.is_empty());
        assert_eq!(run(Form::Text, b"\xff a@b.com\xfe\n").0, "\u{fffd} «redacted:email»\u{fffd}\n");
        assert_eq!(run(Form::Text, b"").0, "");
        let (out, said) = run(Form::Text, format!("{}]\nb\n", "[".repeat(200)).as_bytes());
        assert_eq!((out.as_str(), said.len()), ("«redacted:blocked»\nb\n", 1));
    }

    #[test]
    fn a_line_that_is_no_json_is_empty_and_told() {
        let (out, said) = run(Form::Json, b"{\"token\":\"x\", \"n\": 1e3}\n{\"a\":\n\"a@b.com\"\n\n\xff\n7");
        assert_eq!(out, "{\"token\":\"«redacted:key»\", \"n\": 1e3}\n\n\"«redacted:email»\"\n\n\n7");
        assert_eq!(said, ["2: not JSON", "4: not JSON", "5: not UTF-8"]);
    }

    #[test]
    fn places_are_in_code_points() {
        let (out, _) = run(Form::Spans, "é a@b.com, 😀 4111 1111 1111 1111\nnone".as_bytes());
        let spans = r#"{"spans":[{"kind":"email","start":2,"end":9},{"kind":"card","start":13,"end":32}]}"#;
        assert_eq!(out, format!("{spans}\n{{\"spans\":[]}}\n"));
        let (out, _) = run(Form::Spans, b"\xff\xfe a@b.com\xff b@c.de\n");
        let spans = r#"{"spans":[{"kind":"email","start":3,"end":10},{"kind":"email","start":12,"end":18}]}"#;
        assert_eq!(out, format!("{spans}\n"));
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_memory_than_any() {
        struct Endless(u64);
        impl io::Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let length = buffer.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
                buffer[..length].fill(b'x');
                self.0 -= length as u64;
                Ok(length)
            }
        }
        let (mut output, mut said) = (Vec::new(), Vec::new());
        let input = BufReader::with_capacity(1 << 20, Endless(200 << 20));
        let wrong = redact(&plan(), Form::Text, input, &mut output, &mut |_, why| said.push(why.to_owned()));
        assert_eq!(wrong.map_err(|error| error.kind()), Ok(1));
        assert_eq!(output, "«redacted:blocked»\n".as_bytes());
        assert_eq!(said, ["longer than 67108864 bytes"]);
    }
}
