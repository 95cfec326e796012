//! A child process whose stderr is kept, and which ends with its test.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

/// Waits until something is there, for what happens beside the answer; a test that waits in vain fails.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A running child.
pub(crate) struct Process {
    pub(super) child: Mutex<Child>,
    id: u32,
    stderr: Arc<Mutex<Vec<u8>>>,
    reading: Arc<Mutex<Reading>>,
}

/// What becomes of a process's stderr.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It is read all the time.
    On,
    /// It fills up.
    Off,
    /// It is closed.
    Closed,
}

impl Process {
    /// Starts a command; stdin and stdout are piped, stderr is read all the time.
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the fixture starts");
        let mut pipe = child.stderr.take().expect("stderr is piped");
        let stderr = Arc::<Mutex<Vec<u8>>>::default();
        let kept = Arc::clone(&stderr);
        let reading = Arc::new(Mutex::new(Reading::On));
        let asked = Arc::clone(&reading);
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            loop {
                match *asked.lock().unwrap_or_else(PoisonError::into_inner) {
                    Reading::On => {}
                    Reading::Closed => return,
                    Reading::Off => {
                        thread::sleep(Duration::from_millis(5));
                        continue;
                    }
                }
                let Ok(read @ 1..) = pipe.read(&mut chunk) else { return };
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..read]);
            }
        });
        Self { id: child.id(), child: Mutex::new(child), stderr, reading }
    }

    /// From the next line on, reads stderr or doesn't.
    pub(crate) fn read_stderr(&self, reading: Reading) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }

    /// Kills it as a crash would (SIGKILL), and waits for its end.
    pub(crate) fn kill(&self) {
        self.child().kill().expect("the process is there");
        self.child().wait().expect("a child of ours");
    }

    /// What it has written to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    /// How many bytes it has written to stderr so far.
    pub(crate) fn written(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks it to stop (SIGTERM).
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to read its files again (SIGHUP), waits until it has, and gives what it said of it.
    #[track_caller]
    pub(crate) fn reload(&self) -> String {
        let before = self.written();
        self.signal(Signal::HUP);
        self.reloads_after(before)
    }

    /// Waits until it has read its files again, and gives what it said of it since so many bytes of stderr.
    #[track_caller]
    pub(crate) fn reloads_after(&self, before: usize) -> String {
        eventually("a reload", || {
            let new = String::from_utf8_lossy(&self.lock()[before..]).into_owned();
            let done = |line: &str| line.contains(" reloaded ") || line.contains("RELOAD REFUSED");
            new.lines().any(done).then_some(new)
        })
    }

    fn signal(&self, signal: Signal) {
        let id = rustix::process::Pid::from_child(&self.child());
        rustix::process::kill_process(id, signal).expect("the process is there");
    }

    /// Waits for its end.
    pub(crate) fn ended(&self) -> ExitStatus {
        eventually("the end of the process", || self.status())
    }

    /// How it ended, if it has.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("a child of ours")
    }

    pub(crate) fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its resident memory in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.kept("VmRSS:")
    }

    /// The processor time that it has used, in steps of 10 ms.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id)).unwrap_or_default();
        let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The most resident memory that it has ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.kept("VmHWM:")
    }

    fn kept(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child().kill();
        let _ = self.child().wait();
    }
}
