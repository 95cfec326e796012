//! The credentials that must not be said, for what is set up before they are known: the log, and what exports telemetry.

use std::{borrow::Cow, fmt, sync::Arc};

use arc_swap::ArcSwapOption;

use super::Redactor;

/// What must not be said, once it is known. Until then nothing that could hold a credential is said. Clones learn together.
#[derive(Clone, Default)]
pub(crate) struct Knowledge(Arc<ArcSwapOption<Redactor>>);

impl Knowledge {
    /// Says what not to say from now on.
    pub(crate) fn knows(&self, redactor: Arc<Redactor>) {
        self.0.store(Some(redactor));
    }

    /// The text without the credentials that are known, if it has any.
    pub(crate) fn without(&self, text: &str) -> Option<String> {
        match self.0.load().as_ref()?.scrub(text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean) => Some(clean),
        }
    }
}

impl fmt::Debug for Knowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Knowledge")
    }
}
