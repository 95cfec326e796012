//! What the operator reads on stderr, without the credentials that the process holds (S18).

use std::{
    io::{self, Write},
    sync::{Arc, OnceLock},
};

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::redact::Redactor;

/// Sets up the process's log, unless the application has set up its own.
///
/// rmcp logs arguments and results at `debug` and session ids at `info`, so whatever else is asked for, it says errors
/// only (S08, S20).
pub(super) fn to_stderr() -> Scrubber {
    let wanted = std::env::var("DOORMAN_LOG").unwrap_or_else(|_| "warn".to_owned());
    let wanted = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("warn"));
    // A filter of its own: in the operator's, a directive for one of rmcp's modules would go before one for all of rmcp.
    let silent = filter_fn(|event| !event.target().starts_with("rmcp") || *event.level() == Level::ERROR);
    let scrubber = Scrubber::default();
    let lines = tracing_subscriber::fmt().with_writer(scrubber.clone()).with_ansi(false).with_env_filter(wanted);
    drop(lines.finish().with(silent).try_init());
    scrubber
}

/// Writes to stderr, and leaves out by value what the redactor knows once it is there. Until then nothing that could hold
/// a credential is logged.
#[derive(Clone, Default)]
pub(super) struct Scrubber(Arc<OnceLock<Arc<Redactor>>>);

impl Scrubber {
    /// Tells the log what not to say.
    pub(super) fn knows(&self, redactor: Arc<Redactor>) {
        drop(self.0.set(redactor));
    }
}

impl<'a> MakeWriter<'a> for Scrubber {
    type Writer = Scrubbing<'a>;

    fn make_writer(&'a self) -> Scrubbing<'a> {
        Scrubbing(self.0.get())
    }
}

/// One line on its way to stderr.
pub(super) struct Scrubbing<'a>(Option<&'a Arc<Redactor>>);

impl Write for Scrubbing<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.0 {
            Some(redactor) => io::stderr().write_all(redactor.scrub(&String::from_utf8_lossy(line)).as_bytes())?,
            None => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
