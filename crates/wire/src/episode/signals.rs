//! The table of an episode's fields, as that of an event's.

use crate::signals::{EXPRESSIONS, FRACTION, Group, Kind, LATENCY, Signal, Unit, nullable, signal};

/// What `schema` says in an episode.
pub const EPISODE_SCHEMA: &str = "cabinmood.episode/1";

/// Every field of an episode, in the order of the JSON object. None tells of attention or of where
/// the driver is: what is not here cannot leave the vehicle.
pub const EPISODE_SIGNALS: &[Signal] = &[
    signal("schema", Group::Health, Kind::Constant(EPISODE_SCHEMA), "What this object is, and its version."),
    signal(
        "event_id",
        Group::Health,
        Kind::Text,
        "Different in all episodes of all vehicles. Delivery is at least once: drop an id that you have.",
    ),
    signal(
        "seq",
        Group::Health,
        Kind::Integer(Unit::One),
        "Number of the episode since the daemon started. A step above 1 is episodes that the store had no \
         room for.",
    ),
    signal("vehicle_id", Group::Health, Kind::Text, "The vehicle, as its operator calls it."),
    signal(
        "purpose",
        Group::Health,
        Kind::Text,
        "The purpose that the operator declared (`purpose.purpose`). It may be used for nothing else.",
    ),
    signal("state", Group::Expression, Kind::Words(&EXPRESSIONS), "The expression that was the state."),
    nullable(
        "from",
        Group::Expression,
        Kind::Words(&EXPRESSIONS),
        "The expression before it; `null` where that is not known.",
    ),
    nullable(
        "to",
        Group::Expression,
        Kind::Words(&EXPRESSIONS),
        "The expression after it; that of `state` where the episode was only cut at its greatest length; \
         `null` where it is not known.",
    ),
    signal(
        "start_utc_ns",
        Group::Health,
        Kind::Integer(Unit::Nanoseconds),
        "When it began, as wall-clock time since 1970-01-01T00:00:00Z. As good as `clock_synchronised`.",
    ),
    signal(
        "start_mono_ns",
        Group::Health,
        Kind::Integer(Unit::Nanoseconds),
        "The same moment on CLOCK_MONOTONIC (for a file, in the file's time).",
    ),
    signal("boot_id", Group::Health, Kind::Text, "The boot that `start_mono_ns` belongs to."),
    signal(
        "duration_ms",
        Group::Expression,
        Kind::Integer(Unit::Milliseconds),
        "How long it was, a transition that led back to it included.",
    ),
    signal(
        "confidence",
        Group::Expression,
        Kind::Number(FRACTION),
        "Mean over time of the filter's posterior probability of the state.",
    ),
    nullable(
        "intensity",
        Group::Expression,
        Kind::Number(FRACTION),
        "Mean distance from this driver's own neutral, over the time in which it was known.",
    ),
    signal(
        "quality",
        Group::Health,
        Kind::Number(FRACTION),
        "Mean over time of how far the alignment can be trusted.",
    ),
    nullable(
        "worst_latency_ms",
        Group::Health,
        Kind::Number(LATENCY),
        "The longest time from a frame to its event.",
    ),
    signal(
        "clock_synchronised",
        Group::Health,
        Kind::Flag,
        "Whether the kernel counted the system clock as synchronised when the episode ended.",
    ),
    signal("model", Group::Health, Kind::Text, "The expression model's name."),
    signal(
        "model_id",
        Group::Health,
        Kind::Text,
        "The first five hexadecimal digits of the SHA-256 of the expression model's file.",
    ),
    signal("software_version", Group::Health, Kind::Text, "The daemon's version."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_tells_of_attention_or_presence() {
        for signal in EPISODE_SIGNALS {
            assert!(matches!(signal.group, Group::Expression | Group::Health), "{}", signal.name);
            assert!(!matches!(signal.kind, Kind::Object(_)), "{} may hide something", signal.name);
        }
    }
}
