//! User-space instructions per call, counted by valgrind: exact where time is noise. Counting is switched on after the
//! server has started and warmed up, and off after N calls, so nothing but those calls is counted. (A virtual CPU has
//! fewer of the newest instructions, so cryptography counts a little more here than it costs.)

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
    let calls = if options.quick { 100 } else { 1_000 };
    let scratch = TempDir::new()?;
    let log = scratch.path().join("log");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=/dev/null"]);
    command.arg(format!("--log-file={}", log.display())).arg(std::env::current_exe()?).args(role);
    let server = Server::spawn(&mut command)?;
    let mut contender = Contender::new(&server, vec![request(&server)], expected).await?;
    // What happens once (first use of a table, growth of a buffer) belongs to the start.
    contender.calls(50).await?;
    count(&server, "on")?;
    contender.calls(calls).await?;
    count(&server, "off")?;
    drop(contender);
    server.stop()?;
    let log = fs::read_to_string(log)?;
    let total = log.lines().find_map(|line| line.split_once("Collected : ")).ok_or("callgrind counted nothing")?;
    Ok(total.1.trim().parse::<f64>()? / calls as f64)
}

/// Switches counting on or off.
fn count(server: &Server, switch: &str) -> Outcome<()> {
    let output = Command::new("callgrind_control").args(["-i", switch, &server.id().to_string()]).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("callgrind_control: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
