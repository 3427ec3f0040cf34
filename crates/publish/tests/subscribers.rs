//! What subscribers of the Unix socket see.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may stop at what they do not expect")]

mod common;

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use common::{Publisher, Subscriber, count, event};
use types::Expression::{Happy, Neutral, Sad};

#[test]
fn all_subscribers_get_the_same_lines_in_order() {
    let mut publisher = Publisher::start();
    publisher.send(event(0, Neutral));
    let mut subscribers: Vec<Subscriber> = (0..20).map(|_| publisher.subscribe()).collect();
    // Every one of them has the current event, hence is subscribed, before more are sent.
    assert!(subscribers.iter_mut().all(|s| s.seq() == 0));
    (1..=10).for_each(|seq| publisher.send(event(seq, Happy)));
    publisher.end();
    let texts: Vec<String> = subscribers.iter_mut().map(Subscriber::rest).collect();
    assert_eq!(texts[0].lines().count(), 10);
    assert!(texts.iter().all(|text| *text == texts[0]));
    assert_eq!(count(&publisher.counters.lines_sent_total), 20 * 11);
    assert_eq!(publisher.counters.subscribers(), 0);
}

#[test]
fn a_newcomer_gets_the_current_event_at_once_and_once() {
    let publisher = Publisher::start();
    let mut first = publisher.subscribe();
    (0..5).for_each(|seq| publisher.send(event(seq, Sad)));
    while first.seq() < 4 {}
    // Nothing more is sent until the newcomer has read.
    let mut newcomer = publisher.subscribe();
    assert_eq!(newcomer.seq(), 4);
    publisher.send(event(5, Sad));
    assert_eq!((first.seq(), newcomer.seq()), (5, 5));
}

#[test]
fn events_are_stamped_with_the_time_they_go_out() {
    let publisher = Publisher::start();
    let mut subscriber = publisher.subscribe();
    let mut last = None;
    for seq in 0..3 {
        publisher.send(event(seq, Happy));
        let line = subscriber.line();
        let at = line["published_at_ns"].as_u64();
        assert!(at.is_some() && at > last, "{line}");
        assert_eq!(line["latency_ms"].as_f64(), at.map(|ns| ns as f64 / 1e6));
        last = at;
    }
}

/// Reads up to an event; every jump in `seq` must be told by exactly one gap line. Returns how
/// many gaps there were and how many events they told of.
fn read_up_to(subscriber: &mut Subscriber, last: u64) -> (u64, u64) {
    let (mut expected, mut gaps, mut missed) = (subscriber.seq() + 1, 0, 0);
    while expected <= last {
        let line = subscriber.line();
        if line["schema"] == "cabinmood.gap/1" {
            let lost = line["missed"].as_u64().unwrap();
            (expected, gaps, missed) = (expected + lost, gaps + 1, missed + lost);
        } else {
            assert_eq!(line["seq"], expected);
            expected += 1;
        }
    }
    (gaps, missed)
}

#[test]
fn a_slow_subscriber_is_moved_on_to_the_newest_and_told_what_it_missed() {
    const LAST: u64 = 2_000;
    let mut publisher = Publisher::start();
    let (mut slow, mut fast) = (publisher.subscribe(), publisher.subscribe());
    for seq in 0..=LAST {
        publisher.send(event(seq, if seq % 100 == 0 { Happy } else { Neutral }));
        assert_eq!(fast.seq(), seq, "the fast one sees every event");
    }
    let (gaps, missed) = read_up_to(&mut slow, LAST);
    assert_eq!(gaps, 1, "one line tells of all that was missed");
    publisher.end();
    assert_eq!(count(&publisher.counters.lines_missed_total), missed);
    let changes = count(&publisher.counters.state_changes_missed_total);
    assert!(changes >= 2 * (missed / 100) - 2 && changes <= 2 * (missed / 100) + 2, "{changes} of {missed}");
}

#[test]
fn fifty_stuck_subscribers_do_not_hold_up_a_fast_one() {
    let publisher = Publisher::start();
    let stuck: Vec<UnixStream> = (0..50).map(|_| UnixStream::connect(&publisher.path).unwrap()).collect();
    let mut fast = publisher.subscribe();
    // Each event is sent only once the fast one has the last, so it can't be carried by a queue.
    for seq in 0..500 {
        publisher.send(event(seq, Neutral));
        assert_eq!(fast.seq(), seq);
    }
    assert_eq!(publisher.counters.subscribers(), 51);
    drop(stuck);
}

#[test]
fn the_end_flushes_closes_and_removes_the_socket() {
    let mut publisher = Publisher::start();
    let mut subscriber = publisher.subscribe();
    publisher.send(event(0, Happy));
    assert_eq!(subscriber.seq(), 0);
    (1..=20).for_each(|seq| publisher.send(event(seq, Happy)));
    publisher.end();
    assert!(!publisher.path.exists());
    assert_eq!(subscriber.rest().lines().count(), 20);
}

#[test]
fn a_stuck_subscriber_cannot_hold_up_the_end() {
    let mut publisher = Publisher::start();
    let _stuck = UnixStream::connect(&publisher.path).unwrap();
    let mut fast = publisher.subscribe();
    for seq in 0..500 {
        publisher.send(event(seq, Neutral));
        assert_eq!(fast.seq(), seq);
    }
    publisher.end();
    assert!(!publisher.path.exists());
}

#[test]
fn the_limit_refuses_with_a_line_and_a_place_is_free_once_somebody_hangs_up() {
    let publisher = Publisher::start_with(|options| options.max_subscribers = 1, vec![]);
    publisher.send(event(0, Happy));
    let mut only = publisher.subscribe();
    assert_eq!(only.seq(), 0);
    let mut refused = publisher.subscribe();
    assert_eq!(refused.line()["schema"], "cabinmood.refused/1");
    assert_eq!(refused.rest(), "");
    assert_eq!(count(&publisher.counters.subscribers_refused_total), 1);
    drop(only);
    // No event is sent meanwhile: hanging up is noticed by itself.
    while publisher.subscribe().line()["seq"] != 0 {}
}

#[test]
fn what_subscribers_write_is_ignored_and_closing_one_half_is_allowed() {
    let publisher = Publisher::start();
    let mut subscriber = publisher.subscribe();
    publisher.send(event(0, Happy));
    assert_eq!(subscriber.seq(), 0);
    subscriber.0.get_mut().write_all(b"{\"state\":\"angry\"}\n\0\xff").unwrap();
    subscriber.0.get_mut().shutdown(Shutdown::Write).unwrap();
    // A newcomer that was served shows that the publisher has seen the half-close by now.
    assert_eq!(publisher.subscribe().seq(), 0);
    publisher.send(event(1, Happy));
    assert_eq!(subscriber.seq(), 1);
}
