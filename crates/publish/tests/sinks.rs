//! Sinks beside the socket: one that fails, and one that is behind.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may stop at what they do not expect")]

mod common;

use std::io;
use std::sync::{Arc, mpsc};

use common::{Publisher, Ticking, count, event, open_gate};
use publish::{Counters, Feed, Gated, Missed, PublishError, Sink, SinkFuture};
use types::Expression::Happy;
use wire::Reach;

struct Failing;

impl Sink for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn reach(&self) -> Reach {
        Reach::Vehicle
    }

    fn run(self: Box<Self>, mut feed: Feed, _counters: Arc<Counters>) -> SinkFuture {
        Box::pin(async move {
            feed.next().await;
            Err(PublishError::Runtime(io::Error::other("bus off")))
        })
    }
}

/// Tells what it reads: `seq` and what was missed before it.
struct Telling(mpsc::Sender<(u64, Option<Missed>)>);

impl Sink for Telling {
    fn name(&self) -> &'static str {
        "telling"
    }

    fn reach(&self) -> Reach {
        Reach::Vehicle
    }

    fn run(self: Box<Self>, mut feed: Feed, _counters: Arc<Counters>) -> SinkFuture {
        Box::pin(async move {
            while let Some(delivery) = feed.next().await {
                let _gone = self.0.send((delivery.published.event.seq, delivery.missed));
            }
            Ok(())
        })
    }
}

#[test]
fn a_sink_that_fails_leaves_the_others_running() {
    let mut publisher = Publisher::start_with(|_| {}, vec![Box::new(Failing)]);
    let mut subscriber = publisher.subscribe();
    for seq in 0..3 {
        publisher.send(event(seq, Happy));
        assert_eq!(subscriber.seq(), seq);
    }
    publisher.end();
    assert_eq!(count(&publisher.counters.sinks_failed_total), 1);
    assert_eq!(count(&publisher.counters.events_published_total), 3);
}

#[test]
fn what_the_publisher_itself_missed_is_told_to_every_sink() {
    let (sender, receiver) = publish::channel(4);
    let counters = Arc::new(Counters::default());
    let (told, tells) = mpsc::channel();
    // Sent before anybody receives: only the newest four are held.
    (0..10).for_each(|seq| sender.send(event(seq, Happy)).unwrap());
    drop(sender);
    let sinks = vec![Gated::new(Box::new(Telling(told)), open_gate())];
    publish::serve(sinks, receiver, Arc::new(Ticking::default()), Arc::clone(&counters)).unwrap();
    let told: Vec<_> = tells.iter().collect();
    assert_eq!(told[0], (6, Some(Missed { events: 6, state_changes: 0 })));
    assert_eq!(told[1..], [(7, None), (8, None), (9, None)]);
    assert_eq!(count(&counters.events_lost_total), 6);
}

#[test]
fn sending_after_the_publisher_ended_is_an_error() {
    let (sender, receiver) = publish::channel(4);
    drop(receiver);
    assert!(sender.send(event(0, Happy)).is_err());
}
