//! A client on stdio: a line for each message, one request at a time.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    Outcome,
    process::{Memory, cpu_of},
    world::{Program, World},
};

/// A server on stdio in a world of its own.
pub(crate) struct Session {
    child: Child,
    /// `None` once it is to end.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    world: World,
    next: u64,
    answer: String,
}

/// What the way to the first list of tools cost.
pub(crate) struct Start {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

impl Session {
    /// Starts a program, greets it, and has it list its tools.
    pub(crate) fn start(program: &Program) -> Outcome<(Self, Start)> {
        let world = World::new(1)?;
        let mut command = program.on_stdio(&world)?;
        let began = Instant::now();
        let mut child = command.spawn()?;
        let to = child.stdin.take();
        let from = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let mut session = Self { child, to, from, world, next: 0, answer: String::new() };
        let client = json!({"name": "beside", "version": "0"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        session.request("initialize", &hello)?;
        session.line(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned())?;
        let listed = session.request("tools/list", &json!({}))?;
        let wall = began.elapsed();
        if !["filesystem_read_file", "sqlite_execute"].iter().all(|tool| listed.contains(tool)) {
            return Err(format!("expected the tools of both modules in {listed}").into());
        }
        let cpu = session.cpu()?;
        Ok((session, Start { cpu, wall }))
    }

    /// Calls a tool, which must succeed.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Outcome<&str> {
        self.request("tools/call", &json!({"name": tool, "arguments": arguments}))
    }

    fn request(&mut self, method: &str, params: &Value) -> Outcome<&str> {
        self.next += 1;
        let message = json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.line(message.to_string())?;
        loop {
            self.answer.clear();
            if self.from.read_line(&mut self.answer)? == 0 {
                return Err(format!("the server ended: {}", self.world.complaint()).into());
            }
            if !self.answer.contains(r#""method":"notifications/"#) {
                break;
            }
        }
        if self.answer.contains(r#""isError":true"#) || self.answer.contains(r#""error":{"#) {
            return Err(format!("{method} failed: {}", self.answer).into());
        }
        Ok(&self.answer)
    }

    fn line(&mut self, mut message: String) -> Outcome<()> {
        message.push('\n');
        Ok(self.to.as_mut().ok_or("it has ended")?.write_all(message.as_bytes())?)
    }

    /// What it has used so far.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        // What runs right now is counted at the scheduler's next tick.
        std::thread::sleep(Duration::from_millis(5));
        cpu_of(self.child.id())
    }

    /// What it holds now.
    pub(crate) fn memory(&self) -> Outcome<Memory> {
        Memory::of(self.child.id())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.to.take());
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
