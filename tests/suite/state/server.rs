//! A `redis-server` that a test owns, and does to it what it likes.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::eventually;

#[derive(Clone)]
pub(super) struct Redis(Arc<Inner>);

struct Inner {
    folder: TempDir,
    process: Mutex<Child>,
}

impl Redis {
    /// A server that forgets everything when it ends, on a socket of its own.
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let process = Mutex::new(spawn(&folder));
        let redis = Self(Arc::new(Inner { folder, process }));
        redis.comes_up();
        redis
    }

    pub(super) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket())
    }

    fn socket(&self) -> String {
        self.0.folder.path().join("redis").display().to_string()
    }

    fn process(&self) -> MutexGuard<'_, Child> {
        self.0.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn comes_up(&self) {
        eventually("redis-server", || {
            let answer = self.try_say("PING").ok()?;
            (answer.starts_with("+PONG") || answer.starts_with("-NOAUTH")).then_some(())
        });
    }

    /// SIGKILL.
    pub(super) fn kill(&self) {
        let mut process = self.process();
        process.kill().expect("a child of ours");
        process.wait().expect("a child of ours");
    }

    /// Starts it again, with or without what it last saved.
    pub(super) fn restart(&self, with_data: bool) {
        if !with_data {
            // It may never have been saved.
            let _ = std::fs::remove_file(self.0.folder.path().join("dump.rdb"));
        }
        *self.process() = spawn(&self.0.folder);
        self.comes_up();
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process()), signal).expect("it is there");
    }

    /// Says a command, and gives the beginning of the answer.
    pub(super) fn say(&self, command: &str) -> String {
        self.try_say(command).expect("redis-server answers")
    }

    fn try_say(&self, command: &str) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..read]).into_owned())
    }

    /// Says a command to a server that wouldn't answer before the test goes on.
    pub(super) fn say_and_leave(&self, command: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.socket()).expect("connected");
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("said");
        stream
    }
}

fn spawn(folder: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--enable-debug-command", "yes", "--unixsocket"]);
    command.arg(folder.path().join("redis")).arg("--dir").arg(folder.path());
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    spawned.expect("redis-server is installed: `tests/run` does it")
}

impl Drop for Inner {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap_or_else(PoisonError::into_inner);
        // It may have ended already.
        let _ = process.kill();
        let _ = process.wait();
    }
}
