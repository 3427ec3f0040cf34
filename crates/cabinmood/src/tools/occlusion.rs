//! What the net looks at: a grey patch is slid over a crop, and where the label's probability falls,
//! the net had found something that speaks for it (Zeiler and Fergus 2014).

use classify::{Classifier, ClassifyError};
use frame::AlignedFace;
use types::Expression;

/// Places of the patch along each side of the crop.
pub const PLACES: usize = 16;
/// The patch's side: an eye or half a mouth.
const PATCH: usize = 22;
const SIDE: usize = AlignedFace::SIDE;
const STEP: usize = SIDE / PLACES;
const _: () = assert!(PLACES * STEP == SIDE);

/// How much less likely the label is with each part covered; less than 0 where it is more likely.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// A row for each row of places.
    pub drop: [[f32; PLACES]; PLACES],
    /// The label's probability with nothing covered.
    pub uncovered: f32,
}

impl Map {
    /// How far the label's probability changes at most, in either direction.
    #[must_use]
    pub fn largest_change(&self) -> f32 {
        self.drop.as_flattened().iter().fold(0.0, |most, drop| most.max(drop.abs()))
    }
}

/// The map of one face.
///
/// # Errors
/// Where the net fails.
pub fn map(face: &AlignedFace, label: Expression, net: &mut Classifier) -> Result<Map, ClassifyError> {
    map_with(face, |face| Ok(net.step(face)?.of(label)))
}

fn map_with<E>(
    face: &AlignedFace,
    mut probability: impl FnMut(&AlignedFace) -> Result<f32, E>,
) -> Result<Map, E> {
    let uncovered = probability(face)?;
    // The face's own mean: a patch that is brighter or darker would be seen itself.
    let sum: u32 = face.pixels().iter().map(|value| u32::from(*value)).sum();
    let grey = (sum / (SIDE * SIDE) as u32) as u8;
    let (mut covered, mut drop) = (face.clone(), [[0.0; PLACES]; PLACES]);
    for (down, row) in drop.iter_mut().enumerate() {
        for (across, drop) in row.iter_mut().enumerate() {
            covered.pixels_mut().copy_from_slice(face.pixels());
            let [rows, columns] = [down, across].map(span);
            for y in rows {
                covered.pixels_mut()[y * SIDE..][columns.clone()].fill(grey);
            }
            *drop = uncovered - probability(&covered)?;
        }
    }
    Ok(Map { drop, uncovered })
}

/// What the patch covers along one side; at the edges a part of it lies outside.
fn span(place: usize) -> std::ops::Range<usize> {
    let middle = place * STEP + STEP / 2;
    middle.saturating_sub(PATCH / 2)..(middle + PATCH / 2).min(SIDE)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn the_map_is_hot_where_the_net_looks() {
        let mut face = AlignedFace::black();
        face.pixels_mut().fill(90);
        // A net that looks at one pixel alone, and likes it bright.
        let (x, y) = (30, 80);
        face.pixels_mut()[y * SIDE + x] = 250;
        let net = |face: &AlignedFace| Ok::<_, Infallible>(f32::from(face.pixels()[y * SIDE + x]) / 250.0);
        let map = map_with(&face, net).unwrap();
        assert_eq!(map.uncovered, 1.0);
        for (down, row) in map.drop.iter().enumerate() {
            for (across, drop) in row.iter().enumerate() {
                let covered = span(across).contains(&x) && span(down).contains(&y);
                assert_eq!(*drop > 0.6, covered, "{across} {down}: {drop}");
            }
        }
        assert!(map.largest_change() == map.drop[y / STEP][x / STEP]);
    }

    #[test]
    fn the_patches_cover_all_of_the_crop() {
        assert!((0..SIDE).all(|at| (0..PLACES).any(|place| span(place).contains(&at))));
    }
}
