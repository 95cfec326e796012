//! This server, as those who issue tokens for it know it.

/// What is published of a server that takes OAuth tokens (RFC 9728): a client that is refused looks there for whom to ask
/// for a token, and for what.
///
/// ```
/// use doorman::identity::ProtectedResource;
///
/// let mut resource = ProtectedResource::new("https://mcp.example/mcp");
/// resource.authorization_servers = vec!["https://issuer.example".into()];
/// resource.scopes_supported = vec!["mcp".into()];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtectedResource {
    /// The server's URL, which tokens name as their audience (RFC 8707).
    pub resource: String,
    /// The issuers whose tokens it takes.
    pub authorization_servers: Vec<String>,
    /// The scopes that clients may ask for, as far as strangers may know of them.
    pub scopes_supported: Vec<String>,
    /// The scopes that every caller needs; challenges name them.
    pub required_scopes: Vec<String>,
}

impl ProtectedResource {
    /// A server at this URL.
    pub fn new(resource: impl Into<String>) -> Self {
        Self {
            resource: resource.into(),
            authorization_servers: Vec::new(),
            scopes_supported: Vec::new(),
            required_scopes: Vec::new(),
        }
    }
}
