//! What it costs to know who calls: tokens checked, callers refused, a thousand agents.

use std::{
    io,
    time::{Duration, Instant},
};

use doorman::identity::{Auth, TokenVerifier};
use futures::future::try_join_all;

use crate::{
    Options, Outcome,
    bare::Mode,
    client::{Connection, stateless},
    issuer::{Algorithm, Issuer, RESOURCE},
    load::{Contender, in_turn},
    roles::{Files, token},
    server::Server,
    table::{Goal, Row, Unit},
};

const TOOL: &str = "get_invoice";
const FOUND: &str = "INV-2026-0042";

pub(crate) async fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let issuer = Issuer::start().await?;
    let mut rows = checks(&issuer, options).await?;
    rows.extend(calls(&issuer, options).await?);
    rows.extend(agents(&issuer, options).await?);
    Ok(rows)
}

/// A token looked at for the first time, and again.
async fn checks(issuer: &Issuer, options: &Options) -> Outcome<Vec<Row>> {
    let count = if options.quick { 50 } else { 2_000 };
    let mut rows = Vec::new();
    for algorithm in Algorithm::ALL {
        let auth = Auth::jwt(&issuer.name, RESOURCE).allow_loopback_http();
        auth.prepare().await;
        let tokens: Vec<String> = (0..count).map(|it| issuer.token(algorithm, it)).collect::<Outcome<_>>()?;
        let mut took = [0.0; 2];
        for took in &mut took {
            let began = Instant::now();
            for token in &tokens {
                auth.verify(token).await.map_err(|why| format!("{why:?}"))?;
            }
            *took = began.elapsed().as_secs_f64() * 1e6 / count as f64;
        }
        let name = algorithm.name();
        rows.push(Row::new(format!("token check, {name}, first"), took[0], Unit::Micros, Goal::Open));
        rows.push(
            Row::new(format!("token check, {name}, remembered"), took[1], Unit::Micros, Goal::Open)
                .against(took[0], "the first time"),
        );
    }
    Ok(rows)
}

/// Calls with a JWT beside those with a static token and bare rmcp; and refusals.
async fn calls(issuer: &Issuer, options: &Options) -> Outcome<Vec<Row>> {
    let files = Files::new(1)?;
    let guarded = Server::start(&files.http_with_issuer("1", &issuer.name)?)?;
    let bare = Server::start(&["serve-bare", Mode::Json.name()].map(str::to_owned))?;
    let jwt = issuer.token(Algorithm::Rs256, 0)?;
    let call = |server: &Server, token: Option<&str>| stateless(server.address(), token, "tools/call", Some(TOOL));
    let mut rows = Vec::new();
    for connections in [1_usize, 64] {
        let many = |request: Vec<u8>| vec![request; connections];
        let mut contenders = [
            Contender::new(&guarded, many(call(&guarded, Some(&jwt))), FOUND).await?,
            Contender::new(&guarded, many(call(&guarded, Some(&token(0)))), FOUND).await?,
            Contender::new(&bare, many(call(&bare, None)), FOUND).await?,
            Contender::refused(&guarded, many(call(&guarded, None)), "401").await?,
            Contender::refused(&guarded, many(call(&guarded, Some(&format!("{jwt}x")))), "4").await?,
        ];
        in_turn(&mut contenders, options).await?;
        let [jwt, fixed, bare, stranger, forger] = &contenders;
        let row = |what: &str, figure, unit, goal| Row::new(format!("{what}, {connections} conn."), figure, unit, goal);
        rows.extend([
            row("call with a JWT, CPU", jwt.cpu(), Unit::Micros, Goal::Above(5.0)).against(bare.cpu(), "bare rmcp"),
            row("call with a JWT, pace", jwt.pace(), Unit::CallsPerSecond, Goal::NotBelow(0.95))
                .against(bare.pace(), "bare rmcp"),
            row("call with a JWT, CPU", jwt.cpu(), Unit::Micros, Goal::Open).against(fixed.cpu(), "a static token"),
            row("refusal without a token, CPU", stranger.cpu(), Unit::Micros, Goal::Open)
                .against(bare.cpu(), "bare rmcp, a call"),
            row("refusal without a token, pace", stranger.pace(), Unit::CallsPerSecond, Goal::Open)
                .against(bare.pace(), "bare rmcp, a call"),
            row("refusal of a forged token, CPU", forger.cpu(), Unit::Micros, Goal::Open)
                .against(bare.cpu(), "bare rmcp, a call"),
            row("refusal of a forged token, pace", forger.pace(), Unit::CallsPerSecond, Goal::Open)
                .against(bare.pace(), "bare rmcp, a call"),
        ]);
    }
    Ok(rows)
}

/// A thousand agents with a token each, over 16 connections, beside one.
async fn agents(issuer: &Issuer, options: &Options) -> Outcome<Vec<Row>> {
    const CONNECTIONS: usize = 16;
    let count = if options.quick { 50 } else { 1_000 };
    let each = if options.quick { 20 } else { 1_000 };
    let files = Files::new(0)?;
    let server = Server::start(&files.http_with_issuer("1", &issuer.name)?)?;
    let (idle, address) = (server.memory()?.resident, server.address());
    let tokens: Vec<String> = (0..count).map(|it| issuer.token(Algorithm::Rs256, it)).collect::<Outcome<_>>()?;
    let requests: Vec<Vec<u8>> =
        tokens.iter().map(|token| stateless(address, Some(token), "tools/call", Some(TOOL))).collect();
    // Each token once: what is measured afterwards are remembered ones.
    let mut first = Connection::open(address, None).await?;
    for request in &requests {
        first.call(request).await?;
    }
    let mut p99 = Vec::new();
    for requests in [&requests[..], &requests[..1]] {
        let work = (0..CONNECTIONS).map(|at| async move {
            let mut connection = Connection::open(address, None).await?;
            let mut took = Vec::with_capacity(each);
            for turn in 0..each {
                let began = Instant::now();
                connection.call(&requests[(at * each + turn * 7) % requests.len()]).await?;
                took.push(began.elapsed());
            }
            io::Result::Ok(took)
        });
        let mut took: Vec<Duration> = try_join_all(work).await?.into_iter().flatten().collect();
        took.sort_unstable();
        p99.push(took[took.len() * 99 / 100].as_secs_f64() * 1e3);
    }
    let served = server.memory()?.resident;
    let what = format!("{count} agents with a JWT each");
    Ok(vec![
        Row::new(format!("{what}, memory, RSS"), served, Unit::Megabytes, Goal::AtMost(40.0)).against(idle, "idle"),
        Row::new(format!("{what}, p99 over {CONNECTIONS} conn."), p99[0], Unit::Millis, Goal::Open)
            .against(p99[1], "one agent"),
    ])
}
