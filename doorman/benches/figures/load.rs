//! Load on servers that are to be compared: rounds in turn (A B A B), so that whatever else the machine does meets all.

use std::time::{Duration, Instant};

use futures::future::try_join_all;

use super::{Options, Outcome, client::Connection, server::Server};

/// One server, its connections with the request that each sends, and what was seen of it.
pub(crate) struct Contender<'a> {
    server: &'a Server,
    connections: Vec<(Connection, Vec<u8>)>,
    rounds: Vec<Round>,
}

/// What one round of load cost.
#[derive(Clone, Copy)]
struct Round {
    calls: f64,
    wall: Duration,
    cpu: Duration,
}

impl<'a> Contender<'a> {
    /// Makes a connection for each request, and checks that the first answer says what it should.
    pub(crate) async fn new(server: &'a Server, requests: Vec<Vec<u8>>, expected: &str) -> Outcome<Contender<'a>> {
        let open = requests.iter().map(|_| Connection::open(server.address(), None));
        let mut connections: Vec<_> = try_join_all(open).await?.into_iter().zip(requests).collect();
        if let Some((first, request)) = connections.first_mut() {
            let answer = first.call(request).await?;
            if !answer.body.contains(expected) {
                return Err(format!("expected {expected} in {}{}", answer.head, answer.body).into());
            }
        }
        Ok(Self { server, connections, rounds: Vec::new() })
    }

    /// The same for requests that are refused, with a status that begins so.
    #[cfg(feature = "oauth")]
    pub(crate) async fn refused(server: &'a Server, requests: Vec<Vec<u8>>, status: &str) -> Outcome<Contender<'a>> {
        let open = requests.iter().map(|_| Connection::open(server.address(), None));
        let connections = try_join_all(open).await?.into_iter().map(|it| it.expecting(status));
        Ok(Self { server, connections: connections.zip(requests).collect(), rounds: Vec::new() })
    }

    async fn round(&mut self, time: Duration) -> Outcome<Round> {
        let (before, began) = (self.server.cpu()?, Instant::now());
        let calls = self.connections.iter_mut().map(|(connection, request)| async move {
            let mut calls = 0_u32;
            while began.elapsed() < time {
                connection.call(request).await?;
                calls += 1;
            }
            std::io::Result::Ok(calls)
        });
        let calls = try_join_all(calls).await?.into_iter().map(f64::from).sum();
        let wall = began.elapsed();
        // What runs right now is counted at the scheduler's next tick.
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(Round { calls, wall, cpu: self.server.cpu()? - before })
    }

    /// So many calls on the first connection.
    pub(crate) async fn calls(&mut self, count: usize) -> Outcome<()> {
        let (connection, request) = &mut self.connections[0];
        for _ in 0..count {
            connection.call(request).await?;
        }
        Ok(())
    }

    /// CPU time of the server per call, in µs.
    pub(crate) fn cpu(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.cpu.as_secs_f64() * 1e6 / round.calls))
    }

    /// Calls per second.
    pub(crate) fn pace(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.calls / round.wall.as_secs_f64()))
    }
}

/// Loads all in turn, after a round to warm up that isn't counted.
pub(crate) async fn in_turn(contenders: &mut [Contender<'_>], options: &Options) -> Outcome<()> {
    let (rounds, time) = if options.quick { (1, 150) } else { (7, 700) };
    for round in 0..=rounds {
        for contender in &mut *contenders {
            let seen = contender.round(Duration::from_millis(time)).await?;
            if round > 0 {
                contender.rounds.push(seen);
            }
        }
    }
    Ok(())
}

/// The middle one.
pub(crate) fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
