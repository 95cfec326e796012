//! A server to be measured: this same binary, started again in one of its serving roles, and what the kernel says of it.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::Outcome;

/// A running server process; it ends with this value.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Keeps its stderr from filling up, and what it said for an error of ours.
    said: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts this binary with these arguments and waits for its address.
    pub(crate) fn start(role: &[String]) -> Outcome<Self> {
        Self::spawn(Command::new(std::env::current_exe()?).args(role))
    }

    /// Starts a command that says `http://ADDRESS/` on stderr when it serves.
    pub(crate) fn spawn(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?);
        let address = match address(&mut lines) {
            Ok(address) => address,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        };
        let said = thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                eprintln!("server: {line}");
            }
        });
        Ok(Self { child, address, said: Some(said) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has used so far.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        cpu_of(self.child.id())
    }

    /// What it holds now.
    pub(crate) fn memory(&self) -> Outcome<Memory> {
        Memory::of(&self.child.id().to_string())
    }

    /// Asks it to stop, and waits.
    pub(crate) fn stop(mut self) -> Outcome<()> {
        self.end()
    }

    fn end(&mut self) -> Outcome<()> {
        let Some(said) = self.said.take() else { return Ok(()) };
        let pid = Pid::from_raw(i32::try_from(self.child.id())?).ok_or("no pid")?;
        kill_process(pid, Signal::TERM)?;
        self.child.wait()?;
        said.join().map_err(|_| "a reader panicked")?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end());
    }
}

fn address(lines: &mut BufReader<ChildStderr>) -> Outcome<SocketAddr> {
    let mut said = String::new();
    loop {
        let start = said.len();
        if lines.read_line(&mut said)? == 0 {
            return Err(format!("the server didn't start: {said}").into());
        }
        if let Some((_, url)) = said[start..].split_once("http://") {
            return Ok(url.split('/').next().unwrap_or_default().parse()?);
        }
    }
}

/// The CPU time of all threads that a process has now, user and system, as the scheduler counts it in ns.
pub(crate) fn cpu_of(pid: u32) -> Outcome<Duration> {
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let stat = fs::read_to_string(task?.path().join("schedstat"))?;
        total += stat.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(total))
}

/// What a process holds, in MB (10⁶ bytes).
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// All pages that it has in memory, those of its executable file included.
    pub(crate) resident: f64,
    /// The same, pages shared with other processes divided among them.
    pub(crate) proportional: f64,
    /// Its own: heap and stacks.
    pub(crate) anonymous: f64,
}

impl Memory {
    pub(crate) fn of(process: &str) -> Outcome<Self> {
        let path: PathBuf = ["/proc", process, "smaps_rollup"].iter().collect();
        let text = fs::read_to_string(path)?;
        let value = |key: &str| -> Option<f64> {
            let line = text.lines().find(|line| line.starts_with(key))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let megabytes = |key| value(key).map(|kib| kib * 1024.0 / 1e6).ok_or("no such line in smaps_rollup");
        Ok(Self { resident: megabytes("Rss:")?, proportional: megabytes("Pss:")?, anonymous: megabytes("Anonymous:")? })
    }
}
