//! What a question costs: a call of two rounds (MCP 2026-07-28), beside bare rmcp that asks the same and keeps no state.

use std::time::Instant;

use memchr::memmem;

use crate::{
    Options, Outcome,
    bare::Mode,
    client::{Connection, answering, asking},
    load::median,
    roles::{Files, token},
    server::Server,
    table::{Goal, Row, Unit},
};

const TOOL: &str = "confirm_invoice";
/// What the last answer holds.
const FOUND: &str = "INV-2026-0042";

pub(crate) async fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let files = Files::new(1)?;
    let guarded = Server::start(&files.http("asking"))?;
    let bare = Server::start(&["serve-bare", Mode::Json.name()].map(str::to_owned))?;
    let (rounds, calls) = if options.quick { (1, 50) } else { (7, 1_000) };
    let (mut seen, mut baseline) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        // In turn, after a round to warm up that isn't counted.
        let both = [two_rounds(&guarded, calls).await?, two_rounds(&bare, calls).await?];
        if round > 0 {
            let [one, other] = both;
            seen.push(one);
            baseline.push(other);
        }
    }
    let of = |figures: &[[f64; 2]], at: usize| median(figures.iter().map(|figure| figure[at]));
    Ok(vec![
        Row::new("a call of two rounds, CPU", of(&seen, 0), Unit::Micros, Goal::Open)
            .against(of(&baseline, 0), "bare rmcp"),
        Row::new("a call of two rounds, time on one connection", of(&seen, 1), Unit::Micros, Goal::Open)
            .against(of(&baseline, 1), "bare rmcp"),
    ])
}

/// The server's CPU time and the time on the wire of a call, both of its rounds together, in µs.
async fn two_rounds(server: &Server, calls: u32) -> Outcome<[f64; 2]> {
    let mut connection = Connection::open(server.address(), None).await?;
    let first = asking(server.address(), &token(0), TOOL);
    let (before, began) = (server.cpu()?, Instant::now());
    for _ in 0..calls {
        let asked = connection.call(&first).await?.body.to_owned();
        let state = state(&asked).ok_or_else(|| format!("no state in {asked}"))?;
        let second = answering(server.address(), &token(0), TOOL, state);
        let answer = connection.call(&second).await?;
        if !answer.body.contains(FOUND) {
            return Err(format!("expected {FOUND} in {}", answer.body).into());
        }
    }
    let wall = began.elapsed();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let cpu = server.cpu()? - before;
    Ok([cpu, wall].map(|time| time.as_secs_f64() * 1e6 / f64::from(calls)))
}

/// The state that an answer holds.
fn state(answer: &str) -> Option<&str> {
    const KEY: &str = r#""requestState":""#;
    let at = memmem::find(answer.as_bytes(), KEY.as_bytes())? + KEY.len();
    answer[at..].split('"').next()
}
