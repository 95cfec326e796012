//! What says who bears a token that isn't static: the application's verifier, or issuers in a file of the operator's.

use std::{path::PathBuf, sync::Arc};

use super::Error;
#[cfg(feature = "http")]
use super::http::Metadata;
use crate::{
    credentials::Secret,
    identity::{TokenHash, TokenVerifier},
};

/// Where the verifier comes from.
#[derive(Default)]
pub(super) enum VerifierSource {
    #[default]
    Nowhere,
    /// The application, with the credentials that it uses.
    Given(Arc<dyn TokenVerifier>, Vec<Secret>),
    /// A file about issuers, read again at each reload.
    #[cfg(feature = "oauth")]
    File(PathBuf),
}

/// The verifier in use.
#[derive(Clone)]
pub(super) struct Verifying {
    pub(super) verifier: Arc<dyn TokenVerifier>,
    /// What it proves itself with.
    pub(super) secrets: Vec<Secret>,
    /// What strangers are told of it.
    #[cfg(feature = "http")]
    pub(super) metadata: Option<Arc<Metadata>>,
    /// The files that those are in.
    files: Vec<PathBuf>,
    /// Stands for what it was made from, if that may change.
    made_from: Option<TokenHash>,
}

impl VerifierSource {
    /// The verifier, if there is one, of a server of this name. One whose file says what it said goes on, with all that it
    /// knows.
    pub(super) fn open(&self, name: &str, before: Option<&Verifying>) -> Result<Option<Verifying>, Error> {
        match self {
            Self::Nowhere => Ok(None),
            Self::Given(verifier, secrets) => Verifying::of(name, Arc::clone(verifier), secrets.clone()).map(Some),
            #[cfg(feature = "oauth")]
            Self::File(path) => {
                let written = crate::identity::Written::read(path)?;
                if let Some(known) = before.filter(|it| it.made_from == Some(written.digest)) {
                    return Ok(Some(known.clone()));
                }
                let secrets = written.issuers.secrets().cloned().collect();
                let made = Verifying::of(name, Arc::new(written.issuers), secrets)?;
                Ok(Some(Verifying { files: written.secret_files, made_from: Some(written.digest), ..made }))
            }
        }
    }

    /// The operator's file.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            #[cfg(feature = "oauth")]
            Self::File(path) => Some(path.clone()),
            Self::Nowhere | Self::Given(..) => None,
        }
    }
}

impl Verifying {
    fn of(name: &str, verifier: Arc<dyn TokenVerifier>, secrets: Vec<Secret>) -> Result<Self, Error> {
        #[cfg(feature = "http")]
        let metadata = {
            let metadata = verifier.resource().map(|resource| Metadata::of(&resource, name)).transpose();
            metadata.map_err(Error::Setting)?.map(Arc::new)
        };
        #[cfg(not(feature = "http"))]
        let _ = name;
        Ok(Self {
            #[cfg(feature = "http")]
            metadata,
            verifier,
            secrets,
            files: Vec::new(),
            made_from: None,
        })
    }

    /// The operator's files beside the first.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().cloned()
    }
}
