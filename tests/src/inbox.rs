//! What a consumer of episodes may rely on: each id once, in order.

use std::collections::HashMap;

use wire::episode::Episode;

use crate::broker::Consumer;

/// What arrived. Panics where the same id comes with another content, or a first copy comes behind a
/// later one.
#[derive(Default)]
pub struct Inbox {
    /// Payload by id.
    pub seen: HashMap<String, String>,
    /// How many came again.
    pub duplicates: u64,
    /// The newest run, shorter names first, and its newest number.
    newest: (usize, String, u64),
}

impl Inbox {
    /// Takes a message in.
    pub fn take(&mut self, payload: String) -> Episode {
        let episode = Episode::parse(payload.as_bytes()).unwrap();
        let run = run_of(&episode.event_id).to_owned();
        if let Some(earlier) = self.seen.insert(episode.event_id.clone(), payload.clone()) {
            assert_eq!(earlier, payload, "the same id with another content");
            self.duplicates += 1;
        } else {
            // The daemon's runs are named by hexadecimal times: the longer is the later.
            let next = (run.len(), run, episode.seq);
            assert!(next > self.newest, "{next:?} behind {:?}", self.newest);
            self.newest = next;
        }
        episode
    }

    /// Reads until this episode is there.
    pub fn until(&mut self, consumer: &Consumer, id: &str) {
        while !self.seen.contains_key(id) {
            self.take(consumer.message());
        }
    }
}

/// The run of the daemon that an episode's id names.
#[must_use]
pub fn run_of(id: &str) -> &str {
    id.rsplit_once('-').unwrap().0
}
