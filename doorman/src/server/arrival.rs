//! Who sent a request, and how: what goes with it through rmcp.

use std::sync::Arc;
#[cfg(feature = "http")]
use std::sync::{Mutex, PoisonError};

use super::generation::Generation;
#[cfg(feature = "http")]
use super::http::Held;
use crate::{
    audit::{SessionTag, Transport},
    guard::Access,
};

/// Who sent a request, and how.
#[derive(Clone)]
pub(super) struct Arrival {
    /// What was served when it came.
    pub(super) generation: Arc<Generation>,
    pub(super) access: Arc<Access>,
    pub(super) session: Option<SessionTag>,
    pub(super) transport: Transport,
    /// The room that its body takes, for as long as this is anywhere.
    #[cfg(feature = "http")]
    pub(super) room: Option<Arc<Held>>,
}

/// An [`Arrival`] on its way through rmcp, which keeps what a request came with for as long as it is answered.
#[cfg(feature = "http")]
#[derive(Clone)]
pub(super) struct Pass(Arc<Mutex<Option<Arrival>>>);

#[cfg(feature = "http")]
impl Pass {
    pub(super) fn of(arrival: &Arrival) -> Self {
        Self(Arc::new(Mutex::new(Some(arrival.clone()))))
    }

    pub(super) fn arrival(&self) -> Option<Arrival> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of it, for an answer that goes on and on.
    pub(super) fn give_up(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
