//! Running a function: bounded in time and number, cancellable, its panic caught.

use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::{Stop, panics};
use crate::{
    call::{Bound, Reply, ToolError},
    limits::Permit,
};

/// Runs the function. When the guard gives up on it (time, cancellation), an `async fn` is dropped; a plain `fn` can't be,
/// so `stop` tells it, and it keeps its permit until it ends.
pub(super) async fn run(
    bound: Bound,
    permit: Permit,
    timeout: Duration,
    cancelled: &CancellationToken,
    stop: CancellationToken,
) -> Result<Reply, Stop> {
    let _stop = stop.drop_guard();
    let ended = async {
        match bound {
            Bound::Async(future) => {
                let _permit = permit;
                panics::contain(future).await.map_err(Stop::Panicked)
            }
            Bound::Blocking(function) => {
                let thread = tokio::task::spawn_blocking(move || {
                    let _permit = permit;
                    panics::contain_sync(function)
                });
                thread.await.map_err(gone)?.map_err(Stop::Panicked)
            }
        }
    };
    tokio::select! {
        biased;
        () = cancelled.cancelled() => Err(Stop::Cancelled),
        ended = tokio::time::timeout(timeout, ended) => match ended {
            Ok(returned) => returned?.map_err(Stop::Failed),
            Err(_) => Err(Stop::Timeout),
        },
    }
}

/// The runtime is shutting down.
fn gone(error: JoinError) -> Stop {
    Stop::Failed(ToolError::internal(error))
}
