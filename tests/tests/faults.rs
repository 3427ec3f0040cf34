//! What the daemon says when it cannot see: the reason, soon, and never the last mood again.

use std::time::Duration;

use cabinmood_tests::{Daemon, captured_ms, fetched, word, write_picture};
use serde_json::Value;

/// A fault is told within this time of the last good frame.
const TOLD_WITHIN_MS: f64 = 300.0;

fn words(events: &[Value]) -> Vec<&str> {
    let mut words: Vec<&str> = events.iter().map(word).collect();
    words.dedup();
    words
}

#[test]
fn a_face_that_leaves_takes_the_mood_with_it() {
    let Some(clip) = fetched("footage/face_noface.mov") else { return };
    let daemon = Daemon::start([clip.as_os_str()]);
    let events: Vec<Value> = daemon.subscribe().collect();
    assert_eq!(daemon.end(), Some(0));

    let last_face = events.iter().rposition(|event| !event["face"].is_null()).expect("a face at first");
    let after = &events[last_face + 1..];
    assert!(after.len() > 20, "only {} events without a face", after.len());
    for event in after.iter().filter(|e| captured_ms(e) > captured_ms(&events[last_face]) + TOLD_WITHIN_MS) {
        assert_eq!(event["state"], "unknown", "told as fresh after the face was gone: {event}");
    }
    assert_eq!(word(&after[after.len() - 1]), "no_face", "{:?}", words(&events));
}

#[test]
fn a_face_that_comes_back_is_found() {
    let Some(clip) = fetched("footage/noface_face.mov") else { return };
    let daemon = Daemon::start([clip.as_os_str()]);
    let events: Vec<Value> = daemon.subscribe().collect();
    assert_eq!(daemon.end(), Some(0));
    // A machine that is busy elsewhere may look at a frame too late; that is another test's business.
    let mut words = words(&events);
    words.retain(|word| *word != "stale");
    assert_eq!(&words[..2], ["starting", "no_face"], "{words:?}");
    let frames: Vec<&Value> = events.iter().filter(|event| !event["frame_seq"].is_null()).collect();
    let tail = &frames[frames.len() - 20..];
    let seen = tail.iter().filter(|event| !event["face"].is_null()).count();
    assert!(seen >= 18, "a face on {seen} of the last 20 frames; {words:?}");
}

#[test]
fn a_picture_that_repeats_is_frozen_within_300_ms() {
    let folder = tempfile::tempdir().unwrap();
    (0..30).for_each(|n| write_picture(&folder.path().join(format!("{n:02}.pgm")), 7));
    let daemon = Daemon::start([folder.path()]);
    let events: Vec<Value> = daemon.subscribe().collect();
    assert_eq!(daemon.end(), Some(0));
    let first = events.iter().find(|event| !event["frame_seq"].is_null()).unwrap();
    let frozen = events.iter().position(|event| word(event) == "frozen").expect("frozen is told");
    let after = captured_ms(&events[frozen]) - captured_ms(first);
    assert!(after <= TOLD_WITHIN_MS, "frozen only after {after} ms");
    assert!(events[frozen..].iter().all(|event| word(event) == "frozen"), "{:?}", words(&events));
}

#[test]
fn a_camera_that_is_waited_for_is_lost_every_100_ms_and_retried() {
    let daemon = Daemon::start([
        "--source",
        "camera:63",
        "--set",
        "camera.wait=true",
        "--set",
        "camera.retry_max_s=1",
    ]);
    let mut subscriber = daemon.subscribe();
    subscriber.until("lost", |event| word(event) == "camera_lost");
    let times: Vec<f64> = subscriber
        .take(10)
        .map(|event| {
            assert_eq!((word(&event), event["frame_seq"].is_null()), ("camera_lost", true));
            captured_ms(&event)
        })
        .collect();
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_by(f64::total_cmp);
    assert!((95.0..150.0).contains(&gaps[gaps.len() / 2]), "{gaps:?}");
    daemon.wait_for("camera lost");
    daemon.wait_for("camera lost");
    daemon.terminate();
    assert_eq!(daemon.end_within(Duration::from_secs(1)), Some(0));
}
