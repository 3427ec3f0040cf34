//! Ctrl-C for the offline commands: what is done stays done, what was written stays valid.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Exit, Failure, OrExit as _};
use crate::signals;

/// The shell's code for a process that a second Ctrl-C had to end.
const KILLED: i32 = 130;

/// Set once the user wants the command to end. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// A stop that the first of the signals that end the program sets; a second one ends the process
    /// where it stands. Made before anything slow, or the signal would still end the process at once.
    ///
    /// # Errors
    /// [`Exit::Internal`] where the system refuses the handlers.
    pub fn on_signals() -> Result<Self, Failure> {
        let stop = Self::default();
        for signal in signals::that_end() {
            // The order matters: the first signal finds the flag still clear and only sets it.
            signal_hook::flag::register_conditional_shutdown(signal, KILLED, Arc::clone(&stop.0))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop.0)))
                .or_exit(Exit::Internal, || "cannot handle Ctrl-C".into())?;
        }
        Ok(stop)
    }

    /// Whether it is time to end.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the command as a signal would.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
