//! Reads this project's own landmark file, which `models/training/landmarks/pack.py` writes: the same
//! trees in a tenth of the bytes, since a leaf's step is stored as whole numbers of a few directions.
//!
//! Little-endian: [`MAGIC`]; points, stages, leaves of a tree and directions as u16; the mean shape as
//! f32 x, y. Then each stage: its pixels and trees as u16; the pixels' points as u8, their offsets to
//! the right and down as f32; the splits as u16 pixel, u16 pixel, i16 threshold; the directions as
//! f32 x, y of each point; the codes as i8.

use types::{MAX_LANDMARKS, Point};

use super::format::{FormatError, MAX_OFFSET, MAX_STAGES, Reader};
use super::{MAX_CODES, MAX_PIXELS, MAX_TREES, ShapePredictor, Split, Stage, Steps};

/// What such a file begins with.
const MAGIC: &[u8; 8] = b"CMERTS1\n";
/// Leaves of a tree.
const MAX_LEAVES: usize = 64;

/// Whether these bytes are such a file.
pub(super) fn is_compact(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Reads a model.
///
/// # Errors
/// [`FormatError`] where the bytes end early or hold anything that the packer would not have written.
pub(super) fn parse(bytes: &[u8]) -> Result<ShapePredictor, FormatError> {
    let mut reader = Reader::new(bytes);
    reader.take(MAGIC.len())?;
    let points = reader.number(1..=MAX_LANDMARKS, "not a shape of 1 to 68 points")?;
    let stages = reader.number(1..=MAX_STAGES, "too many stages or none")?;
    let leaves = reader.number(2..=MAX_LEAVES, "not a tree of 2 to 64 leaves")?;
    if !leaves.is_power_of_two() {
        return Err(reader.invalid("trees must be complete"));
    }
    let directions = reader.number(1..=MAX_CODES, "too many directions or none")?;
    let mean = reader.points(points)?;
    let stages =
        (0..stages).map(|_| reader.stage(points, leaves, directions)).collect::<Result<Vec<_>, _>>()?;
    reader.end()?;
    Ok(ShapePredictor { mean, leaves, stages })
}

impl Reader<'_> {
    fn u16(&mut self) -> Result<u16, FormatError> {
        Ok(self.take(2)?.iter().rev().fold(0, |sum, &byte| sum << 8 | u16::from(byte)))
    }

    fn number(
        &mut self,
        allowed: std::ops::RangeInclusive<usize>,
        otherwise: &'static str,
    ) -> Result<usize, FormatError> {
        let number = usize::from(self.u16()?);
        if allowed.contains(&number) { Ok(number) } else { Err(self.invalid(otherwise)) }
    }

    /// A number in units of the face box.
    fn f32(&mut self) -> Result<f32, FormatError> {
        let value =
            f32::from_bits(self.take(4)?.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte)));
        let bounded = value.is_finite() && value.abs() <= MAX_OFFSET;
        if bounded { Ok(value) } else { Err(self.invalid("an offset beyond all bounds")) }
    }

    fn f32s(&mut self, count: usize) -> Result<Vec<f32>, FormatError> {
        (0..count).map(|_| self.f32()).collect()
    }

    fn points(&mut self, points: usize) -> Result<Vec<Point>, FormatError> {
        (0..points).map(|_| Ok(Point::new(self.f32()?, self.f32()?))).collect()
    }

    fn stage(&mut self, points: usize, leaves: usize, directions: usize) -> Result<Stage, FormatError> {
        let pixels = self.number(1..=MAX_PIXELS, "too many pixels or none")?;
        let trees = self.number(1..=MAX_TREES, "too many trees or none")?;
        let anchors: Vec<usize> = self.take(pixels)?.iter().map(|&byte| usize::from(byte)).collect();
        if anchors.iter().any(|&anchor| anchor >= points) {
            return Err(self.invalid("a pixel hangs on a point that is not there"));
        }
        let (right, down) = (self.f32s(pixels)?, self.f32s(pixels)?);
        let deltas: Vec<Point> = right.into_iter().zip(down).map(|(x, y)| Point::new(x, y)).collect();
        let mut stage = Stage { splits: self.splits(trees, leaves)?, ..Stage::default() };
        if !stage.set_pixels(points, &anchors, &deltas) {
            return Err(self.invalid("a split looks at a pixel that its stage does not have"));
        }
        let directions_of_stage = self.points(directions * points)?;
        let codes = self.take(trees * leaves * directions)?.iter().map(|&byte| byte.cast_signed()).collect();
        stage.steps = Steps::Coded { codes, directions: directions_of_stage };
        Ok(stage)
    }

    fn splits(&mut self, trees: usize, leaves: usize) -> Result<Vec<Split>, FormatError> {
        let mut splits = Vec::new();
        for _ in 0..trees {
            // Heap order begins with 1.
            splits.push(Split { first: 0, second: 0, threshold: 0 });
            for _ in 1..leaves {
                let (first, second) = (self.u16()?, self.u16()?);
                splits.push(Split { first, second, threshold: self.u16()?.cast_signed().clamp(-256, 256) });
            }
        }
        Ok(splits)
    }
}

#[cfg(test)]
mod tests {
    use frame::{Buffer, Grey};
    use proptest::prelude::*;
    use types::FaceBox;

    use super::super::Workspace;
    use super::super::dlib::tests::{MEAN, evaluate_damaged, small_model};
    use super::*;

    /// dlib's small model, packed: its one kind of step is 64 times a direction.
    fn packed(step: f32) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let numbers = |bytes: &mut Vec<u8>, numbers: &[u16]| {
            bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        };
        let floats = |bytes: &mut Vec<u8>, floats: &[f32]| {
            bytes.extend(floats.iter().flat_map(|float| float.to_le_bytes()));
        };
        numbers(&mut bytes, &[5, 2, 4, 1]);
        floats(&mut bytes, MEAN.map(|(x, y)| [x, y]).as_flattened());
        for _ in 0..2 {
            numbers(&mut bytes, &[2, 2]);
            bytes.extend([2, 2]);
            floats(&mut bytes, &[-0.125, 0.125, 0.0, 0.0]);
            for _ in 0..2 * 3 {
                numbers(&mut bytes, &[1, 0, 9]);
            }
            floats(&mut bytes, [[step / 64.0, 0.0]; 5].as_flattened());
            bytes.extend([64, 0, 0, 0, 64, 0, 0, 0]);
        }
        bytes
    }

    #[test]
    fn a_packed_model_goes_where_dlibs_goes() {
        let models = [packed(0.0625), small_model(0.0625)].map(|b| ShapePredictor::parse(&b).unwrap());
        for (right, x) in [(200, 24.0), (59, 24.0), (90, 20.0), (200, -60.0)] {
            let pixels = (0..64 * 64).map(|i| if i % 64 < 32 { 50 } else { right }).collect::<Vec<_>>();
            let grey = Grey::new(64, 64, Buffer::from(pixels)).unwrap();
            let start = [FaceBox { x, y: 0.0, w: 32.0, h: 32.0, score: 0.0 }.into()];
            let [ours, theirs] = models.each_ref().map(|model| {
                let mut work = Workspace::<1>::default();
                model.fit(&grey, &start, &mut work);
                work.shape(0)[..5].to_vec()
            });
            assert_eq!(ours, theirs, "{right} at {x}");
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = packed(0.0625);
        for len in MAGIC.len()..bytes.len() {
            let error = ShapePredictor::parse(&bytes[..len]).unwrap_err();
            assert_eq!(error, FormatError::Truncated(len), "at {len}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(ShapePredictor::parse(&longer).unwrap_err().to_string().contains("follow"));
    }

    proptest! {
        #[test]
        fn altered_bytes_never_panic(at in 8..packed(0.0).len(), byte: u8, second in 8..packed(0.0).len(), bit in 0..8) {
            let mut bytes = packed(0.0625);
            bytes[at] = byte;
            bytes[second] ^= 1_u8 << bit;
            evaluate_damaged(&bytes);
        }
    }
}
