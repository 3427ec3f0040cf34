//! The sink: events in, episodes to the store, and from there to the broker.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::ClientConfig;
use tracing::warn;
use types::{Clock, UtcTime};
use wire::Reach;
use wire::episode::{Episode, Episodes};

use super::keeper::Keeper;
use super::options::TelematicsOptions;
use super::tls::{TelematicsError, look_at_broker};
use super::upload::Uploader;
use crate::counters::{count, count_many};
use crate::{Counters, Delivery, Feed, PublishError, Sink, SinkFuture};

/// Sends mood episodes to a fleet's broker, through a store on disk.
pub struct TelematicsSink {
    options: Arc<TelematicsOptions>,
    tls: Arc<ClientConfig>,
    clock: Arc<dyn Clock>,
}

impl TelematicsSink {
    /// Reads certificates and key. Nothing is connected, and the store is not opened, before it runs:
    /// both may come later and go. A certificate that has expired is no error here, since that is for
    /// the clock to say, which may be wrong at the start: the connection fails until it is right.
    ///
    /// # Errors
    /// [`TelematicsError::Unreadable`] and [`TelematicsError::Bad`].
    pub fn new(options: TelematicsOptions, clock: Arc<dyn Clock>) -> Result<Self, TelematicsError> {
        let tls = options.tls.load()?;
        Ok(Self { options: Arc::new(options), tls, clock })
    }

    async fn go(self, mut feed: Feed, counters: Arc<Counters>) -> Result<(), PublishError> {
        let Self { options, tls, clock } = self;
        let (keeper, thread) = Keeper::start(
            options.store.clone(),
            options.store_options,
            options.sync,
            Arc::clone(&clock),
            &counters,
        );
        let keeper = Arc::new(keeper);
        let uploader = Uploader::new(
            Arc::clone(&options),
            tls,
            Arc::clone(&keeper),
            Arc::clone(&clock),
            Arc::clone(&counters),
        );
        let mut builder = Builder {
            episodes: Episodes::new(options.header.clone(), options.limits),
            keeper: &keeper,
            options: &options,
            counters: &counters,
        };
        tokio::select! {
            () = builder.read(&mut feed) => {}
            // It ends only with the store's thread, and that only with this.
            () = uploader.run() => {}
        }
        drop(keeper);
        // The thread syncs once more. Where the disk hangs, the publisher's own limit ends this.
        let _ = thread.await;
        Ok(())
    }
}

struct Builder<'a> {
    episodes: Episodes,
    keeper: &'a Keeper,
    options: &'a TelematicsOptions,
    counters: &'a Counters,
}

impl Builder<'_> {
    async fn read(&mut self, feed: &mut Feed) {
        while let Some(Delivery { missed, published }) = feed.next().await {
            let changes = missed.map_or(0, |missed| missed.state_changes);
            count_many(&self.counters.telematics.state_changes_missed_total, changes);
            // Missed events without a change do not matter: the state was the same all the time.
            let synchronised = || (self.options.is_synchronised)();
            let ended = self.episodes.push(&published.event, changes > 0, synchronised);
            self.keep(ended);
            feed.handed_on(&published);
        }
        let last = self.episodes.end(|| (self.options.is_synchronised)());
        self.keep(last);
    }

    fn keep(&self, ended: Option<Episode>) {
        let telematics = &self.counters.telematics;
        telematics.episodes_too_short_total.store(self.episodes.too_short(), Ordering::Relaxed);
        let Some(episode) = ended else { return };
        count(&telematics.episodes_total);
        let bytes = episode.to_json();
        if bytes.len() > self.options.max_message_bytes {
            count(&telematics.episodes_refused_total);
            let (bytes, allowed) = (bytes.len(), self.options.max_message_bytes);
            warn!(bytes, allowed, "an episode is longer than telematics.max_message_bytes; it is not sent");
            return;
        }
        self.keeper.keep(bytes);
    }
}

impl Sink for TelematicsSink {
    fn name(&self) -> &'static str {
        "telematics"
    }

    fn reach(&self) -> Reach {
        Reach::Beyond
    }

    fn run(self: Box<Self>, feed: Feed, counters: Arc<Counters>) -> SinkFuture {
        Box::pin(self.go(feed, counters))
    }
}

/// Looks at certificates, key and broker: until when the vehicle's certificate is valid. Blocks for up
/// to some seconds, and sends nothing but a TLS greeting.
///
/// # Errors
/// [`TelematicsError`]: whatever keeps the sink from delivering.
pub fn look_at_telematics(options: &TelematicsOptions, now: UtcTime) -> Result<String, TelematicsError> {
    let until = options.tls.look(now)?;
    look_at_broker(&options.host, options.port, &options.tls)?;
    Ok(until)
}
