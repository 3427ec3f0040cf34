//! Videos and pictures from disk, good and bad, through the public interface.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test helpers fail and skip loudly"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use capture::{CaptureError, ErrorKind, FrameSource, Remedy, Rotation, SourceOptions, SourceSpec, open};
use frame::{Frame, Pool};
use opencv::core::{CV_8UC3, CV_8UC4, CV_16UC1, Mat, Scalar, Size};
use opencv::imgcodecs::imwrite_def;
use opencv::videoio::{VideoWriter, VideoWriterTrait};
use types::{Clock, MonoTime, Stamped, UtcTime};

/// Files have their own time; nobody may ask for another.
struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> MonoTime {
        panic!("a file's frames are stamped with their media time")
    }

    fn utc(&self) -> UtcTime {
        panic!("capture has no use for wall-clock time")
    }
}

fn open_with(path: &Path, options: &SourceOptions) -> Result<Box<dyn FrameSource>, CaptureError> {
    let spec: SourceSpec = path.to_str().unwrap().parse().unwrap();
    open(&spec, options, Arc::new(NoClock), &Pool::new())
}

fn open_path(path: &Path) -> Result<Box<dyn FrameSource>, CaptureError> {
    open_with(path, &SourceOptions::default())
}

fn frames(source: &mut dyn FrameSource) -> Vec<Stamped<Frame>> {
    std::iter::from_fn(|| source.next().unwrap()).collect()
}

fn flat(width: i32, height: i32, kind: i32, shade: f64) -> Mat {
    Mat::new_rows_cols_with_default(height, width, kind, Scalar::all(shade)).unwrap()
}

fn write(path: &Path, mat: &Mat) {
    assert!(imwrite_def(path, mat).unwrap());
}

/// A video of so many grey frames, 64x48 at 25 a second, each four shades lighter than the last.
fn video(path: &Path, count: i32) {
    let fourcc = VideoWriter::fourcc('M', 'J', 'P', 'G').unwrap();
    let mut writer = VideoWriter::new(path, fourcc, 25.0, Size::new(64, 48), true).unwrap();
    for i in 0..count {
        writer.write(&flat(64, 48, CV_8UC3, f64::from(i * 4))).unwrap();
    }
    writer.release().unwrap();
}

#[test]
fn a_video_gives_its_frames_at_its_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.avi");
    video(&path, 40);
    let mut source = open_path(&path).unwrap();
    assert_eq!(source.frames_hint(), Some(40));
    assert_eq!(source.interval_hint(), Some(Duration::from_millis(40)));
    let name = path.display();
    assert_eq!(source.describe(), format!("video {name}, 64x48, 25.00 frames a second, 40 frames"));
    let frames = frames(&mut *source);
    assert_eq!(frames.len(), 40);
    for (i, frame) in frames.iter().enumerate() {
        assert_eq!((frame.seq, frame.captured_at), (i as u64, MonoTime::from_ms(i as u64 * 40)));
        let shade = frame.value.grey.bytes()[1000];
        assert!(shade.abs_diff(i as u8 * 4) <= 2, "frame {i}: {shade}");
        assert!(frame.value.color.is_none());
    }
    assert!(source.next().unwrap().is_none(), "the end is the end");
    assert_eq!(source.decode_faults(), 0);
}

#[test]
fn a_video_that_breaks_off_plays_what_is_there_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("whole.avi"), folder.path().join("part.avi"));
    video(&whole, 60);
    let bytes = fs::read(&whole).unwrap();
    fs::write(&part, &bytes[..bytes.len() / 2]).unwrap();
    let mut source = open_path(&part).unwrap();
    let mut played = 0;
    let error = loop {
        match source.next() {
            Ok(frame) => played += u64::from(frame.expect("an early end is told").seq == played),
            Err(error) => break error,
        }
    };
    assert!((10..50).contains(&played), "{played}");
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::BadData, Remedy::Skip));
    let told = format!("{}: the video breaks off after {played} frames", part.display());
    assert!(error.to_string().starts_with(&told), "{error}");
    assert_eq!(source.decode_faults(), 1);
    assert!(source.next().unwrap().is_none());
    assert_eq!(source.decode_faults(), 1, "counted once");
}

#[test]
fn what_is_no_video_is_bad_data_and_what_is_missing_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stub) = (folder.path().join("whole.avi"), folder.path().join("stub.avi"));
    video(&whole, 10);
    fs::write(&stub, &fs::read(&whole).unwrap()[..300]).unwrap();
    let text = folder.path().join("notes.mp4");
    fs::write(&text, "no video at all").unwrap();
    let empty = folder.path().join("empty.mp4");
    fs::write(&empty, "").unwrap();
    let expect = |path: PathBuf, kind: ErrorKind| {
        let error = open_path(&path).err().unwrap();
        assert_eq!((error.kind(), error.is_final()), (kind, true), "{error}");
        let message = error.to_string();
        assert!(message.starts_with(path.to_str().unwrap()) && !message.contains('\n'), "{message}");
    };
    expect(stub, ErrorKind::BadData);
    expect(text, ErrorKind::BadData);
    expect(empty, ErrorKind::BadData);
    expect(folder.path().join("missing.mp4"), ErrorKind::NoInput);
    expect(folder.path().join("missing.png"), ErrorKind::NoInput);
}

#[test]
fn pictures_come_by_name_in_their_own_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("b")).unwrap();
    fs::create_dir(at(".hidden")).unwrap();
    write(&at("c.JPG"), &flat(10, 20, CV_8UC3, 200.0));
    write(&at("b/2.png"), &flat(30, 40, CV_8UC4, 150.0));
    write(&at("b/1.png"), &flat(50, 60, CV_16UC1, 256.0 * 100.0));
    write(&at("a.bmp"), &flat(70, 80, CV_8UC3, 50.0));
    write(&at(".hidden/x.png"), &flat(9, 9, CV_8UC3, 0.0));
    fs::write(at("notes.txt"), "no picture").unwrap();
    let mut source = open_path(folder.path()).unwrap();
    assert_eq!(source.frames_hint(), Some(4));
    assert!(source.file().is_none());
    let expected =
        [("a.bmp", 70, 80, 50), ("b/1.png", 50, 60, 100), ("b/2.png", 30, 40, 150), ("c.JPG", 10, 20, 200)];
    for (i, (name, width, height, shade)) in expected.into_iter().enumerate() {
        let frame = source.next().unwrap().unwrap();
        assert_eq!(source.file(), Some(at(name).as_path()));
        let grey = &frame.value.grey;
        assert_eq!((grey.width(), grey.height()), (width, height), "{name}");
        assert!(grey.bytes()[17].abs_diff(shade) <= 1, "{name}: {}", grey.bytes()[17]);
        assert_eq!((frame.seq, frame.captured_at), (i as u64, MonoTime::from_ns(33_333_333 * i as u64)));
    }
    assert!(source.next().unwrap().is_none());
}

#[test]
fn a_bad_picture_is_named_and_the_next_call_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("1.png"), "no picture").unwrap();
    fs::write(at("2.png"), "").unwrap();
    write(&at("3.png"), &flat(8, 8, CV_8UC3, 9.0));
    let mut source = open_path(folder.path()).unwrap();
    for name in ["1.png", "2.png"] {
        let error = source.next().unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (ErrorKind::BadData, Remedy::Skip));
        assert!(error.to_string().starts_with(at(name).to_str().unwrap()), "{error}");
        assert_eq!(source.file(), Some(at(name).as_path()));
    }
    assert_eq!(source.next().unwrap().unwrap().seq, 2);
    assert_eq!(source.decode_faults(), 2);
}

#[test]
fn a_folder_without_pictures_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    let error = open_path(folder.path()).err().unwrap();
    assert_eq!((error.kind(), error.is_final()), (ErrorKind::NoInput, true));
    assert!(error.to_string().starts_with(folder.path().to_str().unwrap()), "{error}");
}

#[test]
fn grey_does_not_depend_on_whether_colour_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (picture, clip) = (folder.path().join("p.jpg"), folder.path().join("c.avi"));
    let mut noise = flat(64, 48, CV_8UC3, 0.0);
    opencv::core::set_rng_seed(7).unwrap();
    opencv::core::randu(&mut noise, &Scalar::all(0.0), &Scalar::all(255.0)).unwrap();
    write(&picture, &noise);
    video(&clip, 3);
    for path in [picture, clip] {
        let first = |keep_color| {
            let options = SourceOptions { keep_color, rotation: Rotation::Cw90, ..SourceOptions::default() };
            open_with(&path, &options).unwrap().next().unwrap().unwrap().value
        };
        let (plain, colored) = (first(false), first(true));
        assert!(plain.grey.bytes() == colored.grey.bytes());
        let color = colored.color.unwrap();
        assert_eq!((color.width(), color.height()), (48, 64));
    }
}

#[test]
fn a_source_that_is_not_built_in_says_so() {
    let spec: SourceSpec = "v4l2:/dev/v4l/by-id/ir".parse().unwrap();
    let error = open(&spec, &SourceOptions::default(), Arc::new(NoClock), &Pool::new()).err().unwrap();
    assert_eq!((error.kind(), error.is_final()), (ErrorKind::Unavailable, true));
    assert!(error.to_string().starts_with("v4l2:/dev/v4l/by-id/ir: "), "{error}");
}

/// A clip that was fetched, or one of the data set; says so where it is not there.
fn clip(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = std::env::var_os("CABINMOOD_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let found = [root.join("third_party"), data].map(|folder| folder.join(name));
    let found = found.into_iter().find(|path| path.is_file());
    if found.is_none() {
        println!("SKIPPED: {name} is not here (run `make setup`, or set CABINMOOD_DATA)");
    }
    found
}

fn real_clip_plays_whole(name: &str, (width, height): (u32, u32)) {
    let Some(path) = clip(name) else { return };
    let mut source = open_path(&path).unwrap();
    let (mut count, mut last) = (0, None);
    while let Some(frame) = source.next().unwrap() {
        assert!(last.is_none_or(|last| frame.captured_at > last), "frame {count} of {name}");
        assert_eq!((frame.value.grey.width(), frame.value.grey.height()), (width, height));
        last = Some(frame.captured_at);
        count += 1;
    }
    assert_eq!(source.decode_faults(), 0, "{count} of {:?} frames", source.frames_hint());
    let rate = 1.0 / source.interval_hint().unwrap().as_secs_f64();
    let played_s = last.unwrap().since(MonoTime::ZERO).as_secs_f64();
    assert!((played_s * rate - count as f64).abs() < 3.0, "{count} frames in {played_s} s at {rate}");
}

#[test]
fn real_clips_play_whole() {
    real_clip_plays_whole("footage/single_face.mp4", (640, 360));
    real_clip_plays_whole("footage/no_face.mp4", (960, 540));
    real_clip_plays_whole("footage/noface_face.mov", (960, 540));
    real_clip_plays_whole("cabin/driver-3.avi", (640, 480));
}

/// Writes a turn into a film's track header: the matrix (a b 0 / c d 0 / 0 0 1), its parts in
/// 16.16 fixed point (ISO 14496-12, 8.3.2), by which a player turns the pictures.
fn mark_as_turned(film: &mut [u8], [a, b, c, d]: [i32; 4]) {
    let header = film.windows(4).position(|tag| tag == b"tkhd").unwrap();
    let matrix = header + 4 + 40;
    for (place, value) in [a, b, 0, c, d, 0].into_iter().enumerate() {
        let at = matrix + place * 4;
        film[at..at + 4].copy_from_slice(&i32::to_be_bytes(value << 16));
    }
}

#[test]
fn a_films_own_rotation_mark_is_followed() {
    let Some(path) = clip("footage/single_face.mp4") else { return };
    let folder = tempfile::tempdir().unwrap();
    let turned = folder.path().join("turned.mp4");
    let first = |path: &Path, rotation| {
        let options = SourceOptions { rotation, ..SourceOptions::default() };
        open_with(path, &options).unwrap().next().unwrap().unwrap().value.grey
    };
    for (rotation, matrix) in
        [(Rotation::Cw90, [0, 1, -1, 0]), (Rotation::Half, [-1, 0, 0, -1]), (Rotation::Ccw90, [0, -1, 1, 0])]
    {
        let mut film = fs::read(&path).unwrap();
        mark_as_turned(&mut film, matrix);
        fs::write(&turned, film).unwrap();
        let (by_mark, by_hand) = (first(&turned, Rotation::None), first(&path, rotation));
        assert_eq!((by_mark.width(), by_mark.height()), (by_hand.width(), by_hand.height()));
        assert!(by_mark.bytes() == by_hand.bytes(), "{rotation:?}");
        let twice = (first(&turned, rotation), first(&path, Rotation::Half));
        assert!(rotation == Rotation::Half || twice.0.bytes() == twice.1.bytes(), "{rotation:?} twice");
    }
}
