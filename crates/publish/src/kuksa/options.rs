//! What an operator decides about the databroker, and the files that go with it.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::address::KuksaAddress;
use crate::error::chain;
use crate::telematics::Retry;

/// Within this computer a connection takes milliseconds, and in a vehicle's network not much more.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A broker that hangs is noticed after this and the next.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const PING_LIMIT: Duration = Duration::from_secs(5);

/// Everything that the sink has to know.
#[derive(Debug, Clone)]
pub struct KuksaOptions {
    /// Where the broker is.
    pub address: KuksaAddress,
    /// The authorities that may have signed its certificate, as a PEM file; only for TLS.
    pub ca: Option<PathBuf>,
    /// A file with the token that it wants, if any. Read anew for each connection.
    pub token: Option<PathBuf>,
    /// How often the values are sent where no word among them changes.
    pub period: Duration,
    /// The pauses between attempts to connect.
    pub retry: Retry,
}

impl KuksaOptions {
    /// Pauses for a broker within the vehicle, which others of the vehicle's programs await as well.
    pub const RETRY: Retry = Retry { first: Duration::from_millis(500), longest: Duration::from_secs(30) };
}

/// What is wrong with the databroker's files or with the broker. Each message names the key and what
/// it is.
#[derive(Debug, Error)]
pub enum KuksaError {
    /// A file cannot be read.
    #[error("kuksa.{name} {path}: cannot be read: {source}")]
    Unreadable {
        /// The key.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it must be.
    #[error("kuksa.{name} {path}: {why}")]
    Bad {
        /// The key.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// TLS needs the authorities.
    #[error("kuksa.ca must be set where kuksa.address is https, as in {address}")]
    NoAuthorities {
        /// The address.
        address: KuksaAddress,
    },
    /// The address cannot be connected to, whatever answers there.
    #[error("kuksa.address {address}: {why}")]
    Address {
        /// The address.
        address: KuksaAddress,
        /// What is wrong.
        why: String,
    },
}

/// What is needed to connect.
pub(super) struct Access {
    pub(super) endpoint: Endpoint,
    token: Option<MetadataValue<Ascii>>,
}

impl Access {
    /// Reads the files. Blocks, on a file system that hangs for long.
    ///
    /// # Errors
    /// [`KuksaError`], for each file that is not as it must be.
    pub(super) fn read(options: &KuksaOptions) -> Result<Self, KuksaError> {
        let address = &options.address;
        let fault = |fault: tonic::transport::Error| KuksaError::Address {
            address: address.clone(),
            why: chain(&fault),
        };
        let mut endpoint = Endpoint::from_shared(address.uri().to_owned())
            .map_err(fault)?
            .connect_timeout(CONNECT_LIMIT)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_LIMIT)
            .keep_alive_while_idle(true);
        if address.is_tls() {
            let no_authorities = || KuksaError::NoAuthorities { address: address.clone() };
            let authorities = read_authorities(options.ca.as_deref().ok_or_else(no_authorities)?)?;
            endpoint =
                endpoint.tls_config(ClientTlsConfig::new().ca_certificate(authorities)).map_err(fault)?;
        }
        let token = options.token.as_deref().map(read_token).transpose()?;
        Ok(Self { endpoint, token })
    }

    /// A request that shows the token.
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert("authorization", token.clone());
        }
        request
    }
}

fn read_file(name: &'static str, path: &Path) -> Result<Vec<u8>, KuksaError> {
    fs::read(path).map_err(|source| KuksaError::Unreadable { name, path: path.to_owned(), source })
}

fn bad(name: &'static str, path: &Path, why: impl Into<String>) -> KuksaError {
    KuksaError::Bad { name, path: path.to_owned(), why: why.into() }
}

fn read_authorities(path: &Path) -> Result<Certificate, KuksaError> {
    let pem = read_file("ca", path)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    match found {
        Err(fault) => Err(bad("ca", path, format!("is not PEM: {fault}"))),
        Ok(certificates) if certificates.is_empty() => {
            Err(bad("ca", path, "holds no certificate in PEM form"))
        }
        Ok(_) => Ok(Certificate::from_pem(pem)),
    }
}

fn read_token(path: &Path) -> Result<MetadataValue<Ascii>, KuksaError> {
    let bytes = read_file("token", path)?;
    let no_token = || bad("token", path, "holds no token: one line of letters, digits and '-', '_', '.'");
    let text = std::str::from_utf8(&bytes).map_err(|_| no_token())?.trim();
    // A JSON Web Token is three such words with dots between.
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte);
    if text.is_empty() || !text.bytes().all(is_fine) {
        return Err(no_token());
    }
    let mut value: MetadataValue<Ascii> = format!("Bearer {text}").parse().map_err(|_| no_token())?;
    // Keeps it out of what is written for debugging.
    value.set_sensitive(true);
    Ok(value)
}
