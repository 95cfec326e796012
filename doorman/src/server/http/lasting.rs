//! Answers that last: streams on which a client listens. They end when the token that opened them is no longer good (S07),
//! which its verifier is asked whenever its word no longer holds.

use std::{sync::Arc, time::SystemTime};

use axum::{body::Body, response::Response};
use futures::StreamExt;

use super::{Sender, Server};

/// Who opened a stream, and until when that is known to be allowed.
pub(super) struct Watch {
    pub(super) server: Arc<Server>,
    pub(super) sender: Sender,
    pub(super) until: SystemTime,
}

impl Watch {
    /// Returns when its caller is no longer known to be one.
    async fn over(mut self) {
        loop {
            let wait = self.until.duration_since(SystemTime::now()).unwrap_or_default();
            tokio::time::sleep(wait).await;
            match self.server.arrival(&self.sender).await {
                Ok((_, Some(until))) if until > SystemTime::now() => self.until = until,
                _ => return,
            }
        }
    }
}

/// An answer, as long as its caller is one.
pub(super) fn last(response: Response, watch: Option<Watch>) -> Response {
    let Some(watch) = watch else { return response };
    let ends = Box::pin(watch.over());
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(ends)))
}
