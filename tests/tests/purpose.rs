//! What the purpose keeps back, seen from outside the real binary: on its socket, in its log, and at
//! its start.

use std::fs;

use cabinmood_tests::{Daemon, assert_refused, cabinmood_with, expression_in, fetched, write_picture};
use serde_json::Value;

#[test]
fn at_work_for_comfort_no_expression_is_recognised_or_told() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let set = ["--set", "purpose.deployment=workplace", "--set", "socket.carries=['presence', 'health']"];
    let args = [clip.to_str().unwrap()].into_iter().chain(set);
    let daemon = Daemon::start(args);
    let events: Vec<Value> = daemon.subscribe().collect();
    assert_eq!(daemon.end(), Some(0));
    let seen: Vec<&Value> = events.iter().filter(|event| event["face_present"] == true).collect();
    assert!(seen.len() > 30, "presence is told: {} of {}", seen.len(), events.len());
    for event in &events {
        for withheld in ["from", "to", "intensity", "probabilities", "face", "pose", "eye_openness"] {
            assert!(event[withheld].is_null(), "{event}");
        }
        assert!(event["state"].is_null() || event["state"] == "unknown", "{event}");
        assert_eq!(
            (&event["purpose"], expression_in(&event.to_string())),
            (&Value::from("comfort"), None),
            "{event}"
        );
    }
    let health = &seen[seen.len() - 1]["health"];
    assert_eq!((&health["classify"], &health["align"]), (&"off".into(), &"ok".into()), "{health}");
}

#[test]
fn the_log_never_names_an_expression() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let folder = tempfile::tempdir().unwrap();
    let socket = format!("socket.path={}", folder.path().join("s").display());
    let told = cabinmood_with(("RUST_LOG", "trace"), ["run", clip.to_str().unwrap(), "--set", &socket]);
    let log = String::from_utf8_lossy(&told.stderr);
    assert!(log.contains("close time.busy="), "not everything is in this log:\n{log}");
    let faulty = log.lines().find(|line| expression_in(line).is_some());
    assert_eq!(faulty, None);
}

#[test]
fn an_impossible_purpose_is_refused_with_the_law_and_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.pgm");
    write_picture(&picture, 0);
    let socket = format!("socket.path={}", folder.path().join("s").display());
    for purpose in ["comfort", "research"] {
        let purpose = format!("purpose.purpose={purpose}");
        let set = ["--set", &socket, "--set", "purpose.deployment=workplace", "--set", &purpose];
        let args = ["run", picture.to_str().unwrap()].into_iter().chain(set);
        let words = ["socket.carries", "Article 5(1)(f)", "purpose.purpose", "socket.enabled = false"];
        assert_refused(args, 78, &words);
    }
    assert!(fs::read_dir(folder.path()).unwrap().count() == 1, "no socket was made");
}
