//! `evaluate` on real faces through the real binary.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test prepares must work, or the test has failed"
)]

use std::fs;

use cabinmood_tests::tools::{copy, face, folder, png_size, run, text};
use cabinmood_tests::{assert_refused, write_picture};
use serde_json::Value;

#[test]
fn evaluate_judges_a_data_set_and_writes_its_report() {
    let folder = folder();
    let (dataset, report) = (folder.path().join("set"), folder.path().join("report"));
    copy(&face("a"), &dataset.join("neutral/a.jpg"));
    copy(&face("b"), &dataset.join("neutral/b.jpg"));
    copy(&face("c"), &dataset.join("happy/c.jpg"));
    // Called fear, a smiling or calm face is a mistake for the contact sheet.
    copy(&face("a"), &dataset.join("fear/a.jpg"));
    write_picture(&dataset.join("happy/d.pgm"), 0);
    let printed = run(0, &["evaluate", text(&dataset), "--json", "--report", text(&report)]);
    let score: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&score["images"], &score["judged"], &score["rejected"]), (&5.into(), &4.into(), &1.into()));
    let confusion: Vec<u64> = score["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .filter_map(Value::as_u64)
        .collect();
    assert_eq!((confusion.len(), confusion.iter().sum::<u64>()), (49, 4));
    let right: u64 = (0..7).map(|i| confusion[i * 7 + i]).sum();
    assert_eq!(score["accuracy"], right as f64 / 5.0);
    assert_eq!(score["accuracy_judged"], right as f64 / 4.0);
    assert_eq!(score["per_class"]["happy"]["images"], 2);
    let absent = &score["per_class"]["disgust"];
    assert!(["recall", "precision", "f1"].iter().all(|share| absent[share].is_null()), "{absent}");
    for key in ["macro_recall", "ece"] {
        assert!((0.0..=1.0).contains(&score[key].as_f64().unwrap()), "{score}");
    }
    let page = fs::read_to_string(report.join("report.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("fear/a.jpg") && !page.contains("{{"));
    assert!(
        png_size(&report.join("confusion.png")).0 > 800 && png_size(&report.join("reliability.png")).0 > 800
    );
    for key in ["accuracy", "accuracy_judged", "macro_recall", "ece"] {
        let interval = score["intervals"][key].as_array().unwrap();
        assert!(interval[0].as_f64() <= interval[1].as_f64() && interval.len() == 2, "{score}");
    }
    let groups = score["groups"]["eyes_px"].as_array().unwrap();
    assert_eq!(groups.iter().filter_map(|group| group["images"].as_u64()).sum::<u64>(), 5);
    assert_eq!(groups.last().unwrap()["group"], "not measured", "no face, no size");
    let answered = score["selective"]["by_quality"].as_array().unwrap().last().unwrap();
    assert_eq!((&answered["coverage"], &answered["accuracy"]), (&0.8.into(), &score["accuracy_judged"]));
    for name in ["classes", "groups", "maps"] {
        assert!(png_size(&report.join(name).with_extension("png")).0 > 700, "{name}");
    }
    assert!(score.get("tricks").is_none() && !report.join("tricks.png").exists());
    let table = run(0, &["evaluate", text(&dataset)]);
    assert!(table.contains("rejected         1  no_face 1") && table.contains("macro recall"), "{table}");
}

#[test]
fn evaluate_plays_tricks_on_the_faces_that_were_accepted() {
    let folder = folder();
    let (dataset, report) = (folder.path().join("set"), folder.path().join("report"));
    copy(&face("a"), &dataset.join("neutral/a.jpg"));
    copy(&face("b"), &dataset.join("happy/b.jpg"));
    copy(&face("c"), &dataset.join("happy/c.jpg"));
    write_picture(&dataset.join("happy/d.pgm"), 0);
    let args = ["evaluate", text(&dataset), "--tricks", "--json", "--report", text(&report)];
    let printed = run(0, &args);
    let score: Value = serde_json::from_str(&printed).unwrap();
    let tricks = score["tricks"].as_object().unwrap();
    let each: Vec<(&String, &Value)> = tricks.iter().filter(|(_, trick)| trick.is_object()).collect();
    assert_eq!(each.len(), 12, "{tricks:?}");
    for (name, trick) in &each {
        let of = |key: &str| trick[key].as_f64().unwrap();
        assert_eq!(trick["images"], 3, "{name}");
        assert!(of("low") <= of("accuracy") && of("accuracy") <= of("high") && of("high") <= 1.0, "{name}");
        let accepted = 3.0 - of("rejected");
        let right = trick["accuracy_accepted"].as_f64().map_or(0.0, |share| share * accepted);
        assert!((right - 3.0 * of("accuracy")).abs() < 1e-9, "{name}: {trick}");
        assert!((of("gap") - (tricks["clean_accuracy"].as_f64().unwrap() - of("accuracy"))).abs() < 1e-9);
    }
    assert_eq!(tricks["left_out"], 1, "the picture without a face");
    let mean = each.iter().map(|(_, trick)| trick["gap"].as_f64().unwrap()).sum::<f64>() / 12.0;
    assert!((tricks["mean_gap"].as_f64().unwrap() - mean).abs() < 1e-9);
    let least = each.iter().map(|(_, trick)| trick["accuracy"].as_f64().unwrap()).fold(1.0, f64::min);
    assert_eq!(tricks[tricks["worst"].as_str().unwrap()]["accuracy"], least);
    assert_eq!(run(0, &args), printed, "the same drawings, the same draws");
    let sheet = png_size(&report.join("tricks-sheet.png"));
    assert!(sheet.0 > 700 && sheet.1 > 1500, "three people, thirteen rows: {sheet:?}");
    let page = fs::read_to_string(report.join("report.html")).unwrap();
    assert!(page.contains("Mean gap") && page.contains("<td>side light</td>") && !page.contains("{{"));
    // Without tricks, those of the last report are gone, and the clean figures are the same.
    let plain = run(0, &["evaluate", text(&dataset), "--json", "--report", text(&report)]);
    let plain: Value = serde_json::from_str(&plain).unwrap();
    assert_eq!((&plain["confusion"], &plain["ece"]), (&score["confusion"], &score["ece"]));
    assert!(!report.join("tricks-sheet.png").exists() && report.join("maps.png").exists());
    let table = run(0, &["evaluate", text(&dataset), "--tricks"]);
    assert!(table.contains("low resolution") && table.contains("mean gap") && table.contains("1 left out"));
}

#[test]
fn evaluate_judges_the_groups_that_a_table_brings() {
    let folder = folder();
    let (dataset, table) = (folder.path().join("set"), folder.path().join("groups.csv"));
    copy(&face("a"), &dataset.join("neutral/a.jpg"));
    copy(&face("b"), &dataset.join("happy/b.jpg"));
    write_picture(&dataset.join("happy/d.pgm"), 0);
    let evaluate = |more: &[&str]| {
        let args = [&["evaluate", text(&dataset), "--groups", text(&table)], more].concat();
        run(0, &args)
    };
    fs::write(&table, "file,seat,age\nhappy/b.jpg,left,31\nneutral/a.jpg,right,\n").unwrap();
    let score: Value = serde_json::from_str(&evaluate(&["--json"])).unwrap();
    let names = |by: &str| -> Vec<String> {
        let groups = score["groups"][by].as_array().unwrap().iter();
        groups.map(|group| group["group"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("seat"), ["left", "right", "not listed"]);
    assert_eq!(names("age"), ["31", "(empty)", "not listed"]);
    let unlisted = &score["groups"]["seat"][2];
    assert_eq!((&unlisted["images"], &unlisted["rejected"]), (&1.into(), &1.into()));
    assert!(unlisted["accuracy"] == 0.0 && unlisted["accuracy_judged"].is_null(), "{unlisted}");
    let printed = evaluate(&[]);
    assert!(printed.contains("not listed") && printed.contains("seat"), "{printed}");
    fs::write(&table, "file,seat\nhappy/b.jpg,left\nhappy/c.jpg,left\n").unwrap();
    let args = ["evaluate", text(&dataset), "--groups", text(&table)];
    assert_refused(args, 65, &["groups.csv, line 3", "happy/c.jpg"]);
    assert_refused(["evaluate", text(&dataset), "--groups", "/no/such.csv"], 66, &["--groups /no/such.csv"]);
}

#[test]
fn evaluate_takes_whole_pictures_as_faces_where_it_is_told_so() {
    let folder = folder();
    let (cut, dataset) = (folder.path().join("cut"), folder.path().join("set"));
    copy(&face("a"), &dataset.join("neutral/a.jpg"));
    run(0, &["align", text(&dataset), text(&cut)]);
    fs::remove_file(cut.join("index.csv")).unwrap();
    // A fence has no eyes to be levelled, and whoever calls it a face is told what it looks like.
    let row: Vec<u8> = (0..120).map(|x| if x / 10 % 2 == 0 { 220 - x } else { 180 - x }).collect();
    fs::write(cut.join("neutral/fence.pgm"), [b"P5 120 120 255\n", row.repeat(120).as_slice()].concat())
        .unwrap();
    let printed = run(0, &["evaluate", text(&cut), "--crops", "--json"]);
    let score: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((&score["images"], &score["judged"], &score["rejected"]), (&2.into(), &2.into(), &0.into()));
    assert_eq!(score["unaligned"]["images"], 1);
    let gated = score["accuracy"].as_f64().unwrap() - score["unaligned"]["correct"].as_f64().unwrap() / 2.0;
    assert_eq!(score["accuracy_gated"].as_f64().unwrap(), gated);
    assert!(run(0, &["evaluate", text(&cut), "--crops"]).contains("judged as they came"));
    // `align` leaves what was judged, and does not call it accepted.
    let crops = folder.path().join("crops");
    run(0, &["align", text(&cut), text(&crops), "--crops"]);
    assert!(crops.join("neutral/fence.png").is_file());
    let index = fs::read_to_string(crops.join("index.csv")).unwrap();
    assert!(index.contains("neutral/fence.pgm,false,"), "{index}");
}

#[test]
fn evaluate_refuses_what_is_no_data_set() {
    let folder = folder();
    write_picture(&folder.path().join("a.pgm"), 0);
    let set = text(folder.path());
    assert_refused(["evaluate", set], 65, &["no class folder", "angry/"]);
    fs::create_dir_all(folder.path().join("happy")).unwrap();
    fs::create_dir_all(folder.path().join("bored")).unwrap();
    assert_refused(["evaluate", set], 65, &["bored/"]);
    run(64, &["evaluate", set, "--resamples", "0"]);
    assert_refused(["evaluate", "/no/such"], 66, &["/no/such"]);
}
