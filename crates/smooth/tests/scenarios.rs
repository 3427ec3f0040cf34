//! Scenes from real driving. Each is played at 10, 30 and 60 frames a second and must give the
//! same states at the named seconds.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no interface, and stops at what it does not expect"
)]

mod script;

use script::{check, play};
use smooth::{SmoothOptions, Smoother};
use types::{Expression, MoodState};

fn smoother() -> Smoother {
    Smoother::new(SmoothOptions::default()).unwrap()
}

/// The intensities told in a script played at 30 frames a second, with their seconds.
fn intensities(smoother: &mut Smoother, script: &str) -> Vec<(f64, f32)> {
    let moments = play(smoother, script, 30);
    moments.iter().filter_map(|m| Some((m.at_s, m.mood.intensity?))).collect()
}

fn at(intensities: &[(f64, f32)], at_s: f64) -> f32 {
    intensities.iter().rfind(|(s, _)| *s <= at_s).unwrap().1
}

#[test]
fn at_the_start_nothing_is_claimed_before_enough_is_seen() {
    check("0s neutral 0.9 / 3s end", "0s starting / 0.5s starting / 0.9s neutral / 0.9s-3s neutral");
    check("0s neutral 0.45 sad 0.35 / 3s end", "0.9s starting / 1.3s neutral");
}

#[test]
fn a_long_traffic_light_is_neutral_throughout() {
    check(
        "0s neutral 0.7 sad 0.15 / 60s neutral 0.5 sad 0.4 / 62s neutral 0.7 / 120s end",
        "1s-120s neutral",
    );
}

#[test]
fn a_smile_is_told_within_the_second_it_lasts_past() {
    check(
        "0s neutral 0.9 / 10s happy 0.9 / 14s neutral 0.9 / 18s end",
        "1s-10.1s neutral / 10.7s-14.1s happy / 14.7s-18s neutral",
    );
    check("0s neutral 0.65 / 10s happy 0.65 / 14s end", "10.4s neutral / 11.2s-14s happy");
}

#[test]
fn a_slow_smile_passes_through_a_transition_that_grows() {
    let script = "0s neutral 0.9 / 10s neutral 0.9 .. happy 0.9 / 14s happy 0.9 / 16s end";
    check(script, "1s-13s neutral / 13.4s neutral>happy / 13.7s-16s happy");
    let progress: Vec<f32> = play(&mut smoother(), script, 60)
        .iter()
        .filter_map(|m| match m.mood.state {
            MoodState::Transition { progress, .. } => Some(progress.value()),
            _ => None,
        })
        .collect();
    assert!(progress.len() >= 5 && progress.is_sorted(), "{progress:?}");
    assert!(progress[0] < 0.3 && progress[progress.len() - 1] > 0.7, "{progress:?}");
}

#[test]
fn a_transition_does_not_waver_between_two_targets() {
    let script = "0s neutral 0.8 / 5s happy 0.5 surprise 0.4 | surprise 0.5 happy 0.4 each 0.2s / 8s end";
    let mut targets: Vec<Expression> = play(&mut smoother(), script, 30)
        .iter()
        .filter_map(|m| match m.mood.state {
            MoodState::Transition { to, .. } => Some(to),
            _ => None,
        })
        .collect();
    assert!(targets.len() > 5, "{targets:?}");
    targets.dedup();
    assert!(targets.len() <= 2, "it changed its mind more than once: {targets:?}");
}

#[test]
fn a_transition_that_goes_on_to_a_third_expression_names_that_one() {
    // Neutral is only passed through, too faintly to become the state.
    let script = "0s fear 0.9 / 5s neutral 0.4 sad 0.25 fear 0.1 / 5.8s happy 0.97, quality 0.5 / 9s end";
    check(script, "1s-5s fear / 5.7s fear>neutral / 6.4s fear>happy / 7s-9s happy");
    let SmoothOptions { enter, exit, .. } = SmoothOptions::default();
    for moment in play(&mut smoother(), script, 30) {
        let MoodState::Transition { from, to, progress } = moment.mood.state else { continue };
        let told = format!("{from}>{to} {progress:?} at {:.2}s: {:?}", moment.at_s, moment.mood);
        assert!(progress.value() <= moment.mood.confidence / enter + 1e-6, "further than it is sure: {told}");
        // Confidence and posterior differ by what is unknown.
        let known = moment.mood.confidence / moment.mood.posterior.of(to);
        let rival = Expression::ALL.into_iter().filter(|e| *e != from).map(|e| moment.mood.posterior.of(e));
        let lead = rival.fold(0.0, f32::max) * known - moment.mood.confidence;
        assert!(lead < enter - exit, "a rival leads: {told}");
    }
}

#[test]
fn one_odd_frame_is_no_mood() {
    check("0s neutral 0.9 / 10s surprise 0.97 / 10.1s neutral 0.9 / 12s end", "1s-12s neutral");
}

#[test]
fn a_yawn_is_not_surprise_for_ever() {
    // The net takes the open mouth of a yawn for surprise, half-heartedly, for six seconds.
    check(
        "0s neutral 0.8 / 10s surprise 0.6 sad 0.2 / 16s neutral 0.8 / 20s end",
        "9.9s neutral / 16.8s-20s neutral",
    );
}

#[test]
fn speech_that_fits_no_expression_is_unknown() {
    check("0s happy 0.7 | sad 0.7 each 0.2s / 10s neutral 0.9 / 12s end", "0s-10s starting / 11s neutral");
}

#[test]
fn a_tunnel_is_dark_at_once_and_the_mood_does_not_survive_it() {
    check(
        "0s happy 0.9 / 10s dark / 40s neutral 0.9 / 44s end",
        "9.9s happy / 10s-39.8s dark / 40s-40.3s starting / 41s neutral / 40s-44s not happy",
    );
}

#[test]
fn a_short_glance_aside_is_told_and_the_mood_is_there_again_after_it() {
    check(
        "0s neutral 0.8 / 10s pose / 10.6s neutral 0.8 / 12s end",
        "9.9s neutral / 10s-10.5s pose / 10.6s-12s neutral",
    );
}

#[test]
fn sun_between_trees_is_told_frame_by_frame_and_invents_no_expression() {
    check(
        "0s neutral 0.8 / 10s overexposed | neutral 0.8 each 0.2s / 14s neutral 0.8 / 15s end",
        "10.1s overexposed / 10.3s neutral / 12.1s overexposed / 12.3s neutral / 14s-15s neutral",
    );
}

#[test]
fn a_passenger_who_leans_in_hides_the_driver_only_while_he_does() {
    check(
        "0s happy 0.9 / 6s gone / 9s happy 0.9 / 12s end",
        "5.9s happy / 6s-8.9s no_face / 9s starting / 9.7s-12s happy",
    );
}

#[test]
fn a_lost_camera_is_silence_and_then_a_new_start() {
    check(
        "0s sad 0.9 / 6s silence camera_lost / 20s neutral 0.9 / 23s end",
        "5.9s sad / 6s-19.9s camera_lost / 20s starting / 20.9s-23s neutral / 20s-23s not sad",
    );
}

#[test]
fn a_gap_that_nobody_noted_counts_as_not_watched() {
    check(
        "0s happy 0.9 / 6s nothing / 26s neutral 0.9 / 29s end",
        "26s starting / 26s-29s not happy / 27s neutral",
    );
}

#[test]
fn being_told_not_to_watch_forgets_at_once() {
    check(
        "0s happy 0.9 / 6s silence disabled / 6.2s happy 0.9 / 9s end",
        "6s disabled / 6.2s starting / 7s happy",
    );
}

#[test]
fn poor_crops_weigh_little() {
    check("0s neutral 0.9 / 10s angry 0.9, quality 0.1 / 10.5s neutral 0.9 / 13s end", "1s-13s neutral");
    check("0s neutral 0.9, quality 0 / 20s end", "0s-20s starting");
    check("0s neutral 0.9 / 10s neutral 0.9, quality 0 / 20s end", "9.9s neutral / 12s-20s starting");
}

#[test]
fn an_expression_is_held_for_the_dwell_and_no_longer() {
    // Surprise for just long enough to be told, then fear for good.
    check(
        "0s neutral 0.9 / 10s surprise 0.95 / 10.5s fear 0.95 / 13s end",
        "10.6s surprise / 10.8s surprise / 11.2s-13s fear",
    );
}

#[test]
fn a_change_that_never_ends_becomes_unknown() {
    // At even odds between two expressions, both far from what is usual.
    check("0s sad 0.9 / 5s sad 0.44 angry 0.447 / 40s end", "4.9s sad / 39s not neutral / 39s not angry");
    check("0s sad 0.9 / 5s neutral 0.14 / 20s end", "4.9s sad / 7.5s sad>neutral / 14s-20s starting");
}

#[test]
fn intensity_is_told_once_the_drivers_neutral_is_learned() {
    let mut smoother = smoother();
    let told = intensities(
        &mut smoother,
        "0s neutral 0.8 / 14s happy 0.6 neutral 0.3 / 18s happy 0.95 / 22s neutral 0.8 / 26s end",
    );
    let (first, _) = told[0];
    assert!((10.0..12.0).contains(&first), "learned at {first} s");
    let (rest, faint, broad, rest_again) =
        (at(&told, 13.9), at(&told, 17.9), at(&told, 21.9), at(&told, 25.9));
    assert!(rest < 0.05 && rest_again < 0.1, "at rest {rest}, {rest_again}");
    assert!(faint > rest + 0.2 && broad > faint + 0.1, "faint {faint}, broad {broad}");
    smoother.reset_neutral();
    assert!(intensities(&mut smoother, "30s neutral 0.8 / 35s end").is_empty());
}

#[test]
fn neutral_is_learned_for_each_driver() {
    // The second driver's face at rest looks a little sad: that is the zero of his scale.
    let told = |rest: &str| {
        let script = format!("0s {rest} / 20s neutral 0.5 sad 0.4 / 24s end");
        at(&intensities(&mut smoother(), &script), 23.9)
    };
    let (cheerful, gloomy) = (told("neutral 0.8 happy 0.15"), told("neutral 0.6 sad 0.3"));
    assert!(cheerful > gloomy + 0.2, "{cheerful} and {gloomy}");
}

#[test]
fn a_restless_neutral_is_still_neutral() {
    let told = intensities(&mut smoother(), "0s neutral 0.9 | neutral 0.5 sad 0.3 each 1s / 40s end");
    let late: Vec<f32> = told.iter().filter(|(s, _)| *s > 20.0).map(|(_, i)| *i).collect();
    let mean = late.iter().sum::<f32>() / late.len() as f32;
    assert!(mean < 0.06, "{mean}");
}

#[test]
fn neutral_is_not_learned_from_turned_poor_or_moved_faces() {
    for scene in ["neutral 0.9, yaw 25", "neutral 0.9, quality 0.5", "neutral 0.42 sad 0.42", "happy 0.9"] {
        let told = intensities(&mut smoother(), &format!("0s {scene} / 30s end"));
        assert!(told.is_empty(), "learned from {scene:?}");
    }
}

#[test]
fn a_source_that_starts_anew_starts_the_mood_anew() {
    let mut smoother = smoother();
    play(&mut smoother, "0s happy 0.9 / 30s end", 30);
    let again = play(&mut smoother, "0s neutral 0.9 / 3s end", 30);
    assert_eq!(again[0].mood.state, MoodState::Unknown(types::Reason::Starting));
    assert!(again.iter().all(|m| m.mood.state != MoodState::Steady(Expression::Happy)));
    assert_eq!(again[again.len() - 1].mood.state, MoodState::Steady(Expression::Neutral));
}

#[test]
fn a_frame_overtaken_by_a_silence_is_no_new_start() {
    let mut smoother = smoother();
    play(&mut smoother, "0s happy 0.9 / 5s silence stale / 5.2s end", 30);
    let next = play(&mut smoother, "5.07s happy 0.9 / 6s end", 30);
    assert_eq!(next[0].mood.state, MoodState::Steady(Expression::Happy));
}

#[test]
fn a_smoother_owns_no_heap() {
    assert!(!std::mem::needs_drop::<Smoother>());
}
