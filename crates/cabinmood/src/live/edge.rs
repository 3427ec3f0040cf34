//! The live edge: it holds one message, and the newest wins.

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// The producer's end. There is one producer; it never waits.
#[derive(Debug)]
pub struct NewestSender<T> {
    out: Sender<T>,
    /// The consumer's end once more, to take back what it did not fetch in time.
    stale: Receiver<T>,
}

impl<T> Clone for NewestSender<T> {
    fn clone(&self) -> Self {
        Self { out: self.out.clone(), stale: self.stale.clone() }
    }
}

/// An edge that holds one message.
#[must_use]
pub fn newest_wins<T>() -> (NewestSender<T>, Receiver<T>) {
    let (out, into) = bounded(1);
    (NewestSender { out, stale: into.clone() }, into)
}

impl<T> NewestSender<T> {
    /// Puts a message on the edge and says how many older ones it displaced, to be counted.
    pub fn offer(&self, message: T) -> u64 {
        let mut displaced = 0;
        let mut message = message;
        // Ends: nobody else sends, so that after taking one back there is room.
        while let Err(TrySendError::Full(back)) = self.out.try_send(message) {
            displaced += u64::from(self.stale.try_recv().is_ok());
            message = back;
        }
        displaced
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_displaces_what_was_not_fetched() {
        let (sender, receiver) = newest_wins();
        assert_eq!(sender.offer(1), 0);
        assert_eq!(sender.offer(2), 1);
        assert_eq!(receiver.try_recv(), Ok(2));
        assert_eq!(sender.offer(3), 0);
    }

    #[test]
    fn the_consumer_gets_the_last_message_and_then_learns_that_the_producer_is_gone() {
        let (sender, receiver) = newest_wins();
        sender.offer(1);
        drop(sender);
        assert_eq!(receiver.recv(), Ok(1));
        assert!(receiver.recv().is_err());
    }
}
