//! A night's picture is amplified until its noise is as large as the gradients that face and landmarks
//! are found by. How large it is is measured, and where it is large the picture is smoothed.

use frame::{Grey, Pool};
use opencv::core::{Mat, Size};
use opencv::imgproc::gaussian_blur_def;

use crate::warp::as_mat;

/// A picture whose noise has a larger standard deviation is smoothed, in grey values. In daylight
/// the clips' frames have 0.5 and 99 of 100 of landmarks68's photographs less than 3, at night 9
/// (`python -m landmarks.tricks`).
const NOISY: f32 = 4.0;
/// The smoothing's standard deviation in pixels. At night a quarter more faces are found by it, in
/// daylight none (`python -m landmarks.tricks --prepare smooth`).
const SIGMA_PX: f64 = 1.0;
/// Every so many rows are measured.
const EVERY: usize = 8;
/// The second difference both across and down has this many times the noise's standard deviation
/// (Immerkær, CVIU 1996),
const GAIN: f32 = 6.0;
/// and half of a normal distribution's values lie within this many of them.
const HALF: f32 = 0.6745;
/// Differences from here on count as one.
const MOST: usize = 512;

/// Smooths noisy pictures, keeping its buffers.
#[derive(Debug, Default)]
pub(crate) struct Denoiser {
    pool: Pool,
    bends: Vec<i16>,
}

impl Denoiser {
    /// The picture smoothed, where its noise asks for it.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn smoothed(&mut self, grey: &Grey) -> opencv::Result<Option<Grey>> {
        if self.noise(grey) < NOISY {
            return Ok(None);
        }
        let (width, height) = (grey.width(), grey.height());
        let mut bytes = self.pool.take(width as usize * height as usize);
        let mut target =
            Mat::new_rows_cols_with_bytes_mut::<u8>(height.cast_signed(), width.cast_signed(), &mut bytes)?;
        gaussian_blur_def(&as_mat(grey)?, &mut target, Size::default(), SIGMA_PX)?;
        drop(target);
        let smooth = Grey::new(width, height, bytes);
        smooth.map(Some).map_err(|e| opencv::Error::new(opencv::core::StsUnmatchedSizes, e.to_string()))
    }

    /// The standard deviation of the noise in grey values. Edges and patterns hardly count: it is
    /// the median that is taken.
    fn noise(&mut self, grey: &Grey) -> f32 {
        let width = grey.width() as usize;
        let mut counts = [0_u32; MOST];
        self.bends.resize(width, 0);
        let whole = grey.bytes().chunks_exact(width.max(1));
        let (above, here, below) = (whole.clone(), whole.clone().skip(1), whole.skip(2));
        for ((above, here), below) in above.zip(here).zip(below).step_by(EVERY) {
            for (bend, ((&a, &b), &c)) in self.bends.iter_mut().zip(above.iter().zip(here).zip(below)) {
                *bend = i16::from(a) + i16::from(c) - 2 * i16::from(b);
            }
            for bends in self.bends.windows(3) {
                let bend = (bends[0] + bends[2] - 2 * bends[1]).unsigned_abs();
                counts[usize::from(bend).min(MOST - 1)] += 1;
            }
        }
        let half = counts.iter().sum::<u32>() / 2;
        let mut below = 0;
        let median = counts.iter().position(|count| {
            below += count;
            below > half
        });
        median.unwrap_or(0) as f32 / (GAIN * HALF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 160;

    /// Stripes, blobs and edges, with noise of this standard deviation: the sum of four draws.
    fn picture(noise: f32) -> Grey {
        let mut state = 1_u32;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        let mut bytes = Vec::new();
        for (y, x) in (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (y as f32, x as f32))) {
            let edge = if (x - 80.0).hypot(y - 60.0) < 40.0 { 60.0 } else { 0.0 };
            let shown = 100.0 + edge + 30.0 * (0.05 * x).sin() + 20.0 * (0.08 * y).cos();
            let drawn = (0..4).map(|_| draw()).sum::<f32>() * noise * 3.0_f32.sqrt();
            bytes.push((shown + drawn).round() as u8);
        }
        Grey::new(SIDE as u32, SIDE as u32, bytes.into()).unwrap()
    }

    #[test]
    fn noise_is_measured_and_edges_are_none() {
        let mut denoiser = Denoiser::default();
        assert!(denoiser.noise(&picture(0.0)) < 1.0);
        for noise in [5.0, 10.0, 20.0] {
            let measured = denoiser.noise(&picture(noise));
            assert!((0.85..1.15).contains(&(measured / noise)), "{measured} for {noise}");
        }
    }

    #[test]
    fn only_a_noisy_picture_is_smoothed() {
        let mut denoiser = Denoiser::default();
        assert!(denoiser.smoothed(&picture(2.0)).unwrap().is_none());
        let smooth = denoiser.smoothed(&picture(12.0)).unwrap().unwrap();
        assert!(denoiser.noise(&smooth) < NOISY / 2.0);
    }

    #[test]
    fn a_picture_of_hardly_any_pixels_has_no_noise() {
        for (width, height) in [(1, 1), (2, 9), (9, 2)] {
            let grey = Grey::new(width, height, vec![7; (width * height) as usize].into()).unwrap();
            assert!(Denoiser::default().smoothed(&grey).unwrap().is_none(), "{width}x{height}");
        }
    }
}
