//! What holds of every sequence of observations, however odd.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test has no interface, and stops at what it does not expect"
)]

use std::time::Duration;

use proptest::prelude::*;
use smooth::{SmoothOptions, Smoother};
use types::{
    Expression, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Quality, Reason, Stamped,
    Verdict,
};

#[derive(Debug, Clone)]
enum Step {
    Look { weights: [f32; 7], quality: f32 },
    Rejected(Reason),
    Silence(Reason),
}

fn step() -> impl Strategy<Value = Step> {
    let reason = || (0..Reason::ALL.len()).prop_map(|place| Reason::ALL[place]);
    let sure = (0..Expression::COUNT, 1.0f32..100.0).prop_map(|(e, much)| {
        let mut weights = [1.0; 7];
        weights[e] = much;
        weights
    });
    let weights = prop_oneof![4 => sure, 1 => proptest::array::uniform7(0.0f32..1.0)];
    prop_oneof![
        12 => (weights, 0.0f32..=1.0).prop_map(|(weights, quality)| Step::Look { weights, quality }),
        1 => reason().prop_map(Step::Rejected),
        1 => reason().prop_map(Step::Silence),
    ]
}

/// Steps with the nanoseconds that pass before each; what is seen often lasts for some steps.
fn steps(most_ns: u64) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let run = (step(), proptest::collection::vec(0..most_ns, 1..30));
    proptest::collection::vec(run, 1..40).prop_map(|runs| {
        let spread = |(step, waits): (Step, Vec<u64>)| waits.into_iter().map(move |ns| (ns, step.clone()));
        runs.into_iter().flat_map(spread).collect()
    })
}

fn take(smoother: &mut Smoother, at: MonoTime, step: &Step) -> Mood {
    let value = match step {
        Step::Silence(reason) => return smoother.silence(at, *reason),
        Step::Rejected(reason) => Observation::nothing(*reason),
        Step::Look { weights, quality } => Observation {
            pose: Some(Pose::default()),
            quality: Quality::new(*quality),
            verdict: Verdict::Accepted,
            probabilities: Probabilities::from_weights(*weights),
            ..Observation::nothing(Reason::Starting)
        },
    };
    smoother.step(&Stamped { seq: 0, captured_at: at, value })
}

fn play(steps: &[(u64, Step)]) -> Vec<(MonoTime, Mood)> {
    let mut smoother = Smoother::new(SmoothOptions::default()).unwrap();
    let mut at = MonoTime::ZERO;
    let play_one = |(ns, step): &(u64, Step)| {
        at = at + Duration::from_nanos(*ns);
        (at, take(&mut smoother, at, step))
    };
    steps.iter().map(play_one).collect()
}

fn assert_sound(mood: &Mood) {
    let sum: f32 = mood.posterior.as_array().iter().sum();
    assert!((sum - 1.0).abs() < 1e-4 && mood.posterior.as_array().iter().all(|p| (0.0..=1.0).contains(p)));
    assert!((0.0..=1.0).contains(&mood.confidence), "{mood:?}");
    assert!(mood.intensity.is_none_or(|i| (0.0..=1.0).contains(&i)), "{mood:?}");
    match mood.state {
        MoodState::Unknown(_) => assert!(mood.confidence == 0.0 && mood.intensity.is_none(), "{mood:?}"),
        MoodState::Transition { from, to, .. } => assert_ne!(from, to),
        MoodState::Steady(_) => {}
    }
}

proptest! {
    #[test]
    fn moods_are_sound_and_the_same_each_time(steps in steps(200_000_000)) {
        let moods = play(&steps);
        moods.iter().for_each(|(_, mood)| assert_sound(mood));
        prop_assert_eq!(&moods, &play(&steps));
    }

    #[test]
    fn huge_gaps_and_jumps_back_do_no_harm(
        times in proptest::collection::vec((any::<u64>(), step()), 1..100),
        after in steps(50_000_000),
    ) {
        let mut smoother = Smoother::new(SmoothOptions::default()).unwrap();
        for (ns, step) in &times {
            assert_sound(&take(&mut smoother, MonoTime::from_ns(*ns), step));
        }
        // Two calm seconds on whichever time line it is now on are enough to know again.
        let mut at = MonoTime::from_ns(1 << 40);
        for (ns, step) in &after {
            at = at + Duration::from_nanos(*ns);
            assert_sound(&take(&mut smoother, at, step));
        }
        let calm = Step::Look { weights: [0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.94], quality: 0.9 };
        let mut last = None;
        for _ in 0..60 {
            at = at + Duration::from_millis(33);
            last = Some(take(&mut smoother, at, &calm).state);
        }
        prop_assert_eq!(last, Some(MoodState::Steady(Expression::Neutral)));
    }

    /// A rejected frame and a silence are told as what they are, at once and always.
    #[test]
    fn silence_is_never_a_mood(steps in steps(100_000_000)) {
        for ((_, mood), (_, step)) in play(&steps).iter().zip(&steps) {
            if let Step::Rejected(reason) | Step::Silence(reason) = step {
                prop_assert_eq!(mood.state, MoodState::Unknown(*reason));
            }
        }
    }

    /// While the driver is seen, one expression follows another no sooner than the dwell allows.
    #[test]
    fn expressions_dwell(steps in steps(60_000_000)) {
        // Times in seconds are summed up on the way: hence the microsecond.
        let dwell = Duration::from_secs_f32(SmoothOptions::default().dwell_s) - Duration::from_micros(1);
        let mut held = None;
        let mut was_seen = true;
        for (at, mood) in play(&steps) {
            match (mood.state, held) {
                (MoodState::Steady(now), Some((before, _))) if now == before => {}
                (MoodState::Steady(now), _) => {
                    if let Some((before, since)) = held.filter(|_| was_seen) {
                        prop_assert!(at.since(since) >= dwell, "{before} only from {since:?} to {at:?}");
                    }
                    (held, was_seen) = (Some((now, at)), true);
                }
                (MoodState::Transition { .. } | MoodState::Unknown(Reason::Starting), _) => {}
                (MoodState::Unknown(_), _) => was_seen = false,
            }
        }
    }
}
