//! One decision about a rate and a budget, counted in each store: what it costs alone, and how many a second many calls
//! get at once.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use doorman::{
    StateStore,
    limits::{Caller, CallerKey, Limits, Quotas, ToolLimits},
};
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::{
    Options, Outcome,
    server::Memory,
    table::{Goal, Row, Unit},
};

/// How many calls ask at once where throughput is asked for.
const AT_ONCE: u32 = 64;

/// A store with limits that let everybody in.
struct Counted {
    limits: Limits,
    tool: ToolLimits,
}

impl Counted {
    async fn open(store: &StateStore) -> Outcome<Self> {
        let quotas = Quotas::parse(Some("900000000/s per_caller"), Some("900000000/s per_caller"))?;
        let limits = Limits::open(store, "figures", &quotas).await?;
        let tool = limits.tool("tool", None, 1)?;
        Ok(Self { limits, tool })
    }

    async fn decide(&self, caller: CallerKey) -> Outcome<()> {
        drop(self.limits.admit(caller, Some(&self.tool)).await?);
        Ok(())
    }

    /// The time of each of so many decisions, one after another, in µs, sorted.
    async fn alone(&self, calls: u32) -> Outcome<Vec<f64>> {
        let mut times = Vec::new();
        for number in 0..calls {
            let caller = caller(number % 1_000);
            let began = Instant::now();
            self.decide(caller).await?;
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        Ok(times)
    }

    /// How many decisions a second.
    async fn at_once(&self, calls: u32) -> Outcome<f64> {
        let began = Instant::now();
        let tasks = (0..AT_ONCE).map(async |task| {
            for number in 0..calls / AT_ONCE {
                self.decide(caller(task * 1_000 + number % 16)).await?;
            }
            Outcome::Ok(())
        });
        futures::future::try_join_all(tasks).await?;
        Ok(f64::from(calls / AT_ONCE * AT_ONCE) / began.elapsed().as_secs_f64())
    }
}

fn caller(number: u32) -> CallerKey {
    Caller::Verified { tenant: None, subject: &number.to_string() }.key()
}

pub(crate) fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let folder = TempDir::new()?;
    let mut rows = vec![million(if options.quick { 20_000 } else { 1_000_000 })?];
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let memory = measured("memory", &StateStore::memory(), options, None, &mut rows).await?;
        let file = StateStore::file(folder.path().join("limits"));
        measured("a file", &file, options, Some(memory), &mut rows).await?;
        match server(folder.path()) {
            Some((mut redis, url)) => {
                let outcome = match StateStore::redis(&url) {
                    Ok(store) => measured("redis-server, unix socket", &store, options, Some(memory), &mut rows).await,
                    Err(error) => {
                        rows.push(Row::skipped("state: redis-server", error.to_string()));
                        Ok(memory)
                    }
                };
                redis.kill()?;
                redis.wait()?;
                outcome.map(drop)
            }
            None => {
                rows.push(Row::skipped("state: redis-server", "there is none"));
                Ok(())
            }
        }
    })?;
    Ok(rows)
}

/// Adds a store's rows, and gives its median and its throughput.
async fn measured(
    name: &str,
    store: &StateStore,
    options: &Options,
    memory: Option<(f64, f64)>,
    rows: &mut Vec<Row>,
) -> Outcome<(f64, f64)> {
    let counted = Counted::open(store).await?;
    let calls = if options.quick { 2_000 } else { 50_000 };
    counted.alone(calls / 10).await?;
    let times = counted.alone(calls).await?;
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let throughput = counted.at_once(calls).await?;
    let beside = |row: Row, base: Option<f64>| match base {
        Some(base) => row.against(base, "memory"),
        None => row,
    };
    let row = |what: &str, figure, unit| Row::new(format!("state: {name}, {what}"), figure, unit, Goal::Open);
    rows.push(beside(row("one decision, median", at(0.5), Unit::Micros), memory.map(|it| it.0)));
    rows.push(row("one decision, p99", at(0.99), Unit::Micros));
    rows.push(row("one decision, p99.9", at(0.999), Unit::Micros));
    rows.push(beside(
        row("decisions a second, 64 at once, one thread", throughput, Unit::CallsPerSecond),
        memory.map(|it| it.1),
    ));
    Ok((at(0.5), throughput))
}

/// So many keys, each with a cell of its own that stays in use.
fn million(keys: u32) -> Outcome<Row> {
    let quotas = Quotas { max_cells: 2 * keys as usize, ..Quotas::parse(Some("5/h per_caller"), None)? };
    let limits = Limits::new(doorman::limits::Monotonic::start(), &quotas);
    let runtime = Builder::new_current_thread().build()?;
    let before = Memory::of("self")?.resident;
    let began = Instant::now();
    runtime.block_on(async {
        for number in 0..keys {
            drop(limits.admit(caller(number), None).await?);
        }
        Outcome::Ok(())
    })?;
    let each = began.elapsed().as_secs_f64() * 1e9 / f64::from(keys);
    let held = Memory::of("self")?.resident - before;
    let what = format!("state: memory, {keys} keys in use ({each:.0} ns for each new one, its digest included)");
    Ok(Row::new(what, held, Unit::Megabytes, Goal::Open))
}

/// A server of our own, and its URL.
fn server(folder: &Path) -> Option<(Child, String)> {
    let socket = folder.join("redis");
    let spawned = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn();
    let server = spawned.ok()?;
    for _ in 0..200 {
        if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            return Some((server, format!("redis+unix://{}", socket.display())));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}
