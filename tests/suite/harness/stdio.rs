//! MCP over the stdin and stdout of a process.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    process::{ChildStdin, Command},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{Process, Reply};

/// The lines of a process. Each line that comes is checked to be JSON: stdout carries the protocol and nothing else.
pub(crate) struct Lines {
    pub(crate) process: Process,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    waiting: Vec<Value>,
    /// How long it waits for a message.
    pub(super) patience: Duration,
    /// The notifications that came beside answers.
    heard: VecDeque<Value>,
}

impl Lines {
    pub(crate) fn start(command: Command) -> Self {
        let process = Process::start(command);
        let stdin = process.child().stdin.take();
        let out = process.child().stdout.take().expect("stdout is piped");
        let (found, stdout) = channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if found.send(line).is_err() {
                    return;
                }
            }
        });
        let (waiting, heard) = (Vec::new(), VecDeque::new());
        Self { process, stdin, stdout, waiting, heard, patience: Duration::from_secs(30) }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes.as_ref()).and_then(|()| stdin.flush()).expect("the fixture reads");
    }

    /// Sends one line.
    pub(crate) fn line(&mut self, line: impl AsRef<[u8]>) {
        let mut bytes = line.as_ref().to_vec();
        bytes.push(b'\n');
        self.send(bytes);
    }

    /// Ends its input.
    pub(crate) fn close(&mut self) {
        self.stdin = None;
    }

    /// The next message.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Value {
        let line = self.stdout.recv_timeout(self.patience);
        let line = line.unwrap_or_else(|_| panic!("no message; stderr: {}", self.process.stderr()));
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("stdout isn't the protocol's alone ({error}): {line}"))
    }

    /// What is left once it has ended.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        self.stdout.iter().collect()
    }

    /// The answer to a request, with the notifications that come before it. Other answers wait.
    #[track_caller]
    pub(crate) fn answer(&mut self, id: &Value) -> Reply {
        let mut notifications = Vec::new();
        if let Some(at) = self.waiting.iter().position(|it| it["id"] == *id) {
            return Reply { message: self.waiting.remove(at), notifications };
        }
        loop {
            let message = self.next();
            match message.get("id") {
                Some(found) if found == id => return Reply { message, notifications },
                Some(_) => self.waiting.push(message),
                None => {
                    self.heard.push_back(message.clone());
                    notifications.push(message);
                }
            }
        }
    }

    /// The next notification, also one that came beside an answer.
    #[track_caller]
    pub(crate) fn notification(&mut self) -> Value {
        if let Some(heard) = self.heard.pop_front() {
            return heard;
        }
        loop {
            let message = self.next();
            match message.get("id") {
                Some(_) => self.waiting.push(message),
                None => return message,
            }
        }
    }
}
