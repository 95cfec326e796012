//! What the figures were taken on.

use std::{fs, process::Command, thread};

/// Processor, cores, kernel and compiler, and how busy the machine is with other things.
pub(crate) fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let processor = line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let kernel = line("/proc/sys/kernel/osrelease", "").unwrap_or_default();
    let load = line("/proc/loadavg", "").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    format!("{processor}, {cores} cores · Linux {kernel} · {} · load {load}", rustc.trim())
}

/// The rest of the first line that begins so, after a colon if there is one.
fn line(file: &str, start: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(start))?;
    Some(rest.trim_start().trim_start_matches(':').trim().to_owned())
}
