//! The audit log's thread: takes all that waits, writes it in one go, waits for the disk once, and tells those who wait.

use std::io;
use std::sync::Arc;
use std::thread;

use super::queue::{Ask, Job, Work};
use super::shared::Shared;
use super::sink::SinkError;

/// Starts the thread, which ends when the log does, or when it is asked to finish.
pub(super) fn start(shared: &Arc<Shared>) -> io::Result<()> {
    let shared = Arc::clone(shared);
    let thread = thread::Builder::new().name("audit".into());
    thread.spawn(move || run(shared)).map(drop)
}

fn run(shared: Arc<Shared>) {
    let mut finished = Vec::new();
    while let Some(work) = shared.queue.next() {
        finished.extend(carry_out(&shared, work));
        if !finished.is_empty() && shared.queue.ends() {
            break;
        }
    }
    // Whoever waits for the end may want to open the file again: nothing of the log may be left here.
    drop(shared);
    for (job, result) in finished {
        job.tell(result);
    }
}

/// Does what waits. Those who wait for the end are told of it later.
fn carry_out(shared: &Shared, work: Work) -> Option<(Job, Result<(), SinkError>)> {
    let mut log = shared.log();
    let records: Vec<_> = work.jobs.iter().filter_map(Job::record).collect();
    let (mut written, error) = match &*records {
        [] => (0, None),
        records => shared.write(&mut log, records.iter().copied()),
    };
    let mut finish = None;
    for job in work.jobs {
        match (&job.ask, &error) {
            (Ask::Record(_), Some(error)) if written == 0 => job.tell(Err(error.clone())),
            (Ask::Record(_), _) => {
                written = written.saturating_sub(1);
                job.tell(Ok(()));
            }
            (Ask::Ready, _) => job.tell(shared.recover(&mut log)),
            (Ask::Finish, _) => finish = Some(job),
        }
    }
    if work.flush {
        drop(shared.flush_with(&mut log, Some(std::time::Instant::now())));
    }
    let finished = finish.map(|job| (job, shared.finish_with(&mut log)));
    shared.moves();
    finished
}

impl Job {
    fn record(&self) -> Option<&super::line::Line> {
        match &self.ask {
            Ask::Record(line) => Some(line),
            Ask::Ready | Ask::Finish => None,
        }
    }

    fn tell(self, result: Result<(), SinkError>) {
        if let Some(done) = self.done {
            // Who has given up needs no answer.
            let _ = done.send(result);
        }
    }
}
