//! From the store to the broker: one connection after the other, each from where the last
//! acknowledgement was. The MQTT client keeps nothing from one to the next, since the store does.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::mqttbytes::QoS;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, Incoming, MqttOptions, PubAckReason, PublishNoticeError,
    PublishOptions, PublishProperties, PublishResult, TlsConfiguration, Transport,
};
use rustls::ClientConfig;
use tokio::sync::{oneshot, watch};
use tracing::{debug, info, warn};
use types::{Clock, Health, MonoTime};

use super::keeper::{Keeper, Progress};
use super::options::TelematicsOptions;
use super::pace::{Backoff, Throttle};
use super::store::Record;
use crate::Counters;
use crate::counters::count;
use crate::error::chain;

/// TCP, TLS and MQTT's greeting together; over a poor mobile link two to four seconds.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// A broker that holds a connection and acknowledges nothing for so long has failed.
const ACKNOWLEDGE_LIMIT: Duration = Duration::from_secs(30);
/// Networks forget idle connections after a few minutes, and a dead one is noticed after twice this.
const KEEP_ALIVE_S: u16 = 30;
/// What is read from the store at once: some hundred episodes.
const READ_BYTES: usize = 64 * 1024;
/// How soon a store that gave nothing, though it has something, is asked again.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Comes true once the broker acknowledged a message.
type Acknowledged = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Why a connection ended.
enum Fault {
    Connection(ConnectionError),
    Refused(PubAckReason),
    Silent,
    Client(String),
}

impl Fault {
    fn text(&self) -> String {
        match self {
            Self::Connection(fault) => chain(fault),
            Self::Refused(fault) => format!("the broker refuses episodes ({fault:?})"),
            Self::Silent => {
                format!("no acknowledgement within {} s", ACKNOWLEDGE_LIMIT.as_secs())
            }
            Self::Client(fault) => fault.clone(),
        }
    }
}

/// Sends what the store has.
pub(super) struct Uploader {
    options: Arc<TelematicsOptions>,
    tls: Arc<ClientConfig>,
    keeper: Arc<Keeper>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    backoff: Backoff,
    throttle: Throttle,
    /// Nothing is sent before.
    free_at: MonoTime,
    progress: watch::Receiver<Progress>,
    /// All records up to this one are delivered.
    delivered: u64,
    told: Option<String>,
}

/// One connection.
struct Connection {
    client: AsyncClient,
    topic: String,
    /// Records that are read and not sent.
    next: VecDeque<Record>,
    /// The last record that was read.
    read: u64,
    /// A reading that was asked for.
    reading: Option<oneshot::Receiver<Vec<Record>>>,
}

/// Messages that are sent and not acknowledged, oldest first: number of the record, and the answer.
type InFlight = VecDeque<(u64, Acknowledged)>;

impl Uploader {
    pub(super) fn new(
        options: Arc<TelematicsOptions>,
        tls: Arc<ClientConfig>,
        keeper: Arc<Keeper>,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> Self {
        let backoff = Backoff::new(options.retry, &options.header.vehicle_id);
        let throttle = Throttle::new(options.rate, clock.now());
        let progress = keeper.progress();
        Self {
            options,
            tls,
            keeper,
            clock,
            counters,
            backoff,
            throttle,
            free_at: MonoTime::ZERO,
            progress,
            delivered: 0,
            told: None,
        }
    }

    /// Connects whenever there is something to send, for ever.
    pub(super) async fn run(mut self) {
        self.counters.telematics.note_link(Health::Starting);
        while self.something_to_send().await {
            let fault = self.connection().await;
            count(&self.counters.telematics.connection_faults_total);
            self.counters.telematics.note_link(Health::Degraded);
            let (text, pause) = (fault.text(), self.backoff.next());
            if self.told.as_ref() != Some(&text) {
                let (host, port) = (&self.options.host, self.options.port);
                warn!(host, port, fault = text, "no way to the broker; episodes are stored meanwhile");
                self.told = Some(text);
            }
            debug!(pause_ms = pause.as_millis(), "pause before the next attempt");
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits for a stored record that is not delivered; false where the store is gone.
    async fn something_to_send(&mut self) -> bool {
        loop {
            let Progress { stored, delivered } = *self.progress.borrow_and_update();
            self.delivered = self.delivered.max(delivered);
            if stored > self.delivered {
                return true;
            }
            if self.progress.changed().await.is_err() {
                return false;
            }
        }
    }

    /// Connects and sends until something fails.
    async fn connection(&mut self) -> Fault {
        let options = &self.options;
        let broker = (options.host.clone(), options.port);
        let mut mqtt = MqttOptions::new(options.header.vehicle_id.to_string(), broker);
        mqtt.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(&self.tls))));
        mqtt.set_keep_alive(KEEP_ALIVE_S);
        mqtt.set_connect_timeout(CONNECT_LIMIT);
        mqtt.set_outgoing_inflight_upper_limit(options.rate.in_flight);
        // Episodes are sent one by one, and the next waits for an acknowledgement: nothing to gather.
        let mut network = mqtt.network_options();
        network.set_tcp_nodelay(true);
        mqtt.set_network_options(network);
        let capacity = options.rate.in_flight.into();
        let (client, events) = match AsyncClient::builder(mqtt).capacity(capacity).try_build() {
            Ok(built) => built,
            Err(fault) => return Fault::Client(chain(&fault)),
        };
        let connection = Connection {
            client,
            topic: options.topic(),
            next: VecDeque::new(),
            read: self.delivered,
            reading: None,
        };
        let (greet, greeted) = watch::channel(false);
        tokio::select! {
            fault = poll(events, greet) => Fault::Connection(fault),
            fault = self.send_all(connection, greeted) => fault,
        }
    }

    async fn send_all(&mut self, mut connection: Connection, mut greeted: watch::Receiver<bool>) -> Fault {
        if greeted.wait_for(|greeted| *greeted).await.is_err() {
            // Polling has ended, and says why.
            return std::future::pending().await;
        }
        count(&self.counters.telematics.connections_total);
        self.counters.telematics.note_link(Health::Ok);
        let (host, port) = (&self.options.host, self.options.port);
        info!(host, port, "connected");
        self.told = None;
        let window = usize::from(self.options.rate.in_flight);
        let mut in_flight = InFlight::new();
        loop {
            let has_room = in_flight.len() < window;
            let step = tokio::select! {
                biased;
                taken = acknowledgement(&mut in_flight) => self.taken(&mut in_flight, taken),
                sent = self.send_next(&mut connection), if has_room => {
                    sent.map(|sent| in_flight.push_back(sent))
                }
            };
            if let Err(fault) = step {
                return fault;
            }
        }
    }

    /// What the broker said to the oldest message on the way.
    fn taken(&mut self, in_flight: &mut InFlight, taken: Option<Answer>) -> Result<(), Fault> {
        let Some((seq, _)) = in_flight.pop_front() else { return Ok(()) };
        match taken {
            None => return Err(Fault::Silent),
            Some(Ok(PubAckReason::Success)) => self.count_delivered(),
            Some(Ok(PubAckReason::NoMatchingSubscribers)) => {
                // A broker's own rules may have taken it: to keep it might be to keep it for ever.
                self.count_delivered();
                count(&self.counters.telematics.episodes_without_subscriber_total);
            }
            Some(Ok(PubAckReason::PayloadFormatInvalid)) => {
                // It never will be taken, and no other would be either if it were tried for ever.
                count(&self.counters.telematics.episodes_refused_total);
                warn!(seq, "the broker refuses an episode for its format; it is not sent again");
            }
            Some(Ok(reason)) => return Err(Fault::Refused(reason)),
            // Polling ends at the same time, and says why.
            Some(Err(PublishNoticeError::Recv | PublishNoticeError::SessionReset)) => {
                in_flight.clear();
                return Ok(());
            }
            Some(Err(fault)) => return Err(Fault::Client(fault.to_string())),
        }
        self.backoff.reset();
        self.delivered = seq;
        self.keeper.delivered(seq);
        Ok(())
    }

    fn count_delivered(&self) {
        count(&self.counters.telematics.episodes_delivered_total);
    }

    /// Sends the next record, once there is one and the rate allows it. May be dropped at any time: a
    /// record that was not handed over is still the next.
    async fn send_next(&mut self, connection: &mut Connection) -> Result<(u64, Acknowledged), Fault> {
        let wait = self.free_at.since(self.clock.now());
        // tokio's clock ticks in milliseconds: sleeping for no time would take one of them.
        if wait > Duration::ZERO {
            tokio::time::sleep(wait).await;
        }
        let Record { seq, payload } = loop {
            match connection.next.pop_front() {
                Some(record) => break record,
                None => self.fetch(connection).await,
            }
        };
        let properties = PublishProperties {
            // UTF-8.
            payload_format_indicator: Some(1),
            content_type: Some("application/json".to_owned()),
            ..PublishProperties::default()
        };
        let bytes = payload.len();
        let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties);
        // Not waited for: there is as much room as messages may be on the way.
        let notice = connection.client.try_publish_tracked(connection.topic.as_str(), payload, options);
        let notice = notice.map_err(|fault| Fault::Client(fault.to_string()))?;
        let now = self.clock.now();
        self.free_at = now + self.throttle.sent(bytes, now);
        let answer = async {
            Ok(match notice.wait_async().await? {
                PublishResult::Qos1(acknowledgement) => acknowledgement.reason,
                // None is sent with another quality of service.
                _ => PubAckReason::Success,
            })
        };
        Ok((seq, Box::pin(answer)))
    }

    /// Reads on, waiting for something to be stored. May be dropped at any time.
    async fn fetch(&mut self, connection: &mut Connection) {
        let stored = self.progress.borrow_and_update().stored;
        if stored <= connection.read && connection.reading.is_none() {
            // The sender lives as long as the store's thread; without it there is nothing to come.
            if self.progress.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            return;
        }
        let after = connection.read;
        let reading = connection.reading.get_or_insert_with(|| self.keeper.read(after, READ_BYTES));
        let records = reading.await.unwrap_or_default();
        connection.reading = None;
        match records.last() {
            Some(last) => connection.read = last.seq,
            // What was stored went with an old segment, or the disk fails.
            None => tokio::time::sleep(READ_PAUSE).await,
        }
        connection.next.extend(records);
    }
}

/// What the broker said.
type Answer = Result<PubAckReason, PublishNoticeError>;

/// Waits for the answer to the oldest message; `None` where it is overdue.
async fn acknowledgement(in_flight: &mut InFlight) -> Option<Answer> {
    match in_flight.front_mut() {
        Some((_, acknowledged)) => tokio::time::timeout(ACKNOWLEDGE_LIMIT, acknowledged).await.ok(),
        None => std::future::pending().await,
    }
}

/// Drives the connection until it fails.
async fn poll(mut events: EventLoop, greet: watch::Sender<bool>) -> ConnectionError {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => {
                greet.send_replace(true);
            }
            Ok(_) => {}
            Err(fault) => return fault,
        }
    }
}
