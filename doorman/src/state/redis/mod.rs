//! Cells in a Redis server that many hosts share.
//!
//! A batch is one script, run as a whole by the server on its own clock (`batch.lua`, the same arithmetic as `shape`). A
//! connection that fails is given up, and a task of ours makes another; until then calls are refused at once.

mod address;
mod link;
mod script;

#[cfg(test)]
mod tests;

use std::{io, time::Duration};

use doorman_grammar::rate::Calendar;
use redis::{Client, ErrorKind, RedisError, ServerErrorKind};

use super::{Answer, Ask, Op, PATIENCE, Place, Shape, Unavailable};
use crate::credentials::Secret;
pub(crate) use address::Address;
use link::Link;
use script::Batch;

/// The server, as this process uses it.
pub(crate) struct Redis {
    /// What every key begins with. The part in braces makes a cluster keep all of them on one node.
    prefix: String,
    link: Link,
}

impl Redis {
    /// Connects to nothing yet.
    pub(super) fn new(address: &Address, application: &str, password: Option<&Secret>) -> io::Result<Self> {
        // Somebody else in the process may have chosen a provider, and then it holds.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let client = Client::open(address.info(password)).map_err(|error| io::Error::other(error.to_string()))?;
        let tag = match plain(application) {
            true => application.to_owned(),
            false => format!("{:032x}", crate::limits::digest(application)),
        };
        let prefix = format!("doorman:{{{tag}}}:");
        let link = Link::new(client, address.to_string(), format!("{prefix}probe"));
        Ok(Self { prefix, link })
    }

    /// Connects, and from then on as often as need be. Returns after the first attempt, whatever came of it.
    pub(super) async fn start(&self) {
        self.link.start().await;
    }

    pub(super) fn answers(&self) -> bool {
        self.link.answers()
    }

    pub(super) async fn run(&self, op: Op, asks: &mut [Ask]) -> Result<Answer, Unavailable> {
        let mut connection = self.link.connection()?;
        let batch = self.batch(op, asks);
        let asked = tokio::time::timeout(PATIENCE, self.link.script().run(&mut connection.to, &batch)).await;
        let reply = match asked {
            Ok(reply) => reply.map_err(Failure::Redis),
            Err(_) => Err(Failure::Slow),
        };
        self.link.saw(&connection, reply.and_then(|reply| read(&reply, asks)))
    }

    fn batch(&self, op: Op, asks: &[Ask]) -> Batch {
        let (word, since) = match op {
            Op::Take => ("take", 0),
            Op::GiveBack { since } => ("give", since / 1000),
            Op::Charge => ("charge", 0),
            Op::Peek => ("peek", 0),
        };
        let mut batch = Batch { keys: Vec::with_capacity(asks.len()), arguments: vec![word.into(), since.to_string()] };
        for ask in asks {
            let (unit, period, holds) = match ask.shape {
                Shape::Bucket { period, burst } => ("-", period, burst),
                Shape::Window { unit: Calendar::Hour, count } => ("h", 0, count),
                Shape::Window { unit: Calendar::Day, count } => ("d", 0, count),
                Shape::Window { unit: Calendar::Month, count } => ("m", 0, count),
            };
            batch.keys.push(self.key(ask.place));
            batch.arguments.extend([unit.to_owned(), period.to_string(), holds.to_string(), ask.weight.to_string()]);
        }
        batch
    }

    fn key(&self, place: Place) -> String {
        format!("{}{:032x}", self.prefix, place.key.unwrap_or(place.rule))
    }
}

/// Why a batch wasn't answered.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer within {PATIENCE:?}")]
    Slow,
    #[error("{0}")]
    Redis(RedisError),
    #[error("its answer makes no sense")]
    Nonsense,
}

impl Failure {
    /// Whether the connection is of no more use.
    fn is_final(&self) -> bool {
        match self {
            Self::Slow | Self::Nonsense => true,
            // A server that only reads may have been the one that writes when we connected.
            Self::Redis(error) => {
                let only_reads = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
                only_reads || error.is_io_error() || error.is_timeout() || error.is_unrecoverable_error()
            }
        }
    }
}

/// The script's answer: its time, then for each ask whether it fits and what is left.
fn read(reply: &[i64], asks: &mut [Ask]) -> Result<Answer, Failure> {
    let whole = |number: i64| u64::try_from(number).map_err(|_| Failure::Nonsense);
    let Some((&us, pairs)) = reply.split_first().filter(|(_, pairs)| pairs.len() == 2 * asks.len()) else {
        return Err(Failure::Nonsense);
    };
    let mut answer = Answer { at: whole(us)?.saturating_mul(1000), refused: None };
    for (index, (pair, ask)) in pairs.chunks_exact(2).zip(asks).enumerate() {
        match pair[0] {
            -1 => {}
            -2 => answer.refuse(index, None),
            wait => answer.refuse(index, Some(Duration::from_nanos(whole(wait)?))),
        }
        ask.left = u32::try_from(pair[1]).map_err(|_| Failure::Nonsense)?;
    }
    Ok(answer)
}

/// Whether a name can stand in a key as it is.
fn plain(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
