//! What the whole guard adds to a call over HTTP, above the same tool on bare rmcp.

use crate::{
    Options, Outcome,
    bare::Mode,
    client::{in_session, stateless},
    instructions,
    load::{Contender, in_turn},
    roles::{Files, token},
    server::Server,
    table::{Goal, Row, Unit},
};

const TOOL: &str = "get_invoice";
/// What a bare answer holds and redaction takes away.
const BARE: &str = "ada@example.com";
/// What redaction leaves in its place.
const GUARDED: &str = "«redacted:email»";

pub(crate) async fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let files = Files::new(1)?;
    let guarded = Server::start(&files.http("1"))?;
    let json = Server::start(&bare(Mode::Json))?;
    let sse = Server::start(&bare(Mode::Sse))?;
    let mut rows = Vec::new();
    for connections in [1_usize, 64] {
        // One caller has 32 sessions at most, so two connections share one.
        let (mut sessions, mut guarded_sessions) = (Vec::new(), Vec::new());
        for _ in 0..connections.div_ceil(2) {
            sessions.extend(in_session(sse.address(), &token(0), TOOL).await?);
            guarded_sessions.extend(in_session(guarded.address(), &token(0), TOOL).await?);
        }
        sessions.truncate(connections);
        guarded_sessions.truncate(connections);
        let mut contenders = [
            Contender::new(&guarded, vec![call(&guarded); connections], GUARDED).await?,
            Contender::new(&json, vec![call(&json); connections], BARE).await?,
            Contender::new(&sse, sessions, BARE).await?,
            Contender::new(&guarded, guarded_sessions, GUARDED).await?,
        ];
        in_turn(&mut contenders, options).await?;
        let [guarded, json, sse, in_sessions] = &contenders;
        let row = |what: &str, figure, unit, goal| Row::new(format!("{what}, {connections} conn."), figure, unit, goal);
        rows.extend([
            row("HTTP call, CPU", guarded.cpu(), Unit::Micros, Goal::Above(5.0)).against(json.cpu(), "bare rmcp"),
            row("HTTP call, pace", guarded.pace(), Unit::CallsPerSecond, Goal::NotBelow(0.95))
                .against(json.pace(), "bare rmcp"),
            row("call in a session, CPU", in_sessions.cpu(), Unit::Micros, Goal::Above(5.0))
                .against(sse.cpu(), "bare, sessions + SSE"),
            row("call in a session, pace", in_sessions.pace(), Unit::CallsPerSecond, Goal::NotBelow(0.95))
                .against(sse.pace(), "bare, sessions + SSE"),
            row("stretch: CPU", guarded.cpu(), Unit::Micros, Goal::Times(1.0))
                .against(sse.cpu(), "bare, sessions + SSE"),
            row("stretch: pace", guarded.pace(), Unit::CallsPerSecond, Goal::NotBelow(1.0))
                .against(sse.pace(), "bare, sessions + SSE"),
        ]);
    }
    rows.push(counted(&files, guarded, options).await?);
    Ok(rows)
}

/// Instructions; the server that ran so far makes room for one with the same files.
async fn counted(files: &Files, running: Server, options: &Options) -> Outcome<Row> {
    running.stop()?;
    let what = "HTTP call, user-space instructions";
    if let Err(why) = instructions::available() {
        return Ok(Row::skipped(what, why));
    }
    let guarded = instructions::per_call(&files.http("1"), call, GUARDED, options).await?;
    let bare = instructions::per_call(&bare(Mode::Json), call, BARE, options).await?;
    Ok(Row::new(what, guarded, Unit::Instructions, Goal::Above(15e3)).against(bare, "bare rmcp"))
}

fn bare(mode: Mode) -> Vec<String> {
    vec!["serve-bare".to_owned(), mode.name().to_owned()]
}

fn call(server: &Server) -> Vec<u8> {
    stateless(server.address(), Some(&token(0)), "tools/call", Some(TOOL))
}
