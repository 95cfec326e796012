//! Room for the bodies that are being handled: so much for all together, and so much for each caller (S27).

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::refuse::Refused;
use crate::limits::CallerKey;

/// How many bytes of bodies may be handled at once: parsed, they take many times that.
const ALL: usize = 64 << 20;
/// How many of them may be one caller's, or one body if that may be longer.
const EACH: usize = ALL / 8;
/// How many of them may be those of all callers together whom nobody vouches for.
const STRANGERS: usize = ALL / 4;
/// How long a body may take to arrive.
const SLOWEST: Duration = Duration::from_secs(30);

/// The bodies that are being handled.
pub(super) struct Bodies {
    /// How long one may be.
    most: usize,
    held: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: usize,
    of_strangers: usize,
    of: HashMap<CallerKey, usize>,
}

/// The room that a body takes, until this is dropped.
pub(in crate::server) struct Held {
    bodies: Arc<Bodies>,
    caller: CallerKey,
    sender: From,
    bytes: usize,
}

/// Who sends a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// A caller that somebody vouches for.
    Known,
    Stranger,
}

impl Bodies {
    /// For bodies of at most so many bytes.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// Reads a body in bounded time. It takes room as it arrives, whatever it says of its length.
    pub(super) async fn read(
        self: &Arc<Self>,
        (caller, sender): (CallerKey, From),
        headers: &HeaderMap,
        body: Body,
    ) -> Result<(Bytes, Held), Refused> {
        let said = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if said.is_some_and(|bytes: usize| bytes > self.most) {
            return Err(Refused::TooLarge(self.most));
        }
        let mut held = Held { bodies: Arc::clone(self), caller, sender, bytes: 0 };
        let read = async {
            let (mut body, mut bytes) = (Limited::new(body, self.most), BytesMut::new());
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| {
                    if error.is::<LengthLimitError>() { Refused::TooLarge(self.most) } else { Refused::BrokenBody }
                })?;
                if let Ok(data) = frame.into_data() {
                    held.grow(data.len())?;
                    bytes.extend_from_slice(&data);
                }
            }
            Ok::<_, Refused>(bytes.freeze())
        };
        let bytes = tokio::time::timeout(SLOWEST, read).await.map_err(|_| Refused::TooSlow)??;
        Ok((bytes, held))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn grow(&mut self, bytes: usize) -> Result<(), Refused> {
        let mut state = self.bodies.lock();
        let own = state.of.get(&self.caller).copied().unwrap_or_default();
        let strange = if self.sender == From::Stranger { bytes } else { 0 };
        let full = state.bytes + bytes > ALL || state.of_strangers + strange > STRANGERS;
        if full || own + bytes > EACH.max(self.bodies.most) {
            return Err(Refused::Busy);
        }
        state.of_strangers += strange;
        state.bytes += bytes;
        state.of.insert(self.caller, own + bytes);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.bodies.lock();
        state.bytes -= self.bytes;
        if self.sender == From::Stranger {
            state.of_strangers -= self.bytes;
        }
        if let Entry::Occupied(mut own) = state.of.entry(self.caller) {
            *own.get_mut() -= self.bytes;
            if *own.get() == 0 {
                own.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Caller;

    const MOST: usize = 4 << 20;

    fn caller(subject: &str) -> CallerKey {
        Caller::Verified { tenant: None, subject }.key()
    }

    async fn read(bodies: &Arc<Bodies>, subject: &str, bytes: usize) -> Result<Held, Refused> {
        let sender = if subject.starts_with("stranger") { From::Stranger } else { From::Known };
        let read = bodies.read((caller(subject), sender), &HeaderMap::new(), Body::from(vec![b' '; bytes])).await;
        read.map(|(_, held)| held)
    }

    #[tokio::test]
    async fn s27_one_caller_takes_an_eighth_of_the_room() {
        let bodies = Bodies::new(MOST);
        let mut held = vec![read(&bodies, "alice", MOST).await.ok(), read(&bodies, "alice", MOST).await.ok()];
        assert!(held.iter().all(Option::is_some));
        assert!(matches!(read(&bodies, "alice", 1).await, Err(Refused::Busy)));
        for other in ["b", "c", "d", "e", "f", "g", "h"] {
            held.extend([read(&bodies, other, MOST).await.ok(), read(&bodies, other, MOST).await.ok()]);
        }
        assert!(held.iter().all(Option::is_some));
        assert!(matches!(read(&bodies, "i", 1).await, Err(Refused::Busy)), "of all together");
        drop(held.remove(0));
        assert!(read(&bodies, "i", MOST).await.is_ok() && read(&bodies, "alice", MOST).await.is_ok());
        drop(held);
        assert!(bodies.lock().of.is_empty() && bodies.lock().bytes == 0);
    }

    #[tokio::test]
    async fn s27_strangers_together_leave_room_for_those_who_are_known() {
        let bodies = Bodies::new(MOST);
        let mut held = Vec::new();
        for stranger in ["stranger 1", "stranger 2", "stranger 3", "stranger 4"] {
            held.push(read(&bodies, stranger, MOST).await.ok());
        }
        assert!(held.iter().all(Option::is_some));
        assert!(matches!(read(&bodies, "stranger 5", 1).await, Err(Refused::Busy)));
        assert!(read(&bodies, "alice", MOST).await.is_ok());
        drop(held);
        assert!(read(&bodies, "stranger 5", MOST).await.is_ok() && bodies.lock().of_strangers == 0);
    }

    #[tokio::test]
    async fn s27_what_is_only_announced_takes_no_room() {
        let bodies = Bodies::new(MOST);
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, MOST.into())]);
        let never = || Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let reads = (0..64).map(|_| bodies.read((caller("alice"), From::Known), &headers, never()));
        let waiting = futures::future::join_all(reads);
        assert!(tokio::time::timeout(Duration::from_millis(10), waiting).await.is_err(), "they wait");
        assert_eq!(bodies.lock().bytes, 0);
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, (MOST + 1).into())]);
        assert!(matches!(
            bodies.read((caller("alice"), From::Known), &headers, never()).await,
            Err(Refused::TooLarge(MOST))
        ));
        assert!(matches!(read(&bodies, "alice", MOST + 1).await, Err(Refused::TooLarge(MOST))));
    }
}
