//! Every metric that is scraped: its name, its meaning and where it is read. docs/metrics.md is made
//! from this table, and the dashboard may use no other names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use publish::{Counters, Figure, Label, Metric, MetricsSink, SinkFigures};
use wire::Policy;

use super::metrics::Metrics;

/// Where the figures are.
#[derive(Debug)]
pub struct Source {
    /// The stages'.
    pub metrics: Arc<Metrics>,
    /// Publish's.
    pub published: Arc<Counters>,
    /// What the daemon is used for.
    pub policy: Policy,
}

const fn count(
    name: &'static str,
    doc: &'static str,
    read: fn(&Source) -> Vec<(Label, u64)>,
) -> Metric<Source> {
    Metric { name, doc, figure: Figure::Counts(read) }
}

const fn level(
    name: &'static str,
    doc: &'static str,
    read: fn(&Source) -> Vec<(Label, f64)>,
) -> Metric<Source> {
    Metric { name, doc, figure: Figure::Levels(read) }
}

fn one<T>(value: T) -> Vec<(Label, T)> {
    vec![(None, value)]
}

fn of(counter: &AtomicU64) -> Vec<(Label, u64)> {
    one(counter.load(Ordering::Relaxed))
}

/// The figures of the sinks that read events, which the metrics' own does not.
fn readers(s: &Source) -> Vec<Arc<SinkFigures>> {
    s.published.sinks().into_iter().filter(|sink| sink.name != MetricsSink::NAME).collect()
}

/// All metrics.
pub const METRICS: &[Metric<Source>] = &[
    Metric {
        name: "build",
        doc: "The daemon's version, and where and for what it is used",
        figure: Figure::Words(|s| {
            vec![
                ("version", env!("CARGO_PKG_VERSION").to_owned()),
                ("deployment", s.policy.deployment.name().to_owned()),
                ("purpose", s.policy.purpose.name().to_owned()),
            ]
        }),
    },
    level(
        "stage_health_code",
        "How a stage is: 0 starting, 1 ok, 2 degraded, 3 failed, 4 switched off",
        |s| {
            let [capture, align, classify, bus, telematics] =
                s.published.stages().map(|health| f64::from(health as u8));
            vec![
                (Some(("stage", "capture")), capture),
                (Some(("stage", "align")), align),
                (Some(("stage", "classify")), classify),
                (Some(("stage", "bus")), bus),
                (Some(("stage", "telematics")), telematics),
            ]
        },
    ),
    count("frames_captured", "Frames that the source gave", |s| one(s.metrics.frames_captured_total.get())),
    count("frames_dropped", "Frames displaced by a newer one before anything looked at them", |s| {
        one(s.metrics.frames_dropped_total.get())
    }),
    count("frames_processed", "Frames that were looked at", |s| one(s.metrics.frames_processed_total.get())),
    count("frames_accepted", "Frames that the quality gate accepted", |s| {
        one(s.metrics.frames_accepted_total.get())
    }),
    count("frames_frozen", "Frames that repeat the one before for so long that the source is frozen", |s| {
        one(s.metrics.frames_frozen_total.get())
    }),
    count("frames_stale", "Frames whose result came too late to stand for the present", |s| {
        one(s.metrics.frames_stale_total.get())
    }),
    level(
        "waiting_frames",
        "Frames that wait for alignment or are in it; more than 2 means that it is behind",
        |s| one(s.metrics.waiting_frames() as f64),
    ),
    count("decode_faults", "Pictures that could not be decoded", |s| {
        one(s.metrics.decode_faults_total.get())
    }),
    count("align_faults", "Frames on which alignment failed for another reason than their content", |s| {
        one(s.metrics.align_faults_total.get())
    }),
    count("classify_faults", "Frames on which the expression model failed", |s| {
        one(s.metrics.classify_faults_total.get())
    }),
    count(
        "source_faults",
        "Times that the camera was lost, frozen for long, or could not be opened; each is tried again",
        |s| one(s.metrics.source_faults_total.get()),
    ),
    count("captures_abandoned", "Capture threads given up because the driver never came back", |s| {
        one(s.metrics.captures_abandoned_total.get())
    }),
    count("pictures_dropped", "Frames that the annotated video lacks because writing it was behind", |s| {
        one(s.metrics.pictures_dropped_total.get())
    }),
    Metric {
        name: "stage_time",
        doc: "What a stage took for a frame; publish for an event. Reading a frame is not among them, since waiting for it and decoding it are one call",
        figure: Figure::Times(|s| {
            vec![
                (Some(("stage", "align")), s.metrics.align_time.octaves()),
                (Some(("stage", "classify")), s.metrics.classify_time.octaves()),
                (Some(("stage", "smooth")), s.metrics.smooth_time.octaves()),
                (Some(("stage", "publish")), s.published.publish_time.octaves()),
            ]
        }),
    },
    Metric {
        name: "frame_age",
        doc: "How old a frame was when it came to a point: taken from its queue by align, told by mood, stamped by publish. The differences are what it waited",
        figure: Figure::Times(|s| {
            vec![
                (Some(("at", "align")), s.metrics.taken_age.octaves()),
                (Some(("at", "mood")), s.metrics.reaction_time.octaves()),
                (Some(("at", "publish")), s.published.published_age.octaves()),
            ]
        }),
    },
    Metric {
        name: "sink_age",
        doc: "How old a frame was when a sink had handed its event to the kernel; on the socket for each subscriber",
        figure: Figure::Times(|s| {
            readers(s).iter().map(|sink| (Some(("sink", sink.name)), sink.age.octaves())).collect()
        }),
    },
    count("sink_missed", "Events that readers of a sink missed because they were behind", |s| {
        let missed = |sink: &SinkFigures| sink.missed_total.load(Ordering::Relaxed);
        readers(s).iter().map(|sink| (Some(("sink", sink.name)), missed(sink))).collect()
    }),
    count("sinks_failed", "Sinks that ended on an error; the others go on", |s| {
        of(&s.published.sinks_failed_total)
    }),
    count("events_published", "Events stamped and handed to the sinks", |s| {
        of(&s.published.events_published_total)
    }),
    count("events_lost", "Events overwritten before publish took them, because it was behind", |s| {
        of(&s.published.events_lost_total)
    }),
    level(
        "waiting_events",
        "Events that waited for publish when it last took one; at 64 the oldest are overwritten",
        |s| one(s.published.waiting_events.load(Ordering::Relaxed) as f64),
    ),
    level(
        "unread_events",
        "Events that the slowest reader had still to take; at 32 it is moved on to the newest",
        |s| one(s.published.unread_events.load(Ordering::Relaxed) as f64),
    ),
    level("socket_subscribers", "Subscribers of the events' socket", |s| {
        one(s.published.subscribers() as f64)
    }),
    count("subscribers_accepted", "Connections taken on as subscribers", |s| {
        of(&s.published.subscribers_accepted_total)
    }),
    count("subscribers_refused", "Connections refused because socket.max_subscribers was reached", |s| {
        of(&s.published.subscribers_refused_total)
    }),
    count("accept_failures", "Connections that the system could not hand over", |s| {
        of(&s.published.accept_failures_total)
    }),
    count("lines_sent", "Event lines written to subscribers", |s| of(&s.published.lines_sent_total)),
    count("lines_missed", "Event lines that slow subscribers missed, all together", |s| {
        of(&s.published.lines_missed_total)
    }),
    count("can_frames_sent", "CAN frames that the kernel took", |s| of(&s.published.can_frames_sent_total)),
    count("can_frames_lost", "CAN frames that were due and could not be sent", |s| {
        of(&s.published.can_frames_lost_total)
    }),
    count(
        "can_queue_full",
        "CAN frames of those lost that the kernel refused because its queue was full",
        |s| of(&s.published.can_queue_full_total),
    ),
    count("can_frames_received", "CAN frames received that bore something for the daemon", |s| {
        of(&s.published.can_frames_received_total)
    }),
    count("can_opens", "Sockets opened on the bus; each after the first is a retry that worked", |s| {
        of(&s.published.can_opens_total)
    }),
    count("can_faults", "Times that the bus was lost or could not be opened; each is tried again", |s| {
        of(&s.published.can_faults_total)
    }),
    count("can_bus_off", "Times that the controller went off the bus", |s| {
        of(&s.published.can_bus_off_total)
    }),
    count("can_errors", "Other faults on the bus that the controller reported", |s| {
        of(&s.published.can_errors_total)
    }),
    count("episodes", "Episodes built", |s| of(&s.published.telematics.episodes_total)),
    count("episodes_too_short", "Expressions that held for too short a time to be an episode", |s| {
        of(&s.published.telematics.episodes_too_short_total)
    }),
    count("episodes_stored", "Episodes that an fsync has made durable", |s| {
        of(&s.published.telematics.episodes_stored_total)
    }),
    count("episodes_delivered", "Episodes that the broker has taken", |s| {
        of(&s.published.telematics.episodes_delivered_total)
    }),
    count("episodes_without_subscriber", "Episodes of those that nobody subscribed to", |s| {
        of(&s.published.telematics.episodes_without_subscriber_total)
    }),
    count("episodes_dropped", "Undelivered episodes dropped because store or memory was full", |s| {
        of(&s.published.telematics.episodes_dropped_total)
    }),
    count("episodes_damaged", "Stored episodes that could not be read any more", |s| {
        of(&s.published.telematics.episodes_damaged_total)
    }),
    count("episodes_refused", "Episodes that were too long, or whose format the broker refuses", |s| {
        of(&s.published.telematics.episodes_refused_total)
    }),
    count("state_changes_missed", "State changes that telematics missed: they are in no episode", |s| {
        of(&s.published.telematics.state_changes_missed_total)
    }),
    count("store_damaged_bytes", "Bytes of the store that were found damaged", |s| {
        of(&s.published.telematics.store_damaged_bytes_total)
    }),
    count("store_written_bytes", "Bytes written to the store", |s| {
        of(&s.published.telematics.store_written_bytes_total)
    }),
    count("store_faults", "Times that the store could not be opened, written or synced", |s| {
        of(&s.published.telematics.store_faults_total)
    }),
    count("store_syncs", "Times that the store was synced", |s| {
        of(&s.published.telematics.store_syncs_total)
    }),
    level("store_bytes", "Bytes that the store has on the disk", |s| {
        one(s.published.telematics.store_bytes.load(Ordering::Relaxed) as f64)
    }),
    level("undelivered_episodes", "Stored episodes that are not delivered", |s| {
        one(s.published.telematics.store_undelivered.load(Ordering::Relaxed) as f64)
    }),
    level("waiting_episodes", "Episodes that wait for the disk", |s| {
        one(s.published.telematics.store_waiting.load(Ordering::Relaxed) as f64)
    }),
    count("connections", "Connections that the broker accepted", |s| {
        of(&s.published.telematics.connections_total)
    }),
    count("connection_faults", "Attempts to connect that failed, and connections lost", |s| {
        of(&s.published.telematics.connection_faults_total)
    }),
    count("kuksa_connections", "Connections on which the databroker told its ids and opened a stream", |s| {
        of(&s.published.kuksa.connections_total)
    }),
    count(
        "kuksa_connection_faults",
        "Attempts to connect with the databroker that failed, and connections lost",
        |s| of(&s.published.kuksa.connection_faults_total),
    ),
    count("kuksa_updates_sent", "Updates handed to the databroker, each with all signals", |s| {
        of(&s.published.kuksa.updates_sent_total)
    }),
    count("kuksa_updates_dropped", "Updates that the databroker was too slow to take", |s| {
        of(&s.published.kuksa.updates_dropped_total)
    }),
    count("kuksa_values_refused", "Values that the databroker refused", |s| {
        of(&s.published.kuksa.values_refused_total)
    }),
    level("kuksa_unknown_signals", "Signals that the databroker does not know, or with another type", |s| {
        one(s.published.kuksa.unknown_signals.load(Ordering::Relaxed) as f64)
    }),
    count("scrapes", "Scrapes of this page", |s| of(&s.published.scrapes_total)),
    count(
        "scrapes_refused",
        "Connections for this page that were refused because of too many at once",
        |s| of(&s.published.scrapes_refused_total),
    ),
    count("scrapes_broken_off", "Scrapers that did not read their answer within 5 s", |s| {
        of(&s.published.scrapes_broken_off_total)
    }),
];

#[cfg(test)]
mod tests;
