//! What the operator reads, on stderr and in a file if he wants one, without the credentials that the process holds (S18).

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt::{MakeWriter, layer},
    layer::{Filter, SubscriberExt},
    registry,
    util::SubscriberInitExt,
};

use super::Error;
use crate::{
    audit::{RotatingFile, Sink, Stderr},
    redact::Knowledge,
    telemetry::{self, SpanLayer},
};

/// The size of a log file before it is rotated, and how many old ones are kept.
const FILE: (u64, u32) = (64 << 20, 8);

/// Sets up the process's log, unless the application has set up its own: on stderr as text, and in `file` as JSON lines;
/// and what makes exported spans.
///
/// rmcp logs arguments and results at `debug` and session ids at `info`, so whatever else is asked for, it says errors
/// only (S08, S20).
pub(super) fn set_up(file: Option<PathBuf>, spans: SpanLayer, knowledge: &Knowledge) -> Result<(), Error> {
    // A filter of its own: in the operator's, a directive for one of rmcp's modules would go before one for all of rmcp.
    let silent = filter_fn(|event| !event.target().starts_with("rmcp") || *event.level() == Level::ERROR);
    let lines = layer().with_ansi(false).with_writer(Scrubber { knowledge: knowledge.clone(), sink: Arc::new(IfRead) });
    let (bytes, keep) = FILE;
    let file = file.map(|path| RotatingFile::open(path, bytes, keep)).transpose().map_err(Error::OpsLog)?;
    let kept = file.map(|file| {
        let writer = Scrubber { knowledge: knowledge.clone(), sink: Arc::new(Reopened(file)) };
        layer().json().flatten_event(true).with_writer(writer).with_filter(filter("info"))
    });
    drop(registry().with(spans).with(silent).with(lines.with_filter(filter("warn"))).with(kept).try_init());
    Ok(())
}

/// What is logged, as the operator wants it, or otherwise.
fn filter<S: 'static>(otherwise: &str) -> impl Filter<S> + Send + Sync + 'static {
    let wanted = std::env::var("DOORMAN_LOG").ok().and_then(|wanted| EnvFilter::try_new(wanted).ok());
    // A call has a record of its own: its span is no part of lines.
    wanted.unwrap_or_else(|| EnvFilter::new(otherwise)).and(filter_fn(|it| it.target() != telemetry::TARGET))
}

/// Says something to whoever starts the server, whatever is logged. Where nobody reads stderr any more, nobody is told.
pub(super) fn tell(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Stderr, where nobody is held up if nobody reads it.
struct IfRead;

impl Sink for IfRead {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        Stderr::try_write_line(line)
    }
}

/// A file that is opened anew if it was moved away.
struct Reopened(RotatingFile);

impl Sink for Reopened {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        self.0.write_line(line).or_else(|_| {
            self.0.recover()?;
            self.0.write_line(line)
        })
    }
}

/// Writes lines without what the redactor knows by value.
struct Scrubber<S> {
    knowledge: Knowledge,
    sink: Arc<S>,
}

impl<'a, S: Sink> MakeWriter<'a> for Scrubber<S> {
    type Writer = Scrubbing<'a, S>;

    fn make_writer(&'a self) -> Scrubbing<'a, S> {
        Scrubbing(self)
    }
}

/// One line on its way.
struct Scrubbing<'a, S>(&'a Scrubber<S>);

impl<S: Sink> Write for Scrubbing<'_, S> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Scrubber { knowledge, sink } = self.0;
        match knowledge.without(&String::from_utf8_lossy(line)) {
            Some(clean) => sink.write_line(clean.as_bytes())?,
            None => sink.write_line(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
