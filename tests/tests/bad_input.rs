//! Bad input: one clear line that names what is wrong, and the documented exit code.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use cabinmood_tests::tools::folder;
use cabinmood_tests::{Daemon, assert_refused, cabinmood, fetched, root, write_picture};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// `run` on a source, with a socket of its own.
fn run(source: &Path, set: &[&str]) -> Vec<String> {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let socket = std::env::temp_dir().join(format!("cabinmood-{}-{number}.sock", std::process::id()));
    let mut args = vec!["run".to_owned(), source.display().to_string()];
    args.extend(["--set".to_owned(), format!("socket.path={}", socket.display())]);
    args.extend(set.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]));
    args
}

fn picture(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("a.pgm");
    write_picture(&path, 0);
    path
}

fn copy_changed(manifest: &str, to: &Path, changes: &[(&str, &str)]) {
    let mut text = fs::read_to_string(root().join("models").join(manifest)).unwrap();
    for (key, value) in changes {
        let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap().to_owned();
        text = text.replace(&line, &format!("{key} = {value}"));
    }
    fs::write(to, text).unwrap();
}

#[test]
fn a_missing_video() {
    assert_refused(run(Path::new("/no/such/clip.mp4"), &[]), 66, &["/no/such/clip.mp4"]);
}

#[test]
fn a_truncated_video() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let folder = folder();
    let path = folder.path().join("torn.mp4");
    let bytes = fs::read(clip).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 4]).unwrap();
    assert_refused(run(&path, &[]), 65, &["torn.mp4"]);
    fs::write(&path, "not a video at all").unwrap();
    assert_refused(run(&path, &[]), 65, &["torn.mp4"]);
}

#[test]
fn media_with_faults_is_played_as_far_as_it_goes_and_then_told() {
    let folder = folder();
    (0..8).for_each(|n| write_picture(&folder.path().join(format!("{n}.pgm")), n));
    fs::write(folder.path().join("3a.png"), "not a picture").unwrap();
    let daemon = Daemon::start([folder.path()]);
    let frames = daemon.subscribe().filter(|event| !event["frame_seq"].is_null());
    assert_eq!(frames.last().unwrap()["frame_seq"], 8, "the last picture was not looked at");
    assert_eq!(daemon.end(), Some(65));
    assert!(daemon.wait_for("cabinmood: ").contains("3a.png"));
}

#[test]
fn a_video_that_breaks_off() {
    let Some(clip) = fetched("footage/WolfgangLanger_Pexels.mp4") else { return };
    let folder = folder();
    let path = folder.path().join("short.mp4");
    // Its index stands at its front, so that what is left can be played.
    let bytes = fs::read(clip).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 10]).unwrap();
    assert_refused(run(&path, &[]), 65, &["short.mp4", "breaks off"]);
    assert_refused(["analyze".as_ref(), path.as_os_str()], 65, &["short.mp4", "breaks off"]);
}

#[test]
fn an_image_that_is_none() {
    let folder = folder();
    let path = folder.path().join("a.png");
    fs::write(&path, "not a picture").unwrap();
    assert_refused(run(&path, &[]), 65, &["a.png"]);
}

#[test]
fn an_empty_folder() {
    let folder = folder();
    assert_refused(run(folder.path(), &[]), 66, &[&folder.path().display().to_string()]);
}

#[test]
fn a_pipe_that_nobody_writes_into() {
    let folder = folder();
    for name in ["clip.mp4", "a.png"] {
        let path = folder.path().join(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_refused(run(&path, &[]), 66, &[name, "neither a file nor a folder"]);
        assert_refused(["analyze".as_ref(), path.as_os_str()], 66, &[name, "neither a file nor a folder"]);
    }
}

#[test]
fn a_folder_without_class_folders() {
    let folder = folder();
    picture(&folder);
    assert_refused(["evaluate".as_ref(), folder.path().as_os_str()], 65, &["no class folder"]);
}

#[test]
fn a_wrong_model_hash() {
    let folder = folder();
    let manifest = folder.path().join("m.toml");
    let wrong = format!("\"{}\"", "0".repeat(64));
    copy_changed("landmarks-5.toml", &manifest, &[("file", "\"m.dat\""), ("sha256", &wrong)]);
    fs::write(folder.path().join("m.dat"), "altered").unwrap();
    let set = format!("align.landmarks={}", manifest.display());
    assert_refused(run(&picture(&folder), &[&set]), 78, &["m.dat", "SHA-256", "000"]);
}

#[test]
fn a_wrong_tensor_shape() {
    let folder = folder();
    let manifest = folder.path().join("m.toml");
    copy_changed("expression.toml", &manifest, &[("input", "[1, 1, 96, 96]")]);
    for entry in fs::read_dir(root().join("models")).unwrap().flatten() {
        if entry.path().extension().is_some_and(|ending| ending == "onnx") {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let set = format!("classify.model={}", manifest.display());
    assert_refused(run(&picture(&folder), &[&set]), 78, &["96"]);
}

#[test]
fn a_broken_model_with_the_right_hash() {
    let folder = folder();
    let broken = b"no graph";
    let sha256: String = Sha256::digest(broken).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(folder.path().join("m.onnx"), broken).unwrap();
    let manifest = folder.path().join("m.toml");
    copy_changed(
        "expression.toml",
        &manifest,
        &[("file", "\"m.onnx\""), ("sha256", &format!("\"{sha256}\""))],
    );
    let set = format!("classify.model={}", manifest.display());
    assert_refused(run(&picture(&folder), &[&set]), 78, &["m.onnx", "not a model"]);
}

#[test]
fn a_truncated_dat() {
    let folder = folder();
    let model = fs::read(root().join("models/shape_predictor_5_face_landmarks.dat"));
    let Ok(model) = model else {
        println!("SKIPPED: the landmark model is not there; run `make setup`");
        return;
    };
    let torn = &model[..model.len() / 2];
    let sha256: String = Sha256::digest(torn).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(folder.path().join("m.dat"), torn).unwrap();
    let manifest = folder.path().join("m.toml");
    let changes = [("file", "\"m.dat\"".to_owned()), ("sha256", format!("\"{sha256}\""))];
    copy_changed(
        "landmarks-5.toml",
        &manifest,
        &changes.each_ref().map(|(key, value)| (*key, value.as_str())),
    );
    let set = format!("align.landmarks={}", manifest.display());
    assert_refused(run(&picture(&folder), &[&set]), 78, &["m.dat"]);
}

#[test]
fn a_model_that_does_not_exist() {
    let folder = folder();
    assert_refused(run(&picture(&folder), &["classify.model=no-such"]), 78, &["no-such.toml"]);
}

#[test]
fn a_configuration_with_three_errors_at_once() {
    let folder = folder();
    let path = folder.path().join("c.toml");
    fs::write(&path, "[camera]\nfps = 0\n[socket]\nmode = '999'\n[smooth]\nenterr = 0.5\n").unwrap();
    let output = cabinmood(["run".as_ref(), "--config".as_ref(), path.as_os_str()]);
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    let expected = [
        ("camera.fps = 0", "from 1 to 120"),
        ("smooth.enterr", "unknown key"),
        ("socket.mode = \"999\"", "octal"),
    ];
    assert_eq!(lines.len(), expected.len(), "{told}");
    for (line, (key, why)) in lines.iter().zip(expected) {
        assert!(line.contains("c.toml: ") && line.contains(key) && line.contains(why), "{line}");
    }
}

#[test]
fn a_configuration_that_is_not_there() {
    assert_refused(["run", "--config", "/no/such.toml"], 78, &["/no/such.toml"]);
}

#[test]
fn a_socket_path_that_exists() {
    let folder = folder();
    let (source, path) = (picture(&folder), folder.path().join("s"));
    let set = format!("socket.path={}", path.display());
    fs::write(&path, "a file of somebody").unwrap();
    assert_refused(run(&source, &[&set]), 78, &["/s", "not a socket"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file of somebody");

    fs::remove_file(&path).unwrap();
    let _listening = UnixListener::bind(&path).unwrap();
    assert_refused(run(&source, &[&set]), 69, &["/s", "another daemon"]);
}

#[test]
fn a_socket_path_that_cannot_be_made() {
    let folder = folder();
    let source = picture(&folder);
    assert_refused(run(&source, &["socket.path=/no/such/folder/s"]), 78, &["/no/such/folder/s"]);
    let long = format!("socket.path=/tmp/{}", "x".repeat(120));
    assert_refused(run(&source, &[&long]), 78, &["107"]);
}

/// `run` with CAN switched on and this set.
fn run_can(source: &Path, set: &[&str]) -> Vec<String> {
    run(source, &[&["can.enabled=true"], set].concat())
}

#[test]
fn can_identifiers_that_overlap_or_are_too_large() {
    let folder = folder();
    let source = picture(&folder);
    for (set, words) in [
        (&["can.id_head=0x511"][..], &["can.id_head = 0x511", "detail"][..]),
        (&["can.id_state=0x1000"], &["can.id_state = 0x1000", "11 bits"]),
        (&["can.format=j1939", "can.pgn_state=0x1234"], &["can.pgn_state = 0x1234", "0xFF00"]),
        (&["can.id_mood=0x510"], &["can.id_mood", "unknown key"]),
    ] {
        assert_refused(run_can(&source, set), 78, words);
    }
}

#[test]
fn a_dbc_file_that_lacks_the_signal_or_has_another_kind() {
    const DBC: &str = "VERSION \"\"\nNS_ :\nBS_:\nBU_: B\nBO_ 291 Body: 8 B\n \
        SG_ Speed : 8|16@1+ (0.01,0) [0|300] \"km/h\" X\n";
    let folder = folder();
    let (source, path) = (picture(&folder), folder.path().join("body.dbc"));
    fs::write(&path, DBC).unwrap();
    let dbc = format!("vehicle.dbc={}", path.display());
    for (set, words) in [
        ("vehicle.ignition=Body.Ignition", &["vehicle.ignition = \"Body.Ignition\"", "no signal"][..]),
        ("vehicle.ignition=Door.Ignition", &["vehicle.ignition", "no message \"Door\""]),
        ("vehicle.ignition=Body.Speed", &["vehicle.ignition", "wrong type"]),
    ] {
        assert_refused(run_can(&source, &[&dbc, set]), 78, words);
    }
    fs::write(&path, "not a DBC file").unwrap();
    assert_refused(run_can(&source, &[&dbc, "vehicle.speed=Body.Speed"]), 78, &["vehicle.dbc", "body.dbc"]);
}

#[test]
fn an_interface_that_is_not_can() {
    let folder = folder();
    assert_refused(
        run_can(&picture(&folder), &["can.interface=lo"]),
        78,
        &["can.interface lo", "is no CAN interface", "cabinmood devices"],
    );
    assert_refused(["can-dump", "lo"], 78, &["can.interface lo"]);
}

#[test]
fn a_log_that_is_none() {
    let folder = folder();
    let path = folder.path().join("a.log");
    fs::write(&path, "(1.000000) can0 510#00\nhello\n").unwrap();
    assert_refused(["can-dump".as_ref(), "--log".as_ref(), path.as_os_str()], 65, &["a.log, line 2"]);
    assert_refused(["can-dump", "--log", "/no/such.log"], 66, &["/no/such.log"]);
}

#[test]
fn a_camera_that_is_not_there() {
    let folder = folder();
    let socket = format!("socket.path={}", folder.path().join("s").display());
    assert_refused(
        ["run", "--source", "camera:63", "--set", &socket],
        69,
        &["/dev/video63", "cabinmood devices"],
    );
}

#[test]
fn a_source_that_this_version_does_not_have() {
    let folder = folder();
    let socket = format!("socket.path={}", folder.path().join("s").display());
    assert_refused(["run", "--source", "v4l2:/dev/video0", "--set", &socket], 69, &["v4l2:/dev/video0"]);
}

#[test]
fn wrong_use_of_the_command_line() {
    for args in [
        &["run", "--sauce", "camera:0"][..],
        &["dance"],
        &["run", "--set", "camera.fps"],
        &["schema", "arxml"],
    ] {
        assert_eq!(cabinmood(args).status.code(), Some(64), "{args:?}");
    }
    assert_eq!(cabinmood(["--version"]).status.code(), Some(0));
}
