//! What strangers may know: whom to ask for a token (RFC 9728), and how they are told to (RFC 6750 §3, RFC 9728 §5.1).

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Server;
use crate::identity::ProtectedResource;

/// Where clients look; the path of the server's URL comes after it (RFC 9728 §3.1).
pub(super) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
/// All addresses with a path after it.
pub(super) const BENEATH: &str = "/.well-known/oauth-protected-resource/{*path}";

/// This server's metadata, ready to be sent.
pub(in crate::server) struct Metadata {
    /// Where it is, as a path.
    pub(super) path: String,
    pub(super) document: Bytes,
    /// The `Host` under which tokens name this server.
    pub(super) host: String,
    /// Where it is, as a challenge says it.
    place: String,
    /// The scopes that every caller needs, as a challenge says them.
    scope: String,
}

impl Metadata {
    /// The metadata of a server of this name.
    pub(in crate::server) fn of(resource: &ProtectedResource, name: &str) -> Result<Self, String> {
        let expected = "expected this server's URL as resource, as in https://mcp.example/mcp";
        let wrong = || expected.to_owned();
        let url: Uri = resource.resource.parse().map_err(|_| wrong())?;
        let (scheme, authority) = url.scheme_str().zip(url.authority()).ok_or_else(wrong)?;
        // It is quoted in a header.
        if !matches!(scheme, "https" | "http") || resource.resource.contains(['"', '\\', '#', '@']) {
            return Err(wrong());
        }
        let path = format!("{WELL_KNOWN}{}", if url.path() == "/" { "" } else { url.path() });
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let mut document = json!({
            "resource": resource.resource,
            "resource_name": name,
            "authorization_servers": resource.authorization_servers,
            "bearer_methods_supported": ["header"],
        });
        if !resource.scopes_supported.is_empty() {
            document["scopes_supported"] = resource.scopes_supported.clone().into();
        }
        let scope = match resource.required_scopes.is_empty() {
            true => String::new(),
            false => format!(", scope=\"{}\"", resource.required_scopes.join(" ")),
        };
        let place = format!("resource_metadata=\"{scheme}://{authority}{path}{query}\"");
        Ok(Self { path, document: document.to_string().into(), host: authority.as_str().to_owned(), place, scope })
    }
}

/// Whom to ask for a token, where there is somebody: at the one address that goes with the server's URL.
pub(super) async fn describe(State(server): State<Arc<Server>>, uri: Uri) -> Response {
    match server.metadata().filter(|metadata| metadata.path == uri.path()) {
        Some(metadata) => ([(header::CONTENT_TYPE, "application/json")], metadata.document.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What a refused caller is asked for.
pub(super) enum Challenge<'a> {
    /// A token.
    Token,
    /// Another token.
    OtherToken,
    /// A token with the scopes that every caller needs, of which it lacks these.
    BaseScopes(&'a [String]),
    /// A token with these scopes.
    Scopes(&'a str),
}

impl Challenge<'_> {
    /// The value of `WWW-Authenticate`.
    pub(super) fn header(&self, metadata: Option<&Metadata>) -> HeaderValue {
        let (place, base) = metadata.map_or(("", ""), |it| (&*it.place, &*it.scope));
        let (error, scope) = match self {
            Self::Token => ("", base.to_owned()),
            Self::OtherToken => ("error=\"invalid_token\"", base.to_owned()),
            Self::BaseScopes(lacking) if base.is_empty() => {
                ("error=\"insufficient_scope\"", format!(", scope=\"{}\"", lacking.join(" ")))
            }
            Self::BaseScopes(_) => ("error=\"insufficient_scope\"", base.to_owned()),
            Self::Scopes(scopes) => ("error=\"insufficient_scope\"", format!(", scope=\"{scopes}\"")),
        };
        let between = if error.is_empty() || place.is_empty() { "" } else { ", " };
        let scope = if error.is_empty() && place.is_empty() { scope.trim_start_matches(", ") } else { &scope };
        let value = format!("Bearer {error}{between}{place}{scope}");
        // Scopes of a verifier of the application's own may be anything.
        HeaderValue::from_str(value.trim_end()).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(resource: &str, required: &[&str]) -> Result<Metadata, String> {
        let mut about = ProtectedResource::new(resource);
        about.authorization_servers = vec!["https://id.example".into()];
        about.required_scopes = required.iter().map(|&it| it.into()).collect();
        Metadata::of(&about, "billing")
    }

    #[test]
    fn s12_the_address_has_the_path_of_the_servers_url_after_it() {
        for (resource, path) in [
            ("https://mcp.example/mcp", "/.well-known/oauth-protected-resource/mcp"),
            ("https://mcp.example", "/.well-known/oauth-protected-resource"),
            ("https://mcp.example/", "/.well-known/oauth-protected-resource"),
            ("https://mcp.example:8443/a/b", "/.well-known/oauth-protected-resource/a/b"),
        ] {
            assert_eq!(metadata(resource, &[]).ok().map(|it| it.path), Some(path.to_owned()), "{resource}");
        }
        for resource in ["mcp", "/mcp", "ftp://x/mcp", "https://x/\"y", "https://a@x/mcp", "https://x/mcp#a", ""] {
            assert!(metadata(resource, &[]).is_err(), "{resource}");
        }
    }

    #[test]
    fn s02_challenges_name_base_scopes_and_no_others() {
        let plain = metadata("https://mcp.example/mcp", &[]).unwrap();
        let based = metadata("https://mcp.example/mcp", &["mcp", "more"]).unwrap();
        let place = r#"resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp""#;
        let lacking = ["more".to_owned()];
        for (challenge, metadata, header) in [
            (Challenge::Token, None, "Bearer".to_owned()),
            (Challenge::Token, Some(&plain), format!("Bearer {place}")),
            (Challenge::Token, Some(&based), format!("Bearer {place}, scope=\"mcp more\"")),
            (Challenge::OtherToken, None, "Bearer error=\"invalid_token\"".to_owned()),
            (Challenge::OtherToken, Some(&plain), format!("Bearer error=\"invalid_token\", {place}")),
            (
                Challenge::BaseScopes(&lacking),
                Some(&based),
                format!("Bearer error=\"insufficient_scope\", {place}, scope=\"mcp more\""),
            ),
            (Challenge::BaseScopes(&lacking), None, "Bearer error=\"insufficient_scope\", scope=\"more\"".to_owned()),
            (
                Challenge::Scopes("a:read b:write"),
                Some(&based),
                format!("Bearer error=\"insufficient_scope\", {place}, scope=\"a:read b:write\""),
            ),
        ] {
            assert_eq!(challenge.header(metadata), *header);
        }
    }
}
