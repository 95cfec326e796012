//! Watching the operator's files, where he asks for it. They are looked at each second rather than waited for: that sees a
//! file that was renamed over, a folder whose symlink was swapped, a file that went and came back, and what a network file
//! system has, all alike.

use std::{
    collections::BTreeMap,
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::reload::Reloader;
use crate::manifest::folder;

const PAUSE: Duration = Duration::from_secs(1);

/// What tells one state of a file from another: device, inode, size, and the times of its content and its inode.
type State = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// Files, and in which state each was.
pub(super) type Seen = BTreeMap<PathBuf, State>;

/// Reloads whenever a file has changed and has stayed the same for one pause, so that a file is read once it is written.
/// `served` is what was seen before the files were read that are served.
pub(super) async fn watch(reloader: Arc<Reloader>, mut served: Seen) {
    let mut before = served.clone();
    loop {
        tokio::time::sleep(PAUSE).await;
        let sources = reloader.sources();
        let now = tokio::task::spawn_blocking(move || look(sources)).await.unwrap_or_default();
        let settled = now == before;
        before = now;
        if settled && before != served {
            // Told by the reload itself. What was refused is tried again when it has changed again.
            drop(Arc::clone(&reloader).reload().await);
            served.clone_from(&before);
        }
    }
}

/// The state of files, and of the manifests in folders.
pub(super) fn look(sources: impl IntoIterator<Item = PathBuf>) -> Seen {
    let mut seen = Seen::new();
    for source in sources {
        if source.is_dir() {
            // Only what would be read: a log in the folder is none of it.
            seen.extend(folder(&source).unwrap_or_default().into_iter().map(|file| at(&file)));
        } else {
            seen.extend([at(&source)]);
        }
    }
    seen
}

/// A symlink is what it leads to.
fn at(path: &Path) -> (PathBuf, State) {
    let look =
        |it: Metadata| (it.dev(), it.ino(), it.size(), (it.mtime(), it.mtime_nsec()), (it.ctime(), it.ctime_nsec()));
    (path.to_owned(), std::fs::metadata(path).ok().map(look))
}
