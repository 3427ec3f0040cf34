//! The offline tools on a real face: analyze and align through the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test prepares must work, or the test has failed"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cabinmood_tests::tools::{copy, face, folder, png_size, run, text};
use cabinmood_tests::{assert_refused, binary, cabinmood, fetched, write_picture};
use serde_json::Value;

const LABELS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A CSV file without quotes: rows of cells, the header first.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn every_frame_of_a_clip_has_a_line_and_the_summary_sums_them_up() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let folder = folder();
    let (ndjson, summary) = (folder.path().join("a.ndjson"), folder.path().join("s.json"));
    run(0, &["analyze", text(&clip), "--output", text(&ndjson), "--summary", text(&summary)]);
    let (lines, summary) = (json_lines(&fs::read_to_string(&ndjson).unwrap()), json_file(&summary));
    assert_eq!(lines.len(), 72, "the clip has 72 frames");
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["frame"], number);
        assert_eq!(line["file"], text(&clip));
        assert_eq!(line["accepted"].as_bool().unwrap(), line["reason"].is_null(), "{line}");
        assert_eq!(line["accepted"].as_bool().unwrap(), !line["probabilities"].is_null(), "{line}");
        if let Some(probabilities) = line["probabilities"].as_object() {
            let of = |label: &str| probabilities[label].as_f64().unwrap();
            assert!((LABELS.map(of).iter().sum::<f64>() - 1.0).abs() < 1e-4, "{line}");
            let said = line["expression"].as_str().unwrap();
            assert!(LABELS.iter().all(|label| of(label) <= of(said)), "{line}");
        }
    }
    assert!(lines.windows(2).all(|pair| pair[0]["t_ns"].as_u64() < pair[1]["t_ns"].as_u64()));
    let count = |fits: fn(&Value) -> bool| lines.iter().filter(|line| fits(line)).count();
    let (faces, accepted) = (count(|line| !line["face"].is_null()), count(|line| line["accepted"] == true));
    assert!(faces > 65 && accepted > 60, "a face in full view: {faces} found, {accepted} accepted");
    assert_eq!((&summary["frames"], &summary["faces"]), (&72.into(), &faces.into()));
    assert_eq!(summary["accepted"], accepted);
    assert_eq!(summary["availability"], faces as f64 / 72.0);
    assert_eq!(summary["acceptance"], accepted as f64 / 72.0);
    for stage in ["capture", "align", "classify"] {
        let (median, p99) = (&summary["stages"][stage]["median_ms"], &summary["stages"][stage]["p99_ms"]);
        assert!(median.as_f64().unwrap() > 0.0 && median.as_f64() <= p99.as_f64(), "{summary}");
    }
    assert!(summary["wall_s"].as_f64().unwrap() > 0.0);
    assert_eq!((summary["provider"].as_str(), summary["model"].is_string()), (Some("cpu"), true));
}

#[test]
fn csv_and_json_say_the_same_of_pictures() {
    let folder = folder();
    copy(&face("a"), &folder.path().join("a.jpg"));
    write_picture(&folder.path().join("b.pgm"), 0);
    let input = text(folder.path());
    let lines = json_lines(&run(0, &["analyze", input]));
    let csv = run(0, &["analyze", input, "--format", "csv"]);
    let rows = rows(&csv);
    assert_eq!((lines.len(), rows.len()), (2, 3));
    for (line, row) in lines.iter().zip(&rows[1..]) {
        let cell = |name: &str| row[rows[0].iter().position(|column| *column == name).unwrap()];
        let same = |value: &Value, cell: &str| match value {
            Value::Null => assert_eq!(cell, ""),
            Value::String(text) => assert_eq!(cell, text),
            Value::Number(number) => assert_eq!(cell.parse::<f64>().unwrap(), number.as_f64().unwrap()),
            other => assert_eq!(cell, other.to_string()),
        };
        for name in ["file", "frame", "t_ns", "accepted", "reason", "quality", "expression", "error"] {
            same(&line[name], cell(name));
        }
        for key in ["x", "y", "w", "h", "score"] {
            same(&line["face"][key], cell(&format!("face_{key}")));
        }
        for key in ["yaw_deg", "pitch_deg", "roll_deg"] {
            same(&line["pose"][key], cell(key));
        }
        for label in LABELS {
            same(&line["probabilities"][label], cell(label));
        }
    }
    assert_eq!((&lines[0]["accepted"], &lines[1]["face"]), (&Value::Bool(true), &Value::Null));
    assert_eq!(lines[1]["reason"], "no_face");
}

#[test]
fn one_bad_picture_does_not_stop_the_others() {
    let folder = folder();
    write_picture(&folder.path().join("a.pgm"), 0);
    fs::write(folder.path().join("b.png"), "not a picture").unwrap();
    write_picture(&folder.path().join("c.pgm"), 1);
    let output = cabinmood(["analyze", text(folder.path())]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(65));
    assert!(told.contains("b.png"), "{told}");
    let lines = json_lines(&String::from_utf8(output.stdout).unwrap());
    let errors: Vec<bool> = lines.iter().map(|line| line["error"].is_string()).collect();
    assert_eq!(errors, [false, true, false]);
}

#[test]
fn a_missing_file_does_not_stop_the_others() {
    let folder = folder();
    let (good, empty) = (folder.path().join("a.pgm"), folder.path().join("empty"));
    write_picture(&good, 0);
    fs::create_dir(&empty).unwrap();
    let output = cabinmood(["analyze", "/no/such.mp4", text(&empty), text(&good)]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(66), "{told}");
    assert!(
        told.contains("/no/such.mp4: ") && told.contains("empty: ") && told.contains("2 of the 3 files"),
        "{told}"
    );
    let lines = json_lines(&String::from_utf8(output.stdout).unwrap());
    let read: Vec<bool> = lines.iter().map(|line| line["error"].is_null()).collect();
    assert_eq!(read, [false, false, true]);
}

#[test]
fn a_torn_picture_is_told_in_one_line() {
    let folder = folder();
    let whole = fs::read(face("a")).unwrap();
    let path = folder.path().join("torn.jpg");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    // A PNG whose data is cut off; libpng itself would write a line.
    let png = folder.path().join("torn.png");
    let cut = folder.path().join("cut");
    run(0, &["align", text(&face("a")), text(&cut)]);
    let crop = fs::read(cut.join("a.png")).unwrap();
    fs::write(&png, &crop[..crop.len() / 2]).unwrap();
    // A film without its index, of which FFmpeg would say so.
    let mut files = vec![path, png];
    if let Some(clip) = fetched("footage/single_face.mp4") {
        files.push(folder.path().join("torn.mp4"));
        fs::write(&files[2], &fs::read(clip).unwrap()[..100_000]).unwrap();
    }
    for path in files {
        let output = cabinmood(["analyze", text(&path)]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65), "{told}");
        assert!(told.lines().count() == 1 && told.contains(text(&path)), "{told}");
        let lines = json_lines(&String::from_utf8(output.stdout).unwrap());
        assert!(matches!(&lines[..], [line] if line["error"].is_string()), "{lines:?}");
    }
}

#[test]
fn a_torn_video_gives_its_frames_and_then_the_error() {
    let Some(clip) = fetched("footage/face_noface.mov") else { return };
    let folder = folder();
    let path = folder.path().join("torn.avi");
    fs::write(&path, &fs::read(clip).unwrap()[..4000]).unwrap();
    assert_refused(["analyze", text(&path)], 65, &["torn.avi"]);
    assert_refused(["analyze", "/no/such.mp4"], 66, &["/no/such.mp4"]);
}

#[test]
fn annotated_pictures_are_left_where_they_were_asked_for() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let folder = folder();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    run(0, &["analyze", text(&clip), "--annotate", text(&one)]);
    let video =
        ["annotated.mp4", "annotated.avi"].map(|name| fs::metadata(one.join(name)).map_or(0, |m| m.len()));
    assert!(video.iter().any(|bytes| *bytes > 100_000), "{video:?}");
    assert!(png_size(&one.join("timeline.png")).0 == 1400);
    let stills = [face("a"), face("b")];
    run(0, &["analyze", text(&stills[0]), text(&stills[1]), "--annotate", text(&two)]);
    assert_eq!(png_size(&two.join("a.png")), png_size(&two.join("b.png")));
}

#[test]
fn an_output_that_cannot_be_written_is_named_by_its_flag() {
    let folder = folder();
    let picture = folder.path().join("a.pgm");
    write_picture(&picture, 0);
    // A folder cannot be made below a file.
    let below = picture.join("x");
    for flag in ["--output", "--summary", "--annotate"] {
        let words = [&format!("{flag} {}", text(&below))[..], "cannot be written", "Not a directory"];
        assert_refused(["analyze", text(&picture), flag, text(&below)], 69, &words);
    }
    let other = folder.path().join("notes.txt");
    fs::write(&other, "").unwrap();
    assert_refused(["align", text(&picture), text(&other.join("x"))], 69, &["OUTPUT", "cannot be written"]);
    assert_refused(["analyze", text(&picture), "--output", "/dev/full"], 69, &["--output /dev/full"]);
}

/// Runs the binary where no file may become longer than this.
fn on_a_full_disk(blocks: u32, args: &[&str]) -> std::process::Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    Command::new("sh").args(["-c", &script]).arg(binary()).args(args).output().unwrap()
}

#[test]
fn a_full_disk_leaves_no_stumps_of_files() {
    let folder = folder();
    let (summary, output) = (folder.path().join("s.json"), folder.path().join("drawn"));
    let face = face("a");
    for (flag, path) in [("--summary", &summary), ("--annotate", &output)] {
        let full = on_a_full_disk(0, &["analyze", text(&face), flag, text(path)]);
        let told = String::from_utf8_lossy(&full.stderr);
        assert_eq!(full.status.code(), Some(69), "{told}");
        assert!(told.contains(flag), "{told}");
    }
    assert!(!summary.exists());
    assert_eq!(output.read_dir().unwrap().count(), 0);
}

#[test]
fn a_full_disk_cuts_no_video_off_without_a_word() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let folder = folder();
    let output = folder.path().join("drawn");
    let full = on_a_full_disk(100, &["analyze", text(&clip), "--annotate", text(&output)]);
    let told = String::from_utf8_lossy(&full.stderr);
    assert_eq!(full.status.code(), Some(69), "{told}");
    assert!(told.contains("--annotate") && told.contains("annotated.mp4: the video has"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn the_index_tells_of_every_crop_when_align_is_ended() {
    let folder = folder();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    (0..400).for_each(|n| copy(&face("a"), &input.join(format!("{n:03}.jpg"))));
    let mut command = Command::new(binary());
    command.args(["align", text(&input), text(&output)]).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    while !output.join("005.png").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        std::thread::yield_now();
    }
    // As where power fails: nothing is told to the program.
    child.kill().unwrap();
    child.wait().unwrap();
    let index = fs::read_to_string(output.join("index.csv")).unwrap();
    assert!(index.lines().count() > 1, "no row was written");
    for row in &rows(&index)[1..] {
        assert!(output.join(row[0]).with_extension("png").exists(), "{row:?}");
    }
}

/// An analysis that cannot end by itself: the pipe that it writes into is full before it is done.
fn stalled(clip: &Path, summary: &Path) -> Child {
    let repeated = [clip; 12];
    let mut command = Command::new(binary());
    command.arg("analyze").args(repeated).arg("--summary").arg(summary);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn ctrl_c_keeps_what_was_written() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let folder = folder();
    let summary = folder.path().join("s.json");
    let mut child = stalled(&clip, &summary);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut written = String::new();
    output.read_line(&mut written).unwrap();
    let status = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(status.success());
    output.read_to_string(&mut written).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let (lines, summary) = (json_lines(&written), json_file(&summary));
    assert!(lines.len() < 12 * 72, "it ended before the signal");
    assert_eq!(summary["frames"], lines.len());
    assert_eq!(summary["interrupted"], true);
}

#[test]
fn a_reader_that_leaves_ends_the_work_without_a_complaint() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    let folder = folder();
    let mut child = stalled(&clip, &folder.path().join("s.json"));
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(json_lines(&first).len(), 1);
}

#[test]
fn analyze_ends_where_its_results_have_no_room() {
    let Some(clip) = fetched("footage/single_face.mp4") else { return };
    // More frames than wait in its channels, more lines than its buffer takes.
    assert_refused(["analyze", text(&clip), "--output", "/dev/full"], 69, &["/dev/full"]);
}

#[test]
fn align_mirrors_what_the_gate_accepts_and_lists_all() {
    let folder = folder();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    copy(&face("a"), &input.join("happy/a.jpg"));
    copy(&face("b"), &input.join("sad/deep/b.jpg"));
    write_picture(&input.join("sad/c.pgm"), 0);
    run(0, &["align", text(&input), text(&output)]);
    let index = fs::read_to_string(output.join("index.csv")).unwrap();
    let rows = rows(&index);
    assert_eq!(rows[0], ["source", "accepted", "reason", "quality", "landmarks"]);
    let listed: Vec<_> = rows[1..].iter().map(|row| (row[0], row[1], row[2])).collect();
    let expected =
        [("happy/a.jpg", "true", ""), ("sad/c.pgm", "false", "no_face"), ("sad/deep/b.jpg", "true", "")];
    assert_eq!(listed, expected);
    assert_eq!(rows[1][4].split(' ').count(), 136, "68 points");
    assert_eq!(png_size(&output.join("happy/a.png")), (112, 112));
    assert_eq!(png_size(&output.join("sad/deep/b.png")), (112, 112));
    assert!(!output.join("sad/c.png").exists());
    // The same again is the same; what is no longer accepted goes away.
    fs::copy(input.join("sad/c.pgm"), input.join("happy/a.pgm")).unwrap();
    fs::remove_file(input.join("happy/a.jpg")).unwrap();
    run(0, &["align", text(&input), text(&output)]);
    assert!(!output.join("happy/a.png").exists());
}

#[test]
fn align_cuts_the_faces_that_evaluate_judges_with_a_trick() {
    let folder = folder();
    let (input, clean) = (folder.path().join("in"), folder.path().join("clean"));
    copy(&face("a"), &input.join("happy/a.jpg"));
    copy(&face("b"), &input.join("sad/b.jpg"));
    write_picture(&input.join("sad/c.pgm"), 0);
    run(0, &["align", text(&input), text(&clean)]);
    let score: Value =
        serde_json::from_str(&run(0, &["evaluate", text(&input), "--tricks", "--json"])).unwrap();
    for name in ["sunglasses", "mask", "rotation"] {
        let output = folder.path().join(name);
        run(0, &["align", text(&input), text(&output), "--trick", name]);
        let index = fs::read_to_string(output.join("index.csv")).unwrap();
        let rows = rows(&index);
        let rejected = rows[1..].iter().filter(|row| row[1] == "false").count();
        // The picture without a face is left out there and listed here.
        assert_eq!(rows[3][..3], ["sad/c.pgm", "false", "no_face"]);
        assert_eq!(score["tricks"][name]["rejected"], rejected - 1, "{name}: {index}");
        for row in &rows[1..] {
            let crop = Path::new(row[0]).with_extension("png");
            assert_eq!(output.join(&crop).exists(), row[1] == "true", "{name}: {row:?}");
            let same = fs::read(output.join(&crop)).ok().zip(fs::read(clean.join(&crop)).ok());
            assert!(same.is_none_or(|(with, without)| with != without), "{name} was not drawn");
        }
    }
    // Of a tight crop whose clean face cannot be aligned nothing is written with a trick.
    let (fence, cut) = (folder.path().join("fence"), folder.path().join("cut"));
    let row: Vec<u8> = (0..120).map(|x| if x / 10 % 2 == 0 { 220 - x } else { 180 - x }).collect();
    fs::create_dir(&fence).unwrap();
    fs::write(fence.join("f.pgm"), [b"P5 120 120 255\n", row.repeat(120).as_slice()].concat()).unwrap();
    run(0, &["align", text(&fence), text(&cut), "--crops"]);
    assert!(cut.join("f.png").exists());
    let without = fs::read(cut.join("index.csv")).unwrap();
    run(0, &["align", text(&fence), text(&cut), "--crops", "--trick", "beard"]);
    assert!(!cut.join("f.png").exists() && fs::read(cut.join("index.csv")).unwrap() == without);
    let wrong = ["align", text(&fence), text(&cut), "--trick", "moustache"];
    let told = String::from_utf8(cabinmood(wrong).stderr).unwrap();
    assert!(told.contains("sunglasses, glasses, mask") && told.contains("hat_shadow"), "{told}");
}

#[test]
fn align_refuses_what_would_mix_input_and_output() {
    let folder = folder();
    let input = folder.path().join("in");
    copy(&face("a"), &input.join("a.jpg"));
    let inside = input.join("out/deeper");
    assert_refused(["align", text(&input), text(&inside)], 64, &["out/deeper", "not lie in the input"]);
    assert!(!inside.exists());
    copy(&face("a"), &input.join("a.png"));
    let output = folder.path().join("out");
    assert_refused(["align", text(&input), text(&output)], 65, &["a.jpg", "a.png"]);
    assert_refused(["align", "/no/such", text(&output)], 66, &["/no/such"]);
}

#[test]
fn align_names_files_that_are_no_pictures_after_the_others() {
    let folder = folder();
    let (input, output) = (folder.path().join("in"), folder.path().join("out"));
    copy(&face("a"), &input.join("b.jpg"));
    fs::write(input.join("a.png"), "not a picture").unwrap();
    let told = cabinmood(["align", text(&input), text(&output)]);
    assert_eq!(told.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&told.stderr).contains("a.png"));
    let index = fs::read_to_string(output.join("index.csv")).unwrap();
    let listed: Vec<_> = rows(&index)[1..].iter().map(|row| (row[0], row[1], row[2])).collect();
    assert_eq!(listed, [("a.png", "false", "unreadable"), ("b.jpg", "true", "")]);
}
