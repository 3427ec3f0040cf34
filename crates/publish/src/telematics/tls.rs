//! Certificates and keys: read once, with a message for each way in which they can be wrong.

use std::io::{self, Read as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use thiserror::Error;
use types::UtcTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How long `look` waits for a broker.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a broker has to refuse the client's certificate, which in TLS 1.3 comes after the handshake.
const SECOND_THOUGHT: Duration = Duration::from_millis(300);

/// Where certificates and key are, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities that may have signed the broker's certificate.
    pub ca: PathBuf,
    /// The vehicle's own certificate, and those between it and its authority.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What is wrong with telematics' files or its broker. Each message names the key and the path.
#[derive(Debug, Error)]
pub enum TelematicsError {
    /// A file cannot be read.
    #[error("telematics.{name} {path}: cannot be read: {source}")]
    Unreadable {
        /// The key.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it must be.
    #[error("telematics.{name} {path}: {why}")]
    Bad {
        /// The key.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate is not valid now, as far as this computer's clock is right.
    #[error("telematics.{name} {path}: is valid from {from} to {to}, which the system clock is outside of")]
    NotNow {
        /// The key.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// The first moment.
        from: String,
        /// The last one.
        to: String,
    },
    /// The broker cannot be spoken with.
    #[error("telematics.host {host}:{port}: {why}")]
    Broker {
        /// Its name.
        host: String,
        /// Its port.
        port: u16,
        /// What is wrong.
        why: String,
    },
}

fn bad(name: &'static str, path: &Path, why: impl ToString) -> TelematicsError {
    TelematicsError::Bad { name, path: path.to_owned(), why: why.to_string() }
}

fn of_pem(name: &'static str, path: &Path, what: &str, fault: pem::Error) -> TelematicsError {
    match fault {
        pem::Error::Io(source) => TelematicsError::Unreadable { name, path: path.to_owned(), source },
        pem::Error::NoItemsFound => bad(name, path, format!("holds no {what} in PEM form")),
        other => bad(name, path, format!("is not PEM: {other}")),
    }
}

fn certificates(name: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TelematicsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|fault| of_pem(name, path, "certificate", fault))?;
    if found.is_empty() { Err(bad(name, path, "holds no certificate in PEM form")) } else { Ok(found) }
}

impl TlsFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TelematicsError::Unreadable`] and [`TelematicsError::Bad`].
    pub(super) fn load(&self) -> Result<Arc<ClientConfig>, TelematicsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates("ca", &self.ca)? {
            roots.add(certificate).map_err(|fault| bad("ca", &self.ca, fault))?;
        }
        let chain = certificates("cert", &self.cert)?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|fault| of_pem("key", &self.key, "private key", fault))?;
        let fault = |fault: rustls::Error| {
            let why = format!("does not go with telematics.cert {}: {fault}", self.cert.display());
            bad("key", &self.key, why)
        };
        // One provider, named here: none is taken from the process.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(fault)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(fault)?;
        Ok(Arc::new(config))
    }

    /// Until when the vehicle's certificate is valid.
    ///
    /// # Errors
    /// As [`Self::load`], and [`TelematicsError::NotNow`] for each certificate of `ca` and the
    /// vehicle's own.
    pub(super) fn look(&self, now: UtcTime) -> Result<String, TelematicsError> {
        self.load()?;
        let mut until = String::new();
        for (name, path) in [("ca", &self.ca), ("cert", &self.cert)] {
            let certificates = certificates(name, path)?;
            let (_, certificate) =
                X509Certificate::from_der(&certificates[0]).map_err(|fault| bad(name, path, fault))?;
            let validity = certificate.validity();
            let now = i64::try_from(now.0 / 1_000_000_000).unwrap_or(i64::MAX);
            if !(validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now) {
                let (from, to) = (validity.not_before.to_string(), validity.not_after.to_string());
                return Err(TelematicsError::NotNow { name, path: path.clone(), from, to });
            }
            until = validity.not_after.to_string();
        }
        Ok(until)
    }
}

/// Speaks TLS with the broker, and no MQTT: a second client of the same id would throw a running
/// daemon's connection out.
pub(super) fn look_at_broker(host: &str, port: u16, tls: &TlsFiles) -> Result<(), TelematicsError> {
    let config = tls.load()?;
    let fault = |why: String| TelematicsError::Broker { host: host.to_owned(), port, why };
    let shake_hands = || -> io::Result<()> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let address = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
        let mut socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket)?;
        }
        socket.set_read_timeout(Some(SECOND_THOUGHT))?;
        match Stream::new(&mut connection, &mut socket).read(&mut [0]) {
            Err(silence) if matches!(silence.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                Ok(())
            }
            Ok(0) => Err(io::ErrorKind::ConnectionReset.into()),
            other => other.map(drop),
        }
    };
    shake_hands().map_err(|source| fault(source.to_string()))
}
