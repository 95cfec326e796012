//! An agent's paths on a real file system: what works, what is refused and how, and what never happens.

use std::{
    fs,
    io::Read,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use rustix::fs::{CWD, FileType, Mode};
use tempfile::TempDir;

use super::*;

/// A base with the roots of agents `a` and `agent-a2`, `a`'s own file, and secrets all around.
pub(super) struct Ground {
    base: TempDir,
    pub(super) prefix: Prefix,
}

const SECRETS: [&str; 3] = ["agents/agent-a2/secret", "agents/secret", "secret"];

impl Ground {
    pub(super) fn new() -> Self {
        let base = tempfile::tempdir().expect("temporary directory");
        for dir in ["agents/a/dir", "agents/agent-a2"] {
            fs::create_dir_all(base.path().join(dir)).expect("made");
        }
        for secret in SECRETS {
            fs::write(base.path().join(secret), "secret").expect("written");
        }
        fs::write(base.path().join("agents/a/own"), "own").expect("written");
        fs::write(base.path().join("agents/a/dir/own"), "own").expect("written");
        let prefix = Prefix::beneath(base.path());
        Self { base, prefix }
    }

    pub(super) fn host(&self, path: &str) -> PathBuf {
        self.base.path().join("agents/a").join(path)
    }

    pub(super) fn link(&self, to: impl AsRef<Path>, name: &str) {
        symlink(to, self.host(name)).expect("linked");
    }

    pub(super) fn path(&self, path: &str) -> ScopedPath {
        self.prefix.resolve(&path.to_owned(), &Agent::new("a", "t").expect("legal")).expect(path)
    }

    pub(super) fn read(&self, path: &str) -> Result<String, Problem> {
        read(&self.path(path))
    }

    /// Every operation on a path; what each said.
    fn all(&self, path: &str) -> [(&'static str, Result<(), PathError>); 9] {
        let path = self.path(path);
        [
            ("open", path.open().map(drop)),
            ("metadata", path.metadata().map(drop)),
            ("read_dir", path.read_dir().map(drop)),
            ("create", path.create(b"new")),
            ("replace", path.replace(b"new")),
            ("append", path.append(b"new")),
            ("rename from", path.rename_to(&self.path("moved"))),
            ("rename to", self.path("own").rename_to(&path)),
            ("remove", path.remove_file()),
        ]
    }

    /// Nothing outside of the agent's root has changed.
    pub(super) fn assert_untouched(&self) {
        for secret in SECRETS {
            assert_eq!(fs::read_to_string(self.base.path().join(secret)).expect("there"), "secret", "{secret}");
        }
        assert_eq!(names(&self.base.path().join("agents/agent-a2")), ["secret"]);
        assert_eq!(names(self.base.path()), ["agents", "secret"]);
    }
}

pub(super) fn read(path: &ScopedPath) -> Result<String, Problem> {
    let mut text = String::new();
    path.open().map_err(|error| error.problem())?.read_to_string(&mut text).expect("text");
    Ok(text)
}

fn names(dir: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("entry").file_name().into_string().expect("UTF-8");
    let mut names: Vec<_> = fs::read_dir(dir).expect("there").map(name).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

fn problem<T>(result: Result<T, PathError>) -> Option<Problem> {
    result.err().map(|error| error.problem())
}

#[test]
fn files_are_written_read_moved_and_deleted() {
    let ground = Ground::new();
    let note = ground.path("notes/2026/наряд.txt");
    assert_eq!(problem(note.open()), Some(Problem::NotFound));
    note.create("één".as_bytes()).expect("created");
    assert_eq!(problem(note.create(b"x")), Some(Problem::Exists));
    note.append(b"+").expect("appended");
    assert_eq!(read(&note).as_deref(), Ok("één+"));
    note.replace(b"two").expect("replaced");
    assert_eq!(note.metadata().map(|facts| (facts.kind, facts.len)).ok(), Some((Kind::File, 3)));
    assert_eq!(problem(note.rename_to(&ground.path("own"))), Some(Problem::Exists));
    note.rename_to(&ground.path("new/dir/name")).expect("moved");
    assert_eq!((ground.read("new/dir/name").as_deref(), ground.read("own").as_deref()), (Ok("two"), Ok("own")));
    ground.path("new").rename_to(&ground.path("old")).expect("moved a directory");
    ground.path("old/dir/name").remove_file().expect("deleted");
    assert_eq!(problem(ground.path("old/dir/name").remove_file()), Some(Problem::NotFound));
    ground.path("log").append(b"1").expect("made by appending");
    ground.path("deep/er").create_dir_all().expect("made");
    ground.path("deep/er").create_dir_all().expect("there already");

    let entries: Result<Vec<_>, _> = ground.path(".").read_dir().expect("listed").collect();
    let mut entries: Vec<_> = entries.expect("entries").into_iter().map(|entry| (entry.name, entry.kind)).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("deep", Kind::Directory),
        ("dir", Kind::Directory),
        ("log", Kind::File),
        ("notes", Kind::Directory),
        ("old", Kind::Directory),
        ("own", Kind::File),
    ];
    assert!(entries.iter().map(|(name, kind)| (name.as_str(), *kind)).eq(expected), "{entries:?}");
    ground.assert_untouched();
}

#[test]
fn a_walk_comes_by_everything_and_follows_nothing() {
    let ground = Ground::new();
    ground.path("dir/deep/er/file").create(b"12345").expect("created");
    ground.link("dir", "inside");
    ground.link("../agent-a2", "outside");
    let walked = |path: &str| {
        let found = ground.path(path).walk().expect("walked").map(|found| {
            let Found { path, kind, len } = found.expect("found");
            let len = if kind == Kind::File { len } else { 0 };
            (path.expect("addressable").as_str().to_owned(), kind, len)
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    };
    let dir = [
        ("dir/deep".to_owned(), Kind::Directory, 0),
        ("dir/deep/er".to_owned(), Kind::Directory, 0),
        ("dir/deep/er/file".to_owned(), Kind::File, 5),
        ("dir/own".to_owned(), Kind::File, 3),
    ];
    assert_eq!(walked("dir"), dir);
    let expected = [
        &[("dir".to_owned(), Kind::Directory, 0)],
        &dir[..],
        &[
            ("inside".to_owned(), Kind::Symlink, 0),
            ("outside".to_owned(), Kind::Symlink, 0),
            ("own".to_owned(), Kind::File, 3),
        ],
    ];
    assert_eq!(walked(""), expected.concat());
    assert_eq!(problem(ground.path("own").walk()), Some(Problem::NotDirectory));
    assert_eq!(problem(ground.path("outside").walk()), Some(Problem::Escapes));
    // What can't be entered is said, and doesn't end the walk.
    let mut walk = ground.path("dir").walk().expect("walked");
    while walk.next().expect("more").expect("found").kind != Kind::Directory {}
    fs::rename(ground.host("dir/deep"), ground.host("gone")).expect("moved");
    assert!(walk.any(|found| problem(found) == Some(Problem::NotFound)));
}

#[test]
fn appending_stops_at_a_limit_before_anything_is_written() {
    let ground = Ground::new();
    assert_eq!(ground.path("own").append_within(b"+", 4).ok(), Some(4));
    assert_eq!(problem(ground.path("own").append_within(b"+", 4)), Some(Problem::TooLong));
    assert_eq!(ground.read("own").as_deref(), Ok("own+"));
    assert_eq!(problem(ground.path("new/file").append_within(b"12345", 4)), Some(Problem::TooLong));
    assert!(!ground.host("new").exists());
    assert_eq!(ground.path("new/file").append_within(b"1234", 4).ok(), Some(4));
}

#[test]
fn s28_what_is_made_is_private() {
    let base = tempfile::tempdir().expect("temporary directory");
    let prefix = Prefix::beneath(base.path());
    let agent = Agent::new("new", "t").expect("legal");
    let path = |raw: &str| prefix.resolve(&raw.to_owned(), &agent).expect("legal");
    assert_eq!(path("").read_dir().expect("empty").count(), 0);
    assert_eq!(path("").metadata().expect("there").kind, Kind::Directory);
    assert_eq!(problem(path("x").open()), Some(Problem::NotFound));
    assert_eq!(problem(path("x").remove_file()), Some(Problem::NotFound));
    assert!(names(base.path()).is_empty(), "reading makes nothing");

    path("x/created").create(b"").expect("created");
    path("x/replaced").replace(b"").expect("written");
    path("x/appended").append(b"").expect("appended");
    path("y/z").create_dir_all().expect("made");
    for dir in ["agents", "agents/new", "agents/new/x", "agents/new/y", "agents/new/y/z"] {
        assert_eq!(mode(&base.path().join(dir)), 0o700, "{dir}");
    }
    for file in ["created", "replaced", "appended"] {
        assert_eq!(mode(&base.path().join("agents/new/x").join(file)), 0o600, "{file}");
    }
    assert_eq!(
        names(&base.path().join("agents/new/x")),
        ["appended", "created", "replaced"],
        "nothing temporary is left"
    );

    let missing = Prefix::beneath(base.path().join("missing"));
    assert!(missing.prepare().is_err() && prefix.prepare().is_ok());
    let path = missing.resolve(&"x".into(), &agent).expect("legal");
    assert_eq!(problem(path.create(b"")), Some(Problem::Unavailable));
    assert!(!base.path().join("missing").exists());
}

#[test]
fn the_root_is_a_directory_and_nothing_else() {
    let ground = Ground::new();
    for root in ["", ".", "./", ".//."] {
        assert!(ground.path(root).is_root());
        for (operation, result) in ground.all(root) {
            let expected = match operation {
                "metadata" | "read_dir" => None,
                "open" => Some(Problem::IsDirectory),
                _ => Some(Problem::Root),
            };
            assert_eq!(problem(result), expected, "{operation}");
        }
    }
    ground.path("").create_dir_all().expect("there");
}

#[test]
fn kinds_are_told_apart() {
    let ground = Ground::new();
    for result in
        [ground.path("dir").open().map(drop), ground.path("dir").replace(b""), ground.path("dir").remove_file()]
    {
        assert_eq!(problem(result), Some(Problem::IsDirectory));
    }
    assert_eq!(problem(ground.path("dir").append(b"")), Some(Problem::IsDirectory));
    assert_eq!(problem(ground.path("own/x").open()), Some(Problem::NotDirectory));
    assert_eq!(problem(ground.path("own/x").create(b"")), Some(Problem::NotDirectory));
    assert_eq!(problem(ground.path("own").read_dir()), Some(Problem::NotDirectory));
    assert_eq!(problem(ground.path("dir").rename_to(&ground.path("dir/in/itself"))), Some(Problem::CannotMove));
    assert!(!ground.host("dir/in").exists());
    let other = Agent::new("agent-a2", "t").expect("legal");
    let theirs = ground.prefix.resolve(&"x".into(), &other).expect("legal");
    assert_eq!(problem(ground.path("own").rename_to(&theirs)), Some(Problem::CannotMove));
    ground.assert_untouched();
}

#[test]
fn s13_symlinks_that_leave_the_root_lead_nowhere() {
    let ground = Ground::new();
    let outside = ground.base.path().join("secret");
    for (to, name) in [
        (outside.as_path(), "absolute"),
        (Path::new("../agent-a2/secret"), "sibling"),
        (Path::new("../../secret"), "relative"),
        (Path::new("absolute"), "nested"),
        (Path::new("nested"), "nested-twice"),
        (Path::new("/proc/self/root"), "proc"),
        (Path::new("/proc/self/cwd"), "cwd"),
        (Path::new("/dev/zero"), "device"),
        (Path::new("../a/own"), "round-trip"),
    ] {
        ground.link(to, name);
        // Reading follows the link and is stopped; what would change something doesn't even look where it leads.
        for (operation, result) in ground.all(name) {
            let expected = match operation {
                "open" | "metadata" | "read_dir" => Problem::Escapes,
                "create" | "rename to" => Problem::Exists,
                _ => Problem::Symlink,
            };
            assert_eq!(problem(result), Some(expected), "{operation} {name}");
        }
        assert!(fs::symlink_metadata(ground.host(name)).expect("there").is_symlink(), "{name}");
    }
    for (to, name) in [
        (ground.base.path().join("agents/agent-a2").as_path(), "d1"),
        (Path::new("../agent-a2"), "d2"),
        (Path::new("/"), "d3"),
    ] {
        ground.link(to, name);
        for inside in ["secret", "new", "new/deep", "tmp"] {
            for (operation, result) in ground.all(&format!("{name}/{inside}")) {
                assert_eq!(problem(result), Some(Problem::Escapes), "{operation} {name}/{inside}");
            }
            assert_eq!(problem(ground.path(&format!("{name}/{inside}")).create_dir_all()), Some(Problem::Escapes));
        }
    }
    assert_eq!(ground.read("own").as_deref(), Ok("own"));
    ground.assert_untouched();
}

#[test]
fn symlinks_beneath_the_root_are_read_through_and_never_written() {
    let ground = Ground::new();
    ground.link("own", "link");
    ground.link("dir", "dirlink");
    ground.link("../dir/../link", "dir/up");
    ground.link("nowhere", "dangling");
    ground.link("loop", "loop");
    for path in ["link", "dirlink/own", "dir/up", "dirlink/up"] {
        assert_eq!(ground.read(path).as_deref(), Ok("own"), "{path}");
    }
    assert_eq!(ground.path("dirlink").read_dir().expect("listed").count(), 2);
    assert_eq!(ground.read("dangling"), Err(Problem::NotFound));
    assert_eq!(ground.read("loop"), Err(Problem::Symlink));
    for name in ["link", "dangling", "loop"] {
        let path = ground.path(name);
        for result in [path.replace(b"x"), path.append(b"x"), path.remove_file(), path.rename_to(&ground.path("y"))] {
            assert_eq!(problem(result), Some(Problem::Symlink), "{name}");
        }
    }
    assert_eq!(problem(ground.path("dangling/x").create(b"x")), Some(Problem::NotFound));
    assert!(!ground.host("nowhere").exists());
    // In the middle of a path a link is a way like any other.
    ground.path("dirlink/new").create(b"x").expect("created");
    assert_eq!(ground.read("dir/new").as_deref(), Ok("x"));
    assert_eq!(ground.read("own").as_deref(), Ok("own"));
}

#[test]
fn s13_hard_links_are_refused_unless_allowed() {
    let mut ground = Ground::new();
    fs::hard_link(ground.base.path().join("secret"), ground.host("hard")).expect("linked");
    let path = ground.path("hard");
    assert_eq!(problem(path.open()), Some(Problem::HardLinked));
    assert_eq!(problem(path.append(b"x")), Some(Problem::HardLinked));
    assert_eq!(problem(path.replace(b"x")), Some(Problem::HardLinked));
    ground.assert_untouched();
    ground.prefix = ground.prefix.allow_hard_links(true);
    assert_eq!(ground.read("hard").as_deref(), Ok("secret"));
    ground.path("hard").replace(b"x").expect("replaced");
    ground.assert_untouched();
}

#[test]
fn s13_special_files_are_refused_without_blocking() {
    let ground = Ground::new();
    rustix::fs::mknodat(CWD, ground.host("fifo"), FileType::Fifo, Mode::RWXU, 0).expect("made");
    let _socket = std::os::unix::net::UnixListener::bind(ground.host("socket")).expect("bound");
    for name in ["fifo", "socket"] {
        let path = ground.path(name);
        assert_eq!(path.metadata().map(|facts| facts.kind).ok(), Some(Kind::Other));
        // On a thread of its own: what blocks would block for ever.
        let (done, results) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let results = [path.open().map(drop), path.append(b"x"), path.replace(b"x")];
            done.send(results.map(problem)).expect("awaited");
        });
        let results = results.recv_timeout(std::time::Duration::from_secs(10)).expect("an answer");
        assert_eq!(results, [Some(Problem::NotRegular); 3], "{name}");
    }
}

#[test]
fn s13_an_agent_root_that_is_a_symlink_is_nobodys() {
    let ground = Ground::new();
    symlink("agent-a2", ground.base.path().join("agents/twin")).expect("linked");
    let agent = Agent::new("twin", "t").expect("legal");
    let path = ground.prefix.resolve(&"secret".into(), &agent).expect("legal");
    assert_eq!(problem(path.open()), Some(Problem::Unavailable));
    assert_eq!(problem(path.replace(b"x")), Some(Problem::Unavailable));
    ground.assert_untouched();
}

#[test]
fn s21_nothing_said_names_the_host() {
    let ground = Ground::new();
    ground.link("/etc", "out");
    let host = ground.base.path().to_str().expect("UTF-8");
    for path in ["own", "none", "out", "out/passwd", "dir", ""] {
        for (operation, result) in ground.all(path) {
            let Err(error) = result else { continue };
            let text = format!("{error} {error:?} {:?}", ground.path(path));
            assert!(!text.contains(host) && !text.contains("agents"), "{operation}: {text}");
        }
    }
    let error = ground.path("dir/no\n\u{1b}ne").open().expect_err("missing");
    assert_eq!(error.to_string(), r#""dir/no\n\u{1b}ne": no such file or directory"#);
}
