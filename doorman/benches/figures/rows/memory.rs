//! What a server holds: idle, with connections, with agents, and with callers that are never the same.

use std::{
    net::{IpAddr, Ipv4Addr},
    process::Command,
};

use crate::{
    Options, Outcome,
    bare::Mode,
    client::{Connection, in_session, stateless},
    load::{Contender, in_turn},
    roles::{Files, token},
    server::{Memory, Server},
    table::{Goal, Row, Unit},
};

const TOOL: &str = "get_invoice";
const FOUND: &str = "INV-2026-0042";

pub(crate) async fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let files = Files::new(1)?;
    let guarded = Server::start(&files.http("1"))?;
    let bare = Server::start(&["serve-bare", Mode::Json.name()].map(str::to_owned))?;
    let idle = [guarded.memory()?, bare.memory()?];
    let call = |server: &Server| stateless(server.address(), Some(&token(0)), "tools/call", Some(TOOL));
    let mut contenders = [
        Contender::new(&guarded, vec![call(&guarded); 64], FOUND).await?,
        Contender::new(&bare, vec![call(&bare); 64], FOUND).await?,
    ];
    in_turn(&mut contenders, options).await?;
    let busy = [guarded.memory()?, bare.memory()?];
    let mut rows = compared("memory idle", idle, 10.0);
    rows.extend(compared("memory, 64 connections under load", busy, 20.0));
    rows.push(sessions(if options.quick { 8 } else { 32 }).await?);
    rows.push(agents(if options.quick { 100 } else { 1_000 }).await?);
    rows.extend(anonymous(if options.quick { 20_000 } else { 1_000_000 })?);
    rows.push(peers(if options.quick { 200 } else { 4_000 }).await?);
    Ok(rows)
}

fn compared(what: &str, [guarded, bare]: [Memory; 2], most: f64) -> Vec<Row> {
    vec![
        Row::new(format!("{what}, RSS"), guarded.resident, Unit::Megabytes, Goal::AtMost(most))
            .against(bare.resident, "bare rmcp"),
        Row::new(format!("{what}, PSS"), guarded.proportional, Unit::Megabytes, Goal::Open)
            .against(bare.proportional, "bare rmcp"),
        Row::new(format!("{what}, heap and stacks"), guarded.anonymous, Unit::Megabytes, Goal::Open)
            .against(bare.anonymous, "bare rmcp"),
    ]
}

/// Sessions of protocol 2025-11-25 that nobody uses: as many as a caller may have, of each of so many agents.
async fn sessions(agents: usize) -> Outcome<Row> {
    const EACH: usize = 32;
    let files = Files::new(agents)?;
    let guarded = Server::start(&files.http("1"))?;
    let bare = Server::start(&["serve-bare", Mode::Sse.name()].map(str::to_owned))?;
    let mut held = Vec::new();
    for server in [&guarded, &bare] {
        in_session(server.address(), &token(0), TOOL).await?;
        let before = server.memory()?.anonymous;
        for agent in 0..agents {
            for _ in 0..EACH {
                in_session(server.address(), &token(agent), TOOL).await?;
            }
        }
        held.push((server.memory()?.anonymous - before) * 1e3 / (agents * EACH) as f64);
    }
    let row = Row::new("memory of an idle session", held[0], Unit::Kilobytes, Goal::Open);
    Ok(row.against(held[1], "bare, sessions + SSE"))
}

/// Many agents, each with its token, each served.
async fn agents(count: usize) -> Outcome<Row> {
    let files = Files::new(count)?;
    let server = Server::start(&files.http("1"))?;
    let idle = server.memory()?.resident;
    let mut connections = Vec::new();
    for _ in 0..64 {
        connections.push(Connection::open(server.address(), None).await?);
    }
    for round in 0..3 {
        for agent in 0..count {
            let request = stateless(server.address(), Some(&token(agent)), "tools/call", Some(TOOL));
            connections[(agent + round) % 64].call(&request).await?;
        }
    }
    let served = server.memory()?.resident;
    let what = format!("memory, {count} agents served over 64 connections, RSS");
    Ok(Row::new(what, served, Unit::Megabytes, Goal::AtMost(40.0)).against(idle, "before the first call"))
}

/// Distinct anonymous callers in one process, as many as an attacker could come from; ten times fewer beside them.
fn anonymous(count: u32) -> Outcome<Vec<Row>> {
    let held = |count: u32| -> Outcome<f64> {
        let output = Command::new(std::env::current_exe()?).args(["hold-callers", &count.to_string()]).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    };
    let what = format!("memory of limits, {count} distinct anonymous callers");
    let row =
        Row::new(what, held(count)?, Unit::Megabytes, Goal::Times(2.0)).against(held(count / 10)?, "a tenth of them");
    Ok(vec![row])
}

/// The same over the wire, as far as loopback has addresses to come from.
async fn peers(count: u32) -> Outcome<Row> {
    let files = Files::new(0)?;
    let server = Server::start(&files.http("public"))?;
    let request = stateless(server.address(), None, "tools/call", Some(TOOL));
    let mut after_a_tenth = None;
    for number in 0..count {
        let from = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + number);
        let mut connection = Connection::open(server.address(), Some(IpAddr::V4(from))).await?;
        connection.call(&request).await?;
        if number == count / 10 {
            after_a_tenth = Some(server.memory()?.resident);
        }
    }
    let what = format!("memory, {count} anonymous peers over the wire, RSS");
    let row = Row::new(what, server.memory()?.resident, Unit::Megabytes, Goal::Times(1.5));
    Ok(row.against(after_a_tenth.ok_or("no peers")?, "after a tenth of them"))
}
