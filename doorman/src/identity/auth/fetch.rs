//! Requests to an issuer: where they may go, how long they take, how much they bring. No redirects, no proxies from the
//! environment, no compression, no retries.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use reqwest::{
    Client, RequestBuilder, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
    redirect::Policy,
    retry,
};

/// How long one request may take, its answer's body included.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest address.
const LONGEST: usize = 2048;

/// Why there is no answer. The word is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// There is nothing at this address (404 and its like).
    Absent,
    Otherwise(&'static str),
}

impl Failed {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Absent => "nothing is there",
            Self::Otherwise(word) => word,
        }
    }
}

/// An answer's body.
pub(super) enum Answered {
    Said(Vec<u8>),
    /// The request can't be answered as it is (400).
    Objected(Vec<u8>),
}

/// The client of one issuer.
#[derive(Clone)]
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new(issuer: &Issuer) -> Result<Self, &'static str> {
        Self::with(issuer, PATIENCE)
    }

    pub(super) fn with(issuer: &Issuer, patience: Duration) -> Result<Self, &'static str> {
        // Whatever a resolver says, `localhost` is this host. Port 0 leaves the address's own.
        let local = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))];
        let client = Client::builder()
            .https_only(!issuer.plain())
            .redirect(Policy::none())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .referer(false)
            .retry(retry::never())
            .resolve_to_addrs("localhost", &local)
            .connect_timeout(patience)
            .timeout(patience)
            .user_agent("doorman");
        client.build().map(Self).map_err(|_| "no TLS: expected root certificates that can be read")
    }

    /// The document at an address, of this many bytes at most.
    pub(super) async fn get(&self, url: &Url, most: usize) -> Result<Vec<u8>, Failed> {
        match answer(self.0.get(url.clone()), most).await? {
            Answered::Said(body) => Ok(body),
            Answered::Objected(_) => Err(Failed::Otherwise("an error's status")),
        }
    }

    /// The answer to a form, sent with HTTP Basic credentials.
    pub(super) async fn post(
        &self,
        url: &Url,
        credentials: &HeaderValue,
        form: String,
        most: usize,
    ) -> Result<Answered, Failed> {
        let request = self.0.post(url.clone()).header(AUTHORIZATION, credentials);
        answer(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form), most).await
    }
}

/// What the errors of the client say may have addresses and more in it; the words here don't.
async fn answer(request: RequestBuilder, most: usize) -> Result<Answered, Failed> {
    let failed =
        |error: reqwest::Error| Failed::Otherwise(if error.is_timeout() { "too slow" } else { "no connection" });
    let mut answer = request.header(ACCEPT, "application/json").send().await.map_err(failed)?;
    let status = answer.status();
    match status {
        StatusCode::OK | StatusCode::BAD_REQUEST => {}
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Failed::Otherwise("it refuses this server")),
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::METHOD_NOT_ALLOWED => return Err(Failed::Absent),
        it if it.is_redirection() => return Err(Failed::Otherwise("a redirect, which is not followed")),
        _ => return Err(Failed::Otherwise("an error's status")),
    }
    if answer.content_length().is_some_and(|length| length > most as u64) {
        return Err(Failed::Otherwise("too large"));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > most {
            return Err(Failed::Otherwise("too large"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(if status == StatusCode::OK { Answered::Said(body) } else { Answered::Objected(body) })
}

/// An issuer's identifier, as text and as the place it names (RFC 8414 §2).
#[derive(Clone)]
pub(super) struct Issuer {
    /// As configured; compared exactly.
    pub(super) name: String,
    pub(super) url: Url,
}

impl Issuer {
    /// An https URL without query and fragment; http on a loopback address where the operator allows it.
    pub(super) fn parse(name: &str, loopback_http: bool) -> Result<Self, &'static str> {
        let url = parse(name)?;
        if url.query().is_some() || name.contains('?') {
            return Err("expected an issuer without a query");
        }
        match url.scheme() {
            "https" => {}
            "http" if loopback_http && is_local(&url) => {}
            "http" if is_local(&url) => {
                return Err("expected https, or `allow_loopback_http` for an issuer on this machine");
            }
            _ => return Err("expected an https URL; http is for issuers on a loopback address only"),
        }
        Ok(Self { name: name.to_owned(), url })
    }

    /// Whether it is reached without TLS.
    pub(super) fn plain(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// An address that the issuer's metadata names: https, or http on loopback for an issuer that is there itself. Another
    /// host may serve it (Google's does), but an address in figures or `localhost` is the issuer's own only, so that no
    /// metadata turns requests on the network behind this server.
    pub(super) fn endpoint(&self, text: &str) -> Result<Url, &'static str> {
        let url = parse(text)?;
        if url.scheme() != "https" && !(url.scheme() == "http" && self.plain() && is_local(&url)) {
            return Err("an address in its metadata isn't https");
        }
        let named = url.domain().is_some_and(|it| !is_local_name(it));
        if !named && url.host() != self.url.host() {
            return Err("an address in its metadata is on another network");
        }
        Ok(url)
    }

    /// Where metadata may be, most likely first (RFC 8414 §3.1, OpenID Connect Discovery §4).
    pub(super) fn metadata(&self) -> Vec<Url> {
        let path = self.url.path().trim_end_matches('/');
        let paths = [
            format!("/.well-known/oauth-authorization-server{path}"),
            format!("/.well-known/openid-configuration{path}"),
            format!("{path}/.well-known/openid-configuration"),
        ];
        let mut all: Vec<Url> = Vec::with_capacity(paths.len());
        for path in paths {
            let mut url = self.url.clone();
            url.set_path(&path);
            if !all.contains(&url) {
                all.push(url);
            }
        }
        all
    }
}

fn parse(text: &str) -> Result<Url, &'static str> {
    if text.len() > LONGEST || !text.bytes().all(|it| it.is_ascii_graphic()) {
        return Err("expected a URL in visible ASCII");
    }
    let url = Url::parse(text).map_err(|_| "expected a URL")?;
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() || !url.has_host() {
        return Err("expected a URL with a host, and without user and fragment");
    }
    Ok(url)
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Whether the host is this one: `localhost` itself, which is pinned, or a loopback address in figures.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|it| it.is_loopback())
}

/// `application/x-www-form-urlencoded`, of which credentials are made, too (RFC 6749 §2.3.1, Appendix B).
pub(super) fn form_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => out.push(byte.into()),
            b' ' => out.push('+'),
            _ => {
                let digit = |it: u8| char::from(b"0123456789ABCDEF"[usize::from(it)]);
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s07_issuers_are_https_or_a_loopback_that_the_operator_allows() {
        for name in ["https://issuer.example", "https://issuer.example/", "https://issuer.example:8443/a/b"] {
            assert!(Issuer::parse(name, false).is_ok(), "{name}");
        }
        for name in ["http://127.0.0.1:9000", "http://127.9.9.9/a", "http://[::1]:9000", "http://localhost:9000"] {
            assert!(Issuer::parse(name, false).is_err(), "{name}");
            assert!(Issuer::parse(name, true).is_ok(), "{name}");
        }
        for name in [
            "",
            "issuer.example",
            "http://issuer.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://127.0.0.1@evil.example",
            "https://user@issuer.example",
            "https://user:password@issuer.example",
            "https://issuer.example/?a=b",
            "https://issuer.example/?",
            "https://issuer.example/#a",
            "https://issuer.example/\n",
            "https://issuer.example/ a",
            "ftp://issuer.example",
            "file:///etc/passwd",
            "unix:/a",
            &format!("https://issuer.example/{}", "a".repeat(LONGEST)),
        ] {
            assert!(Issuer::parse(name, true).is_err(), "{name}");
        }
    }

    #[test]
    fn s07_addresses_in_metadata_stay_https_and_off_other_networks() {
        let issuer = Issuer::parse("https://issuer.example/a", true).unwrap();
        for url in ["https://issuer.example/keys", "https://keys.example/x", "https://issuer.example:8443/keys?a=b"] {
            assert!(issuer.endpoint(url).is_ok(), "{url}");
        }
        for url in [
            "http://issuer.example/keys",
            "http://127.0.0.1/keys",
            "http://localhost/keys",
            "https://127.0.0.1/keys",
            "https://10.0.0.1/keys",
            "https://169.254.169.254/latest",
            "https://0x7f.1/keys",
            "https://2130706433/keys",
            "https://0177.0.0.1/keys",
            "https://[::1]/keys",
            "https://[::ffff:127.0.0.1]/keys",
            "https://localhost/keys",
            "https://localhost./keys",
            "https://a.localhost/keys",
            "https://issuer.example@10.0.0.1/keys",
            "file:///etc/passwd",
            "data:text/plain,x",
            "//issuer.example/keys",
            "/keys",
            "",
        ] {
            assert!(issuer.endpoint(url).is_err(), "{url}");
        }
        let inside = Issuer::parse("https://10.0.0.1:8443", false).unwrap();
        assert!(inside.endpoint("https://10.0.0.1/keys").is_ok());
        assert!(inside.endpoint("https://10.0.0.2/keys").is_err());
        let here = Issuer::parse("http://127.0.0.1:9000", true).unwrap();
        assert!(here.endpoint("http://127.0.0.1:9000/keys").is_ok());
        assert!(here.endpoint("http://127.0.0.2/keys").is_err());
        assert!(here.endpoint("http://issuer.example/keys").is_err());
    }

    #[test]
    fn metadata_is_looked_for_where_the_specifications_say() {
        let of = |name| {
            let issuer = Issuer::parse(name, false).unwrap();
            issuer.metadata().iter().map(Url::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            of("https://i.example"),
            "https://i.example/.well-known/oauth-authorization-server https://i.example/.well-known/openid-configuration"
        );
        assert_eq!(of("https://i.example/"), of("https://i.example"));
        assert_eq!(
            of("https://i.example/a/b/"),
            "https://i.example/.well-known/oauth-authorization-server/a/b \
             https://i.example/.well-known/openid-configuration/a/b https://i.example/a/b/.well-known/openid-configuration"
        );
    }

    #[test]
    fn forms_are_encoded_as_the_rfc_has_it() {
        assert_eq!(form_encoded("aZ9*-._ ~:%&=+é\n"), "aZ9*-._+%7E%3A%25%26%3D%2B%C3%A9%0A");
    }
}
