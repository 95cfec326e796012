//! What says who bears a token: one question, two answers.

use std::{fmt, sync::Arc, time::SystemTime};

use futures::future::BoxFuture;

use super::{Identity, ProtectedResource};

/// Says who bears a token.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use doorman::identity::{Bearer, Identity, TokenVerifier, Unverified};
/// use futures::future::BoxFuture;
///
/// struct Tickets;
///
/// impl TokenVerifier for Tickets {
///     fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Bearer, Unverified>> {
///         Box::pin(async move {
///             // Look the ticket up; here, none is any good.
///             let subject = token.strip_prefix("ticket-").filter(|_| false).ok_or(Unverified::Refused("no ticket"))?;
///             let expires = SystemTime::now() + Duration::from_secs(60);
///             Ok(Bearer { identity: Identity::new(subject).into(), expires })
///         })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't verify tokens",
    note = "`doorman::identity::Auth` (feature `oauth`) and `Issuers` do; or implement `TokenVerifier` for your own type"
)]
pub trait TokenVerifier: Send + Sync + 'static {
    /// Who bears a token, which comes from the one `Authorization: Bearer` header of a request. It must not be kept,
    /// logged or sent anywhere but to its issuer.
    fn verify<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Bearer, Unverified>>;

    /// Why tokens can't be verified at present, for `/ready`; `None` if they can.
    fn trouble(&self) -> Option<&'static str> {
        None
    }

    /// What clients are told of whom to ask for a token (RFC 9728); `None` if there is nothing to say.
    fn resource(&self) -> Option<ProtectedResource> {
        None
    }

    /// Fetches what the first token would wait for, once, when the server starts. A failure shows in
    /// [`trouble`](Self::trouble), and is no reason not to start.
    fn prepare(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Who bears a token, and until when that is known to hold. `Debug` shows neither.
#[derive(Clone)]
pub struct Bearer {
    /// Who it is.
    pub identity: Arc<Identity>,
    /// From then on the token is to be verified again, and may have expired.
    pub expires: SystemTime,
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").finish_non_exhaustive()
    }
}

/// Why nobody is known to bear a token. In each case the call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// It doesn't verify. The word is for the operator's count, never for the caller.
    Refused(&'static str),
    /// It can't be verified now: there are no keys, or no answer. The word is for the operator.
    Unavailable(&'static str),
    /// It verifies, and lacks these of the scopes that the server asks of every caller (RFC 6750 §3.1,
    /// `insufficient_scope`).
    Lacking(Vec<String>),
}
