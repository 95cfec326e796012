//! The guard alone, in this process, and the parts of it that can be called on their own.

use std::{hint::black_box, io, time::Duration};

use doorman::{
    App, Doorman,
    audit::{
        Audit, CallRecord, Capability, Chaining, RotatingFile, Settings, SigningKey, Sink, Transport, Verdict, shape,
    },
    limits::{Caller, Limits, Monotonic, Quotas},
    redact::{Counts, Redactor},
};
use futures::FutureExt;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Options, Outcome,
    load::median,
    roles::{BUDGET, RATE},
    table::{Goal, Row, Unit},
    tools,
};

/// Takes lines and does nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn write_line(&self, line: &[u8]) -> io::Result<()> {
        black_box(line);
        Ok(())
    }

    fn never_waits(&self) -> bool {
        true
    }
}

pub(crate) async fn rows(options: &Options) -> Outcome<Vec<Row>> {
    let result = serde_json::to_value(tools::invoice(tools::ID.into()))?;
    let size = result.to_string().len();
    if size != 268 {
        return Err(format!("expected a result of 268 bytes, it has {size}").into());
    }
    let scratch = TempDir::new()?;
    let open = |name| RotatingFile::open(scratch.path().join(name), 64 << 20, 1);
    let (key, _) = SigningKey::generate()?;
    let chained = Settings { chaining: Chaining::Signed(key), ..Settings::default() };
    let to_file = start(open("guard")?, Settings::default()).await?;
    let to_chain = start(open("chain")?, chained).await?;
    let nowhere = start(Nowhere, Settings::default()).await?;
    let calls = if options.quick { 2_000 } else { 20_000 };
    let (mut filed, mut chained, mut unfiled) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=if options.quick { 1 } else { 9 } {
        let times = [called(&to_file, calls).await?, called(&to_chain, calls).await?, called(&nowhere, calls).await?];
        if round > 0 {
            filed.push(times[0]);
            chained.push(times[1]);
            unfiled.push(times[2]);
        }
    }
    let [filed, chained, unfiled] = [filed, chained, unfiled].map(|times| median(times.into_iter()));
    let row = |what: &str, figure, goal| Row::new(format!("in process: {what}"), figure, Unit::Nanos, goal);
    let bare = each(options, &mut || drop(black_box(unguarded())));
    let mut rows = vec![
        row("the guard, audit to a file", filed, Goal::AtMost(3e3)).against(bare, "the tool and its JSON, no guard"),
        row("the guard, signed chain in a file", chained, Goal::AtMost(3e3))
            .against(bare, "the tool and its JSON, no guard"),
        row("the guard, audit to nowhere", unfiled, Goal::AtMost(3e3)).against(bare, "the tool and its JSON, no guard"),
    ];
    let part = |what: &str, run: &mut dyn FnMut()| row(&format!("· {what}"), each(options, run), Goal::Open);
    let arguments = json!({ "id": tools::ID });
    let caller = Caller::Verified { tenant: None, subject: "dev" }.key();
    let limits = Limits::new(Monotonic::start(), &Quotas::parse(Some(RATE), Some(BUDGET))?);
    let tool = limits.tool("get_invoice", None, 1)?;
    let plan = Redactor::builder().build()?.plan(&[], &[])?;
    rows.push(part("shape of the arguments", &mut || drop(black_box(shape(black_box(&arguments))))));
    rows.push(part("limits: rate and budget", &mut || {
        drop(black_box(limits.admit(caller, Some(&tool)).now_or_never()));
    }));
    rows.push(part("the function, to a JSON value", &mut || drop(black_box(output()))));
    let cloned = each(options, &mut || drop(black_box(result.clone())));
    let redacted = each(options, &mut || {
        let mut value = result.clone();
        let _ = black_box(plan.value(&mut value, &mut Counts::default()));
        drop(black_box(value));
    });
    rows.push(row("· redaction of the result", redacted - cloned, Goal::Open));
    rows.push(part("the result's JSON text", &mut || drop(black_box(result.to_string()))));
    for (what, audit) in [("nowhere", Audit::new(Nowhere)), ("a file", Audit::new(open("part")?))] {
        let shape = shape(&arguments);
        rows.push(part(&format!("audit record to {what}"), &mut || {
            let record = CallRecord::new(
                "tools/call",
                Transport::Http,
                Capability::Named("get_invoice"),
                Verdict::Ok,
                "ok",
                &shape,
            );
            let record = CallRecord { agent_id: Some("dev"), agent_type: Some("dev"), cost: Some(1), ..record };
            drop(black_box(audit.call(&record).now_or_never()));
        }));
    }
    Ok(rows)
}

/// What a server without a guard does: run the function, make structured content and its text.
fn unguarded() -> Option<(Value, String)> {
    let value = output()?;
    let text = value.to_string();
    Some((value, text))
}

fn output() -> Option<Value> {
    serde_json::to_value(tools::invoice(black_box(tools::ID).into())).ok()
}

/// An application that grants one local principal everything, with the rules of the one that is served.
async fn start(sink: impl Sink, settings: Settings) -> Outcome<App> {
    Ok(Doorman::dev("billing")
        .tools(doorman::tools![tools::get_invoice])
        .rate(RATE)
        .budget(BUDGET)
        .audit(sink)
        .audit_settings(settings)
        .start()
        .await?)
}

/// ns per call of the guard, of this thread's CPU time.
pub(super) async fn called(app: &App, calls: u32) -> Outcome<f64> {
    let arguments = json!({ "id": tools::ID });
    let began = now();
    for _ in 0..calls {
        if !app.__call("get_invoice", arguments.clone()).await {
            return Err("the guard refused a call".into());
        }
    }
    Ok((now() - began).as_secs_f64() * 1e9 / f64::from(calls))
}

/// ns per run of something small.
fn each(options: &Options, run: &mut dyn FnMut()) -> f64 {
    let (rounds, runs) = if options.quick { (1, 2_000) } else { (7, 20_000) };
    let times = (0..=rounds).map(|_| {
        let began = now();
        for _ in 0..runs {
            run();
        }
        (now() - began).as_secs_f64() * 1e9 / f64::from(runs)
    });
    median(times.skip(1))
}

/// The CPU time of this thread.
pub(super) fn now() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}
