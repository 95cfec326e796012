//! Files that are watched, however they change.

use std::{fs, os::unix::fs::symlink, path::Path, thread, time::Duration};

use serde_json::json;

use super::{can_write, files, manifest};
use crate::harness::{Cast, Era, Fixture, Server};

/// A server that watches, on a folder of manifests.
struct Watched {
    server: Server,
    folder: String,
}

impl Watched {
    fn new(lay: impl FnOnce(&Path)) -> Self {
        let fixture = Fixture::reference().tokens(&[Cast::ALICE, Cast::BOB]);
        let folder = fixture.path("manifests");
        fs::create_dir(&folder).expect("a folder");
        lay(Path::new(&folder));
        let fixture = fixture.arg("--watch").arg("--manifest").arg(&folder);
        let server = fixture.serve();
        Self { server, folder }
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Whether she can write after what is done here has been noticed.
    fn after(&self, change: impl FnOnce()) -> bool {
        let before = self.server.process.written();
        change();
        self.server.process.reloads_after(before);
        can_write(&mut self.server.caller(Cast::ALICE, Era::Modern))
    }
}

#[test]
fn a_watched_file_is_read_again_however_it_is_replaced() {
    let text = |mode: &str| manifest("reader", &files(mode));
    let write = |path: &str, text: &str| fs::write(path, text).expect("writes");
    let watched = Watched::new(|folder| fs::write(folder.join("a.yaml"), text("read")).expect("writes"));
    let file = watched.file("a.yaml");
    assert!(watched.after(|| write(&file, &text("write"))), "written in place");
    let renamed = watched.file(".a.yaml.new");
    assert!(
        !watched.after(|| {
            write(&renamed, &text("read"));
            fs::rename(&renamed, &file).expect("renames");
        }),
        "renamed over"
    );
    let before = watched.server.process.written();
    fs::remove_file(&file).expect("removes");
    assert!(
        watched.server.process.reloads_after(before).contains("RELOAD REFUSED"),
        "an empty folder grants nothing new"
    );
    assert!(!can_write(&mut watched.server.caller(Cast::ALICE, Era::Modern)));
    assert!(watched.after(|| write(&file, &text("write"))), "made again");
    // Another type's, and then not any more: who is of it is nobody.
    let bob = || watched.server.caller(Cast::BOB, Era::Modern).names().len();
    watched.after(|| write(&watched.file("b.yaml"), &manifest("writer", &files("write"))));
    assert!(bob() > 5);
    watched.after(|| fs::remove_file(watched.file("b.yaml")).expect("removes"));
    assert_eq!(bob(), 0);
    // In pieces, each of which would be taken for the whole.
    let whole = format!("{}rate_limits: {{global: '1/hour'}}\n", text("read"));
    let (first, rest) = whole.split_at(text("read").len());
    let still = watched.after(|| {
        for end in [first.len() / 2, first.len()] {
            write(&file, &first[..end]);
            thread::sleep(Duration::from_millis(700));
        }
        write(&file, &format!("{first}{rest}"));
    });
    assert!(!still);
    let mut alice = watched.server.caller(Cast::ALICE, Era::Modern);
    assert!(alice.call("files_stat", json!({"path": ""})).is_error(), "the call before was the hour's");
}

#[test]
fn a_mounted_folder_is_read_again_when_its_symlink_is_swapped() {
    let text = |mode: &str| manifest("reader", &files(mode));
    // As Kubernetes lays out a ConfigMap: `a.yaml` → `..data/a.yaml`, `..data` → a folder with a time in its name.
    let lay = |folder: &Path, version: &str, mode: &str| {
        fs::create_dir(folder.join(version)).expect("a folder");
        fs::write(folder.join(version).join("a.yaml"), text(mode)).expect("writes");
        symlink(version, folder.join("..data_tmp")).expect("links");
        fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("renames");
    };
    let watched = Watched::new(|folder| {
        lay(folder, "..2026_01", "read");
        symlink("..data/a.yaml", folder.join("a.yaml")).expect("links");
    });
    let folder = Path::new(&watched.folder).to_owned();
    assert!(watched.after(|| lay(&folder, "..2026_02", "write")));
    assert!(!watched.after(|| lay(&folder, "..2026_03", "read")));
}

#[test]
fn a_log_in_the_watched_folder_does_not_feed_the_watch() {
    let text = manifest("reader", &files("read"));
    let fixture = Fixture::reference().tokens(&[Cast::ALICE]);
    let folder = fixture.path("manifests");
    fs::create_dir(&folder).expect("a folder");
    fs::write(format!("{folder}/a.yaml"), text).expect("writes");
    let fixture =
        fixture.arg("--watch").arg("--manifest").arg(&folder).arg("--ops-log").arg(format!("{folder}/ops.log"));
    let server = fixture.env("DOORMAN_LOG", "info").serve();
    let mut alice = server.caller(Cast::ALICE, Era::Modern);
    assert!(!alice.call("files_stat", json!({"path": ""})).is_error());
    server.process.reload();
    // Long enough for the watch to see a file that has changed and is still.
    thread::sleep(Duration::from_secs(5));
    assert!(fs::metadata(format!("{folder}/ops.log")).expect("the log").len() > 0);
    let told = server.process.stderr().matches(" reloaded ").count();
    assert_eq!(told, 1, "only what was asked for");
}
