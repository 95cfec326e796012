//! Who comes, what they see and try, and what should come of it.

use std::{collections::BTreeSet, fs, time::Instant};

use serde_json::{Value, json};

use super::{
    Outcome,
    audit::Trail,
    caller::Caller,
    databases,
    ground::{Ground, PRIVATE, random_token},
    server::{self, HttpServer},
    table::Table,
};

const READING: [&str; 4] =
    ["filesystem_list_dir", "filesystem_read_file", "filesystem_search_files", "filesystem_stat"];
const WRITING: [&str; 3] = ["filesystem_delete_file", "filesystem_move_file", "filesystem_write_file"];
const STATUS: [&str; 1] = ["doorman_status"];

/// What an attempt should come to, in the answer and in the audit log.
pub(super) struct Expected {
    pub(super) verdict: &'static str,
    pub(super) reason: &'static str,
    /// What the answer says, among other things.
    pub(super) says: &'static str,
}

pub(super) const fn ok(says: &'static str) -> Expected {
    Expected { verdict: "ok", reason: "ok", says }
}

pub(super) const fn refused(verdict: &'static str, reason: &'static str, says: &'static str) -> Expected {
    Expected { verdict, reason, says }
}

/// From the first line to the last.
pub(super) async fn tell() -> Outcome {
    let began = Instant::now();
    let ground = Ground::prepare(&[("researcher-1", "researcher"), ("builder-1", "builder"), ("guest-1", "guest")])?;
    let local_log = ground.audit_log("stdio");
    let local = server::on_stdio(&ground, "researcher-1", "researcher")?;
    let mut local = Caller::on_stdio("researcher-1", local, Trail::of_agent(local_log, "researcher-1")).await?;
    let http = HttpServer::start(&ground).await?;
    let mut remote = Vec::new();
    for (id, token) in ["researcher-1", "builder-1", "guest-1"].into_iter().zip(ground.tokens()) {
        remote.push(Caller::over_http(id, &http.url, token, Trail::of_agent(ground.audit_log("http"), id)).await?);
    }
    let [researcher, builder, guest] = &mut remote[..] else { return Err("three agents were expected".into()) };

    let mut table = Table::default();
    sights(&mut table, [&local, researcher, builder, guest]).await?;
    reads(&mut table, &mut local).await?;
    reads_over_http(&mut table, researcher).await?;
    writes(&mut table, builder, &ground).await?;
    databases::used(&mut table, builder, researcher).await?;
    runs_into_a_limit(&mut table, guest).await?;
    is_a_stranger(&mut table, &http.url, &ground).await?;

    local.leave().await?;
    for caller in remote {
        caller.leave().await?;
    }
    http.stop().await?;
    nothing_was_written_down(&mut table, &ground)?;
    table.end(began)
}

/// Who sees which tools.
async fn sights(table: &mut Table, callers: [&Caller; 4]) -> Outcome {
    let reading = [&READING[..], databases::READING, &STATUS].concat();
    let all = [&reading[..], &WRITING, databases::WRITING].concat();
    let expected: [&[&str]; 4] = [&reading, &reading, &all, &[&READING[..], &STATUS].concat()];
    let mut seen: Vec<BTreeSet<String>> = Vec::new();
    for caller in callers {
        seen.push(caller.tools().await?);
    }
    let columns = |cells: [&str; 4]| cells.map(|cell| format!("{cell:14}")).concat().trim_end().to_owned();
    let (ids, transports) = (columns(callers.map(|it| it.id)), columns(callers.map(|it| it.transport)));
    Table::section(&format!("{:34}{ids}\n{:34}{transports}", "who sees what", ""));
    let names: BTreeSet<&str> = all.iter().copied().chain(seen.iter().flatten().map(String::as_str)).collect();
    for name in names {
        let (mut right, mut cells) = (true, ["-"; 4]);
        for ((cell, seen), expected) in cells.iter_mut().zip(&seen).zip(expected) {
            let sees = seen.contains(name);
            right &= sees == expected.contains(&name);
            if sees {
                *cell = "sees";
            }
        }
        table.line(right, &format!("{name:26}{}", columns(cells)));
    }
    Ok(())
}

/// Calls a tool, and compares what comes back and what is recorded with what should.
pub(super) async fn attempt(
    table: &mut Table,
    caller: &mut Caller,
    (tool, tries): (&'static str, &str),
    arguments: Value,
    expected: Expected,
) -> Outcome {
    let answer = caller.call(tool, &arguments).await?;
    let record = caller.trail.next().map_err(|error| format!("{tool} {tries}: {error}"))?;
    let mut mistakes = Vec::new();
    let mut compare = |what: &str, found: &str, wanted: &str| {
        if found != wanted {
            mistakes.push(format!("{what}: expected {wanted}, found {found}"));
        }
    };
    compare("the answer's verdict", &answer.verdict, expected.verdict);
    let recorded = [("verdict", expected.verdict), ("reason", expected.reason), ("capability", tool)];
    for (member, wanted) in recorded.into_iter().chain([("transport", caller.transport)]) {
        compare(&format!("the audit record's {member}"), record[member].as_str().unwrap_or("-"), wanted);
    }
    if !answer.text.contains(expected.says) {
        mistakes.push(format!("expected an answer with `{}`", expected.says));
    }
    if PRIVATE.iter().any(|text| answer.text.contains(text)) {
        mistakes.push("the answer shows what it must not".to_owned());
    }
    let short = tool.trim_start_matches("filesystem_").trim_start_matches("sqlite_");
    table.attempt(&format!("{short} {tries}"), &answer.verdict, &answer.text, &mistakes);
    table.keep(record);
    Ok(())
}

async fn reads(table: &mut Table, caller: &mut Caller) -> Outcome {
    Table::section("researcher-1, on stdio: its client starts the server");
    let read = "filesystem_read_file";
    attempt(table, caller, (read, "report.md"), json!({"path": "report.md"}), ok("two highs")).await?;
    let path = json!({"path": "contacts.txt"});
    attempt(table, caller, (read, "contacts.txt"), path, ok("«redacted:email», «redacted:card»")).await?;
    let outside = || refused("denied", "scope_violation", "");
    for path in ["../builder-1/plan.txt", "/etc/hosts", "shortcut.txt"] {
        let expected = if path == "shortcut.txt" { refused("denied", "tool", "") } else { outside() };
        let shown = if path == "shortcut.txt" { "shortcut.txt (a symlink)" } else { path };
        attempt(table, caller, (read, shown), json!({"path": path}), expected).await?;
    }
    // The same answer for what isn't granted and for what never was.
    let file = json!({"path": "new.txt", "content": "new"});
    let unknown = |says| refused("denied", "unknown_capability", says);
    attempt(table, caller, ("filesystem_write_file", "new.txt"), file, unknown("Unknown tool: filesystem_write"))
        .await?;
    attempt(table, caller, ("no_such_tool", ""), json!({}), unknown("Unknown tool: no_such_tool")).await
}

async fn reads_over_http(table: &mut Table, caller: &mut Caller) -> Outcome {
    Table::section("researcher-1, over HTTP with its token: the same world");
    let read = "filesystem_read_file";
    attempt(table, caller, (read, "report.md"), json!({"path": "report.md"}), ok("two highs")).await?;
    let forged = json!({"path": "plan.txt", "agent_id": "builder-1"});
    let expected = refused("invalid", "arguments", "agent_id: no such argument");
    attempt(table, caller, (read, "plan.txt as builder-1"), forged, expected).await
}

async fn writes(table: &mut Table, caller: &mut Caller, ground: &Ground) -> Outcome {
    Table::section("builder-1, over HTTP: writes, in 64 MiB of which 1 KiB is left");
    let write = "filesystem_write_file";
    let file = |path: &str, content: &str| json!({"path": path, "content": content});
    attempt(table, caller, (write, "drafts/wall.md"), file("drafts/wall.md", "Stone."), ok("\"bytes\":6")).await?;
    let path = "nope/../../researcher-1/report.md";
    let expected = refused("denied", "scope_violation", "");
    attempt(table, caller, (write, "nope/../../researcher-1/…"), file(path, "High tide always."), expected).await?;
    let expected = refused("error", "tool", "of 67108864 bytes are in use");
    attempt(table, caller, (write, "big.txt, 2 KiB"), file("big.txt", &"x".repeat(2048)), expected).await?;
    let report = fs::read_to_string(ground.of_agent("researcher-1").join("report.md"))?;
    let right = report.starts_with("Tides") && !ground.of_agent("builder-1").join("big.txt").exists();
    table.line(right, "on disk: the researcher's report is as it was, and there is no big.txt");
    Ok(())
}

async fn runs_into_a_limit(table: &mut Table, caller: &mut Caller) -> Outcome {
    Table::section("guest-1, over HTTP: may read twice a minute");
    for expected in [ok("Welcome"), ok("Welcome"), refused("rate_limited", "rate", "2/min")] {
        let arguments = json!({"path": "welcome.txt"});
        attempt(table, caller, ("filesystem_read_file", "welcome.txt"), arguments, expected).await?;
    }
    Ok(())
}

async fn is_a_stranger(table: &mut Table, url: &str, ground: &Ground) -> Outcome {
    Table::section("a stranger, over HTTP");
    let mut trail = Trail::of_rejected(ground.audit_log("http"));
    let guess = random_token()?;
    let connected = Caller::over_http("nobody", url, &guess, Trail::of_agent(ground.audit_log("http"), "nobody")).await;
    let answer = connected.err().map_or_else(|| "connected".to_owned(), |error| error.to_string());
    // rmcp names its transport's whole type first, and says this of a 401 and of nothing else.
    let answer = answer.rsplit_once("error: ").map_or(&*answer, |(_, reason)| reason);
    let answer = answer.split_once(", when").map_or(answer, |(reason, _)| reason);
    let record = trail.next()?;
    let mut mistakes = Vec::new();
    if answer != "Auth required" {
        mistakes.push("expected HTTP 401".to_owned());
    }
    if record["transport"] != "http" || record["reason"] != "bad_token" || record["count"] != 1 {
        mistakes.push("expected one rejection in the audit log, of a bad token".to_owned());
    }
    table.attempt("connects with a guessed token", "HTTP 401", answer, &mistakes);
    table.keep(record);
    Ok(())
}

/// The logs have verdicts and shapes: no contents, no tokens.
fn nothing_was_written_down(table: &mut Table, ground: &Ground) -> Outcome {
    Table::section("afterwards");
    let logs = [fs::read_to_string(ground.audit_log("stdio"))?, fs::read_to_string(ground.audit_log("http"))?].concat();
    let tokens = ground.tokens().iter().map(String::as_str);
    let clean = PRIVATE.into_iter().chain(tokens).all(|text| !logs.contains(text));
    table.line(clean, "the audit logs hold no content and no token");
    Ok(())
}
