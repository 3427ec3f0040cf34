//! What a VSS databroker is told of an event: a value for each leaf of the overlay, and for the
//! catalogue's own angles of the head.

use std::borrow::Cow;

use super::{is_fraction, leaves};
use crate::can::{Moment, Reading, Source};
use crate::gate::Gate;
use crate::signals::Kind;

/// The branches of the tree that hold all signals.
pub const VSS_BRANCHES: [&str; 2] = ["Vehicle.Driver", "Vehicle.Occupant.Row1.DriverSide.HeadPosition"];

/// The catalogue's own signals.
const HEAD: [(&str, Source); 3] = [("Yaw", Source::Yaw), ("Pitch", Source::Pitch), ("Roll", Source::Roll)];

/// A signal of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VssSignal {
    path: String,
    source: Source,
}

/// Which values a signal takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VssType {
    /// A decimal number.
    Float,
    /// A text, or one of some words.
    Text,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum VssValue {
    /// A number in the unit and the range that the tree gives: percent, degrees, milliseconds.
    Float(f32),
    /// A text.
    Text(Cow<'static, str>),
}

/// The signals that such a gate lets be told. What it withholds is not among them: to say "not known"
/// of it would overwrite what others know. The state always is, since an `unknown` for a reason of
/// health may be told everywhere.
#[must_use]
pub fn vss_signals(gate: Gate) -> Vec<VssSignal> {
    let [driver, head] = VSS_BRANCHES;
    let of_driver = leaves().map(|(path, source)| (format!("{driver}.{path}"), source));
    let of_head = HEAD.into_iter().map(|(path, source)| (format!("{head}.{path}"), source));
    of_driver
        .chain(of_head)
        .filter(|(_, source)| *source == Source::State || gate.carries(source.group()))
        .map(|(path, source)| VssSignal { path, source })
        .collect()
}

impl VssSignal {
    /// Its path from the root of the tree.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Which values it takes.
    #[must_use]
    pub fn kind(&self) -> VssType {
        match self.source.signal().map(|signal| signal.kind) {
            Some(Kind::Number(_)) => VssType::Float,
            _ => VssType::Text,
        }
    }

    /// Its value now; `None` where that is not known.
    #[must_use]
    pub fn value(&self, moment: Moment<'_>) -> Option<VssValue> {
        if self.source == Source::ModelId {
            // A text here, a number on the bus.
            let id = &moment.event?.model_id;
            return (!id.is_empty()).then(|| VssValue::Text(id.to_string().into()));
        }
        let Reading::Value(value) = moment.read(self.source) else { return None };
        let signal = self.source.signal()?;
        match signal.kind {
            Kind::Number(scale) => {
                // Readings of fractions are in percent.
                let per_one = if is_fraction(signal) { 100.0 } else { 1.0 };
                let in_range = value.clamp(scale.min * per_one, scale.max * per_one) as f32;
                value.is_finite().then_some(VssValue::Float(in_range))
            }
            _ => self.source.words().get(value as usize).map(|word| VssValue::Text(word.name.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Deployment, Groups, Policy, Purpose, Reach, vss_overlay};

    #[test]
    fn every_leaf_of_the_overlay_is_a_signal_of_the_same_type_and_there_are_no_others() {
        let overlay = vss_overlay();
        let signals = vss_signals(Policy::default().gate(Reach::Vehicle, Groups::ALL));
        let own = signals.iter().filter(|signal| signal.path().starts_with("Vehicle.Driver."));
        for signal in own.clone() {
            let (_, node) = overlay.split_once(&format!("\n{}:\n", signal.path())).unwrap();
            let node = node.split("\n\n").next().unwrap();
            let word = if signal.kind() == VssType::Float { "datatype: float" } else { "datatype: string" };
            assert!(node.contains(word), "{}: {node}", signal.path());
        }
        assert_eq!(own.count(), overlay.matches("datatype: ").count());
        assert_eq!(signals.len(), overlay.matches("datatype: ").count() + 3);
    }

    #[test]
    fn a_gate_leaves_out_what_it_does_not_carry() {
        let paths = |policy: Policy, reach| {
            let signals = vss_signals(policy.gate(reach, Groups::ALL));
            signals.into_iter().map(|signal| signal.path).collect::<Vec<_>>()
        };
        let outside = paths(Policy::default(), Reach::Beyond);
        assert!(outside.iter().all(|path| !path.contains("Eye") && !path.contains("Head")), "{outside:?}");
        assert!(outside.iter().any(|path| path.ends_with("Probability.Happy")));
        let at_work = Policy { deployment: Deployment::Workplace, purpose: Purpose::Comfort };
        let at_work = paths(at_work, Reach::Vehicle);
        assert!(at_work.iter().all(|path| !path.contains("Probability")), "{at_work:?}");
        assert!(at_work.iter().any(|path| path.ends_with("HeadPosition.Yaw")));
    }
}
