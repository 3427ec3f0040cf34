//! Reads dlib's shape-predictor file (`serialize(const shape_predictor&)`, version 1).
//!
//! The file is a stream of packed numbers. An integer is a control byte, whose low nibble counts
//! the little-endian bytes that follow and whose top bit is the sign; a float is an integer
//! mantissa and an integer exponent of two; a vector is its length and its elements. Nothing in the
//! file is trusted: every count has a limit, and memory grows only with bytes that were really read.

use thiserror::Error;
use types::{MAX_LANDMARKS, Point};

use super::{MAX_PIXELS, MAX_TREES, ShapePredictor, Split, Stage};

/// dlib's own models have 15 stages; more than this is a damaged count.
const MAX_STAGES: usize = 64;
/// Splits of a tree; dlib's models have 15.
const MAX_SPLITS: usize = 63;
/// Offsets and steps are in units of the face box: a larger one than this is damage.
const MAX_OFFSET: f32 = 16.0;
/// dlib's marks for values that are not finite; real exponents are far below.
const MAX_EXPONENT: i64 = 2000;

/// Why the bytes are no shape predictor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormatError {
    /// The file ends before the model does.
    #[error("it ends after {0} bytes, in the middle of the model")]
    Truncated(usize),
    /// What stands at a place cannot stand there.
    #[error("byte {at}: {what}")]
    Invalid {
        /// Offset in the file.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

/// Reads a model.
///
/// # Errors
/// [`FormatError`] where the bytes end early or hold anything that dlib would not have written.
pub(super) fn parse(bytes: &[u8]) -> Result<ShapePredictor, FormatError> {
    let mut reader = Reader { bytes, at: 0 };
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
    if reader.at != bytes.len() {
        return Err(reader.invalid("bytes follow the end of the model"));
    }
    for ((stage, anchors), deltas) in stages.iter_mut().zip(&anchors).zip(&deltas) {
        if !stage.set_pixels(points, anchors, deltas) {
            return Err(reader.invalid("a split looks at a pixel that its stage does not have"));
        }
    }
    let leaves = leaves.ok_or_else(|| reader.invalid("a model needs at least one tree"))?;
    Ok(ShapePredictor { mean, leaves, stages })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    const fn invalid(&self, what: &'static str) -> FormatError {
        FormatError::Invalid { at: self.at, what }
    }

    fn take(&mut self, len: usize) -> Result<&[u8], FormatError> {
        let end = self.at.saturating_add(len);
        let taken = self.bytes.get(self.at..end).ok_or(FormatError::Truncated(self.bytes.len()))?;
        self.at = end;
        Ok(taken)
    }

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
        let mut stage = Stage::default();
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
                if self.shape(&mut stage.steps)? != points {
                    return Err(self.invalid("a leaf has another number of points than the mean shape"));
                }
            }
        }
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

impl Stage {
    /// Takes the pixels, sorted by their points, and renumbers the splits accordingly; false where
    /// a split asks for a pixel that is not there.
    fn set_pixels(&mut self, points: usize, anchors: &[usize], deltas: &[Point]) -> bool {
        let mut order: Vec<usize> = (0..anchors.len()).collect();
        order.sort_by_key(|&pixel| anchors[pixel]);
        let mut place = vec![0; order.len()];
        for (to, &pixel) in order.iter().enumerate() {
            place[pixel] = to as u16;
        }
        self.right = order.iter().map(|&pixel| deltas[pixel].x).collect();
        self.down = order.iter().map(|&pixel| deltas[pixel].y).collect();
        self.ends = (0..points).map(|point| anchors.iter().filter(|&&a| a <= point).count() as u16).collect();
        let asked = self.splits.iter_mut().flat_map(|split| [&mut split.first, &mut split.second]);
        for pixel in asked {
            let Some(&to) = place.get(usize::from(*pixel)) else { return false };
            *pixel = to;
        }
        true
    }
}
