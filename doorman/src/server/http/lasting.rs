//! Answers that last: streams on which a client listens. They end when the token that opened them is no longer good (S07,
//! S26), or opens something else than it did: its verifier is asked whenever its word no longer holds, and whenever what is
//! served is replaced.

use std::{sync::Arc, time::SystemTime};

use axum::{body::Body, response::Response};
use futures::StreamExt;

use super::{Sender, Server};
use crate::guard::Access;

/// Who opened a stream, and until when that is known to be allowed.
pub(super) struct Watch {
    pub(super) server: Arc<Server>,
    pub(super) sender: Sender,
    pub(super) opened: Arc<Access>,
    pub(super) until: Option<SystemTime>,
}

impl Watch {
    /// Returns when its caller is no longer known to be the one that it was.
    async fn over(mut self) {
        let mut replaced = self.server.door.replaced();
        loop {
            tokio::select! {
                () = elapsed(self.until) => {}
                // The door is there for as long as this is.
                _ = replaced.changed() => {}
            }
            let Ok((now, until)) = self.server.arrival(&self.sender).await else { return };
            let (then, now) = (&self.opened, &now.access);
            let same = then.caller == now.caller && then.principal.token_scopes() == now.principal.token_scopes();
            if !same || until.is_some_and(|until| until <= SystemTime::now()) {
                return;
            }
            self.until = until;
        }
    }
}

/// Waits for a time, if there is one.
async fn elapsed(until: Option<SystemTime>) {
    match until {
        Some(until) => tokio::time::sleep(until.duration_since(SystemTime::now()).unwrap_or_default()).await,
        None => std::future::pending().await,
    }
}

/// An answer, as long as its caller is one.
pub(super) fn last(response: Response, watch: Option<Watch>) -> Response {
    let Some(watch) = watch else { return response };
    let ends = Box::pin(watch.over());
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(ends)))
}
