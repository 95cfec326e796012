//! What telemetry costs a call: off, counted, and with a span for each that goes to a collector.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt,
    process::Command,
    thread,
};

use doorman::{App, Doorman, audit::RotatingFile, telemetry::Telemetry};
use tempfile::TempDir;

use super::guard::called;
use crate::{
    Options, Outcome,
    client::stateless,
    load::{Contender, in_turn, median},
    roles::{BUDGET, Files, RATE, token},
    server::Server,
    table::{Goal, Row, Unit},
    tools,
};

const TOOL: &str = "get_invoice";
const GUARDED: &str = "«redacted:email»";

pub(crate) async fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let mut rows = in_process(options).await?;
    rows.extend(over_http(options).await?);
    Ok(rows)
}

async fn in_process(options: &Options) -> Outcome<Vec<Row>> {
    let scratch = TempDir::new()?;
    let token = private(&scratch, "metrics")?;
    let off = start(&scratch, "off", Telemetry::new()).await?;
    let counted = start(&scratch, "counted", Telemetry::new().metrics_token_file(token)).await?;
    let calls = if options.quick { 2_000 } else { 20_000 };
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=if options.quick { 1 } else { 9 } {
        for (times, app) in times.iter_mut().zip([&off, &counted]) {
            let time = called(app, calls).await?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    let [off, counted] = times.map(|times| median(times.into_iter()));
    let row = |what, figure| Row::new(format!("in process: {what}"), figure, Unit::Nanos, Goal::Open);
    Ok(vec![row("the guard, nothing counted", off), row("the guard, metrics", counted).against(off, "nothing counted")])
}

async fn start(scratch: &TempDir, name: &str, telemetry: Telemetry) -> Outcome<App> {
    Ok(Doorman::dev("billing")
        .tools(doorman::tools![tools::get_invoice])
        .rate(RATE)
        .budget(BUDGET)
        .audit(RotatingFile::open(scratch.path().join(name), 64 << 20, 1)?)
        .telemetry(telemetry)
        .start()
        .await?)
}

fn private(scratch: &TempDir, name: &str) -> Outcome<std::path::PathBuf> {
    let path = scratch.path().join(name);
    let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
    file.write_all(b"a-token-for-the-figures")?;
    Ok(path)
}

async fn over_http(options: &Options) -> Outcome<Vec<Row>> {
    let scratch = TempDir::new()?;
    let metrics = private(&scratch, "metrics")?.display().to_string();
    let files: Vec<Files> = (0..3).map(|_| Files::new(1)).collect::<Outcome<_>>()?;
    let collector = collector()?;
    let server = |files: &Files, args: &[&str], exports: bool| {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(files.http("1")).args(args);
        if exports {
            command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"));
        }
        Server::spawn(&mut command)
    };
    let off = server(&files[0], &[], false)?;
    let counted = server(&files[1], &["--metrics-token-file", &metrics], false)?;
    let traced = server(&files[2], &[], true)?;
    let mut rows = Vec::new();
    for connections in [1_usize, 64] {
        let call = |server: &Server| stateless(server.address(), Some(&token(0)), "tools/call", Some(TOOL));
        let mut contenders = [
            Contender::new(&off, vec![call(&off); connections], GUARDED).await?,
            Contender::new(&counted, vec![call(&counted); connections], GUARDED).await?,
            Contender::new(&traced, vec![call(&traced); connections], GUARDED).await?,
        ];
        in_turn(&mut contenders, options).await?;
        let [off, counted, traced] = &contenders;
        let row = |what: &str, figure, unit| Row::new(format!("{what}, {connections} conn."), figure, unit, Goal::Open);
        rows.extend([
            row("HTTP call, metrics, CPU", counted.cpu(), Unit::Micros).against(off.cpu(), "no telemetry"),
            row("HTTP call, metrics, pace", counted.pace(), Unit::CallsPerSecond).against(off.pace(), "no telemetry"),
            row("HTTP call, metrics and spans by OTLP, CPU", traced.cpu(), Unit::Micros)
                .against(off.cpu(), "no telemetry"),
            row("HTTP call, metrics and spans by OTLP, pace", traced.pace(), Unit::CallsPerSecond)
                .against(off.pace(), "no telemetry"),
        ]);
    }
    Ok(rows)
}

/// Takes whatever it is sent and looks at nothing.
fn collector() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || while take(&stream).is_some() {});
        }
    });
    Ok(address)
}

fn take(mut stream: &TcpStream) -> Option<()> {
    let mut lines = BufReader::with_capacity(1, stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok()?,
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n").ok()
}
