use super::*;

/// Few draws: the tests ask for what is counted.
pub const FEW: Bootstrap = Bootstrap::new(200);

pub fn surely(e: Expression, p: f32) -> Answer {
    let mut weights = [(1.0 - p) / 6.0; N];
    weights[e.index()] = p;
    Answer::Judged(Probabilities::from_weights(weights).unwrap())
}

pub fn case(label: Expression, answer: Answer) -> Case {
    Case { label, answer, measures: Measures::default() }
}

fn cases() -> Vec<Case> {
    use Expression::{Angry, Happy, Sad};
    vec![
        case(Happy, surely(Happy, 0.9)),
        case(Happy, surely(Happy, 0.9)),
        case(Happy, surely(Sad, 0.9)),
        case(Happy, Answer::Rejected(Reason::Pose)),
        case(Sad, surely(Sad, 0.5)),
        case(Angry, Answer::Unreadable),
    ]
}

fn score() -> Score {
    Score::of(&cases(), &[], FEW)
}

#[test]
fn a_rejected_picture_counts_as_wrong() {
    let score = score();
    assert_eq!((score.images, score.judged, score.rejected), (6, 4, 2));
    assert_eq!((score.accuracy, score.accuracy_judged), (3.0 / 6.0, 3.0 / 4.0));
    assert_eq!(score.rejected_for, BTreeMap::from([("pose", 1), ("unreadable", 1)]));
    let happy = score.per_class[Expression::Happy.index()];
    assert_eq!(
        (happy.images, happy.judged, happy.correct, happy.recall, happy.precision),
        (4, 3, 2, Some(0.5), Some(1.0))
    );
    assert!((happy.f1.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    let angry = score.per_class[Expression::Angry.index()];
    assert_eq!((angry.recall, angry.precision, angry.f1), (Some(0.0), None, Some(0.0)), "never called so");
    let fear = score.per_class[Expression::Fear.index()];
    assert_eq!((fear.recall, fear.precision, fear.f1), (None, None, None), "no pictures");
    assert!((score.macro_recall - (0.5 + 1.0 + 0.0) / 3.0).abs() < 1e-12, "absent classes do not count");
    assert_eq!(score.confusion.as_flattened().iter().sum::<u64>(), score.judged);
    assert_eq!(score.confusion[Expression::Happy.index()][Expression::Sad.index()], 1);
}

#[test]
fn a_crop_that_was_judged_as_it_came_is_told_apart() {
    use Expression::{Happy, Sad};
    let as_it_came = |said, reason| {
        let Answer::Judged(probabilities) = surely(said, 0.6) else { unreachable!() };
        Answer::Unaligned(probabilities, reason)
    };
    let mut cases = cases();
    cases.extend([
        case(Happy, as_it_came(Happy, Reason::Occluded)),
        case(Happy, as_it_came(Sad, Reason::Occluded)),
        case(Sad, as_it_came(Sad, Reason::Pose)),
        case(Sad, as_it_came(Sad, Reason::Pose)),
    ]);
    let score = Score::of(&cases, &[], FEW);
    assert_eq!((score.images, score.judged, score.rejected), (10, 8, 2));
    assert_eq!((score.accuracy, score.accuracy_gated), (6.0 / 10.0, 3.0 / 10.0));
    assert_eq!((score.unaligned.images, score.unaligned.correct), (4, 3));
    assert_eq!(score.unaligned.rejected_for, BTreeMap::from([("occluded", 2), ("pose", 2)]));
    assert_eq!(self::score().accuracy_gated, self::score().accuracy, "nothing was judged as it came");
}

#[test]
fn calibration_is_the_weighted_gap_between_confidence_and_accuracy() {
    // Three at 0.9 of which two are right, one at 0.5 that is right.
    let expected = 0.75 * (0.9 - 2.0 / 3.0) + 0.25 * 0.5;
    assert!((score().ece - expected).abs() < 1e-6, "{} is not {expected}", score().ece);
}

#[test]
fn reliability_has_the_bins_that_have_pictures() {
    let bins = score().reliability;
    let told: Vec<(u64, f64)> = bins.iter().map(|bin| (bin.count, bin.accuracy)).collect();
    assert_eq!(told, [(1, 1.0), (3, 2.0 / 3.0)]);
    assert!((bins[1].from - 13.0 / 15.0).abs() < 1e-12 && (bins[1].confidence - 0.9).abs() < 1e-6);
    let Interval(low, high) = bins[1].interval.unwrap();
    assert!(low < 0.4 && high == 1.0, "three pictures prove little: {low} {high}");
}

#[test]
fn coverage_answers_the_surest_first_and_ends_at_all_judged() {
    let mut cases: Vec<Case> = (0..100)
        .map(|i| {
            // The surer half is right, and the worse aligned one is.
            let said = if i < 50 { Expression::Happy } else { Expression::Sad };
            case(Expression::Happy, surely(said, 0.99 - 0.005 * i as f32))
        })
        .collect();
    for (i, case) in cases.iter_mut().enumerate() {
        case.measures.quality = Some(i as f32 / 100.0);
    }
    cases.extend([case(Expression::Happy, Answer::Rejected(Reason::Dark)); 25]);
    let selective = Score::of(&cases, &[], FEW).selective;
    let at = |curve: &[CurvePoint], coverage: f64| {
        curve.iter().find(|p| (p.coverage - coverage).abs() < 1e-9).unwrap().accuracy
    };
    assert_eq!(at(&selective.by_confidence, 0.4), 1.0);
    assert_eq!(at(&selective.by_quality, 0.4), 0.0);
    for curve in [&selective.by_confidence, &selective.by_quality] {
        let last = curve.last().unwrap();
        assert_eq!((last.coverage, last.accuracy), (0.8, 0.5));
        let Interval(low, high) = last.interval.unwrap();
        assert!(low < 0.45 && high > 0.55, "{last:?}");
        assert!(curve.windows(2).all(|pair| pair[0].coverage < pair[1].coverage));
    }
}

#[test]
fn intervals_hold_their_figures_and_are_wider_for_rare_classes() {
    use Expression::{Disgust, Happy};
    let mut cases = Vec::new();
    for (label, count) in [(Happy, 400), (Disgust, 10)] {
        for i in 0..count {
            cases.push(case(label, surely(if i % 5 == 0 { Expression::Sad } else { label }, 0.8)));
        }
    }
    let score = Score::of(&cases, &[], FEW);
    let within = |value: f64, interval: Option<Interval>| {
        let Interval(low, high) = interval.unwrap();
        assert!(low < value && value < high, "{value} in {low}, {high}");
        high - low
    };
    within(score.accuracy, score.intervals.accuracy);
    within(score.macro_recall, score.intervals.macro_recall);
    let recall = |e: Expression| {
        within(score.per_class[e.index()].recall.unwrap(), score.intervals.per_class[e.index()].recall)
    };
    assert!(recall(Disgust) > 4.0 * recall(Happy));
    assert_eq!(score.intervals.per_class[Expression::Fear.index()].recall, None);
}

#[test]
fn nothing_at_all_is_no_number_that_is_none() {
    let score = Score::of(&[], &[], FEW);
    assert_eq!((score.accuracy, score.accuracy_judged, score.macro_recall, score.ece), (0.0, 0.0, 0.0, 0.0));
    assert_eq!((score.intervals.accuracy, score.selective.by_confidence.len()), (None, 0));
}

#[test]
fn what_was_printed_before_still_is() {
    let json = serde_json::to_value(score()).unwrap();
    for key in [
        "images",
        "judged",
        "rejected",
        "accuracy",
        "accuracy_judged",
        "macro_recall",
        "per_class",
        "confusion",
        "ece",
    ] {
        assert!(!json[key].is_null(), "{key}");
    }
    assert_eq!(json["confusion"].as_array().unwrap().len(), N);
    assert_eq!(json["per_class"]["happy"]["recall"], 0.5);
    assert_eq!(json.get("tricks"), None, "only where they were asked for");
    assert_eq!(json["intervals"]["accuracy"].as_array().unwrap().len(), 2);
    assert_eq!(json["groups"]["yaw_deg"][0]["group"], "not measured");
}

fn column(name: &str, values: impl IntoIterator<Item = Option<&'static str>>) -> Column {
    Column { name: name.into(), values: values.into_iter().map(|v| v.map(str::to_owned)).collect() }
}

fn groups_of(column: Column) -> Vec<(String, u64, f64)> {
    let cases: Vec<Case> = (0..column.values.len())
        .map(|i| case(Expression::Happy, surely([Expression::Happy, Expression::Sad][i % 2], 0.9)))
        .collect();
    let groups = Score::of(&cases, &[column], FEW).groups.0.pop().unwrap().groups;
    groups.into_iter().map(|g| (g.group, g.images, g.accuracy)).collect()
}

#[test]
fn a_column_of_words_has_a_group_for_each() {
    let groups = groups_of(column("seat", [Some("b"), Some("a"), Some("b"), Some(""), None]));
    let expected = [("a", 1, 0.0), ("b", 2, 1.0), ("(empty)", 1, 0.0), ("not listed", 1, 1.0)];
    assert_eq!(groups, expected.map(|(name, n, share)| (name.to_owned(), n, share)));
}

#[test]
fn numbers_are_groups_while_they_are_few_and_bands_where_they_are_many() {
    let few = groups_of(column("age", [Some("100"), Some("20"), Some("3")]));
    assert_eq!(few.iter().map(|g| &*g.0).collect::<Vec<_>>(), ["3", "20", "100"]);
    let many: Vec<&'static str> = "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19".split(' ').collect();
    let bands = groups_of(column("age", many.into_iter().map(Some).chain([None])));
    let told: Vec<(&str, u64)> = bands.iter().map(|g| (&*g.0, g.1)).collect();
    let expected = [
        ("below 4", 4),
        ("4 to 8", 4),
        ("8 to 12", 4),
        ("12 to 16", 4),
        ("16 and more", 4),
        ("not listed", 1),
    ];
    assert_eq!(told, expected);
}

#[test]
fn measures_are_parted_at_their_edges() {
    let mut cases = cases();
    for (case, yaw) in cases.iter_mut().zip([-40.0, -30.0, 0.0, 9.9, 10.0]) {
        case.measures.yaw_deg = Some(yaw);
    }
    let score = Score::of(&cases, &[], FEW);
    let turned = &score.groups.0.iter().find(|grouping| grouping.by == "yaw_deg").unwrap().groups;
    let told: Vec<(&str, u64, u64)> = turned.iter().map(|g| (&*g.group, g.images, g.rejected)).collect();
    let expected = [
        ("below -30", 1, 0),
        ("-30 to -10", 1, 0),
        ("-10 to 10", 2, 1),
        ("10 to 30", 1, 0),
        ("not measured", 1, 1),
    ];
    assert_eq!(told, expected);
    assert_eq!((turned[2].accuracy, turned[2].accuracy_judged), (0.0, Some(0.0)));
    assert_eq!(turned[4].accuracy_judged, None, "a share of nothing");
}
