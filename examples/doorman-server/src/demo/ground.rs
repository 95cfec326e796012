//! The folder in which everything happens: the example manifests, and what the agents have when they come.

use std::{
    fs::{self, DirBuilder, File},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink},
    path::PathBuf,
};

use aws_lc_rs::{digest, rand};
use tempfile::TempDir;

use super::Outcome;

/// What no answer and no audit record may show.
pub(super) const PRIVATE: [&str; 3] = ["ada@example.com", "4111 1111 1111 1111", "the builder's own plan"];

const MANIFESTS: [(&str, &str); 4] = [
    ("builder.yaml", include_str!("../../../manifests/builder.yaml")),
    ("guest.yaml", include_str!("guest.yaml")),
    ("ops.yaml", include_str!("../../../manifests/ops.yaml")),
    ("researcher.yaml", include_str!("../../../manifests/researcher.yaml")),
];

/// As in `builder.yaml`: 64 MiB.
const QUOTA: u64 = 64 << 20;

/// A folder that only we may enter, gone when this is.
pub(super) struct Ground {
    dir: TempDir,
    tokens: Vec<String>,
}

impl Ground {
    /// Writes manifests, data and tokens, one token for each agent.
    pub(super) fn prepare(agents: &[(&str, &str)]) -> Outcome<Self> {
        let mut ground = Self { dir: TempDir::with_prefix("doorman-demo-")?, tokens: Vec::new() };
        let manifests = make_dir(ground.manifests())?;
        for (name, text) in MANIFESTS {
            fs::write(manifests.join(name), text)?;
        }
        for name in ["databases", "inventory", "runbooks", "reports"] {
            make_dir(ground.data().join(name))?;
        }
        ground.seed()?;
        ground.hand_out_tokens(agents)?;
        Ok(ground)
    }

    fn seed(&self) -> Outcome {
        let researcher = make_dir(self.of_agent("researcher-1"))?;
        fs::write(researcher.join("report.md"), "Tides: two highs and two lows a day.\n")?;
        let [email, card, plan] = PRIVATE;
        fs::write(researcher.join("contacts.txt"), format!("Ada: {email}, {card}\n"))?;
        symlink("../builder-1/plan.txt", researcher.join("shortcut.txt"))?;
        let builder = make_dir(self.of_agent("builder-1"))?;
        fs::write(builder.join("plan.txt"), format!("This is {plan}.\n"))?;
        // Counted in full, and stored as a hole.
        File::create(builder.join("archive.bin"))?.set_len(QUOTA - 1024)?;
        let guest = make_dir(self.of_agent("guest-1"))?;
        fs::write(guest.join("welcome.txt"), "Welcome.\n")?;
        Ok(())
    }

    fn hand_out_tokens(&mut self, agents: &[(&str, &str)]) -> Outcome {
        let mut text = "tokens:\n".to_owned();
        for (id, kind) in agents {
            let token = random_token()?;
            let digest = hex(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
            text += &format!("  - sha256: {digest}\n    agent_id: {id}\n    agent_type: {kind}\n");
            self.tokens.push(token);
        }
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(self.tokens_file())?;
        Ok(file.write_all(text.as_bytes())?)
    }

    /// The tokens, in the order of the agents.
    pub(super) fn tokens(&self) -> &[String] {
        &self.tokens
    }

    pub(super) fn manifests(&self) -> PathBuf {
        self.dir.path().join("manifests")
    }

    /// What `DOORMAN_DATA` names.
    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(super) fn tokens_file(&self) -> PathBuf {
        self.dir.path().join("tokens.yaml")
    }

    pub(super) fn audit_log(&self, transport: &str) -> PathBuf {
        self.dir.path().join(format!("audit-{transport}.jsonl"))
    }

    /// The folder of an agent.
    pub(super) fn of_agent(&self, id: &str) -> PathBuf {
        self.data().join("files/agents").join(id)
    }
}

fn make_dir(path: PathBuf) -> Outcome<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
    Ok(path)
}

/// 256 random bits: until the demonstration ends, others on this machine could try.
pub(super) fn random_token() -> Outcome<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
