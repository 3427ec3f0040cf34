//! The daemon's own stages under a replay clock: the same clip gives the same events, whatever the
//! machine and its speed, and the moods are those of a golden file.
//! `BLESS=1 cargo test --release -p cabinmood replay` writes that anew after a model was trained.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use capture::{FreezeDetector, SourceOptions, SourceSpec};
use frame::{AlignedFace, Pool};
use smooth::Smoother;
use types::{Clock, MonoTime, MoodState, Stamped, UtcTime};
use wire::{Event, Header};

use super::intake::Captured;
use super::judge::Judge;
use super::metrics::Metrics;
use super::sight::{Sight, Sighted};
use super::vigil::Vigil;
use crate::cli::ConfigArgs;
use crate::config::Config;
use crate::tools::open;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const CLIP: &str = "third_party/footage/single_face.mp4";
const GOLDEN: &str = "tests/fixtures/single_face.moods.txt";
/// Seconds and probabilities are those of the golden file to this: nets on other processors round
/// otherwise.
const TOLERANCE: f64 = 0.01;

/// Stands where the last frame was taken.
#[derive(Default)]
struct ReplayClock(AtomicU64);

impl Clock for ReplayClock {
    fn now(&self) -> MonoTime {
        MonoTime::from_ns(self.0.load(Ordering::Relaxed))
    }

    fn utc(&self) -> UtcTime {
        UtcTime(self.0.load(Ordering::Relaxed))
    }
}

fn clip() -> Option<PathBuf> {
    let path = Path::new(ROOT).join(CLIP);
    if !path.exists() {
        println!("SKIPPED: {CLIP} is not there; run `make setup`");
    }
    path.exists().then_some(path)
}

/// An event for each frame of the clip.
fn replay(clip: &Path) -> Vec<Event> {
    // An empty file: the defaults, whatever this computer has under /etc.
    let set = vec!["classify.providers=['cpu']".to_owned()];
    let config = Config::load(&ConfigArgs { config: Some("/dev/null".into()), set }).unwrap();
    let (clock, metrics) = (Arc::new(ReplayClock::default()), Arc::new(Metrics::default()));
    let mut sight = Sight::new(open::aligner(&config).unwrap(), metrics.clone(), clock.clone());
    let (model, model_id) = ("".into(), "".into());
    let header = Header { boot_id: "replay".into(), model, model_id, software_version: "0".into() };
    let (smoother, vigil) = (Smoother::new(config.smooth.clone()).unwrap(), Vigil::new(config.camera.stall));
    let mut judge =
        Judge::new(smoother, vigil, Arc::default(), Arc::default(), header, metrics, clock.clone());
    judge.equip(Some(open::classifier(&config, None).unwrap()));

    let options = SourceOptions::default();
    let mut source = capture::open(&SourceSpec::from(clip), &options, clock.clone(), &Pool::new()).unwrap();
    let (mut freeze, mut crop, mut events) = (FreezeDetector::default(), AlignedFace::black(), Vec::new());
    while let Some(frame) = source.next().unwrap() {
        clock.0.store(frame.captured_at.as_ns(), Ordering::Relaxed);
        let (seq, captured_at) = (frame.seq, frame.captured_at);
        let frozen = freeze.step(&Stamped { seq, captured_at, value: &frame.value.grey });
        let sighted = sight.step(Captured { frame, frozen, opening: 1 }, crop);
        let Sighted { mut observation, .. } = sighted;
        events.push(judge.sighting(&mut observation, &sighted.crop).1);
        crop = sighted.crop;
    }
    events
}

#[test]
fn replay_gives_the_same_events_twice() {
    let Some(clip) = clip() else { return };
    let (once, twice) = (replay(&clip), replay(&clip));
    assert_eq!(once.len(), 72, "the clip has 72 frames");
    for (once, twice) in once.iter().zip(&twice) {
        assert_eq!(once, twice);
    }
    assert_eq!(once.len(), twice.len());
}

/// Where the state changes: seconds, state and how sure it is then.
fn changes(events: &[Event]) -> String {
    let name = |event: &Event| match event.state {
        Some(MoodState::Steady(expression)) => expression.to_string(),
        Some(MoodState::Transition { from, to, .. }) => format!("{from}>{to}"),
        Some(MoodState::Unknown(reason)) => reason.to_string(),
        None => "withheld".to_owned(),
    };
    let mut last = String::new();
    let changes = events.iter().filter_map(|event| {
        let name = name(event);
        let is_new = std::mem::replace(&mut last, name.clone()) != name;
        let seconds = event.captured_at.as_ns() as f64 / 1e9;
        is_new.then(|| format!("{seconds:.3} {name} {:.3}\n", event.confidence))
    });
    changes.collect()
}

fn is_same(a: &str, b: &str) -> bool {
    let same_word = |(a, b): (&str, &str)| match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= TOLERANCE,
        _ => a == b,
    };
    a.lines().count() == b.lines().count()
        && a.split_whitespace().count() == b.split_whitespace().count()
        && a.split_whitespace().zip(b.split_whitespace()).all(same_word)
}

#[test]
fn replay_gives_the_moods_of_the_golden_file() {
    let Some(clip) = clip() else { return };
    let golden = Path::new(ROOT).join(GOLDEN);
    let found = changes(&replay(&clip));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap();
    assert!(
        is_same(&found, &expected),
        "expected\n{expected}\nfound\n{found}\nBLESS=1 cargo test --release -p cabinmood replay"
    );
}

#[test]
fn a_replay_that_differs_is_not_the_same() {
    assert!(is_same("0.4 happy 0.710\n", "0.4 happy 0.715\n"));
    assert!(!is_same("0.4 happy 0.710\n", "0.4 happy 0.730\n"));
    assert!(!is_same("0.4 happy 0.710\n", "0.4 sad 0.710\n"));
    assert!(!is_same("0.4 happy 0.710\n", "0.4 happy 0.710\n1.0 sad 0.7\n"));
}
