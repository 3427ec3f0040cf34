//! Where the daemon is used and for what, and which groups of signals that lets go where.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::signals::Group;

/// Where the vehicle is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Deployment {
    /// By its owner, for no employer.
    #[default]
    Private,
    /// At work: a truck, a bus, a taxi.
    Workplace,
}

/// What the signals are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To make the drive pleasant.
    #[default]
    Comfort,
    /// To prevent harm.
    Safety,
    /// To treat or watch over an illness.
    Medical,
    /// To learn something.
    Research,
}

/// How far a sink's bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// They stay in the vehicle.
    Vehicle,
    /// They leave it.
    Beyond,
}

/// Why a sink may not carry a group, or must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Forbidden {
    /// Expressions at work, for neither a safety nor a medical reason.
    #[error(
        "a workplace may carry expressions for safety or medical reasons only (EU AI Act, Regulation \
         2024/1689, Article 5(1)(f))"
    )]
    Expression,
    /// Attention beyond the vehicle.
    #[error(
        "what tells of the driver's attention (eyes, pose, where the face is) never leaves the vehicle \
         (Regulation (EU) 2019/2144, Article 6(3))"
    )]
    Attention,
    /// Without the group of health a message has neither time nor number.
    #[error(
        "\"health\" cannot be left out: times and numbers belong to it, by which a reader judges the rest"
    )]
    NoHealth,
}

impl Deployment {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Private, Self::Workplace];

    /// The word used in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Workplace => "workplace",
        }
    }
}

impl Purpose {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::Comfort, Self::Safety, Self::Medical, Self::Research];

    /// The word used in the configuration and in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Comfort => "comfort",
            Self::Safety => "safety",
            Self::Medical => "medical",
            Self::Research => "research",
        }
    }
}

/// A word that is no group.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no group of signals")]
pub struct ParseGroupError(String);

impl FromStr for Group {
    type Err = ParseGroupError;

    fn from_str(word: &str) -> Result<Self, ParseGroupError> {
        let found = Self::ALL.into_iter().find(|group| group.name() == word);
        found.ok_or_else(|| ParseGroupError(word.to_owned()))
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Groups(u8);

impl Groups {
    /// Every group.
    pub const ALL: Self = Self(0b1111);
    /// No group.
    pub const NONE: Self = Self(0);

    const fn bit(group: Group) -> u8 {
        1 << group as u8
    }

    /// Whether the group is one of these.
    #[must_use]
    pub const fn contains(self, group: Group) -> bool {
        self.0 & Self::bit(group) != 0
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, group: Group) -> Self {
        Self(self.0 | Self::bit(group))
    }
}

impl FromIterator<Group> for Groups {
    fn from_iter<I: IntoIterator<Item = Group>>(groups: I) -> Self {
        groups.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Where the daemon is used and for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Where.
    pub deployment: Deployment,
    /// For what.
    pub purpose: Purpose,
}

impl Policy {
    /// Whether expressions may be inferred and carried at all: in a workplace the EU's AI Act
    /// (Regulation 2024/1689, Article 5(1)(f)) prohibits it but for medical or safety reasons.
    #[must_use]
    pub const fn allows_expressions(self) -> bool {
        match (self.deployment, self.purpose) {
            (Deployment::Private, _) | (Deployment::Workplace, Purpose::Safety | Purpose::Medical) => true,
            (Deployment::Workplace, Purpose::Comfort | Purpose::Research) => false,
        }
    }

    /// Why a sink of this reach may not carry the group, where it may not.
    #[must_use]
    pub const fn forbids(self, group: Group, reach: Reach) -> Option<Forbidden> {
        match (group, reach) {
            (Group::Expression, _) if !self.allows_expressions() => Some(Forbidden::Expression),
            (Group::Attention, Reach::Beyond) => Some(Forbidden::Attention),
            (Group::Expression | Group::Attention | Group::Presence | Group::Health, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_by_their_words() {
        for group in Group::ALL {
            assert_eq!(group.name().parse(), Ok(group));
        }
        assert!("mood".parse::<Group>().is_err());
    }
}
