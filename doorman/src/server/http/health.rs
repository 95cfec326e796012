//! How the server is, for those who look after it: words and counts, and nothing that names anything of theirs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::sync::Mutex;

use super::Server;

/// How long an answer about the audit log is kept: asking may try a sink again, and anybody may ask.
const KEPT: Duration = Duration::from_secs(1);

/// Whether records can be written, as it was found out last.
#[derive(Default)]
pub(super) struct Writable(Mutex<Option<(Instant, bool)>>);

impl Writable {
    async fn ask(&self, server: &Server) -> bool {
        let mut last = self.0.lock().await;
        match *last {
            Some((when, writes)) if when.elapsed() < KEPT => writes,
            _ => {
                let writes = server.door.guard.audit.ready().await.is_ok();
                *last = Some((Instant::now(), writes));
                writes
            }
        }
    }
}

/// What a server that is ready can do, by the name of the part.
async fn parts(server: &Server) -> [(&'static str, bool); 5] {
    let present = server.door.present();
    let (_, _, modules) = present.health.count();
    [
        ("modules", modules),
        ("state", present.health.store_answers() != Some(false)),
        ("audit", server.writable.ask(server).await),
        ("auth", present.callers.as_ref().is_none_or(|callers| callers.trouble().is_none())),
        ("stopping", !server.settings.stopping.is_cancelled()),
    ]
}

/// Whether calls can be served now, and if not, which parts are why.
pub(super) async fn ready(State(server): State<Arc<Server>>) -> Response {
    let missing: Vec<_> = parts(&server).await.iter().filter(|(_, well)| !well).map(|(part, _)| *part).collect();
    match &*missing {
        [] => json(StatusCode::OK, r#"{"status":"ready"}"#.to_owned()),
        missing => {
            let names = missing.join(r#"",""#);
            json(StatusCode::SERVICE_UNAVAILABLE, format!(r#"{{"status":"not ready","parts":["{names}"]}}"#))
        }
    }
}

/// How the server is: it answers, so it lives.
pub(super) async fn report(State(server): State<Arc<Server>>) -> Response {
    let present = server.door.present();
    let (total, failed, healthy) = present.health.count();
    let state = present.health.store_answers();
    let healthy = healthy && state != Some(false);
    let (status, word) = if healthy { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "degraded") };
    let mut body = format!(r#"{{"status":"{word}""#);
    if server.door.reloads.is_stale() {
        body += r#","stale":true"#;
    }
    if total > 0 {
        body += &format!(r#","modules":{{"total_count":{total},"failed_count":{failed}}}"#);
    }
    if let Some(answers) = state {
        body += if answers { r#","state":"ok""# } else { r#","state":"unavailable""# };
    }
    body.push('}');
    json(status, body)
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
