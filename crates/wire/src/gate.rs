//! What a way outward may carry. A deployment and a purpose allow some groups of signals, a sink
//! asks for some of those, and the rest is taken out of every event here, in one place, before
//! anything writes bytes: only a [`Released`] event can be written, and only a [`Gate`] makes one.
//!
//! A gate cannot be made wrong: whatever it is asked for, it carries no more than the law lets it.
//! The configuration refuses what asks for more, with the reasons in [`crate::Forbidden`].

use std::ops::Deref;

use types::{MoodState, Reason};

use crate::event::Event;
use crate::policy::{Groups, Policy, Reach};
use crate::signals::Group;

impl Policy {
    /// The gate of a sink that asks for these groups: it carries those of them that it may, and
    /// always health.
    #[must_use]
    pub fn gate(self, reach: Reach, wanted: Groups) -> Gate {
        let may = |group: &Group| wanted.contains(*group) && self.forbids(*group, reach).is_none();
        let groups = Group::ALL.into_iter().filter(may).collect::<Groups>().with(Group::Health);
        Gate { policy: self, reach, groups }
    }
}

/// What one sink carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    policy: Policy,
    reach: Reach,
    groups: Groups,
}

impl Gate {
    /// Whether it carries the group.
    #[must_use]
    pub const fn carries(&self, group: Group) -> bool {
        self.groups.contains(group)
    }

    /// Where and for what.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// The same for a sink that reaches at least so far: beyond the vehicle it carries less.
    #[must_use]
    pub fn reaching(&self, reach: Reach) -> Self {
        self.policy.gate(self.reach.max(reach), self.groups)
    }

    /// Takes out of the event what this gate does not carry, and stamps it with the purpose.
    #[must_use]
    pub fn release(&self, event: Event) -> Released {
        // Every field is named, so that a new one is sorted here or does not compile.
        let Event {
            seq,
            frame_seq,
            boot_id,
            captured_at,
            utc,
            published_at,
            purpose: _,
            state,
            confidence,
            intensity,
            probabilities,
            face_present,
            face,
            pose,
            eye_openness,
            quality,
            health,
            model,
            model_id,
            software_version,
        } = event;
        let expression = self.carries(Group::Expression);
        let attention = self.carries(Group::Attention);
        let event = Event {
            state: state.filter(|state| self.carries(group_of(*state, frame_seq.is_some()))),
            confidence: if expression { confidence } else { 0.0 },
            intensity: intensity.filter(|_| expression),
            probabilities: probabilities.filter(|_| expression),
            face_present: face_present.filter(|_| self.carries(Group::Presence)),
            face: face.filter(|_| attention),
            pose: pose.filter(|_| attention),
            eye_openness: eye_openness.filter(|_| attention),
            purpose: self.policy.purpose,
            seq,
            frame_seq,
            boot_id,
            captured_at,
            utc,
            published_at,
            quality,
            health,
            model,
            model_id,
            software_version,
        };
        Released { event, gate: *self }
    }
}

/// What a state tells of. `unknown` tells no expression, but its reason tells something.
const fn group_of(state: MoodState, has_frame: bool) -> Group {
    match state {
        MoodState::Steady(_) | MoodState::Transition { .. } => Group::Expression,
        MoodState::Unknown(reason) => match reason {
            Reason::NoFace
            | Reason::Misaligned
            | Reason::Occluded
            | Reason::Dark
            | Reason::Overexposed
            | Reason::Blurred => Group::Presence,
            // That the driver looks away.
            Reason::Pose => Group::Attention,
            // From a frame these are the filter's: that the face shows nothing clear.
            Reason::Starting | Reason::Calibrating if has_frame => Group::Expression,
            Reason::Frozen
            | Reason::CameraLost
            | Reason::Stale
            | Reason::Starting
            | Reason::Disabled
            | Reason::Calibrating => Group::Health,
        },
    }
}

/// An event as a gate let it pass: the only kind that can be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Released {
    event: Event,
    gate: Gate,
}

impl Released {
    /// The gate that let it pass.
    #[must_use]
    pub const fn gate(&self) -> Gate {
        self.gate
    }

    /// Whether its gate carries the group; where not, what is missing was withheld.
    #[must_use]
    pub const fn carries(&self, group: Group) -> bool {
        self.gate.carries(group)
    }

    /// Appends the event as one line of JSON with its line feed. The buffer is the caller's, to be
    /// cleared and used again.
    pub fn write_json_line(&self, line: &mut Vec<u8>) {
        self.event.push_json_line(line);
    }
}

impl Deref for Released {
    type Target = Event;

    fn deref(&self) -> &Event {
        &self.event
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Deployment, Purpose};

    fn groups(gate: Gate) -> Vec<&'static str> {
        Group::ALL.into_iter().filter(|group| gate.carries(*group)).map(Group::name).collect()
    }

    #[test]
    fn a_workplace_carries_expressions_for_safety_and_medicine_alone() {
        for deployment in Deployment::ALL {
            for purpose in Purpose::ALL {
                let policy = Policy { deployment, purpose };
                let may = deployment == Deployment::Private
                    || matches!(purpose, Purpose::Safety | Purpose::Medical);
                for reach in [Reach::Vehicle, Reach::Beyond] {
                    let gate = policy.gate(reach, Groups::ALL);
                    assert_eq!(gate.carries(Group::Expression), may, "{policy:?} {reach:?}");
                    assert_eq!(policy.forbids(Group::Expression, reach).is_none(), may);
                }
            }
        }
    }

    #[test]
    fn attention_never_leaves_the_vehicle() {
        for deployment in Deployment::ALL {
            for purpose in Purpose::ALL {
                let policy = Policy { deployment, purpose };
                assert!(!policy.gate(Reach::Beyond, Groups::ALL).carries(Group::Attention));
                let inside = policy.gate(Reach::Vehicle, Groups::ALL);
                assert!(inside.carries(Group::Attention));
                assert!(!inside.reaching(Reach::Beyond).carries(Group::Attention));
                let outside = policy.gate(Reach::Beyond, Groups::ALL);
                assert_eq!(outside.reaching(Reach::Vehicle), outside, "no way back");
            }
        }
    }

    #[test]
    fn a_gate_carries_what_was_asked_for_and_always_health() {
        let policy = Policy::default();
        assert_eq!(groups(policy.gate(Reach::Vehicle, Groups::NONE)), ["health"]);
        let wanted = [Group::Presence, Group::Expression].into_iter().collect();
        assert_eq!(groups(policy.gate(Reach::Vehicle, wanted)), ["expression", "presence", "health"]);
    }
}
