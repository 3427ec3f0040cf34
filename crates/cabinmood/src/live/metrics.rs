//! What the daemon counts. Nothing is dropped, retried or survived without a number here.

use std::sync::atomic::{AtomicU64, Ordering};

use publish::{Counters, Latency};
use tracing::info;

/// A count that only goes up.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts one more.
    pub fn one(&self) {
        self.add(1);
    }

    /// Counts some more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts and times since the start, shared by all threads.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Frames that the source gave.
    pub frames_captured_total: Count,
    /// Frames displaced by a newer one before anything looked at them.
    pub frames_dropped_total: Count,
    /// Frames that were looked at.
    pub frames_processed_total: Count,
    /// Frames that the gate accepted.
    pub frames_accepted_total: Count,
    /// Frames that repeat the one before for so long that the source counts as frozen.
    pub frames_frozen_total: Count,
    /// Frames whose result came too late to stand for the present.
    pub frames_stale_total: Count,
    /// Pictures that could not be decoded.
    pub decode_faults_total: Count,
    /// Frames on which the alignment failed for another reason than their content.
    pub align_faults_total: Count,
    /// Frames on which the expression model failed.
    pub classify_faults_total: Count,
    /// Times that the source was lost, frozen for long, or could not be opened.
    pub source_faults_total: Count,
    /// Capture threads given up because the driver never came back.
    pub captures_abandoned_total: Count,
    /// Frames that the annotated video lacks because writing it was behind.
    pub pictures_dropped_total: Count,
    /// Time in alignment, a frame.
    pub align_time: Latency,
    /// Time in classification, an accepted frame.
    pub classify_time: Latency,
    /// Time in smoothing, a frame.
    pub smooth_time: Latency,
    /// From capture to alignment taking the frame from its edge.
    pub taken_age: Latency,
    /// From capture to the event being handed to publish.
    pub reaction_time: Latency,
}

impl Metrics {
    /// Frames that wait for alignment or are in it.
    pub fn waiting_frames(&self) -> u64 {
        let done = self.frames_dropped_total.get() + self.frames_processed_total.get();
        self.frames_captured_total.get().saturating_sub(done)
    }

    /// Writes all of it as one line of the log.
    pub fn log(&self, published: &Counters, occasion: &str) {
        info!(
            frames_captured_total = self.frames_captured_total.get(),
            frames_dropped_total = self.frames_dropped_total.get(),
            frames_processed_total = self.frames_processed_total.get(),
            frames_accepted_total = self.frames_accepted_total.get(),
            frames_frozen_total = self.frames_frozen_total.get(),
            frames_stale_total = self.frames_stale_total.get(),
            decode_faults_total = self.decode_faults_total.get(),
            align_faults_total = self.align_faults_total.get(),
            classify_faults_total = self.classify_faults_total.get(),
            source_faults_total = self.source_faults_total.get(),
            captures_abandoned_total = self.captures_abandoned_total.get(),
            pictures_dropped_total = self.pictures_dropped_total.get(),
            events_published_total = published.events_published_total.load(Ordering::Relaxed),
            events_lost_total = published.events_lost_total.load(Ordering::Relaxed),
            lines_missed_total = published.lines_missed_total.load(Ordering::Relaxed),
            subscribers = published.subscribers(),
            can_state = published.bus().name(),
            can_frames_sent_total = published.can_frames_sent_total.load(Ordering::Relaxed),
            can_frames_lost_total = published.can_frames_lost_total.load(Ordering::Relaxed),
            can_frames_received_total = published.can_frames_received_total.load(Ordering::Relaxed),
            can_opens_total = published.can_opens_total.load(Ordering::Relaxed),
            can_faults_total = published.can_faults_total.load(Ordering::Relaxed),
            can_bus_off_total = published.can_bus_off_total.load(Ordering::Relaxed),
            can_errors_total = published.can_errors_total.load(Ordering::Relaxed),
            can_queue_full_total = published.can_queue_full_total.load(Ordering::Relaxed),
            telematics_state = published.telematics.health().name(),
            episodes_stored_total = published.telematics.episodes_stored_total.load(Ordering::Relaxed),
            episodes_delivered_total = published.telematics.episodes_delivered_total.load(Ordering::Relaxed),
            episodes_dropped_total = published.telematics.episodes_dropped_total.load(Ordering::Relaxed),
            episodes_undelivered = published.telematics.store_undelivered.load(Ordering::Relaxed),
            align_median_ms = self.align_time.quantile_ms(0.5),
            align_p99_ms = self.align_time.quantile_ms(0.99),
            classify_median_ms = self.classify_time.quantile_ms(0.5),
            classify_p99_ms = self.classify_time.quantile_ms(0.99),
            reaction_median_ms = self.reaction_time.quantile_ms(0.5),
            reaction_p99_ms = self.reaction_time.quantile_ms(0.99),
            "{occasion}"
        );
    }
}
