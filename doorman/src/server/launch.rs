//! The operator's launch configuration: who calls on stdio, and how callers prove who they are.

use std::{
    env::VarError,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use super::{
    Error,
    callers::{Known, asked},
    generation::Generation,
    verifying::{VerifierSource, Verifying},
};
use crate::{
    credentials::{Secret, read_private},
    guard::Access,
    identity::{Agent, Bearer, Identity, Principal, Tokens, Unverified},
    manifest::{Grants, is_secret},
};

/// How the process was launched; it stays so.
pub(super) struct Launch {
    /// `Doorman::dev()`.
    pub(super) dev: bool,
    /// Whether stdio is served, to one caller who is known from the start.
    pub(super) stdio: bool,
    pub(super) tokens: TokenSource,
    pub(super) verifier: VerifierSource,
    /// What HTTP connections are encrypted with, if they are.
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Arc<super::http::Tls>>,
}

/// Where the bearer tokens are.
pub(super) enum TokenSource {
    Nowhere,
    /// Read again at each reload.
    File(PathBuf),
    Given(Tokens),
    /// The one in the environment.
    Environment(Secret),
}

impl TokenSource {
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Nowhere | Self::Given(_) | Self::Environment(_) => None,
        }
    }
}

/// Who calls on stdio, as far as that is known now.
pub(super) struct Launched(Mutex<Known>);

impl Launched {
    fn of(access: &Arc<Access>) -> Self {
        Self(Mutex::new(Known { access: Arc::clone(access), until: None }))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the caller may do now, if its token is known to be good.
    pub(super) fn access(&self) -> Option<Arc<Access>> {
        let known = self.known();
        let holds = known.until.is_none_or(|until| SystemTime::now() < until);
        holds.then(|| Arc::clone(&known.access))
    }
}

impl Launch {
    /// The files that are read again at each reload.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let files = self.tokens.file().into_iter().chain(self.verifier.file());
        #[cfg(feature = "tls")]
        let files = files.chain(self.tls.iter().flat_map(|tls| tls.files()));
        files.collect()
    }

    /// The bearer tokens under these manifests.
    pub(super) fn tokens(&self, grants: &Grants) -> Result<Option<Tokens>, Error> {
        match &self.tokens {
            TokenSource::Nowhere => Ok(None),
            TokenSource::File(path) => Ok(Some(Tokens::read(path)?)),
            TokenSource::Given(tokens) => Ok(Some(tokens.clone())),
            TokenSource::Environment(token) => Ok(Some(match agent(grants)? {
                Some(agent) => Tokens::default().with(token, agent),
                None => Tokens::default().with_bearer(token, "bearer"),
            })),
        }
    }

    /// The principal of development mode.
    pub(super) fn developer(&self) -> Result<Option<Principal>, Error> {
        if !self.dev {
            return Ok(None);
        }
        let agent = Agent::new("dev", "dev").map_err(|error| Error::Launch(error.to_string()))?;
        Ok(Some(Principal::verified(Identity::of_agent(agent))))
    }

    /// Who bears the launcher's token, as the verifier says, where it is asked: on stdio, for whoever isn't known otherwise.
    pub(super) async fn bearer(&self, verifying: Option<&Verifying>) -> Option<Result<Bearer, Unverified>> {
        let verifying = verifying.filter(|_| self.stdio && !self.dev)?;
        let token = token().ok()??;
        // The operator's own tokens are no issuer's business (S08).
        let known = match &self.tokens {
            TokenSource::File(path) => Tokens::read(path).is_ok_and(|it| it.has(token.expose().as_bytes())),
            TokenSource::Given(tokens) => tokens.has(token.expose().as_bytes()),
            TokenSource::Nowhere | TokenSource::Environment(_) => false,
        };
        if known {
            return None;
        }
        Some(asked(&*verifying.verifier, token.expose()).await)
    }

    /// Asks the verifier of the launcher's token again if its last word no longer holds.
    pub(super) async fn refresh(&self, present: &Generation) {
        let (Some(launched), Some(callers)) = (&present.launched, &present.callers) else { return };
        if launched.access().is_none()
            && let Some(Ok(bearer)) = self.bearer(present.verifying.as_ref()).await
        {
            *launched.known() = callers.of_bearer(bearer, present);
        }
    }

    /// Who calls on stdio: the agent of the launch configuration, or of a token in the environment that verifies (S06).
    pub(super) fn launched(
        &self,
        generation: &Generation,
        bearer: Option<Result<Bearer, Unverified>>,
    ) -> Result<Launched, Error> {
        if let Some(access) = &generation.dev {
            return Ok(Launched::of(access));
        }
        if let Some(agent) = agent(&generation.grants)? {
            let principal = Arc::new(Principal::verified(Identity::of_agent(agent)));
            return Ok(Launched::of(&generation.access(&principal)));
        }
        if let (Some(callers), Some(token)) = (&generation.callers, token()?) {
            let known = callers.of_static(token.expose().as_bytes(), SystemTime::now());
            let known = known.or_else(|| Some(callers.of_bearer(bearer?.ok()?, generation)));
            let known = known.ok_or_else(|| Error::Launch(format!("the token in {TOKEN} doesn't verify")))?;
            return Ok(Launched(Mutex::new(known)));
        }
        tracing::warn!("no AGENT_ID and AGENT_TYPE, and no token: only public capabilities are there");
        Ok(Launched::of(&generation.nobody))
    }
}

/// A pair of certificate and key, read and fitting together.
#[cfg(feature = "tls")]
pub(super) fn tls(pair: Option<super::http::Pair>) -> Result<Option<Arc<super::http::Tls>>, Error> {
    Ok(pair.map(super::http::Tls::open).transpose()?.map(Arc::new))
}

/// The token that one HTTP caller bears, or that a stdio client's launcher verifies with.
pub(super) const TOKEN: &str = "DOORMAN_BEARER_TOKEN";

/// `AGENT_ID` and `AGENT_TYPE`: both or neither, trimmed, the type one that a manifest is for (S03).
pub(super) fn agent(grants: &Grants) -> Result<Option<Agent>, Error> {
    let (id, kind) = match (variable("AGENT_ID")?, variable("AGENT_TYPE")?) {
        (Some(id), Some(kind)) => (id, kind),
        (None, None) => return Ok(None),
        (Some(_), None) => {
            return Err(Error::Launch("AGENT_ID is set and AGENT_TYPE is not; set both or neither".into()));
        }
        (None, Some(_)) => {
            return Err(Error::Launch("AGENT_TYPE is set and AGENT_ID is not; set both or neither".into()));
        }
    };
    let agent = Agent::new(&id, &kind).map_err(|error| Error::Launch(format!("AGENT_ID, AGENT_TYPE: {error}")))?;
    if !grants.is_empty() && grants.of_type(agent.kind()).is_none() {
        let text = format!("AGENT_TYPE is not the manifest's agent_type; expected {}", grants.types().join(" or "));
        return Err(Error::Launch(text));
    }
    Ok(Some(agent))
}

/// `DOORMAN_BEARER_TOKEN`, if it is set and not empty.
pub(super) fn token() -> Result<Option<Secret>, Error> {
    Ok(variable(TOKEN)?.map(Secret::new))
}

/// The password of the state store, for a URL that has none: `DOORMAN_STATE_PASSWORD`, or the only line of the file that
/// `DOORMAN_STATE_PASSWORD_FILE` names.
pub(super) fn state_password() -> Result<Option<Secret>, Error> {
    const FILE: &str = "DOORMAN_STATE_PASSWORD_FILE";
    match (variable("DOORMAN_STATE_PASSWORD")?, variable(FILE)?) {
        (Some(_), Some(_)) => Err(Error::Launch(format!("DOORMAN_STATE_PASSWORD and {FILE} are set; set one"))),
        (password, None) => Ok(password.map(Secret::new)),
        (None, Some(path)) => {
            let text = read_private(path.as_ref()).map_err(|expected| Error::Launch(format!("{FILE}: {expected}")))?;
            Ok(Some(Secret::new(text.trim())))
        }
    }
}

/// Variables of the environment that hold a credential, by their names or because they are URLs with a password. What is
/// too short or too plain to be one is left out: to mask it would mask half of all texts.
pub(super) fn credentials() -> Vec<Secret> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let secret =
        |(name, value): &(String, String)| is_secret(value) && (names_a_credential(name) || has_userinfo(value));
    variables.filter(secret).map(|(_, value)| Secret::new(value)).collect()
}

fn names_a_credential(name: &str) -> bool {
    const ENDINGS: [&str; 15] = [
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "KEY",
        "CREDENTIALS",
        "PWD",
        "PASS",
        "AUTH",
        "SECRET_ID",
        "ROLE_ID",
        "DSN",
        "BEARER",
        "PAT",
        "WEBHOOK",
    ];
    let name = name.to_ascii_uppercase();
    let name = name.strip_suffix("_URL").unwrap_or(&name);
    ENDINGS.iter().any(|ending| name.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('_')))
}

fn has_userinfo(value: &str) -> bool {
    let authority = value.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    authority.is_some_and(|it| it.contains('@'))
}

/// A variable's value, trimmed; an empty one is as good as none.
fn variable(name: &str) -> Result<Option<String>, Error> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::Launch(format!("{name} is not UTF-8"))),
    }
}
