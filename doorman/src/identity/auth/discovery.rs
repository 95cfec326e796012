//! An issuer's metadata (RFC 8414, OpenID Connect Discovery): where its keys are, where it answers questions about tokens.

use std::time::{Duration, Instant};

use reqwest::Url;
use tokio::sync::Mutex;

use super::{
    fetch::{Failed, Http, Issuer},
    json::{self, text},
};

/// The largest metadata, in bytes.
const LARGEST: usize = 64 << 10;
/// How long an address holds.
const HOLDS: Duration = Duration::from_secs(3600);
/// How long a failure is not tried again.
const PAUSE: Duration = Duration::from_secs(5);

/// One address that metadata names, looked up once for all who ask at a time.
pub(super) struct Discovery {
    issuer: Issuer,
    /// The metadata's member.
    member: &'static str,
    found: Mutex<Option<(Result<Url, &'static str>, Instant)>>,
}

impl Discovery {
    pub(super) fn of(issuer: Issuer, member: &'static str) -> Self {
        Self { issuer, member, found: Mutex::new(None) }
    }

    /// The address.
    pub(super) async fn find(&self, http: &Http, now: Instant) -> Result<Url, &'static str> {
        let mut found = self.found.lock().await;
        if let Some((result, at)) = &*found {
            let holds = if result.is_ok() { HOLDS } else { PAUSE };
            if now.saturating_duration_since(*at) < holds {
                return result.clone();
            }
        }
        let result = self.look(http).await;
        *found = Some((result.clone(), now));
        result
    }

    /// Has the address looked up again next time: nothing good was there.
    pub(super) async fn forget(&self) {
        *self.found.lock().await = None;
    }

    async fn look(&self, http: &Http) -> Result<Url, &'static str> {
        for place in self.issuer.metadata() {
            let metadata = match http.get(&place, LARGEST).await {
                Ok(metadata) => json::object(&metadata).ok_or("its metadata is no JSON object")?,
                Err(Failed::Absent) => continue,
                Err(Failed::Otherwise(word)) => return Err(word),
            };
            // RFC 8414 §3.3: or anybody who can answer there could name their own keys.
            if text(&metadata, "issuer") != Some(&self.issuer.name) {
                return Err("its metadata is another issuer's");
            }
            if let Some(address) = metadata.get(self.member) {
                return self.issuer.endpoint(address.as_str().ok_or("an address in its metadata is no text")?);
            }
        }
        Err("no metadata that names what is needed")
    }
}
