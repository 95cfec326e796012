//! HTTPS without a proxy in front: TLS 1.2 and 1.3, with a certificate that is read again when the operator's files are.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    credentials::{read_private_bytes, read_public_bytes},
    manifest::FileError,
};

/// Where the certificates and their key are.
#[derive(Debug, Clone)]
pub(in crate::server) struct Pair {
    pub(in crate::server) cert: PathBuf,
    pub(in crate::server) key: PathBuf,
}

/// What a connection is encrypted with.
pub(in crate::server) struct Tls {
    pair: Pair,
    present: ArcSwap<ServerConfig>,
}

/// A pair that was read and fits together.
pub(in crate::server) struct Fresh(Arc<ServerConfig>);

impl Tls {
    pub(in crate::server) fn open(pair: Pair) -> Result<Self, FileError> {
        let Fresh(first) = pair.read()?;
        Ok(Self { pair, present: ArcSwap::new(first) })
    }

    /// The files.
    pub(in crate::server) fn files(&self) -> [PathBuf; 2] {
        [self.pair.cert.clone(), self.pair.key.clone()]
    }

    /// What they hold now.
    pub(in crate::server) fn read(&self) -> Result<Fresh, FileError> {
        self.pair.read()
    }

    /// Connections that begin from now on get this one. Those that exist keep what they have, and none of it is resumed.
    pub(in crate::server) fn replace(&self, Fresh(next): Fresh) {
        self.present.store(next);
    }

    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.present.load_full()).accept(stream).await
    }
}

impl Pair {
    /// What is wrong is said without what the files hold.
    fn read(&self) -> Result<Fresh, FileError> {
        let bad = |file: &Path, expected: &str| FileError::whole(file, expected);
        let text = read_public_bytes(&self.cert).map_err(|expected| bad(&self.cert, &expected))?;
        let certs: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certs = certs.map_err(|_| bad(&self.cert, "expected certificates in PEM"))?;
        if certs.is_empty() {
            return Err(bad(&self.cert, "expected at least one certificate in PEM"));
        }
        let text = read_private_bytes(&self.key).map_err(|expected| bad(&self.key, &expected))?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| bad(&self.key, "expected a private key in PEM"))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|_| bad(&self.cert, "TLS can't be set up"))?
            .with_no_client_auth()
            .with_single_cert(certs, key);
        let mut config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => bad(&self.key, "expected the key of the certificate"),
            _ => bad(&self.cert, "expected a certificate and a key that TLS can use"),
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Fresh(Arc::new(config)))
    }
}
