//! Metrics of the real binary, read by Prometheus's own parser.

use std::fs;
use std::path::Path;
use std::process::Command;

use cabinmood_tests::scrape::scrape;
use cabinmood_tests::{Daemon, assert_refused, fetched, root, write_picture};
use serde_json::Value;

/// Parses the page in standard input strictly; prints every sample's value by its name and labels.
const PARSE: &str = "
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(json.dumps({s.name + ''.join(f',{k}={v}' for k, v in sorted(s.labels.items())): s.value
                  for family in parse(sys.stdin.read()) for s in family.samples}))
";

/// What Prometheus's parser makes of a page. `None`, and a line that says so, where it is not there.
fn parsed(folder: &Path, text: &str) -> Option<Value> {
    let python = root().join(".venv/bin/python");
    if !python.exists() {
        println!("SKIPPED: .venv/bin/python is not there; run `make python`");
        return None;
    }
    let page = folder.join("page");
    fs::write(&page, text).unwrap();
    let mut command = Command::new(python);
    let output = command.args(["-c", PARSE]).stdin(fs::File::open(&page).unwrap()).output().unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn values_move_as_frames_go_and_nothing_tells_of_the_driver() {
    let Some(clip) = fetched("footage/WolfgangLanger_Pexels.mp4") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.sock");
    let set = format!("metrics.path={}", path.display());
    let args = [clip.to_str().unwrap(), "--set", "metrics.enabled=true", "--set", &set];
    let daemon = Daemon::start(args);
    let mut subscriber = daemon.subscribe();
    let seq = |event: &Value| event["frame_seq"].as_u64();
    subscriber.until("a frame", |event| seq(event) > Some(0));
    let before = scrape(&path);
    subscriber.until("20 frames on", |event| seq(event) > Some(30));
    let after = scrape(&path);
    daemon.terminate();
    assert_eq!(daemon.end(), Some(0));
    assert!(!path.exists(), "the socket is left behind");

    for expression in ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"] {
        assert!(!after.contains(expression), "{expression}");
    }
    let (Some(before), Some(after)) = (parsed(folder.path(), &before), parsed(folder.path(), &after)) else {
        return;
    };
    for moved in [
        "cabinmood_frames_captured_total",
        "cabinmood_frames_processed_total",
        "cabinmood_events_published_total",
        "cabinmood_lines_sent_total",
        "cabinmood_scrapes_total",
        "cabinmood_stage_time_seconds_count,stage=align",
        "cabinmood_stage_time_seconds_sum,stage=classify",
        "cabinmood_stage_time_seconds_count,stage=smooth",
        "cabinmood_stage_time_seconds_count,stage=publish",
        "cabinmood_frame_age_seconds_bucket,at=align,le=+Inf",
        "cabinmood_frame_age_seconds_count,at=publish",
        "cabinmood_sink_age_seconds_count,sink=socket",
    ] {
        let (was, is) = (before[moved].as_f64().unwrap(), after[moved].as_f64().unwrap());
        assert!(is > was, "{moved}: {was}, then {is}");
    }
    assert_eq!(after["cabinmood_stage_health_code,stage=capture"], 1.0);
    assert_eq!(after["cabinmood_socket_subscribers"], 1.0);
    let build =
        after.as_object().unwrap().keys().find(|key| key.starts_with("cabinmood_build_info")).unwrap();
    assert!(build.contains("purpose=comfort"), "{build}");
}

#[test]
fn a_place_that_cannot_be_had_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.pgm");
    write_picture(&picture, 0);
    let socket = format!("socket.path={}", folder.path().join("s").display());
    let refused = |set: &str, code, words: &[&str]| {
        let set = ["--set", &socket, "--set", "metrics.enabled=true", "--set", set];
        assert_refused(["run", picture.to_str().unwrap()].into_iter().chain(set), code, words);
    };
    refused("metrics.path=/no/such/folder/m", 78, &["metrics.path /no/such/folder/m", "does not exist"]);
    refused("metrics.port=70000", 78, &["metrics.port = 70000", "65535"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    refused(&format!("metrics.port={port}"), 69, &["metrics.port", "choose another port"]);
}
