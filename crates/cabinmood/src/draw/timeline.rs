//! The mood of a whole clip in one picture: what the driver showed, how sure and how strong, what
//! the net saw on each frame, and where the alignment could not be trusted.

use std::path::Path;

use frame::AlignedFace;
use types::{MonoTime, Mood, MoodState, Observation, Probabilities, Reason};

use super::sheet::Sheet;

/// One frame's part of the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub at: MonoTime,
    pub state: MoodState,
    pub confidence: f32,
    pub intensity: Option<f32>,
    pub probabilities: Option<Probabilities>,
    pub quality: f32,
    pub face: bool,
    pub rejected: Option<Reason>,
}

/// Between two frames that are further apart than this, nothing is drawn.
pub(super) const GAP_S: f32 = 0.5;

/// Gathers moments and draws them.
pub struct Timeline {
    title: String,
    moments: Vec<Moment>,
    faces: Faces,
}

impl Timeline {
    /// An empty timeline; `title` stands above the picture.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), moments: Vec::new(), faces: Faces::default() }
    }

    /// Adds one frame; `face` is its crop where it was accepted.
    pub fn push(&mut self, at: MonoTime, seen: &Observation, mood: &Mood, face: Option<&AlignedFace>) {
        self.moments.push(Moment {
            at,
            state: mood.state,
            confidence: mood.confidence,
            intensity: mood.intensity,
            probabilities: seen.probabilities,
            quality: seen.quality.value(),
            face: seen.face.is_some(),
            rejected: seen.verdict.reason(),
        });
        if let Some(face) = face.filter(|_| seen.verdict.is_accepted()) {
            self.faces.offer(at, face);
        }
    }

    /// Draws everything into a PNG of 1400 pixels' width.
    ///
    /// # Errors
    /// Where the file cannot be written. Without a frame there is nothing to draw, and no file.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        match Sheet::new(&self.moments)? {
            Some(sheet) => sheet.draw(&self.title, &self.faces)?.save(path),
            None => Ok(()),
        }
    }
}

/// A few crops, spread evenly over a clip whose length is not known before its end.
#[derive(Default)]
pub(super) struct Faces {
    kept: Vec<(MonoTime, AlignedFace)>,
    every_ns: u64,
}

impl Faces {
    /// Once there are more, every second one is dropped and the next ones come half as often.
    const MOST: usize = 96;
    const FIRST_EVERY_NS: u64 = 100_000_000;

    fn offer(&mut self, at: MonoTime, face: &AlignedFace) {
        let every_ns = self.every_ns.max(Self::FIRST_EVERY_NS);
        if self.kept.last().is_some_and(|(last, _)| at.as_ns() < last.as_ns() + every_ns) {
            return;
        }
        self.kept.push((at, face.clone()));
        if self.kept.len() > Self::MOST {
            let mut place = 0;
            self.kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.every_ns = every_ns * 2;
        }
    }

    /// The crop closest to a time and no further from it than `within_s`.
    pub fn near(&self, time_s: f32, within_s: f32, start: MonoTime) -> Option<&AlignedFace> {
        let distance = |at: &MonoTime| (at.since(start).as_secs_f32() - time_s).abs();
        let nearest = self.kept.iter().min_by(|a, b| distance(&a.0).total_cmp(&distance(&b.0)))?;
        (distance(&nearest.0) <= within_s).then_some(&nearest.1)
    }
}

/// The same state, however far a transition has come.
pub(super) fn same_state(a: MoodState, b: MoodState) -> bool {
    match (a, b) {
        (MoodState::Transition { from, to, .. }, MoodState::Transition { from: f, to: t, .. }) => {
            from == f && to == t
        }
        _ => a == b,
    }
}

/// Longest stretches of moments in which each is the `same` as the one before, broken at gaps.
pub(super) fn runs(
    moments: &[Moment],
    same: impl Fn(&Moment, &Moment) -> bool,
) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for end in 1..=moments.len() {
        let (last, next) = (&moments[end - 1], moments.get(end));
        let goes_on =
            next.is_some_and(|next| same(last, next) && next.at.since(last.at).as_secs_f32() <= GAP_S);
        if !goes_on {
            found.push(start..end);
            start = end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Expression;

    fn moment(at_ms: u64, state: MoodState) -> Moment {
        Moment {
            at: MonoTime::from_ms(at_ms),
            state,
            confidence: 0.9,
            intensity: None,
            probabilities: None,
            quality: 1.0,
            face: true,
            rejected: None,
        }
    }

    #[test]
    fn runs_break_at_changes_and_gaps_but_not_within_a_transition() {
        let happy = MoodState::Steady(Expression::Happy);
        let on_the_way = |p| MoodState::Transition {
            from: Expression::Happy,
            to: Expression::Sad,
            progress: types::Progress::new(p),
        };
        let script = [
            (0, happy),
            (33, happy),
            (66, on_the_way(0.2)),
            (100, on_the_way(0.8)),
            (133, happy),
            (2000, happy),
        ];
        let moments: Vec<_> = script.map(|(at, state)| moment(at, state)).to_vec();
        assert_eq!(runs(&moments, |a, b| same_state(a.state, b.state)), [0..2, 2..4, 4..5, 5..6]);
    }

    #[test]
    fn kept_faces_stay_few_and_spread() {
        let mut faces = Faces::default();
        let crop = AlignedFace::black();
        (0..60_000).for_each(|n| faces.offer(MonoTime::from_ms(n * 33), &crop));
        assert!(
            faces.kept.len() <= Faces::MOST && faces.kept.len() > Faces::MOST / 3,
            "{}",
            faces.kept.len()
        );
        assert!(faces.near(1000.0, 30.0, MonoTime::ZERO).is_some());
        assert!(faces.near(9000.0, 30.0, MonoTime::ZERO).is_none());
    }
}
