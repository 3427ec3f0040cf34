//! The store's own thread. An fsync takes milliseconds, on worn flash seconds, and a disk that hangs
//! takes for ever: none of that may hold up the sinks, which share one thread.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{info, warn};
use types::{Clock, Health, MonoTime};

use super::options::SyncPolicy;
use super::store::{Record, Recovery, Store, StoreError, StoreOptions};
use crate::Counters;
use crate::counters::{count, count_many};

/// Orders that may wait for the thread. It is behind only while the disk hangs.
const ORDERS: usize = 1024;
/// Episodes that may wait for a store that cannot be opened; the store has the same bound.
const WAITING_MAX: usize = 1024;
/// The first and the longest pause after the disk refused something.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What the thread is asked for.
enum Order {
    Keep(Vec<u8>),
    Read { after: u64, max_bytes: usize, reply: oneshot::Sender<Vec<Record>> },
}

/// How far the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// All records up to this one are stored.
    pub(super) stored: u64,
    /// All records up to this one were delivered when the store was opened.
    pub(super) delivered: u64,
}

/// The way to the thread. It ends, after a last sync, when this is dropped.
pub(super) struct Keeper {
    orders: SyncSender<Order>,
    progress: watch::Receiver<Progress>,
    delivered: Arc<AtomicU64>,
    counters: Arc<Counters>,
}

/// What the thread works with.
struct Work {
    folder: PathBuf,
    options: StoreOptions,
    policy: SyncPolicy,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    progress: watch::Sender<Progress>,
    /// All records up to this one are delivered. No order, since a backlog's acknowledgements would
    /// leave no room for episodes while the disk is slow.
    delivered: Arc<AtomicU64>,
    store: Option<Store>,
    /// Episodes that wait for the store to be opened.
    waiting: VecDeque<Vec<u8>>,
    /// When something became dirty.
    dirty_since: Option<MonoTime>,
    /// Not to try again before.
    pause_until: MonoTime,
    pause: Duration,
    told: Option<String>,
    /// What is in the counters already.
    stored: u64,
    written: u64,
}

impl Keeper {
    /// Starts the thread. Must be called within the runtime.
    pub(super) fn start(
        folder: PathBuf,
        options: StoreOptions,
        policy: SyncPolicy,
        clock: Arc<dyn Clock>,
        counters: &Arc<Counters>,
    ) -> (Self, JoinHandle<()>) {
        let (orders, orders_in) = sync_channel(ORDERS);
        let (progress_out, progress) = watch::channel(Progress::default());
        let delivered = Arc::new(AtomicU64::default());
        let mut work = Work {
            folder,
            options,
            policy,
            clock,
            counters: Arc::clone(counters),
            progress: progress_out,
            delivered: Arc::clone(&delivered),
            store: None,
            waiting: VecDeque::new(),
            dirty_since: None,
            pause_until: MonoTime::ZERO,
            pause: FIRST_PAUSE,
            told: None,
            stored: 0,
            written: 0,
        };
        let thread = tokio::task::spawn_blocking(move || work.run(&orders_in));
        (Self { orders, progress, delivered, counters: Arc::clone(counters) }, thread)
    }

    /// Hands an episode over. Never waits: where the disk hangs for so long that there is no room, it
    /// is dropped and counted.
    pub(super) fn keep(&self, payload: Vec<u8>) {
        self.order(Order::Keep(payload));
    }

    /// Notes that all records up to this one are delivered. The thread sees it with the next order, or
    /// within the time between two syncs.
    pub(super) fn delivered(&self, seq: u64) {
        self.delivered.fetch_max(seq, Ordering::Relaxed);
    }

    fn order(&self, order: Order) {
        if let Err(TrySendError::Full(Order::Keep(_))) = self.orders.try_send(order) {
            count(&self.counters.telematics.episodes_dropped_total);
        }
    }

    /// Asks for stored records behind `after`, in order: none where there are none, or the disk fails.
    pub(super) fn read(&self, after: u64, max_bytes: usize) -> oneshot::Receiver<Vec<Record>> {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Read { after, max_bytes, reply });
        answer
    }

    /// How far the store is.
    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }
}

impl Work {
    fn run(&mut self, orders: &Receiver<Order>) {
        self.counters.telematics.note_store(Health::Starting);
        loop {
            self.tend();
            match orders.recv_timeout(self.patience()) {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.pause_until = MonoTime::ZERO;
        self.open();
        self.acknowledge();
        self.sync();
    }

    fn telematics(&self) -> &super::TelematicsCounters {
        &self.counters.telematics
    }

    /// How long there is nothing to do.
    fn patience(&self) -> Duration {
        let now = self.clock.now();
        match (&self.store, self.dirty_since) {
            (None, _) => self.pause_until.since(now),
            (Some(_), None) => self.policy.interval,
            (Some(_), Some(since)) => (since + self.policy.interval).max(self.pause_until).since(now),
        }
    }

    /// Does what is due.
    fn tend(&mut self) {
        self.acknowledge();
        let now = self.clock.now();
        if now < self.pause_until {
            return;
        }
        if self.store.is_none() {
            self.open();
        }
        let Some(store) = &self.store else { return };
        let is_due = self.dirty_since.is_some_and(|since| since + self.policy.interval <= now);
        if is_due || store.last() - store.stored() >= self.policy.records {
            self.sync();
        }
    }

    fn acknowledge(&mut self) {
        let delivered = self.delivered.load(Ordering::Relaxed);
        if let Some(store) = self.store.as_mut().filter(|store| store.acknowledged() < delivered) {
            store.acknowledge(delivered);
            self.note_dirty();
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Keep(payload) => self.keep(payload),
            Order::Read { after, max_bytes, reply } => {
                let read = self.store.as_mut().map_or_else(|| Ok(Vec::new()), |s| s.read(after, max_bytes));
                // Who does not wait any more does not need it.
                let _ = reply.send(read.unwrap_or_else(|fault| {
                    self.failed(&fault);
                    Vec::new()
                }));
                self.note_store();
            }
        }
    }

    fn keep(&mut self, payload: Vec<u8>) {
        let Some(store) = &mut self.store else {
            if self.waiting.len() >= WAITING_MAX {
                self.waiting.pop_front();
                count(&self.counters.telematics.episodes_dropped_total);
            }
            self.waiting.push_back(payload);
            return;
        };
        let is_paused = self.clock.now() < self.pause_until;
        match if is_paused { store.put_off(payload) } else { store.append(payload) } {
            Ok(()) => {}
            Err(fault @ StoreError::TooLong { .. }) => {
                count(&self.counters.telematics.episodes_refused_total);
                warn!(%fault, "an episode is not kept");
            }
            Err(fault) => self.failed(&fault),
        }
        self.note_dirty();
        self.note_store();
    }

    fn note_dirty(&mut self) {
        if self.store.as_ref().is_some_and(Store::is_dirty) && self.dirty_since.is_none() {
            self.dirty_since = Some(self.clock.now());
        }
    }

    fn open(&mut self) {
        if self.store.is_some() {
            return;
        }
        match Store::open_folder(&self.folder, self.options) {
            Err(fault) => self.failed(&fault),
            Ok((store, recovery)) => {
                tell(&recovery);
                let damaged = recovery.damage.iter().map(|damage| damage.bytes).sum();
                count_many(&self.telematics().store_damaged_bytes_total, damaged);
                self.progress
                    .send_replace(Progress { stored: store.stored(), delivered: store.acknowledged() });
                self.store = Some(store);
                self.worked();
                std::mem::take(&mut self.waiting).into_iter().for_each(|payload| self.keep(payload));
                self.note_store();
            }
        }
    }

    fn sync(&mut self) {
        let Some(store) = &mut self.store else { return };
        let synced = store.sync();
        let stored = store.stored();
        let is_dirty = store.is_dirty();
        self.progress.send_if_modified(|progress| std::mem::replace(&mut progress.stored, stored) != stored);
        self.dirty_since = is_dirty.then(|| self.clock.now());
        match synced {
            Ok(()) => {
                count(&self.counters.telematics.store_syncs_total);
                self.worked();
            }
            Err(fault) => self.failed(&fault),
        }
        self.note_store();
    }

    /// Brings the counters up to what the store says.
    fn note_store(&mut self) {
        let Some(store) = &mut self.store else { return };
        let telematics = &self.counters.telematics;
        count_many(&telematics.episodes_dropped_total, store.take_dropped());
        count_many(&telematics.episodes_damaged_total, store.take_damaged());
        let stored = store.records_stored();
        count_many(&telematics.episodes_stored_total, stored - self.stored);
        self.stored = stored;
        let written = store.bytes_written();
        count_many(&telematics.store_written_bytes_total, written - self.written);
        self.written = written;
        let holding = store.holding();
        telematics.store_bytes.store(holding.bytes, Ordering::Relaxed);
        telematics.store_undelivered.store(holding.undelivered, Ordering::Relaxed);
        telematics.store_waiting.store(holding.waiting, Ordering::Relaxed);
    }

    fn worked(&mut self) {
        self.telematics().note_store(Health::Ok);
        (self.pause, self.pause_until) = (FIRST_PAUSE, MonoTime::ZERO);
        if self.told.take().is_some() {
            info!(folder = %self.folder.display(), "the store works again");
        }
    }

    /// Waits before the next attempt, and tells a fault once.
    fn failed(&mut self, fault: &StoreError) {
        count(&self.telematics().store_faults_total);
        self.telematics().note_store(Health::Failed);
        let now = self.clock.now();
        // Reading goes on in the pause; it shall not make it longer.
        if now >= self.pause_until {
            self.pause_until = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        let text = fault.to_string();
        if self.told.as_ref() != Some(&text) {
            warn!(fault = text, "the store does not work; episodes wait in memory");
            self.told = Some(text);
        }
    }
}

fn tell(recovery: &Recovery) {
    let Recovery { segments, records, undelivered, bytes, damage } = recovery;
    info!(segments, records, undelivered, bytes, "store opened");
    for damage in damage {
        let (from, bytes) = (damage.from, damage.bytes);
        warn!(segment = %damage.file.display(), from, bytes, "a damaged part of the store is left out");
    }
}
