//! What an operator decides about telematics.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wire::episode::{EpisodeHeader, EpisodeLimits};

use super::StoreOptions;
use super::tls::TlsFiles;

/// Tells whether the system's clock is synchronised.
pub type IsSynchronised = Arc<dyn Fn() -> bool + Send + Sync>;

/// The place in a topic that the vehicle's id takes.
pub const VEHICLE: &str = "{vehicle}";
/// MQTT's limit is 65,535; brokers of the large clouds allow 256 bytes.
pub const MAX_TOPIC: usize = 256;

/// Everything that the sink has to know.
#[derive(Clone)]
pub struct TelematicsOptions {
    /// The broker's name or address, which must be in its certificate.
    pub host: String,
    /// Its port for MQTT over TLS.
    pub port: u16,
    /// Certificates and key.
    pub tls: TlsFiles,
    /// The topic with [`VEHICLE`] in it; see [`Self::topic`].
    pub topic: String,
    /// What all episodes share; the vehicle's id is the MQTT client's too.
    pub header: EpisodeHeader,
    /// Which times become an episode.
    pub limits: EpisodeLimits,
    /// Episodes with more bytes are refused.
    pub max_message_bytes: usize,
    /// The folder of the store.
    pub store: PathBuf,
    /// How large it may be.
    pub store_options: StoreOptions,
    /// When it is synced.
    pub sync: SyncPolicy,
    /// How fast is sent.
    pub rate: UploadRate,
    /// The pauses between attempts to connect.
    pub retry: Retry,
    /// How the system's clock is.
    pub is_synchronised: IsSynchronised,
}

impl fmt::Debug for TelematicsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls, topic, header, store, .. } = self;
        let mut shown = f.debug_struct("TelematicsOptions");
        shown.field("host", host).field("port", port).field("tls", tls);
        shown.field("topic", topic).field("header", header).field("store", store);
        shown.finish_non_exhaustive()
    }
}

impl TelematicsOptions {
    /// The topic with the vehicle's id in its place.
    #[must_use]
    pub fn topic(&self) -> String {
        self.topic.replace(VEHICLE, &self.header.vehicle_id)
    }
}

/// Whether a vehicle's id can stand in a topic, a client id and a file name.
#[must_use]
pub fn is_vehicle_id(id: &str) -> bool {
    // MQTT's server must take 23 letters and digits, and may take more; all that are in use take 64.
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&id.len()) && id.bytes().all(is_fine)
}

/// Whether this is a topic to publish to, with the vehicle's place in it once.
#[must_use]
pub fn is_topic(topic: &str) -> bool {
    let fits = topic.len() <= MAX_TOPIC && !topic.starts_with(['/', '$']) && !topic.ends_with('/');
    fits && topic.matches(VEHICLE).count() == 1 && !topic.contains(['+', '#', '\0'])
}

/// When the store is synced: a time after the first record that is not, or at so many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncPolicy {
    /// The time.
    pub interval: Duration,
    /// So many records at most.
    pub records: u64,
}

impl SyncPolicy {
    /// Records at most between two syncs, whatever the interval: what a power cut may cost.
    pub const MOST_RECORDS: u64 = 256;
}

/// How fast is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadRate {
    /// Episodes a second; none for as fast as it goes.
    pub records_per_s: Option<u32>,
    /// Bytes of their payload a second; none for as fast as it goes.
    pub bytes_per_s: Option<u32>,
    /// Episodes sent and not acknowledged, at most.
    pub in_flight: u16,
}

/// Pauses between attempts: drawn evenly between nothing and a bound that doubles from `first` up to
/// `longest` ("full jitter"), so that vehicles that lost the broker together do not return together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The first bound.
    pub first: Duration,
    /// The last one.
    pub longest: Duration,
}
