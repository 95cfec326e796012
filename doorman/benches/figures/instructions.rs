//! User-space instructions per call, counted by valgrind: exact where time is noise. A server runs twice, with N calls
//! and with 2 N; the difference is N calls without the start. (A virtual CPU has fewer of the newest instructions, so
//! cryptography counts a little more here than it costs.)

use std::{fs, process::Command};

use tempfile::TempDir;

use super::{Options, Outcome, load::Contender, server::Server};

/// Whether there is a valgrind; if not, why the cell is empty.
pub(crate) fn available() -> Result<(), String> {
    match Command::new("valgrind").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => {
            Err("NOT COUNTED: valgrind is not installed (perf counts no instructions on many virtual machines)".into())
        }
    }
}

/// Instructions per call of a server started in this role; `request` is made for its address.
pub(crate) async fn per_call(
    role: &[String],
    request: impl Fn(&Server) -> Vec<u8>,
    expected: &str,
    options: &Options,
) -> Outcome<f64> {
    let calls = if options.quick { 40 } else { 400 };
    let once = counted(role, &request, expected, calls).await?;
    let twice = counted(role, &request, expected, 2 * calls).await?;
    Ok((twice - once) / calls as f64)
}

async fn counted(role: &[String], request: &impl Fn(&Server) -> Vec<u8>, expected: &str, calls: usize) -> Outcome<f64> {
    let scratch = TempDir::new()?;
    let log = scratch.path().join("log");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--read-inline-info=no"]);
    command.arg(format!("--log-file={}", log.display())).arg(std::env::current_exe()?).args(role);
    let server = Server::spawn(&mut command)?;
    let mut contender = Contender::new(&server, vec![request(&server)], expected).await?;
    // What happens once (first use of a table, growth of a buffer) belongs to the start.
    contender.calls(20 + calls).await?;
    drop(contender);
    server.stop()?;
    let log = fs::read_to_string(log)?;
    let total = log.lines().find_map(|line| line.split_once("Collected : ")).ok_or("callgrind counted nothing")?;
    Ok(total.1.trim().parse()?)
}
