//! What takes long without waiting for anything: to look at what is large. Whoever else the thread serves doesn't wait for
//! it (S27).

use rmcp::model::{ContentBlock, ResourceContents};
use serde_json::Value;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::{Came, Done, Stop};
use crate::call::{Failure, HeldContents as Held, Message, Reply};

/// To look at this many bytes takes some milliseconds at worst.
const LARGE: usize = 16 * 1024;

/// Does something; where it takes long, the runtime's other work goes on with another thread.
pub(super) fn aside<T>(takes_long: bool, work: impl FnOnce() -> T) -> T {
    let has_others = || Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
    if takes_long && has_others() { tokio::task::block_in_place(work) } else { work() }
}

/// Something whose size is known well enough without looking at all of it.
pub(super) trait Weighed {
    /// Takes the size from what is left; false once that is used up.
    fn fits(&self, left: &mut usize) -> bool;

    fn is_large(&self) -> bool {
        !self.fits(&mut LARGE.clone())
    }
}

fn take(left: &mut usize, bytes: usize) -> bool {
    *left = left.saturating_sub(bytes);
    *left > 0
}

impl Weighed for Value {
    fn fits(&self, left: &mut usize) -> bool {
        match self {
            Value::String(text) => take(left, text.len()),
            Value::Array(items) => take(left, 1) && items.iter().all(|item| item.fits(left)),
            Value::Object(members) => members.fits(left),
            Value::Null | Value::Bool(_) | Value::Number(_) => take(left, 1),
        }
    }
}

impl Weighed for serde_json::Map<String, Value> {
    fn fits(&self, left: &mut usize) -> bool {
        take(left, 1) && self.iter().all(|(key, value)| take(left, key.len()) && value.fits(left))
    }
}

impl Weighed for ContentBlock {
    fn fits(&self, left: &mut usize) -> bool {
        let bytes = match self {
            Self::Text(it) => it.text.len(),
            Self::Image(it) => it.data.len(),
            Self::Audio(it) => it.data.len(),
            Self::Resource(it) => match &it.resource {
                ResourceContents::TextResourceContents { text, .. } => text.len(),
                ResourceContents::BlobResourceContents { blob, .. } => blob.len(),
                _ => LARGE,
            },
            Self::ResourceLink(_) => 0,
            _ => LARGE,
        };
        // What an author adds is looked at, too.
        take(left, bytes + 256)
    }
}

impl Weighed for Reply {
    fn fits(&self, left: &mut usize) -> bool {
        match self {
            Self::Structured(value) => value.fits(left),
            Self::Text(text) => take(left, text.len()),
            Self::Content(blocks) => blocks.iter().all(|block| block.fits(left)),
            Self::Contents(contents) => match &contents.held {
                Held::Text(text) => take(left, text.len()),
                Held::Blob(bytes) => take(left, bytes.len()),
            },
            Self::Messages(messages) => messages.iter().all(|Message(it)| it.content.fits(left)),
            Self::Values(values) => values.iter().all(|value| take(left, value.len())),
            Self::TooDeep => true,
        }
    }
}

impl Weighed for Result<Done, Stop> {
    fn fits(&self, left: &mut usize) -> bool {
        match self {
            Ok(Done { came: Came::Reply(reply), .. }) => reply.fits(left),
            Err(Stop::Failed(error)) => match error.failure() {
                Failure::User(text) | Failure::Denied(text) => take(left, text.len()),
                Failure::Lacking(_) | Failure::Internal(_) => true,
            },
            Ok(_) | Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_large() {
        let text = |bytes: usize| "x".repeat(bytes);
        assert!(!json!({"a": text(LARGE / 2), "b": [1, null]}).is_large());
        for large in [json!(text(LARGE)), json!({text(LARGE): 1}), json!(vec![0; LARGE]), json!([{"a": [text(LARGE)]}])]
        {
            assert!(large.is_large());
        }
        assert!(Reply::Content(vec![ContentBlock::text(text(LARGE))]).is_large());
        assert!(!Reply::Content(vec![ContentBlock::text("x")]).is_large());
        assert!(Reply::Text(text(LARGE).into()).is_large() && !Reply::Text("x".into()).is_large());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn others_go_on_meanwhile() {
        let other = tokio::spawn(async {
            let (told, tells) = std::sync::mpsc::channel();
            tokio::spawn(async move { told.send(()) });
            aside(true, || tells.recv_timeout(std::time::Duration::from_secs(20)))
        });
        assert_eq!(other.await.ok(), Some(Ok(())), "the only thread was kept");
    }
}
