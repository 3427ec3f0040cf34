//! The CAN bus: events out as protected frames, the vehicle's signals in.
//!
//! One task does it all: it waits for the next event, the next frame or the time at which a message
//! is due. Sending never waits, neither here nor in the kernel: a frame that is not taken at once
//! is counted as lost, and the next one tells what is then the newest. A bus that is away is tried
//! again several times a second on a new socket.

mod bus;
mod interfaces;
mod port;
mod schedule;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::{info, warn};
use types::{Clock, Health, MonoTime};
use wire::can::j1939::{CLAIM_FILTERS, Name};
use wire::can::{
    CanId, Conditions, Format, Moment, Network, Outgoing, Vehicle, VehicleOptions, encode, words_of,
};

use crate::counters::count;
use crate::{Counters, Feed, PublishError, Published, Sink, SinkFuture};
use bus::{Bus, Heard};
pub use interfaces::{CanInterface, MAX_INTERFACE_NAME, can_interfaces};
pub use port::{CanInterfacePort, CanListener, CanPort, Hear, look as look_at_can};
use schedule::Slot;
use wire::Reach;

/// The vehicle's conditions are looked at this often even where no message is due sooner.
const ROUND: Duration = Duration::from_millis(100);

/// Told whenever what the vehicle says changes what the daemon shall do. Must not block.
pub type OnConditions = Arc<dyn Fn(Conditions) + Send + Sync>;

/// What goes over the bus.
#[derive(Clone)]
pub struct CanOptions {
    /// The messages.
    pub network: Network,
    /// The name to claim a J1939 address with; `None` uses the configured address without a claim.
    pub claim: Option<Name>,
    /// What is taken from the vehicle, and who is told of it.
    pub vehicle: Option<(VehicleOptions, OnConditions)>,
}

impl fmt::Debug for CanOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vehicle = self.vehicle.as_ref().map(|(options, _)| options);
        f.debug_struct("CanOptions")
            .field("network", &self.network)
            .field("claim", &self.claim)
            .field("vehicle", &vehicle)
            .finish()
    }
}

/// Sends events on a CAN bus and listens for the vehicle's signals.
pub struct CanSink {
    network: Network,
    slots: Vec<Slot>,
    bus: Bus,
    vehicle: Option<(Vehicle, OnConditions, Option<Conditions>)>,
    clock: Arc<dyn Clock>,
}

impl CanSink {
    /// A sink on this port. Nothing is opened before it runs.
    #[must_use]
    pub fn new(port: Box<dyn CanPort>, options: CanOptions, clock: Arc<dyn Clock>) -> Self {
        let CanOptions { network, claim, vehicle } = options;
        let is_j1939 = network.options().format == Format::J1939;
        let claim = claim.filter(|_| is_j1939).map(|name| (name, network.options().source_address));
        let vehicle_ids = vehicle.as_ref().map(|(options, _)| options.ids()).unwrap_or_default();
        let hear = hear(&vehicle_ids, is_j1939, claim.is_some());
        let now = clock.now();
        let slot = |outgoing: Outgoing| Slot::new(outgoing, network.options().inhibit, now);
        Self {
            slots: network.messages().into_iter().map(slot).collect(),
            network,
            bus: Bus::new(port, hear, claim),
            vehicle: vehicle.map(|(options, tell)| (Vehicle::new(options), tell, None)),
            clock,
        }
    }

    async fn go(mut self, mut feed: Feed, counters: Arc<Counters>) -> Result<(), PublishError> {
        counters.note_bus(Health::Starting);
        let mut newest: Option<Arc<Published>> = None;
        // Whether no frame has told of the newest event yet.
        let mut is_new = false;
        loop {
            let now = self.clock.now();
            self.bus.tend(now, &counters);
            self.tell_conditions(now);
            let sent_before = counters.can_frames_sent_total.load(Ordering::Relaxed);
            let next = self.send_due(newest.as_deref(), now, &counters);
            if is_new && counters.can_frames_sent_total.load(Ordering::Relaxed) > sent_before {
                is_new = false;
                newest.iter().for_each(|published| feed.handed_on(published));
            }
            let wait = next.min(self.bus.next_deadline(now)).since(now).min(ROUND);
            tokio::select! {
                biased;
                delivery = feed.next() => match delivery {
                    Some(delivery) => {
                        newest = Some(delivery.published);
                        is_new = true;
                    }
                    None => return Ok(()),
                },
                heard = self.bus.receive(&*self.clock, &counters) => self.heed(&heard, &counters),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Sends what is due; when the next message is.
    fn send_due(&mut self, newest: Option<&Published>, now: MonoTime, counters: &Counters) -> MonoTime {
        let moment = Moment { event: newest.map(|published| &published.event), now };
        let mut next = now + ROUND;
        for slot in &mut self.slots {
            let mut payload = encode(slot.outgoing.message, moment);
            let words = words_of(slot.outgoing.message, &payload);
            if slot.due(words) <= now {
                slot.protector.protect(payload.bytes_mut());
                let id = |address| self.network.id_from(&slot.outgoing, address);
                let taken = self.bus.send(id, &slot.outgoing, payload.bytes(), now, counters);
                slot.tried(now, words, taken);
            }
            next = next.min(slot.due(words));
        }
        next
    }

    fn heed(&mut self, heard: &Heard, counters: &Counters) {
        let (Heard::Frame(frame), Some((vehicle, _, _))) = (heard, &mut self.vehicle) else { return };
        if vehicle.receive(frame, self.clock.now()) {
            count(&counters.can_frames_received_total);
        }
    }

    /// Tells what the vehicle wants where that has changed.
    fn tell_conditions(&mut self, now: MonoTime) {
        let Some((vehicle, tell, told)) = &mut self.vehicle else { return };
        let conditions = vehicle.conditions(now);
        if told.replace(conditions) == Some(conditions) {
            return;
        }
        let Conditions { watch, learn, driver } = conditions;
        match vehicle.missing(now) {
            missing if missing.is_empty() => info!(watch, learn, driver, "the vehicle's conditions"),
            missing => warn!(
                watch,
                learn,
                driver,
                ?missing,
                "the vehicle's conditions; missing inputs have their defaults"
            ),
        }
        tell(conditions);
    }
}

/// What the socket has to hear.
fn hear(vehicle: &[CanId], is_j1939: bool, claims: bool) -> Vec<Hear> {
    let whole = |id: CanId| match id {
        CanId::Extended(number) if is_j1939 => wire::can::j1939::group_mask(number),
        CanId::Standard(_) | CanId::Extended(_) => u32::MAX,
    };
    let vehicle = vehicle.iter().map(|id| Hear { id: *id, mask: whole(*id) });
    let claims = CLAIM_FILTERS.iter().filter(|_| claims);
    vehicle.chain(claims.map(|(id, mask)| Hear { id: CanId::Extended(*id), mask: *mask })).collect()
}

impl Sink for CanSink {
    fn name(&self) -> &'static str {
        "can"
    }

    fn reach(&self) -> Reach {
        Reach::Vehicle
    }

    fn run(self: Box<Self>, feed: Feed, counters: Arc<Counters>) -> SinkFuture {
        Box::pin(self.go(feed, counters))
    }
}
