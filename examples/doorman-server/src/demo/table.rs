//! What is printed: lines of at most 100 columns, each with the word whether it is as it should be.

use std::io::Write;

use serde_json::Value;

use super::Outcome;

/// The widths of the columns.
const TRIES: usize = 36;
const VERDICT: usize = 12;
const ANSWER: usize = 42;

/// All lines so far.
#[derive(Default)]
pub(super) struct Table {
    lines: usize,
    wrong: Vec<usize>,
    records: Vec<Value>,
}

impl Table {
    pub(super) fn section(title: &str) {
        say(&format!("\n{title}\n"));
    }

    /// A line of its own making.
    pub(super) fn line(&mut self, right: bool, text: &str) {
        self.lines += 1;
        if !right {
            self.wrong.push(self.lines);
        }
        say(&format!("{:>3} {}", self.lines, if right { "ok  " } else { "NO! " }));
        say(&format!("{}\n", text.trim_end()));
    }

    /// An attempt and what came of it; `mistakes` says what should have come instead.
    pub(super) fn attempt(&mut self, tries: &str, verdict: &str, answer: &str, mistakes: &[String]) {
        let (tries, answer) = (cut(tries, TRIES), cut(answer, ANSWER));
        self.line(mistakes.is_empty(), &format!("{tries:TRIES$} {verdict:VERDICT$} {answer}"));
        for mistake in mistakes {
            say(&format!("        {mistake}\n"));
        }
    }

    /// Keeps a record, to be shown at the end.
    pub(super) fn keep(&mut self, record: Value) {
        self.records.push(record);
    }

    /// Shows the records, and says how it went.
    pub(super) fn end(self, began: std::time::Instant) -> Outcome {
        Self::section("in the audit logs: agent, transport, tool, verdict, reason, redactions");
        for record in &self.records {
            say(&format!("    {}\n", shortened(record)));
        }
        let (lines, seconds) = (self.lines, began.elapsed().as_secs_f32());
        if self.wrong.is_empty() {
            say(&format!("\nAll {lines} lines are as they should be ({seconds:.1} s).\n"));
            return Ok(());
        }
        let wrong: Vec<String> = self.wrong.iter().map(usize::to_string).collect();
        Err(format!("of {lines} lines these are not as they should be: {}", wrong.join(", ")).into())
    }
}

/// A record's interesting members, in columns.
fn shortened(record: &Value) -> String {
    let word = |name: &str| record[name].as_str().unwrap_or("-").to_owned();
    let who = if record["kind"] == "rejected" { "(rejected)".to_owned() } else { word("agent_id") };
    let [transport, capability, verdict, reason] = ["transport", "capability", "verdict", "reason"].map(word);
    let mut line = format!("{who:12} {transport:5} {capability:23} {verdict:12} {reason:18}");
    if let Some(redactions) = record.get("redactions") {
        line += &format!(" {redactions}");
    }
    line.trim_end().to_owned()
}

fn cut(text: &str, width: usize) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Writes to stdout, which is not the protocol's here. A reader that went away has read enough.
fn say(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}
