//! `cabinmood run` on real footage, seen through its socket as a consumer sees it.

use std::fs;
use std::process::Command;
use std::time::Duration;

use cabinmood_tests::{Daemon, cabinmood, cabinmood_with, captured_ms, fetched, word, write_picture};
use serde_json::Value;

const EXPRESSIONS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

#[test]
fn a_clip_is_played_once_at_its_own_pace() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let daemon = Daemon::start([clip.as_os_str()]);
    let events: Vec<Value> = daemon.subscribe().collect();
    assert_eq!(daemon.end(), Some(0));
    assert!(!daemon.socket().exists(), "the socket is left behind");

    assert_eq!(word(&events[0]), "starting");
    let numbers: Vec<u64> = events.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "events are missing: {numbers:?}");

    let frames: Vec<&Value> = events.iter().filter(|e| !e["frame_seq"].is_null()).collect();
    assert!(frames.len() > 36, "only {} of the clip's 72 frames were looked at", frames.len());
    assert_eq!(frames[0]["frame_seq"], 0, "the first frames were lost while starting");
    let seen = frames.iter().filter(|e| !e["face"].is_null()).count();
    assert!(seen * 10 >= frames.len() * 9, "a face on {seen} of {} frames", frames.len());

    // 72 frames at 30 a second: the last one is 2.37 s after the first.
    let length = captured_ms(frames[frames.len() - 1]) - captured_ms(frames[0]);
    assert!((2000.0..2400.0).contains(&length), "{length} ms");
    assert!(events.iter().any(|e| EXPRESSIONS.contains(&word(e))), "no mood was ever told");
}

#[test]
fn a_new_subscriber_gets_the_current_state_at_once() {
    let Some(clip) = fetched("footage/WolfgangLanger_Pexels.mp4") else { return };
    let daemon = Daemon::start([clip.as_os_str()]);
    let mut first = daemon.subscribe();
    let seen = first.until("from a frame", |event| !event["frame_seq"].is_null());
    let given = daemon.subscribe().next().unwrap();
    assert!(given["seq"].as_u64() >= seen["seq"].as_u64(), "{given}");
    daemon.terminate();
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn a_signal_ends_it_within_a_second_and_takes_the_socket_away() {
    let Some(clip) = fetched("footage/WolfgangLanger_Pexels.mp4") else { return };
    for signal in ["TERM", "INT", "HUP"] {
        let daemon = Daemon::start([clip.as_os_str()]);
        daemon.subscribe().until("from a frame", |event| !event["frame_seq"].is_null());
        daemon.send(signal);
        assert_eq!(daemon.end_within(Duration::from_secs(1)), Some(0), "{signal}");
        assert!(!daemon.socket().exists(), "the socket is left behind");
    }
}

/// A thread that a signal leaves behind while it loads a model is still inside a library.
#[test]
fn the_libraries_are_not_taken_down_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("end.c"), folder.path().join("end.so"));
    fs::write(&source, "__attribute__((destructor)) static void end(void) { __builtin_trap(); }").unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
    assert!(built.unwrap().success());
    let other = Command::new("true").env("LD_PRELOAD", &library).status().unwrap();
    assert_eq!(other.code(), None, "the library does nothing at the end");
    let ours = cabinmood_with(("LD_PRELOAD", library.to_str().unwrap()), ["schema", "json"]);
    assert_eq!(ours.status.code(), Some(0));
    assert!(String::from_utf8(ours.stdout).unwrap().ends_with("}\n"));
}

#[test]
fn every_stage_has_a_span_and_the_log_says_what_is_wrong_with_its_variable() {
    let face = cabinmood_tests::root().join("tests/fixtures/faces/a.jpg");
    let args = ["run", face.to_str().unwrap(), "--set", "socket.enabled=false"];
    let told = |value| String::from_utf8(cabinmood_with(("RUST_LOG", value), args).stderr).unwrap();
    let traced = told("trace");
    for stage in ["capture", "align", "classify", "smooth", "publish"] {
        let closes = |line: &str| line.contains(&format!(" {stage}")) && line.contains("close time.busy=");
        assert!(traced.lines().any(closes), "no span of {stage} closes in\n{traced}");
    }
    let loud = |line: &&str| line.contains(" ort") && !line.contains(" WARN ");
    assert_eq!(traced.lines().find(loud), None);
    let refused = told("cabinmood=loud");
    assert!(refused.contains("RUST_LOG=cabinmood=loud") && refused.contains("models ready"), "{refused}");
}

#[test]
fn a_folder_of_pictures_is_a_source_too() {
    let folder = tempfile::tempdir().unwrap();
    (0..8).for_each(|n| write_picture(&folder.path().join(format!("{n}.pgm")), n));
    let daemon = Daemon::start(["--source".as_ref(), folder.path().as_os_str()]);
    let words: Vec<String> = daemon.subscribe().map(|event| word(&event).to_owned()).collect();
    assert_eq!(daemon.end(), Some(0));
    assert!(words.contains(&"no_face".to_owned()), "{words:?}");
    assert!(!words.iter().any(|word| EXPRESSIONS.contains(&word.as_str())), "a mood from noise: {words:?}");
}

#[test]
fn pictures_are_written_where_they_are_asked_for_and_nowhere_else() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start([clip.as_os_str(), "--annotate".as_ref(), folder.path().as_os_str()]);
    assert_eq!(daemon.end(), Some(0));
    let mut names: Vec<String> =
        folder.path().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(
        matches!(&names[..], [video, png] if video.starts_with("annotated.") && png == "timeline.png"),
        "{names:?}"
    );
}

#[test]
fn nothing_is_sent_or_kept_that_nobody_asked_for() {
    let Some(clip) = fetched("footage/WolfgangLanger_Pexels.mp4") else { return };
    let daemon = Daemon::start([clip.as_os_str()]);
    // By then ONNX Runtime is loaded, which would begin with its telemetry.
    daemon.subscribe().until("from a frame", |event| !event["frame_seq"].is_null());
    assert_eq!(daemon.internet_sockets(), [""; 0]);
    daemon.terminate();
    assert_eq!(daemon.end(), Some(0));
    assert_eq!(daemon.left_at_home(), [""; 0].map(std::path::PathBuf::from));
}

#[test]
fn the_schema_is_printed_as_json_and_for_people() {
    let json: Value = serde_json::from_slice(&cabinmood(["schema", "json"]).stdout).unwrap();
    assert!(json["$schema"].is_string(), "{json}");
    for (kind, words) in [
        ("dbc", "BO_ 1296 Cabinmood_State: 8 Cabinmood"),
        ("vspec", "Vehicle.Driver.Expression.State:"),
        ("can", "| State | 0x510 |"),
    ] {
        let printed = cabinmood(["schema", kind]);
        assert!(
            printed.status.success() && String::from_utf8_lossy(&printed.stdout).contains(words),
            "{kind}"
        );
    }
    let page = cabinmood(["schema", "md"]);
    assert!(page.status.success() && String::from_utf8_lossy(&page.stdout).contains("\n# Events\n"));
}

#[test]
fn check_says_what_works_and_what_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("a.pgm");
    write_picture(&picture, 0);
    let source = format!("camera.source={}", picture.display());
    let socket = format!("socket.path={}", folder.path().join("s").display());
    let args = ["check", "--json", "--set", &source, "--set", &socket];
    let output = cabinmood(args);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &answer["can_run"]), (Some(0), &Value::Bool(true)), "{answer}");
    let of = |part: &str| {
        answer["findings"].as_array().unwrap().iter().find(|f| f["part"] == part).cloned().unwrap()
    };
    assert_eq!(of("can")["detail"], "switched off: can.enabled = false");
    assert_eq!(of("expression")["works"], true);
    assert_eq!(of("metrics")["detail"], "switched off: metrics.enabled = false");
    let carries = "private, comfort; socket carries expression, attention, presence, health";
    assert_eq!(of("purpose")["detail"], carries);
    let providers: Vec<&Value> =
        answer["findings"].as_array().unwrap().iter().filter(|f| f["part"] == "provider").collect();
    let names: Vec<&str> = providers.iter().map(|f| f["provider"].as_str().unwrap()).collect();
    assert_eq!(names, ["tensorrt", "cuda", "cpu"]);
    for finding in providers {
        assert_eq!(finding["works"].as_bool().unwrap(), finding["reason"].is_null(), "{finding}");
    }
    assert!(of("can")["provider"].is_null());

    let (text, empty) = (folder.path().join("text.mp4"), folder.path().join("empty"));
    fs::write(&text, "no video").unwrap();
    fs::create_dir(&empty).unwrap();
    for (path, code) in [(text, 65), (empty, 66)] {
        let source = format!("camera.source={}", path.display());
        let output = cabinmood(args.into_iter().chain(["--set", source.as_str()]));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &answer["can_run"]), (Some(code), &Value::Bool(false)), "{answer}");
    }

    let output = cabinmood(args.into_iter().chain(["--set", "camera.source=camera:99"]));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &answer["can_run"]), (Some(69), &Value::Bool(false)), "{answer}");
}
