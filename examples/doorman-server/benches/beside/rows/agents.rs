//! Many agents in one process over HTTP, each with a manifest, a folder and a database of its own.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    Options, Outcome,
    http::Server,
    numbers::percentile,
    table::{Baseline, Row, Unit},
    world::{Program, World},
};

/// How many requests are under way at a time.
const CONNECTIONS: usize = 8;
const ALONE: &str = "one agent, same load";

pub(crate) fn rows(options: &Options, doorman: &Program, one: &Baseline) -> Outcome<(String, Vec<Row>)> {
    let (count, calls, rounds) = if options.quick { (100, 1_000, 1) } else { (1_000, 8_000, 5) };
    let (many, single) = (World::new(count)?, World::new(1)?);
    let (many, single) = (Crowd::start(doorman, many, count)?, Crowd::start(doorman, single, 1)?);
    let start = many.server.cpu()?;
    let (idle, idle_alone) = (many.server.memory()?, single.server.memory()?);
    many.settle()?;
    single.settle()?;
    let (served, served_alone) = (many.server.memory()?, single.server.memory()?);
    let (mut crowd, mut alone) = (Load::default(), Load::default());
    for round in 0..=rounds {
        let (in_crowd, when_alone) = (many.reads(calls)?, single.reads(calls)?);
        if round > 0 {
            crowd.add(in_crowd);
            alone.add(when_alone);
        }
    }
    let after = many.server.memory()?;
    let arithmetic = match one {
        Baseline::Taken(one, _) if count == 1_000 => Baseline::Taken(one * 1_000.0, "1,000 × one scoped-mcp"),
        Baseline::Taken(one, _) => Baseline::Taken(one * 100.0, "100 × one scoped-mcp"),
        other => other.clone(),
    };
    let beside = |figure: f64| Baseline::Taken(figure, ALONE);
    let goal = |row: Row| if count == 1_000 { row.at_most(40.0) } else { row };
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let rows = vec![
        Row::new("start until it serves, CPU", millis(start), Unit::Millis),
        Row::new("start until it serves, wall", millis(many.server.started), Unit::Millis)
            .beside(beside(millis(single.server.started))),
        Row::new("memory after the start, RSS", idle.resident, Unit::Megabytes).beside(beside(idle_alone.resident)),
        Row::new("  of it heap and stacks", idle.anonymous, Unit::Megabytes).beside(beside(idle_alone.anonymous)),
        goal(Row::new("memory after a read and a query of each, RSS", served.resident, Unit::Megabytes))
            .beside(arithmetic),
        Row::new("  of it heap and stacks", served.anonymous, Unit::Megabytes).beside(beside(served_alone.anonymous)),
        Row::new("memory after the load below, RSS", after.resident, Unit::Megabytes)
            .beside(beside(single.server.memory()?.resident)),
        Row::new("  the most that it was", after.peak, Unit::Megabytes).beside(beside(single.server.memory()?.peak)),
        Row::new("read of 4 KiB by each in turn, p50", crowd.percentile(50), Unit::Micros)
            .beside(beside(alone.percentile(50))),
        Row::new("  p99", crowd.percentile(99), Unit::Micros).beside(beside(alone.percentile(99))),
        Row::new("  calls a second", crowd.pace(), Unit::CallsPerSecond).beside(beside(alone.pace())),
        Row::new("  CPU of the server, each", crowd.cpu(), Unit::Micros).beside(beside(alone.cpu())),
    ];
    Ok((format!("{count} agents in one process, HTTP, {CONNECTIONS} connections"), rows))
}

/// A server, its agents, and the request that each repeats.
struct Crowd {
    server: Server,
    agents: usize,
    reads: Vec<Vec<u8>>,
    #[allow(dead_code, reason = "its folder goes with it")]
    world: World,
}

impl Crowd {
    fn start(program: &Program, world: World, agents: usize) -> Outcome<Self> {
        let server = Server::start(program, &world)?;
        let read = json!({"path": "notes.txt"});
        let reads = (0..agents).map(|agent| server.request(agent, "filesystem_read_file", &read)).collect();
        Ok(Self { server, agents, reads, world })
    }

    /// Each agent gets a file and a table, and has read and queried them.
    fn settle(&self) -> Outcome<()> {
        let mut connection = self.server.connect()?;
        let content = "a line of a text that an agent reads, so long that it has 64 by\n".repeat(64);
        let columns = json!({"id": "INTEGER PRIMARY KEY", "label": "TEXT"});
        for agent in 0..self.agents {
            let mut call = |tool, arguments| -> Outcome<String> {
                Ok(connection.call(&self.server.request(agent, tool, &arguments))?.to_owned())
            };
            call("filesystem_write_file", json!({"path": "notes.txt", "content": content}))?;
            call("sqlite_create_table", json!({"name": "items", "columns": columns}))?;
            call("sqlite_execute", json!({"sql": "INSERT INTO items (label) VALUES ('one'), ('two')"}))?;
            call("filesystem_read_file", json!({"path": "notes.txt"}))?;
            let found = call("sqlite_query", json!({"sql": "SELECT label FROM items WHERE id = ?", "params": [2]}))?;
            if !found.contains("two") {
                return Err(format!("expected two in {found}").into());
            }
        }
        Ok(())
    }

    /// So many reads over all connections, by all agents in turn.
    fn reads(&self, count: usize) -> Outcome<Load> {
        let before = self.server.cpu()?;
        let (ready, began) = (Barrier::new(CONNECTIONS), Instant::now());
        let took: Result<Vec<Vec<f64>>, String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS)
                .map(|first| {
                    let ready = &ready;
                    scope.spawn(move || self.share(first, count, ready).map_err(|error| error.to_string()))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().map_err(|_| "a client panicked".to_owned())?).collect()
        });
        let wall = began.elapsed();
        Ok(Load { took: took?.concat(), wall, cpu: self.server.cpu()? - before })
    }

    /// The reads of one connection, and the µs that each took.
    fn share(&self, first: usize, count: usize, ready: &Barrier) -> Outcome<Vec<f64>> {
        let connection = self.server.connect();
        ready.wait();
        let mut connection = connection?;
        let mut took = Vec::with_capacity(count / CONNECTIONS);
        for number in (first..count).step_by(CONNECTIONS) {
            let began = Instant::now();
            connection.call(&self.reads[number % self.agents])?;
            took.push(began.elapsed().as_secs_f64() * 1e6);
        }
        Ok(took)
    }
}

/// What a number of calls took.
#[derive(Default)]
struct Load {
    /// Each, in µs.
    took: Vec<f64>,
    wall: Duration,
    cpu: Duration,
}

impl Load {
    fn add(&mut self, other: Self) {
        self.took.extend(other.took);
        self.wall += other.wall;
        self.cpu += other.cpu;
    }

    fn percentile(&self, percent: usize) -> f64 {
        percentile(self.took.iter().copied(), percent)
    }

    fn calls(&self) -> f64 {
        self.took.len() as f64
    }

    fn pace(&self) -> f64 {
        self.calls() / self.wall.as_secs_f64()
    }

    fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.calls()
    }
}
