//! The log's thread: a sink that is slow, stuck or broken holds up those who need a record, for a stated time, and nobody
//! else.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;

use super::{
    Audit, CallRecord, Capability, Durability, OnFailure, Settings, Shape, Sink, SinkError, Stopped, Transport, Verdict,
};

const PATIENCE: Duration = Duration::from_millis(200);

/// Writes nothing while it is closed. Counts what it is asked for.
#[derive(Clone, Default)]
struct Gate(Arc<Inside>);

#[derive(Default)]
struct Inside {
    closed: Mutex<bool>,
    opened: Condvar,
    text: Mutex<Vec<u8>>,
    writes: AtomicUsize,
    syncs: AtomicUsize,
    /// It takes so many lines more; 0 stands for all.
    room: AtomicUsize,
}

impl Gate {
    fn open(&self, open: bool) {
        *self.0.closed.lock().expect("lock") = !open;
        self.0.opened.notify_all();
    }

    fn count(&self) -> (usize, usize) {
        (self.0.writes.load(Ordering::SeqCst), self.0.syncs.load(Ordering::SeqCst))
    }

    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.text.lock().expect("lock").clone()).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn kinds(&self, kind: &str) -> usize {
        self.lines().iter().filter(|line| line["kind"] == kind).count()
    }
}

impl Sink for Gate {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        self.write_lines(&[line]).map_err(|stopped| stopped.error)
    }

    fn write_lines(&self, lines: &[&[u8]]) -> Result<(), Stopped> {
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        let closed = self.0.closed.lock().expect("lock");
        drop(self.0.opened.wait_while(closed, |closed| *closed).expect("lock"));
        for (written, line) in lines.iter().enumerate() {
            if self.0.room.load(Ordering::SeqCst) == 1 {
                return Err(Stopped { written, error: ErrorKind::StorageFull.into() });
            }
            let _ = self.0.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| room.checked_sub(1));
            self.0.text.lock().expect("lock").extend_from_slice(line);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn recover(&self) -> io::Result<()> {
        self.0.room.store(0, Ordering::SeqCst);
        Ok(())
    }
}

fn audit(settings: Settings) -> (Gate, Audit) {
    let gate = Gate::default();
    (gate.clone(), Audit::open(gate, Settings { patience: PATIENCE, ..settings }).expect("opens"))
}

async fn call(audit: &Audit) -> Result<(), SinkError> {
    let shape = Shape::default();
    audit
        .call(&CallRecord::new(
            "tools/call",
            Transport::Http,
            Capability::Named("get_invoice"),
            Verdict::Ok,
            "ok",
            &shape,
        ))
        .await
}

async fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !what() {
        assert!(Instant::now() < deadline, "waited in vain");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn s22_what_waits_is_written_in_one_go_and_synced_once() {
    let (gate, audit) = audit(Settings { durability: Durability::Fsync, ..Settings::default() });
    gate.open(false);
    let first = call(&audit);
    let rest = async {
        until(|| gate.count().0 == 1).await;
        let rest = join_all((0..64).map(|_| call(&audit)));
        let open = async {
            tokio::time::sleep(PATIENCE / 4).await;
            assert_eq!(gate.lines().len(), 0);
            gate.open(true);
        };
        futures::join!(rest, open).0
    };
    let (first, rest) = futures::join!(first, rest);
    assert!(first.is_ok() && rest.iter().all(Result::is_ok));
    // One more sync was asked for at the start, to see whether the sink can.
    assert_eq!(gate.count(), (2, 3));
    assert!(gate.lines().iter().zip(1_u64..).all(|(line, seq)| line["seq"] == seq));
    assert_eq!(gate.lines().len(), 65);
}

#[tokio::test]
async fn s24_a_stuck_sink_holds_up_a_call_for_the_stated_time_and_nobody_else() {
    let (gate, audit) = audit(Settings::default());
    gate.open(false);
    let began = Instant::now();
    let mut ticks = 0;
    let others = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            ticks += 1;
        }
    };
    let stuck = tokio::select! { stuck = call(&audit) => stuck, () = others => Ok(()) };
    assert!(stuck.expect_err("stuck").to_string().contains("taken no record for 200ms"));
    assert!(began.elapsed() >= PATIENCE && began.elapsed() < PATIENCE * 5 && ticks > 10, "{ticks}");
    // From now on nobody waits in vain.
    let began = Instant::now();
    assert!(audit.ready().await.is_err() && call(&audit).await.is_err());
    audit.rejected("malformed", Transport::Http);
    let shape = Shape::default();
    audit.leave(
        CallRecord::new(
            "tools/call",
            Transport::Http,
            Capability::Named("dropped"),
            Verdict::Cancelled,
            "dropped",
            &shape,
        )
        .line(),
    );
    assert!(audit.flush().is_ok() && began.elapsed() < PATIENCE / 2);
    assert!(audit.finish().await.is_err());

    gate.open(true);
    until(|| gate.kinds("call") == 3).await;
    until(|| gate.kinds("rejected") == 1).await;
    audit.ready().await.expect("works again");
    call(&audit).await.expect("writes");
    let lines = gate.lines();
    let recovered = lines.iter().find(|line| line["kind"] == "recovered").expect("says so");
    assert_eq!((&recovered["lost"], gate.kinds("call")), (&0.into(), 4));
    assert!(lines.iter().zip(1_u64..).all(|(line, seq)| line["seq"] == seq));
}

#[tokio::test]
async fn s24_what_waits_is_bounded_and_what_finds_no_room_is_counted() {
    let (gate, audit) = audit(Settings::default());
    gate.open(false);
    let refused = join_all((0..9_000).map(|_| call(&audit))).await;
    assert!(refused.iter().all(Result::is_err));
    gate.open(true);
    until(|| gate.kinds("call") > 1_000).await;
    until(|| audit.flush().is_ok()).await;
    tokio::time::sleep(PATIENCE).await;
    audit.ready().await.expect("works again");
    let lines = gate.lines();
    let recovered = lines.iter().find(|line| line["kind"] == "recovered").expect("says so");
    let lost = recovered["lost"].as_u64().expect("a number");
    assert!(lost > 1_000, "{lost}");
    assert_eq!(lost + gate.kinds("call") as u64, 9_000, "each is there, or counted");
}

#[tokio::test]
async fn s22_a_call_that_is_dropped_while_its_record_waits_is_recorded_once() {
    let (gate, audit) = audit(Settings::default());
    gate.open(false);
    assert!(tokio::time::timeout(PATIENCE / 4, call(&audit)).await.is_err(), "still waits");
    gate.open(true);
    audit.finish().await.expect("writes");
    assert_eq!(gate.kinds("call"), 1);
}

#[tokio::test]
async fn s24_what_was_written_before_a_failure_counts_and_the_rest_is_lost() {
    let (gate, audit) = audit(Settings::default());
    gate.open(false);
    let first = call(&audit);
    let rest = async {
        until(|| gate.count().0 == 1).await;
        let rest = join_all((0..10).map(|_| call(&audit)));
        let open = async {
            gate.0.room.store(5, Ordering::SeqCst);
            gate.open(true);
        };
        futures::join!(rest, open).0
    };
    let (first, rest) = futures::join!(first, rest);
    assert!(first.is_ok());
    let written: Vec<bool> = rest.iter().map(Result::is_ok).collect();
    assert_eq!(written, [true, true, true, false, false, false, false, false, false, false]);
    audit.ready().await.expect("recovers");
    call(&audit).await.expect("writes");
    let lines = gate.lines();
    assert_eq!((lines[4]["kind"].as_str(), lines[4]["lost"].as_u64()), (Some("recovered"), Some(7)));
    assert_eq!(lines.len(), 6);
}

#[tokio::test]
async fn s24_whoever_says_warn_loses_records_and_keeps_calls() {
    let (gate, audit) = audit(Settings { on_failure: OnFailure::Warn, ..Settings::default() });
    gate.0.room.store(1, Ordering::SeqCst);
    call(&audit).await.expect("goes on");
    audit.ready().await.expect("goes on");
    gate.open(false);
    call(&audit).await.expect("goes on, after a while");
    let began = Instant::now();
    for _ in 0..100 {
        call(&audit).await.expect("goes on");
    }
    assert!(began.elapsed() < PATIENCE, "and waits no more");
    gate.open(true);
    until(|| gate.kinds("call") == 101).await;
    assert_eq!(gate.lines()[0]["lost"], 1);
}

#[tokio::test]
async fn s24_a_sink_that_panics_fails_its_line() {
    struct Panics(AtomicUsize);
    impl Sink for Panics {
        fn write_line(&self, _: &[u8]) -> io::Result<()> {
            assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "on purpose");
            Ok(())
        }
    }
    let audit = Audit::new(Panics(AtomicUsize::new(0)));
    assert!(call(&audit).await.expect_err("panicked").to_string().contains("panicked"));
    audit.ready().await.expect("recovers");
    call(&audit).await.expect("writes");
}

#[tokio::test]
async fn s22_the_end_writes_what_waits_and_lets_go_of_the_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let settings = || Settings { durability: Durability::Fsync, ..Settings::default() };
    for round in 1..20 {
        let file = super::RotatingFile::open(&path, 1 << 20, 1).expect("nobody else has it");
        let audit = Audit::open(file, settings()).expect("opens");
        assert!(call(&audit).await.is_ok());
        let shape = Shape::default();
        audit.leave(
            CallRecord::new(
                "tools/call",
                Transport::Http,
                Capability::Named("dropped"),
                Verdict::Cancelled,
                "dropped",
                &shape,
            )
            .line(),
        );
        audit.finish().await.expect("writes");
        assert_eq!(std::fs::read_to_string(&path).expect("reads").lines().count(), round * 2);
    }
}

#[tokio::test]
async fn s24_a_slow_disk_holds_up_nobody_else() {
    /// Writes at once, but its disk takes a while.
    struct Disk;
    impl Sink for Disk {
        fn write_line(&self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn sync(&self) -> io::Result<()> {
            std::thread::sleep(PATIENCE / 2);
            Ok(())
        }
        fn never_waits(&self) -> bool {
            true
        }
    }
    let audit = Audit::open(Disk, Settings { durability: Durability::Fsync, ..Settings::default() }).expect("opens");
    let began = Instant::now();
    let mut written = std::pin::pin!(call(&audit));
    assert!(futures::poll!(&mut written).is_pending() && began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
    written.await.expect("writes");
    assert!(began.elapsed() >= PATIENCE / 2);
}
