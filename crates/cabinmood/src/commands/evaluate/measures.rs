//! What pictures are parted by: what alignment says of a face, and what its crop shows.

use std::ops::Range;

use frame::AlignedFace;
use types::Observation;

use crate::score::Measures;

/// The cheeks in every crop, below the eyes and beside the nose.
const CHEEK_ROWS: Range<usize> = 58..72;
const CHEEK_COLUMNS: [Range<usize>; 2] = [26..38, 74..86];
/// The bridge of the nose, from the brows to below the eyes, where a frame has its own.
const BRIDGE: (Range<usize>, Range<usize>) = (28..52, 52..61);
/// Below each eye, where its lower rim runs.
const RIMS: [(Range<usize>, Range<usize>); 2] = [(50..64, 26..44), (50..64, 68..86)];
/// The face without what is around it.
const FACE: (Range<usize>, Range<usize>) = (20..100, 20..92);
/// Added to a face's contrast, so that noise on an even surface is no frame.
const LEAST_CONTRAST: f32 = 5.0;
/// How often rows are averaged with their neighbours: enough for noise, too little for a rim.
const SMOOTHED: usize = 2;

pub fn measure(seen: &Observation, crop: &AlignedFace) -> Measures {
    let Some(landmarks) = seen.landmarks else { return Measures::default() };
    Measures {
        quality: Some(seen.quality.value()),
        yaw_deg: seen.pose.map(|pose| pose.yaw_deg),
        skin_brightness: Some(cheeks(crop)),
        frame_edges: Some(frame_edges(crop)),
        eyes_px: landmarks.inter_ocular_distance_px(),
    }
}

/// The median brightness of the cheeks.
fn cheeks(crop: &AlignedFace) -> f32 {
    let mut values: Vec<u8> =
        CHEEK_COLUMNS.iter().flat_map(|columns| patch(crop, &CHEEK_ROWS, columns)).collect();
    let middle = values.len() / 2;
    f32::from(*values.select_nth_unstable(middle).1)
}

/// The steepest change from row to row across the bridge of the nose, and that below the eye where it is less
/// steep, over the contrast of the face. Skin changes slowly there; the frame of glasses crosses both places.
fn frame_edges(crop: &AlignedFace) -> f32 {
    let rims = RIMS.iter().map(|(rows, columns)| steepest(crop, rows, columns));
    let (rows, columns) = BRIDGE;
    let edges = steepest(crop, &rows, &columns) + rims.fold(f32::INFINITY, f32::min);
    edges / (deviation(&patch(crop, &FACE.0, &FACE.1)) + LEAST_CONTRAST)
}

/// The largest difference between rows that follow on one another, each the mean over the columns.
fn steepest(crop: &AlignedFace, rows: &Range<usize>, columns: &Range<usize>) -> f32 {
    let mut means: Vec<f32> = (rows.start - SMOOTHED..=rows.end + SMOOTHED)
        .map(|row| mean(&patch(crop, &(row..row + 1), columns)))
        .collect();
    for _ in 0..SMOOTHED {
        means = means.windows(3).map(|w| (w[0] + 2.0 * w[1] + w[2]) / 4.0).collect();
    }
    means.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
}

fn patch(crop: &AlignedFace, rows: &Range<usize>, columns: &Range<usize>) -> Vec<u8> {
    let all = crop.pixels().chunks_exact(AlignedFace::SIDE);
    all.take(rows.end).skip(rows.start).flat_map(|row| row[columns.clone()].iter().copied()).collect()
}

fn mean(values: &[u8]) -> f32 {
    values.iter().map(|value| f32::from(*value)).sum::<f32>() / values.len() as f32
}

fn deviation(values: &[u8]) -> f32 {
    let middle = mean(values);
    let squares = values.iter().map(|value| (f32::from(*value) - middle).powi(2)).sum::<f32>();
    (squares / values.len() as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(paint: impl Fn(usize, usize) -> u8) -> AlignedFace {
        let mut crop = AlignedFace::black();
        for (i, pixel) in crop.pixels_mut().iter_mut().enumerate() {
            *pixel = paint(i % AlignedFace::SIDE, i / AlignedFace::SIDE);
        }
        crop
    }

    #[test]
    fn the_brightness_of_a_face_is_that_of_its_cheeks() {
        // Dark eyes and mouth, a background as light as it gets.
        let cheek = |x, y| (50..76).contains(&y) && ((20..44).contains(&x) || (68..92).contains(&x));
        assert_eq!(cheeks(&drawn(|x, y| if cheek(x, y) { 140 } else { 255 })), 140.0);
    }

    /// Eyes as dark spots, a nose and a mouth with soft edges, in light from above.
    fn skin(x: usize, y: usize) -> u8 {
        let spot =
            |cx: f32, cy: f32, r: f32| (-((x as f32 - cx).powi(2) + (y as f32 - cy).powi(2)) / (r * r)).exp();
        let dark = 90.0 * (spot(35.0, 40.0, 7.0) + spot(77.0, 40.0, 7.0)) + 60.0 * spot(56.0, 85.0, 14.0);
        (190.0 - 0.4 * y as f32 - dark) as u8
    }

    #[test]
    fn a_frame_is_told_where_it_crosses_the_nose_and_both_cheeks() {
        let bridge = |x, y| (44..68).contains(&x) && (38..41).contains(&y);
        let rim = |x, y: usize| (20..50).contains(&x) && (54..57).contains(&y);
        let other = |x, y: usize| (62..92).contains(&x) && (54..57).contains(&y);
        let none = frame_edges(&drawn(skin));
        let with = |worn: &dyn Fn(usize, usize) -> bool| {
            frame_edges(&drawn(|x, y| if worn(x, y) { 40 } else { skin(x, y) }))
        };
        let one = with(&rim);
        let all = with(&|x, y| bridge(x, y) || rim(x, y) || other(x, y));
        assert!(none < 0.3 && one < 0.3 && all > 0.7, "{none} {one} {all}");
    }
}
