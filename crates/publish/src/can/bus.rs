//! The bus as the sink sees it: there or not, and opened again where it was lost.

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use tracing::{debug, info, warn};
use types::{Clock, Health, MonoTime};
use wire::can::j1939::{AddressClaim, Name};
use wire::can::{CanId, Frame, Outgoing};

use super::port::{CanPort, Hear, Link, Received};
use crate::Counters;
use crate::counters::count;

/// The first pause before the bus is opened again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause. Opening a socket costs microseconds, and half a second after an interface is
/// back its receivers shall hear us, an address claim's quarter of a second included.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Far enough away to be never.
const NEVER: Duration = Duration::from_secs(3600);

/// What came from the bus, where it is of interest beyond it.
pub(super) enum Heard {
    /// A data frame.
    Frame(Frame),
    /// Something that was dealt with.
    Nothing,
}

/// The bus.
pub(super) struct Bus {
    port: Box<dyn CanPort>,
    hear: Vec<Hear>,
    /// The name to claim an address with, and the address that is claimed next.
    claim_as: Option<(Name, u8)>,
    link: Option<Link>,
    claim: Option<AddressClaim>,
    try_at: MonoTime,
    pause: Duration,
    is_off: bool,
    /// What was wrong last, so that it is told once and not with every attempt.
    told: Option<String>,
}

impl Bus {
    pub(super) fn new(port: Box<dyn CanPort>, hear: Vec<Hear>, claim_as: Option<(Name, u8)>) -> Self {
        Self {
            port,
            hear,
            claim_as,
            link: None,
            claim: None,
            try_at: MonoTime::ZERO,
            pause: FIRST_PAUSE,
            is_off: false,
            told: None,
        }
    }

    /// Opens the bus where it is not and the time has come.
    pub(super) fn tend(&mut self, now: MonoTime, counters: &Counters) {
        if self.link.is_some() || now < self.try_at {
            return;
        }
        match self.port.open(&self.hear).and_then(Link::new) {
            Err(fault) => self.lost(&fault, now, counters),
            Ok(link) => {
                count(&counters.can_opens_total);
                self.link = Some(link);
                self.is_off = false;
                if let Some((name, address)) = self.claim_as {
                    let (claim, frame) = AddressClaim::new(name, address, now);
                    self.claim = Some(claim);
                    self.answer(frame, now, counters);
                }
            }
        }
    }

    /// When something is to be done here that no frame or event tells of.
    pub(super) fn next_deadline(&self, now: MonoTime) -> MonoTime {
        match (&self.link, &self.claim) {
            (None, _) => self.try_at,
            (Some(_), Some(claim)) if claim.settles_at() > now => claim.settles_at(),
            (Some(_), _) => now + NEVER,
        }
    }

    /// Sends a message; whether the kernel took it. `id` makes its identifier for an address.
    pub(super) fn send(
        &mut self,
        id: impl Fn(u8) -> CanId,
        outgoing: &Outgoing,
        bytes: &[u8],
        now: MonoTime,
        counters: &Counters,
    ) -> bool {
        let id = match &self.claim {
            None => Some(outgoing.id),
            Some(claim) => claim.address(now).map(id),
        };
        let frame = id.and_then(|id| Frame::new(id, outgoing.fd, bytes));
        let taken = frame.is_some_and(|frame| self.hand_over(&frame, now, counters));
        count(if taken { &counters.can_frames_sent_total } else { &counters.can_frames_lost_total });
        taken
    }

    fn hand_over(&mut self, frame: &Frame, now: MonoTime, counters: &Counters) -> bool {
        let Some(link) = &self.link else { return false };
        match link.send(frame) {
            Ok(()) => {
                self.works(counters);
                true
            }
            Err(fault) => {
                self.refused(&fault, now, counters);
                false
            }
        }
    }

    /// The kernel did not take a frame.
    fn refused(&mut self, fault: &io::Error, now: MonoTime, counters: &Counters) {
        let errno = fault.raw_os_error().map(Errno::from_raw);
        match errno {
            // The interface's queue or the socket's buffer is full: the bus is busy, or nobody
            // acknowledges. What is newest is sent when there is room again.
            Some(Errno::ENOBUFS | Errno::EAGAIN) => {
                count(&counters.can_queue_full_total);
                self.tell(counters, Health::Degraded, "its queue is full");
            }
            // An FD frame on an interface of classic frames. The others go out.
            Some(Errno::EINVAL) => {
                self.tell(
                    counters,
                    Health::Degraded,
                    "it takes no such frame; set can.format = \"classic\" or its MTU to 72",
                );
            }
            _ => self.lost(fault, now, counters),
        }
    }

    fn works(&mut self, counters: &Counters) {
        self.pause = FIRST_PAUSE;
        if self.is_off || self.claim.as_ref().is_some_and(AddressClaim::is_lost) {
            return;
        }
        if counters.bus() != Health::Ok {
            info!(interface = self.port.name(), "the bus takes frames");
            counters.note_bus(Health::Ok);
        }
        self.told = None;
    }

    /// The socket is of no use any more.
    fn lost(&mut self, fault: &io::Error, now: MonoTime, counters: &Counters) {
        count(&counters.can_faults_total);
        self.link = None;
        self.claim = None;
        self.try_at = now + self.pause;
        self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        let why = match fault.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENODEV | Errno::ENXIO) => "the interface is missing".to_owned(),
            Some(Errno::ENETDOWN) => "the interface is down".to_owned(),
            _ => fault.to_string(),
        };
        self.tell(counters, Health::Failed, &why);
    }

    /// Tells what is wrong, once.
    fn tell(&mut self, counters: &Counters, health: Health, why: &str) {
        counters.note_bus(if self.is_off { Health::Failed } else { health });
        if self.told.as_deref() == Some(why) {
            debug!(interface = self.port.name(), why, "no CAN still");
        } else {
            warn!(interface = self.port.name(), why, "no CAN; trying again");
            self.told = Some(why.to_owned());
        }
    }

    /// Waits for something from the bus; for ever where there is none. May be dropped at any time.
    pub(super) async fn receive(&mut self, clock: &dyn Clock, counters: &Counters) -> Heard {
        let Some(link) = &self.link else { return std::future::pending().await };
        let received = link.receive().await;
        let now = clock.now();
        match received {
            Ok(Received::Data(frame)) => {
                let answer = self.claim.as_mut().and_then(|claim| claim.receive(&frame, now));
                self.answer(answer, now, counters);
                return Heard::Frame(frame);
            }
            Ok(Received::BusOff) => {
                count(&counters.can_bus_off_total);
                self.is_off = true;
                self.tell(counters, Health::Failed, "the controller is off the bus");
            }
            Ok(Received::Restarted) => self.is_off = false,
            Ok(Received::Fault) => count(&counters.can_errors_total),
            Ok(Received::Nothing) => {}
            Err(fault) => self.lost(&fault, now, counters),
        }
        Heard::Nothing
    }

    /// Sends what the address claim has to say, and keeps the address for the next claim.
    fn answer(&mut self, frame: Option<Frame>, now: MonoTime, counters: &Counters) {
        let Some(frame) = frame else { return };
        self.hand_over(&frame, now, counters);
        match &self.claim {
            Some(claim) if claim.is_lost() => self.tell(counters, Health::Failed, "no J1939 address is left"),
            _ => {}
        }
        if let (Some((_, address)), CanId::Extended(id)) = (&mut self.claim_as, frame.id) {
            // The last byte of an identifier is the sender's address; 254 is none, and then the
            // first is tried again.
            let claimed = (id & 0xFF) as u8;
            *address = if claimed < 254 { claimed } else { wire::can::j1939::DEFAULT_ADDRESS };
        }
    }
}
