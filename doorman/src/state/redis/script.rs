//! The script that decides a batch, asked for by its hash, and sent where the server doesn't know it.

use redis::{Cmd, ErrorKind, RedisResult, ServerErrorKind, aio::MultiplexedConnection};

const SOURCE: &str = include_str!("batch.lua");

pub(super) struct Script {
    hash: String,
}

/// What a run of the script is about.
pub(super) struct Batch {
    pub(super) keys: Vec<String>,
    pub(super) arguments: Vec<String>,
}

impl Script {
    pub(super) fn new() -> Self {
        Self { hash: redis::Script::new(SOURCE).get_hash().to_owned() }
    }

    pub(super) async fn run(&self, to: &mut MultiplexedConnection, batch: &Batch) -> RedisResult<Vec<i64>> {
        match batch.command("EVALSHA", &self.hash).query_async(to).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                batch.command("EVAL", SOURCE).query_async(to).await
            }
            ran => ran,
        }
    }
}

impl Batch {
    fn command(&self, verb: &str, script: &str) -> Cmd {
        redis::cmd(verb).arg(script).arg(self.keys.len()).arg(&self.keys).arg(&self.arguments).take()
    }
}
