//! Reads dlib's shape-predictor file (`serialize(const shape_predictor&)`, version 1).
//!
//! The file is a stream of packed numbers. An integer is a control byte, whose low nibble counts
//! the little-endian bytes that follow and whose top bit is the sign; a float is an integer
//! mantissa and an integer exponent of two; a vector is its length and its elements.

use types::{MAX_LANDMARKS, Point};

use super::format::{FormatError, MAX_OFFSET, MAX_STAGES, Reader};
use super::{MAX_PIXELS, MAX_TREES, ShapePredictor, Split, Stage, Steps};

/// Splits of a tree; dlib's models have 15.
const MAX_SPLITS: usize = 63;
/// dlib's marks for values that are not finite; real exponents are far below.
const MAX_EXPONENT: i64 = 2000;

/// Reads a model.
///
/// # Errors
/// [`FormatError`] where the bytes end early or hold anything that dlib would not have written.
pub(super) fn parse(bytes: &[u8]) -> Result<ShapePredictor, FormatError> {
    let mut reader = Reader::new(bytes);
    if reader.integer()? != 1 {
        return Err(reader.invalid("not a dlib shape predictor of version 1"));
    }
    let mut mean = Vec::new();
    let points = reader.shape(&mut mean)?;
    let mut leaves = None;
    let count = reader.count(MAX_STAGES, "too many stages")?;
    let mut stages = Vec::with_capacity(count);
    for _ in 0..count {
        stages.push(reader.forest(points, &mut leaves)?);
    }
    let anchors = reader.anchors(count, points)?;
    let deltas = reader.deltas(&anchors)?;
    reader.end()?;
    for ((stage, anchors), deltas) in stages.iter_mut().zip(&anchors).zip(&deltas) {
        if !stage.set_pixels(points, anchors, deltas) {
            return Err(reader.invalid("a split looks at a pixel that its stage does not have"));
        }
    }
    let leaves = leaves.ok_or_else(|| reader.invalid("a model needs at least one tree"))?;
    Ok(ShapePredictor { mean, leaves, stages })
}

impl Reader<'_> {
    fn integer(&mut self) -> Result<i64, FormatError> {
        let control = self.take(1)?[0];
        let len = usize::from(control & 0x0f);
        if len > 8 || control & 0x70 != 0 {
            return Err(self.invalid("not a packed integer"));
        }
        let magnitude = self.take(len)?.iter().rev().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        let value = i64::try_from(magnitude).map_err(|_| self.invalid("an integer too large"))?;
        Ok(if control & 0x80 == 0 { value } else { -value })
    }

    fn count(&mut self, limit: usize, too_many: &'static str) -> Result<usize, FormatError> {
        let count = self.integer()?;
        usize::try_from(count).ok().filter(|&n| n <= limit).ok_or_else(|| self.invalid(too_many))
    }

    /// A float that may be any finite number.
    fn float(&mut self) -> Result<f32, FormatError> {
        let mantissa = self.integer()?;
        let exponent = self.integer()?;
        if exponent.abs() > MAX_EXPONENT {
            return Err(self.invalid("a number that is not finite"));
        }
        // Exact: the mantissa of a float has 24 bits, and a double holds any power in reach.
        let value = (mantissa as f64 * 2_f64.powi(exponent as i32)) as f32;
        if value.is_finite() { Ok(value) } else { Err(self.invalid("a number that is not finite")) }
    }

    /// A float in units of the face box.
    fn offset(&mut self) -> Result<f32, FormatError> {
        let value = self.float()?;
        if value.abs() <= MAX_OFFSET { Ok(value) } else { Err(self.invalid("an offset beyond all bounds")) }
    }

    /// A column vector of x and y in turn, appended to `to`; gives the number of points.
    fn shape(&mut self, to: &mut Vec<Point>) -> Result<usize, FormatError> {
        // Both sizes are stored negated, which is how dlib tells this layout from an older one.
        let rows = self.integer()?.unsigned_abs() as usize;
        let columns = self.integer()?.unsigned_abs();
        if columns != 1 || rows == 0 || rows > 2 * MAX_LANDMARKS || !rows.is_multiple_of(2) {
            return Err(self.invalid("not a shape of 1 to 68 points"));
        }
        for _ in 0..rows / 2 {
            to.push(Point::new(self.offset()?, self.offset()?));
        }
        Ok(rows / 2)
    }

    fn forest(&mut self, points: usize, leaves: &mut Option<usize>) -> Result<Stage, FormatError> {
        let trees = self.count(MAX_TREES, "too many trees")?;
        let (mut stage, mut steps) = (Stage::default(), Vec::new());
        for _ in 0..trees {
            let splits = self.count(MAX_SPLITS, "too many splits in a tree")?;
            let expected = *leaves.get_or_insert(splits + 1);
            if splits == 0 || !expected.is_power_of_two() || splits + 1 != expected {
                return Err(self.invalid("trees must be complete and all of one depth"));
            }
            stage.splits.push(Split { first: 0, second: 0, threshold: 0 });
            for _ in 0..splits {
                stage.splits.push(self.split()?);
            }
            if self.count(expected, "too many leaves in a tree")? != expected {
                return Err(self.invalid("a tree lacks leaves"));
            }
            for _ in 0..expected {
                if self.shape(&mut steps)? != points {
                    return Err(self.invalid("a leaf has another number of points than the mean shape"));
                }
            }
        }
        stage.steps = Steps::Whole(steps);
        Ok(stage)
    }

    fn split(&mut self) -> Result<Split, FormatError> {
        let first = self.count(MAX_PIXELS - 1, "a pixel number too large")? as u16;
        let second = self.count(MAX_PIXELS - 1, "a pixel number too large")? as u16;
        // Pixels are whole numbers, so `a - b > t` and `a - b > floor(t)` are the same question.
        let threshold = self.float()?.floor().clamp(-256.0, 256.0) as i16;
        Ok(Split { first, second, threshold })
    }

    fn stage_count(&mut self, stages: usize) -> Result<(), FormatError> {
        let count = self.count(MAX_STAGES, "too many stages")?;
        if count == stages { Ok(()) } else { Err(self.invalid("stages and their pixels differ in number")) }
    }

    /// For each pixel of each stage the point that it hangs on.
    fn anchors(&mut self, stages: usize, points: usize) -> Result<Vec<Vec<usize>>, FormatError> {
        self.stage_count(stages)?;
        let mut all = Vec::with_capacity(stages);
        for _ in 0..stages {
            let pixels = self.count(MAX_PIXELS, "too many pixels")?;
            let anchor = |_| self.count(points - 1, "a pixel hangs on a point that is not there");
            all.push((0..pixels).map(anchor).collect::<Result<_, _>>()?);
        }
        Ok(all)
    }

    /// For each pixel of each stage its offset from its point.
    fn deltas(&mut self, anchors: &[Vec<usize>]) -> Result<Vec<Vec<Point>>, FormatError> {
        self.stage_count(anchors.len())?;
        let mut all = Vec::with_capacity(anchors.len());
        for anchors in anchors {
            if self.count(MAX_PIXELS, "too many pixels")? != anchors.len() {
                return Err(self.invalid("anchors and offsets differ in number"));
            }
            let delta = |_| Ok(Point::new(self.offset()?, self.offset()?));
            all.push((0..anchors.len()).map(delta).collect::<Result<_, _>>()?);
        }
        Ok(all)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use frame::{Buffer, Grey};
    use proptest::prelude::*;
    use types::FaceBox;

    use super::*;
    use crate::shape_predictor::Workspace;

    /// Writes numbers as dlib packs them.
    #[derive(Default)]
    struct Writer(Vec<u8>);

    impl Writer {
        fn integer(&mut self, value: i64) {
            let bytes = value.unsigned_abs().to_le_bytes();
            let len = bytes.iter().rposition(|&b| b != 0).map_or(1, |last| last + 1);
            self.0.push(len as u8 | if value < 0 { 0x80 } else { 0 });
            self.0.extend_from_slice(&bytes[..len]);
        }

        fn float(&mut self, value: f32) {
            self.integer((f64::from(value) * f64::from(1 << 24)) as i64);
            self.integer(-24);
        }

        fn shape(&mut self, points: &[(f32, f32)]) {
            self.integer(-2 * points.len() as i64);
            self.integer(-1);
            for (x, y) in points {
                self.float(*x);
                self.float(*y);
            }
        }
    }

    /// Where the small model's points are on average.
    pub const MEAN: [(f32, f32); 5] =
        [(0.75, 0.25), (0.625, 0.25), (0.25, 0.25), (0.375, 0.25), (0.5, 0.625)];

    /// A model of two stages with two trees of three splits: where the picture is darker to the
    /// left of the third point than to its right, every step moves all points right by `step`.
    pub fn small_model(step: f32) -> Vec<u8> {
        let mut w = Writer::default();
        w.integer(1);
        w.shape(&MEAN);
        w.integer(2);
        for _ in 0..2 {
            w.integer(2);
            for _ in 0..2 {
                w.integer(3);
                for _ in 0..3 {
                    w.integer(1);
                    w.integer(0);
                    w.float(9.5);
                }
                w.integer(4);
                for leaf in 0..4 {
                    w.shape(&[(if leaf == 0 { step } else { 0.0 }, 0.0); 5]);
                }
            }
        }
        for anchors in [true, false] {
            w.integer(2);
            for _ in 0..2 {
                w.integer(2);
                for side in [-0.125, 0.125] {
                    if anchors {
                        w.integer(2);
                    } else {
                        w.float(side);
                        w.float(0.0);
                    }
                }
            }
        }
        w.0
    }

    #[test]
    fn a_tree_asks_about_the_pixels_beside_its_point() {
        let model = ShapePredictor::parse(&small_model(0.0625)).unwrap();
        let fit = |right: u8, x: f32| {
            let pixels = (0..64 * 64).map(|i| if i % 64 < 32 { 50 } else { right }).collect::<Vec<_>>();
            let grey = Grey::new(64, 64, Buffer::from(pixels)).unwrap();
            let mut work = Workspace::<1>::default();
            model.fit(&grey, &[FaceBox { x, y: 0.0, w: 32.0, h: 32.0, score: 0.0 }.into()], &mut work);
            work.shape(0)[2].x
        };
        // The third point starts on the edge between the halves. The first stage's two trees move it
        // by 2 px each; then both of its pixels lie in the lighter half.
        assert_eq!(fit(200, 24.0), 24.0 + 8.0 + 4.0);
        assert_eq!(fit(59, 24.0), 24.0 + 8.0, "a difference of 9 is not above 9.5");
        assert_eq!(fit(200, -60.0), -60.0 + 8.0, "outside the picture all is black");
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = small_model(0.0625);
        for len in 0..bytes.len() {
            assert_eq!(
                ShapePredictor::parse(&bytes[..len]).unwrap_err(),
                FormatError::Truncated(len),
                "at {len}"
            );
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(ShapePredictor::parse(&longer).unwrap_err().to_string().contains("follow"));
    }

    #[test]
    fn a_huge_count_reserves_nothing() {
        let mut w = Writer::default();
        w.integer(1);
        w.shape(&MEAN);
        w.integer(i64::MAX);
        assert!(ShapePredictor::parse(&w.0).unwrap_err().to_string().contains("too many stages"));
    }

    /// Damage that still makes a model must still be safe to evaluate.
    pub fn evaluate_damaged(bytes: &[u8]) {
        if let Ok(model) = ShapePredictor::parse(bytes) {
            let grey = Grey::new(8, 8, Buffer::from(vec![7; 64])).unwrap();
            let mut work = Workspace::<1>::default();
            model.fit(&grey, &[FaceBox { x: -1e9, y: 3.0, w: 8.0, h: 1e9, score: 0.0 }.into()], &mut work);
        }
    }

    proptest! {
        #[test]
        fn altered_bytes_never_panic(at in 0..small_model(0.0).len(), byte: u8, second in 0..small_model(0.0).len(), bit in 0..8) {
            let mut bytes = small_model(0.0625);
            bytes[at] = byte;
            bytes[second] ^= 1_u8 << bit;
            evaluate_damaged(&bytes);
        }

        #[test]
        fn noise_is_no_model(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(ShapePredictor::parse(&bytes).is_err());
        }
    }
}
