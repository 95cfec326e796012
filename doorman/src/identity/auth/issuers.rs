//! Several issuers side by side: a token is looked at by the one whose it claims to be, and by no other.

use std::{collections::HashSet, fmt};

use futures::future::BoxFuture;

use super::{
    Auth, InvalidAuth,
    cache::hash,
    engine::Engine,
    flight::Moment,
    jws::{Form, form, is_token},
};
use crate::identity::{Bearer, TokenVerifier, Unverified};

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
pub struct Issuers(Vec<Auth>);

impl Issuers {
    /// Puts issuers side by side, if the settings of each can be used and they can be told apart.
    pub fn new(issuers: impl IntoIterator<Item = Auth>) -> Result<Self, InvalidAuth> {
        let issuers: Vec<_> = issuers.into_iter().collect();
        let mut names = HashSet::new();
        let mut asked = 0;
        for auth in &issuers {
            auth.check()?;
            let invalid = |expected| Err(InvalidAuth { issuer: auth.issuer().to_owned(), expected });
            if !names.insert(auth.issuer()) {
                return invalid("expected each issuer once");
            }
            asked += usize::from(auth.settings.asked.is_some());
            if asked > 1 {
                return invalid("expected one issuer with introspection: an opaque token doesn't say whose it is");
            }
        }
        Ok(Self(issuers))
    }

    /// The issuers.
    pub fn iter(&self) -> impl Iterator<Item = &Auth> {
        self.0.iter()
    }

    pub(super) async fn verify_at(&self, token: &str, now: Moment) -> Result<Bearer, Unverified> {
        if !is_token(token) {
            return Err(Unverified::Refused("no token"));
        }
        let hash = hash(token);
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

impl TokenVerifier for Issuers {
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Bearer, Unverified>> {
        Box::pin(self.verify_at(token, Moment::now()))
    }

    fn trouble(&self) -> Option<&'static str> {
        self.0.iter().find_map(TokenVerifier::trouble)
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
