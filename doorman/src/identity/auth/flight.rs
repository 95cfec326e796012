//! Work that one caller starts and many may wait for. It goes on when those who wait are gone, so that nobody can have it
//! begun again and again by hanging up.

use std::time::{Instant, SystemTime};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};

/// The outcome of work under way; `None` if it broke.
pub(super) type Flight<T> = Shared<BoxFuture<'static, Option<T>>>;

/// Starts work.
pub(super) fn launch<T: Clone + Send + Sync + 'static>(work: impl Future<Output = T> + Send + 'static) -> Flight<T> {
    let task = tokio::spawn(work);
    async move { task.await.ok() }.boxed().shared()
}

/// The time, by both clocks: what a token says is compared with the wall's, how old something is is measured with the one
/// that never goes back.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) wall: SystemTime,
    pub(super) steady: Instant,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    #[cfg(test)]
    pub(super) fn after(self, time: std::time::Duration) -> Self {
        Self { wall: self.wall + time, steady: self.steady + time }
    }
}
