//! How long each stage takes a frame.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// The time that one stage took for each frame it worked on.
#[derive(Debug, Clone, Default)]
pub struct StageTimes {
    ms: Vec<f32>,
}

/// Median and 99th percentile of one stage's time a frame, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StageSummary {
    /// Half of the frames took no longer.
    pub median_ms: f32,
    /// 99 of 100 frames took no longer.
    pub p99_ms: f32,
}

impl StageTimes {
    /// Notes one frame's time.
    pub fn add(&mut self, time: Duration) {
        self.ms.push(time.as_secs_f32() * 1e3);
    }

    /// Nearest-rank median and 99th percentile; `None` where the stage never worked.
    #[must_use]
    pub fn summary(mut self) -> Option<StageSummary> {
        self.ms.sort_unstable_by(f32::total_cmp);
        let rank = |share: f64| {
            let place = (share * self.ms.len() as f64).ceil() as usize;
            self.ms.get(place.saturating_sub(1)).copied()
        };
        // To a microsecond: the clock is not better.
        let rounded = |ms: f32| (ms * 1e3).round() / 1e3;
        Some(StageSummary { median_ms: rounded(rank(0.5)?), p99_ms: rounded(rank(0.99)?) })
    }
}

/// Stages by name, in the order of the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Stages(Vec<(&'static str, StageSummary)>);

impl Stages {
    /// Summaries of the stages that worked; the others are left out.
    #[must_use]
    pub fn of<const N: usize>(stages: [(&'static str, StageTimes); N]) -> Self {
        Self(stages.into_iter().filter_map(|(name, times)| Some((name, times.summary()?))).collect())
    }
}

impl Serialize for Stages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, summary)| (name, summary)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_of_one_to_a_hundred() {
        let mut times = StageTimes::default();
        (1..=100).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        assert_eq!(times.summary(), Some(StageSummary { median_ms: 50.0, p99_ms: 99.0 }));
    }

    #[test]
    fn one_frame_is_its_own_median_and_none_has_no_summary() {
        let mut times = StageTimes::default();
        times.add(Duration::from_millis(4));
        let stages = Stages::of([("align", times), ("classify", StageTimes::default())]);
        assert_eq!(serde_json::to_string(&stages).unwrap(), r#"{"align":{"median_ms":4.0,"p99_ms":4.0}}"#);
    }
}
