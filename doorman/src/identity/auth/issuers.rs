//! Several issuers side by side: a token is looked at by the one whose it claims to be, and by no other.

use std::fmt;

use futures::future::BoxFuture;

use super::{
    Auth, InvalidAuth,
    engine::Engine,
    flight::Moment,
    jws::{Form, form, is_token},
};
use crate::{
    credentials::Secret,
    identity::{Bearer, ProtectedResource, TokenVerifier, Unverified, digest::hash},
};

/// Several issuers. A JWT goes to the one that its `iss` names, exactly; any other token to the one that is asked about
/// tokens ([`Auth::introspection`]), of which there may be one: no token is shown to an issuer that may not have issued it.
///
/// ```
/// use doorman::identity::{Auth, Issuers};
///
/// let here = "https://mcp.example/mcp";
/// let issuers = Issuers::new([Auth::jwt("https://staff.example", here), Auth::jwt("https://agents.example", here)])?;
/// # Ok::<(), doorman::identity::InvalidAuth>(())
/// ```
#[derive(Default)]
pub struct Issuers(Vec<Auth>);

impl Issuers {
    /// Puts issuers side by side, if the settings of each can be used and they can be told apart.
    pub fn new(issuers: impl IntoIterator<Item = Auth>) -> Result<Self, InvalidAuth> {
        let mut all = Self::default();
        issuers.into_iter().try_for_each(|auth| all.add(auth))?;
        Ok(all)
    }

    pub(super) fn add(&mut self, auth: Auth) -> Result<(), InvalidAuth> {
        auth.check()?;
        let asked = |it: &Auth| it.settings.asked.is_some();
        let resource = |it: &Auth| it.settings.policy.resource.clone();
        let expected = match () {
            () if self.0.iter().any(|it| it.issuer() == auth.issuer()) => Some("expected each issuer once"),
            () if self.0.iter().any(|it| resource(it) != resource(&auth)) => {
                Some("expected one resource for all issuers: it is this server")
            }
            () if asked(&auth) && self.0.iter().any(asked) => {
                Some("expected one issuer with introspection: an opaque token doesn't say whose it is")
            }
            () => None,
        };
        match expected {
            Some(expected) => Err(InvalidAuth { issuer: auth.issuer().to_owned(), expected }),
            None => {
                self.0.push(auth);
                Ok(())
            }
        }
    }

    /// Whether the settings of each can be used.
    pub(crate) fn check(&self) -> Result<(), InvalidAuth> {
        self.0.iter().try_for_each(Auth::check)
    }

    /// The secrets with which issuers are asked.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter().filter_map(|it| it.settings.asked.as_ref()).map(|asked| &asked.secret)
    }

    /// The issuers.
    pub fn iter(&self) -> impl Iterator<Item = &Auth> {
        self.0.iter()
    }

    pub(super) async fn verify_at(&self, token: &str, now: Moment) -> Result<Bearer, Unverified> {
        if !is_token(token) {
            return Err(Unverified::Refused("no token"));
        }
        let hash = hash(token.as_bytes());
        if let Some(answer) = self.engines().find_map(|(_, engine)| engine.remembered(&hash, now)) {
            return answer;
        }
        let form = form(token).map_err(Unverified::Refused)?;
        let found = self.engines().find(|(auth, _)| match &form {
            Form::Of(issuer) => auth.issuer() == issuer,
            Form::Opaque => auth.settings.asked.is_some(),
        });
        match found {
            Some((_, engine)) => engine.find_out(token, hash, now).await,
            None => Err(Unverified::Refused("nobody's token")),
        }
    }

    fn engines(&self) -> impl Iterator<Item = (&Auth, &Engine)> {
        self.0.iter().filter_map(|auth| Some((auth, auth.engine().ok()?)))
    }
}

impl From<Auth> for Issuers {
    /// One issuer, whose settings are still to be [checked](Auth::check).
    fn from(auth: Auth) -> Self {
        Self(vec![auth])
    }
}

impl TokenVerifier for Issuers {
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Bearer, Unverified>> {
        Box::pin(self.verify_at(token, Moment::now()))
    }

    fn trouble(&self) -> Option<&'static str> {
        self.0.iter().find_map(TokenVerifier::trouble)
    }

    /// All issuers; of the scopes, each that one of them lists, and those that all of them require.
    fn resource(&self) -> Option<ProtectedResource> {
        let mut all = self.0.iter().filter_map(TokenVerifier::resource);
        let first = all.next()?;
        Some(all.fold(first, |mut resource, next| {
            resource.authorization_servers.extend(next.authorization_servers);
            let new = next.scopes_supported.into_iter().filter(|it| !resource.scopes_supported.contains(it));
            resource.scopes_supported = resource.scopes_supported.iter().cloned().chain(new).collect();
            resource.required_scopes.retain(|it| next.required_scopes.contains(it));
            resource
        }))
    }

    fn prepare(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move { drop(futures::future::join_all(self.0.iter().map(TokenVerifier::prepare)).await) })
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
