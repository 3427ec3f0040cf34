//! `watch` in a pipe: one readable line a change.

use types::MoodState;
use wire::Event;

use super::history::{History, Seen};

/// The line that tells what was just seen; `None` where it is nothing new.
pub fn line(history: &History, seen: &Seen) -> Option<String> {
    let what = match (seen, history.latest()) {
        (Seen::Change, Some(event)) => describe(event),
        (Seen::Missed(count), _) => format!("({count} events missed)"),
        (Seen::Change | Seen::Same | Seen::Unreadable, _) => return None,
    };
    Some(format!("{:9.2} s  {what}", history.elapsed().as_secs_f64()))
}

fn describe(event: &Event) -> String {
    let confidence = event.confidence;
    match event.state {
        Some(MoodState::Steady(expression)) => {
            let intensity = event.intensity.map_or(String::new(), |value| format!(", intensity {value:.2}"));
            format!("{expression:<10}  confidence {confidence:.2}{intensity}")
        }
        Some(MoodState::Transition { from, to, .. }) => {
            format!("transition  {from} to {to}, confidence {confidence:.2}")
        }
        Some(MoodState::Unknown(reason)) => format!("unknown     {reason}"),
        None => format!("withheld    not for this reader (purpose: {})", event.purpose.name()),
    }
}

#[cfg(test)]
mod tests {
    use types::Expression::{Happy, Neutral};
    use types::{Progress, Reason};

    use super::super::sample::event;
    use super::*;

    #[test]
    fn changes_and_gaps_are_told_and_nothing_else() {
        let mut history = History::default();
        let moving =
            |progress| MoodState::Transition { from: Neutral, to: Happy, progress: Progress::new(progress) };
        let states = [
            MoodState::Steady(Neutral),
            MoodState::Steady(Neutral),
            moving(0.3),
            moving(0.8),
            MoodState::Steady(Happy),
            MoodState::Unknown(Reason::NoFace),
        ];
        let mut told = Vec::new();
        for (place, state) in (0..).zip(states) {
            let seen = if history.add(event(place * 500, state)) { Seen::Change } else { Seen::Same };
            told.extend(line(&history, &seen));
        }
        history.add(Event { state: None, ..event(3_000, MoodState::Steady(Happy)) });
        told.extend(line(&history, &Seen::Change));
        told.extend(line(&history, &Seen::Missed(3)));
        assert_eq!(
            told,
            [
                "     0.00 s  neutral     confidence 0.87, intensity 0.34",
                "     1.00 s  transition  neutral to happy, confidence 0.87",
                "     2.00 s  happy       confidence 0.87, intensity 0.34",
                "     2.50 s  unknown     no_face",
                "     3.00 s  withheld    not for this reader (purpose: comfort)",
                "     3.00 s  (3 events missed)",
            ]
        );
    }
}
