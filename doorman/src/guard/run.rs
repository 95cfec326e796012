//! Running a function: bounded in time and number, cancellable, its panic caught.

use std::{thread, time::Duration};

use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::{Outgoing, Ready, Stop, panics};
use crate::{
    call::{Blocking, Bound, Reply, ToolError},
    limits::Permit,
};

/// Runs the function. When the guard gives up on it (time, cancellation), an `async fn` is dropped; a plain `fn` can't be,
/// so `stop` tells it, and it keeps its permit until it ends.
/// A question that this round has no answer to ends it: the function is dropped where it asks; so it is where a filter
/// refuses the question or its answer.
pub(super) async fn run(
    ready: Ready,
    timeout: Duration,
    outgoing: &Outgoing,
    cancelled: &CancellationToken,
) -> Result<Reply, Stop> {
    let Ready { bound, permit, stop } = ready;
    let _stop = stop.drop_guard();
    let ended = async {
        match bound {
            Bound::Async(future) => {
                let _permit = permit;
                Ok(future.await)
            }
            Bound::Blocking(function) => on_thread(function, permit).await,
        }
    };
    let ended = tokio::select! {
        biased;
        () = cancelled.cancelled() => Err(Stop::Cancelled),
        ended = ended => ended?.map_err(Stop::Failed),
        () = outgoing.round_ended() => Err(Stop::Asking(None)),
        () = outgoing.refused.told() => Err(Stop::Asking(None)),
        () = outgoing.waiting.run_out(timeout) => Err(Stop::Timeout),
    };
    // Whatever the function made of it.
    outgoing.refused.so_far().map_or(ended, |refused| Err(Stop::Filtered(refused)))
}

/// Runs a function on a thread of its own. Not on the runtime's: a function that never ends would keep the process from
/// ending (S27). There are as many of these threads as running calls, and those are bounded.
async fn on_thread(function: Blocking, permit: Permit) -> Result<Result<Reply, ToolError>, Stop> {
    let (returned, returns) = oneshot::channel();
    let (runtime, span) = (Handle::current(), Span::current());
    let thread = thread::Builder::new().name("tool".into()).spawn(move || {
        let _entered = runtime.enter();
        let outcome = span.in_scope(|| panics::contain_sync(function));
        drop(span);
        drop(permit);
        drop(returned.send(outcome));
    });
    thread.map_err(|error| Stop::Failed(ToolError::internal(error)))?;
    let outcome = returns.await.map_err(|error| Stop::Failed(ToolError::internal(error)))?;
    outcome.map_err(Stop::Panicked)
}
