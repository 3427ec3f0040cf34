//! What the vehicle wants of the daemon, without a channel: only the newest word counts.

use std::sync::{Mutex, PoisonError};

use wire::can::Conditions;

/// Set by publish, read by capture and mood. Without a vehicle that says otherwise: watch and learn.
#[derive(Debug, Default)]
pub struct Orders(Mutex<Conditions>);

impl Orders {
    /// The vehicle wants this now.
    pub fn set(&self, conditions: Conditions) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = conditions;
    }

    /// What the vehicle wants.
    pub fn get(&self) -> Conditions {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
