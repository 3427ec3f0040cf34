//! How far a figure could be another with other pictures of the same kind: the bootstrap (Efron 1979).
//! Data sets of the same size are drawn from the one at hand, with replacement, and the figure is
//! computed on each.

use fastrand::Rng;
use serde::Serialize;

/// The part of the resampled figures that an interval holds.
pub(super) const LEVEL: f64 = 0.95;
/// All figures see the same draws, whenever they are computed.
const SEED: u64 = 1979;

/// Where 95 % of the resampled figures lie: [low, high].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval(pub f64, pub f64);

/// Draws data sets anew.
#[derive(Debug, Clone, Copy)]
pub struct Bootstrap {
    resamples: usize,
}

impl Bootstrap {
    /// One that draws so many data sets.
    #[must_use]
    pub const fn new(resamples: usize) -> Self {
        Self { resamples }
    }

    /// How many data sets are drawn.
    #[must_use]
    pub const fn resamples(&self) -> usize {
        self.resamples
    }

    /// The intervals of several figures of a set of pictures; `figures` is told how often each picture
    /// was drawn. A figure that a draw leaves open is left out; `None` where all do, or there are no
    /// pictures.
    pub fn intervals(
        &self,
        pictures: usize,
        figures: impl Fn(&[u32]) -> Vec<Option<f64>>,
    ) -> Vec<Option<Interval>> {
        let mut times = vec![0_u32; pictures];
        let mut seen: Vec<Vec<f64>> = vec![Vec::new(); figures(&times).len()];
        if pictures == 0 {
            return vec![None; seen.len()];
        }
        let mut rng = Rng::with_seed(SEED);
        for _ in 0..self.resamples {
            times.fill(0);
            (0..pictures).for_each(|_| times[rng.usize(..pictures)] += 1);
            for (seen, figure) in seen.iter_mut().zip(figures(&times)) {
                seen.extend(figure);
            }
        }
        seen.into_iter().map(middle).collect()
    }
}

fn middle(mut figures: Vec<f64>) -> Option<Interval> {
    figures.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| {
        let place = part * figures.len().checked_sub(1)? as f64;
        let (below, above) = (figures[place.floor() as usize], figures[place.ceil() as usize]);
        Some(below + (above - below) * place.fract())
    };
    let outside = (1.0 - LEVEL) / 2.0;
    Some(Interval(at(outside)?, at(1.0 - outside)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The interval of the share of `right` among `all` pictures.
    fn of_share(right: usize, all: usize) -> Interval {
        let share = |times: &[u32]| vec![Some(f64::from(times[..right].iter().sum::<u32>()) / all as f64)];
        Bootstrap::new(1000).intervals(all, share)[0].unwrap()
    }

    #[test]
    fn the_interval_of_a_share_is_the_binomial_one() {
        // 80 of 100: a standard error of 0.04, so about 0.72 to 0.88.
        let Interval(low, high) = of_share(80, 100);
        assert!((low - 0.72).abs() < 0.015 && (high - 0.88).abs() < 0.015, "{low} {high}");
        // Four times the pictures halve it.
        let Interval(low, high) = of_share(320, 400);
        assert!((high - low - 0.078).abs() < 0.012, "{low} {high}");
    }

    #[test]
    fn the_same_pictures_give_the_same_interval() {
        assert_eq!(of_share(7, 10), of_share(7, 10));
        assert_eq!(of_share(10, 10), Interval(1.0, 1.0));
    }

    #[test]
    fn a_figure_that_is_never_there_has_no_interval() {
        let figures = |_: &[u32]| vec![None, Some(0.5)];
        assert_eq!(Bootstrap::new(10).intervals(5, figures), [None, Some(Interval(0.5, 0.5))]);
        assert_eq!(Bootstrap::new(10).intervals(0, figures), [None, None]);
    }
}
