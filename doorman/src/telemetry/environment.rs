//! What OpenTelemetry's standard environment says. It is the operator's: what can't be done as it says is an error at the
//! start, and errors name the variable and not its value.

use std::{env, time::Duration};

use reqwest::Url;

use crate::credentials::Secret;

/// What is exported to a collector, and how.
pub(super) struct Environment {
    pub(super) traces: bool,
    pub(super) metrics: bool,
    /// How long one request may take.
    pub(super) patience: Duration,
    /// What headers say is a credential.
    pub(super) secrets: Vec<Secret>,
    /// Whether it names the service.
    pub(super) names_service: bool,
}

impl Environment {
    pub(super) fn read() -> Result<Self, String> {
        Self::of(|name| env::var(name).ok().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()))
    }

    fn of(said: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let off = said("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let exports = |signal: &str| match off {
            true => Ok(false),
            false => exports(signal, &said),
        };
        let (traces, metrics) = (exports("TRACES")?, exports("METRICS")?);
        let millis = said("OTEL_EXPORTER_OTLP_TIMEOUT").map(|it| it.parse()).transpose();
        let millis = millis.map_err(|_| "OTEL_EXPORTER_OTLP_TIMEOUT: expected milliseconds, as in 10000")?;
        let headers = ["", "TRACES_", "METRICS_"].map(|signal| said(&format!("OTEL_EXPORTER_OTLP_{signal}HEADERS")));
        let attributes = said("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        Ok(Self {
            traces,
            metrics,
            patience: Duration::from_millis(millis.unwrap_or(10_000).clamp(1, 60_000)),
            secrets: headers.iter().flatten().flat_map(|it| secrets(it)).collect(),
            names_service: said("OTEL_SERVICE_NAME").is_some()
                || attributes.split(',').any(|it| it.trim_start().starts_with("service.name=")),
        })
    }
}

/// Whether a signal is exported: nothing is, unless it is said where to (S28).
fn exports(signal: &str, said: &impl Fn(&str) -> Option<String>) -> Result<bool, String> {
    let exporter = format!("OTEL_{signal}_EXPORTER");
    match said(&exporter).as_deref() {
        Some("none") => return Ok(false),
        None | Some("otlp") => {}
        Some(_) => return Err(format!("{exporter}: expected otlp or none")),
    }
    let either = |what: &str| {
        let names = [format!("OTEL_EXPORTER_OTLP_{signal}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
        names.into_iter().find_map(|name| Some((said(&name)?, name)))
    };
    let Some((endpoint, name)) = either("ENDPOINT") else { return Ok(false) };
    let url = Url::parse(&endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let bare = |url: &Url| url.username().is_empty() && url.password().is_none();
    if !url.as_ref().is_some_and(bare) {
        return Err(format!(
            "{name}: expected an address as in http://127.0.0.1:4318, without a user; credentials are for \
             OTEL_EXPORTER_OTLP_HEADERS"
        ));
    }
    match either("PROTOCOL") {
        Some((protocol, name)) if protocol != "http/protobuf" => Err(format!("{name}: expected http/protobuf")),
        _ => match either("CERTIFICATE").or_else(|| either("CLIENT_KEY")).or_else(|| either("CLIENT_CERTIFICATE")) {
            Some((_, name)) => Err(format!("{name} isn't supported: the system's root certificates count")),
            None => Ok(true),
        },
    }
}

/// The values of headers (W3C Baggage: `name=value,…`), with their schemes and without, as they come and decoded.
fn secrets(headers: &str) -> Vec<Secret> {
    let values = headers.split(',').filter_map(|header| Some(header.split_once('=')?.1.trim()));
    let values = values.flat_map(|value| [value.to_owned(), percent_decoded(value)]);
    let parts = values.flat_map(|value| {
        let token = value.split_once(' ').map(|(_, token)| token.trim().to_owned());
        [Some(value), token]
    });
    parts.flatten().filter(|value| value.len() >= SHORTEST).map(Secret::new).collect()
}

/// What is shorter is in half of all texts.
const SHORTEST: usize = 6;

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let pair = others.get(..2).and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        (rest, _) = match pair.filter(|_| *first == b'%') {
            Some(byte) => (&others[2..], out.push(byte)),
            None => (others, out.push(*first)),
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: &[(&str, &str)]) -> Result<Environment, String> {
        Environment::of(|name| said.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned()))
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

    #[test]
    fn s28_nothing_is_exported_unless_it_is_said_where_to() {
        let exported = |said: &[(&str, &str)]| read(said).map(|it| (it.traces, it.metrics)).unwrap();
        assert_eq!(exported(&[]), (false, false));
        assert_eq!(exported(&[("OTEL_TRACES_EXPORTER", "otlp")]), (false, false));
        assert_eq!(exported(&[ENDPOINT]), (true, true));
        assert_eq!(exported(&[ENDPOINT, ("OTEL_METRICS_EXPORTER", "none")]), (true, false));
        assert_eq!(exported(&[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")]), (false, false));
        assert_eq!(exported(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", ENDPOINT.1)]), (false, true));
    }

    #[test]
    fn what_cant_be_done_is_an_error_that_names_no_value() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "c4n4ry"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:c4n4ry@127.0.0.1:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c4n4ry"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "c4n4ry"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_TRACES_EXPORTER", "c4n4ry"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "c4n4ry"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/c4n4ry"),
        ] {
            let error = read(&[(name, value), ENDPOINT]).map(drop).unwrap_err();
            assert!(error.contains(name) && !error.contains("c4n4ry"), "{name}: {error}");
        }
    }

    #[test]
    fn s18_headers_are_credentials() {
        let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20s3cr3t-1, x-key=s3cr3t-2,a=b");
        let secrets = read(&[headers]).unwrap().secrets;
        let secrets: Vec<_> = secrets.iter().map(Secret::expose).collect();
        for secret in ["Bearer s3cr3t-1", "s3cr3t-1", "s3cr3t-2"] {
            assert!(secrets.contains(&secret), "{secret}");
        }
        assert!(!secrets.contains(&"b"));
    }
}
