//! From the start of a process to its first `tools/list` on stdio.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Options, Outcome,
    bare::Mode,
    client::{INITIALIZE, INITIALIZED},
    load::median,
    roles::Files,
    server::cpu_of,
    table::{Goal, Row, Unit},
};

pub(crate) fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let files = Files::new(1)?;
    let file = |name| files.path(name).display().to_string();
    let doorman: Vec<String> =
        ["serve-doorman", "1", "--manifest", &file("manifest.yaml"), "--audit-log", &file("audit.jsonl")]
            .map(str::to_owned)
            .to_vec();
    let bare = ["serve-bare", Mode::Stdio.name()].map(str::to_owned).to_vec();
    let (mut guarded, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..if options.quick { 3 } else { 20 } {
        guarded.push(start(&doorman)?);
        plain.push(start(&bare)?);
    }
    let cpu = |starts: &[Start]| median(starts.iter().map(|start| start.cpu.as_secs_f64() * 1e3));
    let wall = |starts: &[Start]| median(starts.iter().map(|start| start.wall.as_secs_f64() * 1e3));
    let what = "start to first tools/list, stdio";
    Ok(vec![
        Row::new(format!("{what}, CPU"), cpu(&guarded), Unit::Millis, Goal::AtMost(5.0))
            .against(cpu(&plain), "bare rmcp"),
        Row::new(format!("{what}, wall"), wall(&guarded), Unit::Millis, Goal::Open).against(wall(&plain), "bare rmcp"),
    ])
}

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

struct Start {
    cpu: Duration,
    wall: Duration,
}

fn start(role: &[String]) -> Outcome<Start> {
    let began = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .args(role)
        .envs([("AGENT_ID", "agent-0"), ("AGENT_TYPE", "billing")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (mut to, from) = (child.stdin.take().ok_or("no stdin")?, child.stdout.take().ok_or("no stdout")?);
    let mut from = BufReader::new(from);
    let mut answer = String::new();
    writeln!(to, "{INITIALIZE}")?;
    from.read_line(&mut answer)?;
    answer.clear();
    writeln!(to, "{INITIALIZED}\n{LIST}")?;
    from.read_line(&mut answer)?;
    let wall = began.elapsed();
    // What runs right now is counted at the scheduler's next tick.
    thread::sleep(Duration::from_millis(5));
    let cpu = cpu_of(child.id())?;
    drop(to);
    child.wait()?;
    if !answer.contains("get_invoice") {
        return Err(format!("expected get_invoice to be listed in {answer}").into());
    }
    Ok(Start { cpu, wall })
}
