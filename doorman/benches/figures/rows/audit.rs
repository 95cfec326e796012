//! What the audit log takes and adds: records per second, how long a call waits for its own, and verification.

use std::{
    fs::File,
    io::BufReader,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use doorman::audit::{
    Audit, CallRecord, Capability, Chaining, Durability, PublicKey, RotatingFile, Settings, SigningKey, Transport,
    Verdict, Verifier, shape,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::{
    Options, Outcome,
    table::{Goal, Row, Unit},
    tools,
};

pub(crate) fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let scratch = TempDir::new()?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let time = if options.quick { Duration::from_millis(100) } else { Duration::from_secs(3) };
    let (key, _) = SigningKey::generate()?;
    let mut rows = Vec::new();
    let mut baseline = None;
    for (what, durability, chaining, callers) in [
        ("flushed, 1 at once", Durability::Flushed, Chaining::Off, 1),
        ("flushed, 64 at once", Durability::Flushed, Chaining::Off, 64),
        ("flushed, signed chain, 1 at once", Durability::Flushed, Chaining::Signed(key.clone()), 1),
        ("flushed, signed chain, 64 at once", Durability::Flushed, Chaining::Signed(key.clone()), 64),
        ("fsync, 1 at once", Durability::Fsync, Chaining::Off, 1),
        ("fsync, 16 at once", Durability::Fsync, Chaining::Off, 16),
        ("fsync, 64 at once", Durability::Fsync, Chaining::Off, 64),
    ] {
        let file = RotatingFile::open(scratch.path().join(what), 64 << 20, 1)?;
        let audit = Audit::open(file, Settings { durability, chaining, ..Settings::default() })?;
        let (pace, p99) = load(&runtime, audit, callers, time)?;
        let row = Row::new(format!("records, {what}"), pace, Unit::CallsPerSecond, Goal::Open);
        let first = *baseline.get_or_insert(pace);
        rows.push(row.against(first, "flushed, 1 at once"));
        rows.push(Row::new("· 99 % are written within", p99, Unit::Micros, Goal::Open));
    }
    rows.push(verified(scratch.path(), &key, options)?);
    Ok(rows)
}

/// Records per second, and the time in µs within which 99 % are written, with so many callers who each wait for theirs.
fn load(runtime: &Runtime, audit: Audit, callers: usize, time: Duration) -> Outcome<(f64, f64)> {
    let audit = Arc::new(audit);
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let audit = Arc::clone(&audit);
            runtime.spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < time {
                    let start = Instant::now();
                    record(&audit).await?;
                    took.push(start.elapsed());
                    tokio::task::yield_now().await;
                }
                Ok::<_, doorman::audit::SinkError>(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(runtime.block_on(task)??);
    }
    let wall = began.elapsed();
    runtime.block_on(audit.finish())?;
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
    Ok((took.len() as f64 / wall.as_secs_f64(), p99.as_secs_f64() * 1e6))
}

async fn record(audit: &Audit) -> Result<(), doorman::audit::SinkError> {
    let shape = shape(&json!({ "id": tools::ID }));
    let record =
        CallRecord::new("tools/call", Transport::Http, Capability::Named("get_invoice"), Verdict::Ok, "ok", &shape);
    audit.call(&CallRecord { agent_id: Some("dev"), agent_type: Some("dev"), cost: Some(1), ..record }).await
}

/// MB of a signed log that are verified in a second.
fn verified(scratch: &Path, key: &SigningKey, options: &Options) -> Outcome<Row> {
    let path = scratch.join("verified");
    let settings = Settings { chaining: Chaining::Signed(key.clone()), ..Settings::default() };
    let audit = Audit::open(RotatingFile::open(&path, 1 << 30, 1)?, settings)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for _ in 0..if options.quick { 2_000 } else { 200_000 } {
            record(&audit).await?;
        }
        audit.finish().await
    })?;
    let bytes = std::fs::metadata(&path)?.len() as f64;
    let keys = [PublicKey::parse(key.public_pem().as_bytes())?];
    let mut best = f64::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        let mut verifier = Verifier::new(&keys, |finding| eprintln!("{finding}"));
        verifier.file("log", BufReader::with_capacity(1 << 18, File::open(&path)?))?;
        if verifier.end().findings > 0 {
            return Err("the log isn't as it was written".into());
        }
        best = best.min(began.elapsed().as_secs_f64());
    }
    Ok(Row::new(format!("verify, {:.0} MB", bytes / 1e6), bytes / 1e6 / best, Unit::MegabytesPerSecond, Goal::Open))
}
