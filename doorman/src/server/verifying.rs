//! What says who bears a token that isn't static: the application's verifier, or issuers in a file of the operator's.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

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
    /// A file of the operator's, if there is one.
    pub(super) fn of(file: Option<PathBuf>) -> Self {
        file.map_or(Self::Nowhere, Self::File)
    }

    /// The verifier, if there is one, of a server of this name. One whose file says what it said goes on, with all that it
    /// knows.
    pub(super) fn open(&self, name: &str, before: Option<&Verifying>) -> Result<Option<Verifying>, Error> {
        match self {
            Self::Nowhere => Ok(None),
            Self::Given(verifier, secrets) => Verifying::of(name, Arc::clone(verifier), secrets.clone()).map(Some),
            Self::File(path) => {
                let (made_from, read) = Verifying::read(name, path)?;
                let known = before.filter(|it| it.made_from == Some(made_from));
                Ok(Some(known.cloned().unwrap_or(Verifying { made_from: Some(made_from), ..read })))
            }
        }
    }

    /// The operator's file.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
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

    /// What a file about issuers says, and what stands for all of that.
    #[cfg(feature = "oauth")]
    fn read(name: &str, path: &Path) -> Result<(TokenHash, Self), Error> {
        let written = crate::identity::Written::read(path)?;
        let secrets = written.issuers.secrets().cloned().collect();
        let read = Self::of(name, Arc::new(written.issuers), secrets)?;
        Ok((written.digest, Self { files: written.secret_files, ..read }))
    }

    #[cfg(not(feature = "oauth"))]
    fn read(_: &str, _: &Path) -> Result<(TokenHash, Self), Error> {
        Err(Error::Setting("issuers take the feature `oauth`".to_owned()))
    }

    /// The operator's files beside the first.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().cloned()
    }
}
