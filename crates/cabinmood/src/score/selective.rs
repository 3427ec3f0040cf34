//! Accuracy over coverage: how right the answers are when only the surest are given.

use serde::Serialize;
use types::Expression;

use super::counts::share;
use super::{Bootstrap, Case, Interval};

/// Points of a curve lie this far apart in coverage.
const STEP: f64 = 0.05;

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The share of all pictures that is answered.
    pub coverage: f64,
    /// How many of the answers are right, as a share.
    pub accuracy: f64,
    /// The interval of `accuracy`.
    pub interval: Option<Interval>,
}

/// The curve when pictures with the largest `sureness` are answered first: at each twentieth of the
/// pictures, and where all are answered that the gate lets through.
pub(super) fn curve(
    cases: &[Case],
    sureness: impl Fn(&Case, (Expression, f32)) -> f32,
    bootstrap: Bootstrap,
) -> Vec<Point> {
    let mut order: Vec<(f32, usize)> = cases
        .iter()
        .enumerate()
        .filter_map(|(i, case)| Some((sureness(case, case.answer.said()?), i)))
        .collect();
    // Stable: equally sure ones stay in the order of their names.
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let ranked: Vec<(usize, bool)> =
        order.into_iter().map(|(_, i)| (i, cases[i].answer.is(cases[i].label))).collect();
    let all = share(ranked.len() as u64, cases.len() as u64);
    if ranked.is_empty() {
        return Vec::new();
    }
    let steps = (1..).map(|n| STEP * f64::from(n)).take_while(|coverage| *coverage < all - STEP / 2.0);
    let mut coverages: Vec<f64> = steps.collect();
    // The last point is all that there is, in every draw.
    coverages.push(f64::INFINITY);
    let once = vec![1; cases.len()];
    let intervals = bootstrap.intervals(cases.len(), |times| accuracies(&ranked, times, &coverages));
    let points = coverages.iter().zip(accuracies(&ranked, &once, &coverages)).zip(intervals);
    points
        .filter_map(|((coverage, accuracy), interval)| {
            Some(Point { coverage: coverage.min(all), accuracy: accuracy?, interval })
        })
        .collect()
}

/// The accuracy at each coverage when each picture is there so many times. `None` where nothing is
/// answered.
fn accuracies(ranked: &[(usize, bool)], times: &[u32], coverages: &[f64]) -> Vec<Option<f64>> {
    let pictures = times.len() as f64;
    let (mut answered, mut right) = (0_u64, 0_u64);
    let mut next = ranked.iter();
    let at = coverages.iter().map(|coverage| {
        while (answered as f64) < coverage * pictures {
            let Some((i, correct)) = next.next() else { break };
            answered += u64::from(times[*i]);
            right += if *correct { u64::from(times[*i]) } else { 0 };
        }
        (answered > 0).then(|| share(right, answered))
    });
    at.collect()
}
