//! The daemon with telematics on and no broker: episodes are stored, and `check` says so.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may stop at what they do not expect")]

use std::fs;
use std::path::Path;

use cabinmood_tests::{Daemon, assert_refused, cabinmood, fetched};
use publish::telematics::{Store, StoreOptions};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use wire::episode::Episode;

/// The settings of a vehicle whose certificates lie in this folder, where nobody listens.
fn settings(folder: &Path) -> Vec<String> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["truck".to_owned()]).unwrap();
    fs::write(folder.join("vehicle.pem"), cert.pem()).unwrap();
    fs::write(folder.join("vehicle.key"), signing_key.serialize_pem()).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let settings = [
        "telematics.enabled=true".to_owned(),
        "telematics.host=127.0.0.1".to_owned(),
        "telematics.port=1".to_owned(),
        "telematics.vehicle_id=truck-7".to_owned(),
        format!("telematics.ca={}", path("vehicle.pem")),
        format!("telematics.cert={}", path("vehicle.pem")),
        format!("telematics.key={}", path("vehicle.key")),
        format!("telematics.store={}", path("store")),
        "telematics.min_duration_s=0".to_owned(),
    ];
    settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

#[test]
fn without_a_broker_episodes_are_stored_and_told_by_check() {
    let Some(clip) = fetched("footage/WolfgangLanger_Pexels.mp4") else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let daemon = Daemon::start(settings.iter().cloned().chain([clip.display().to_string()]));
    let told: Vec<Value> = daemon.subscribe().collect();
    assert_eq!(daemon.end(), Some(0));
    assert!(told.iter().any(|event| event["health"]["telematics"] == "starting"), "{:?}", told.last());

    let checked = cabinmood(["check".to_owned(), "--json".to_owned()].into_iter().chain(settings));
    let answer: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let of = |part: &str| {
        answer["findings"].as_array().unwrap().iter().find(|finding| finding["part"] == part).unwrap().clone()
    };
    let (broker, store) = (of("telematics"), of("store"));
    let detail = |finding: &Value| finding["detail"].as_str().unwrap().to_owned();
    assert!(detail(&broker).contains("127.0.0.1:1: ") && broker["works"] == false, "{broker}");

    let (mut found, _) =
        Store::open_folder(&folder.path().join("store"), StoreOptions::new(64 << 20)).unwrap();
    let records = found.read(0, usize::MAX).unwrap();
    assert!(!records.is_empty(), "the clip has a mood, and so an episode");
    assert!(detail(&store).ends_with(&format!(": {} episodes wait", records.len())), "{store}");
    for record in records {
        let episode = Episode::parse(&record.payload).unwrap();
        assert_eq!((&*episode.vehicle_id, &*episode.purpose), ("truck-7", "comfort"));
    }
}

#[test]
fn what_is_wrong_with_telematics_stops_the_start_with_the_key_and_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("a.pgm");
    cabinmood_tests::write_picture(&clip, 0);
    let socket = format!("socket.path={}", folder.path().join("s").display());
    let run = |more: &[&str]| {
        let first = ["run".to_owned(), clip.display().to_string(), "--set".to_owned(), socket.clone()];
        let more: Vec<String> = more.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]).collect();
        first.into_iter().chain(settings(folder.path())).chain(more).collect::<Vec<_>>()
    };
    let text = format!("telematics.ca={}", clip.display());
    for (set, words) in [
        (&["telematics.key=/no/such.key"][..], &["telematics.key /no/such.key", "No such file"][..]),
        (&[&*text], &["telematics.ca", "a.pgm", "certificate"]),
        (&["telematics.host="], &["telematics.host = \"\"", "must be set"]),
        (&["telematics.sync_s=0"], &["telematics.sync_s = 0", "from 1 to 300 seconds"]),
        (
            &["purpose.deployment=workplace", "socket.enabled=false"],
            &["telematics.enabled", "purpose.purpose"],
        ),
    ] {
        assert_refused(run(set), 78, words);
    }
}
