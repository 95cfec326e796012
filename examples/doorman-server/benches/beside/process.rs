//! What the kernel says of a process.

use std::{fs, time::Duration};

use super::Outcome;

/// How many ticks of `/proc/PID/stat` a second has: Linux' USER_HZ, everywhere that this bench runs.
const TICKS: u64 = 100;

/// The CPU time that a process has used, user and system.
///
/// The scheduler counts each thread that there is in ns; threads that have ended are only in the process's own count,
/// which is rounded down to ticks. The larger of both is never too large.
pub(crate) fn cpu_of(pid: u32) -> Outcome<Duration> {
    let mut alive = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while this looks.
        let Ok(stat) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        alive += stat.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may have anything in it.
    let (_, rest) = stat.rsplit_once(") ").ok_or("no name in stat")?;
    let ticks = rest.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_nanos(alive).max(Duration::from_millis(ticks * 1_000 / TICKS)))
}

/// What a process holds, in MB (10⁶ bytes).
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// All pages that it has in memory, those of its executable file included.
    pub(crate) resident: f64,
    /// The most that this has been.
    pub(crate) peak: f64,
    /// Its own: heap and stacks.
    pub(crate) anonymous: f64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Outcome<Self> {
        // Not VmRSS: newer kernels count that in batches for each processor.
        let now = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = megabytes(&now, "Rss:")?;
        let peak = megabytes(&status, "VmHWM:")?.max(resident);
        Ok(Self { resident, peak, anonymous: megabytes(&now, "Anonymous:")? })
    }
}

fn megabytes(text: &str, key: &str) -> Outcome<f64> {
    let line = text.lines().find(|line| line.starts_with(key)).ok_or_else(|| format!("no {key}"))?;
    let kib: f64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}
