//! Rotate, mirror and cut out, in one pass over the pixels.
//!
//! Each of the three only changes where a pixel of the result is read from, and that place is a
//! linear function of its column and row. So they are composed into one [`View`] of the source's
//! pixels, and each pixel is copied once.

use frame::{Bgr, Frame, Grey, Pool, SizeError};

use crate::{Region, Rotation, SourceOptions};

/// A view of a picture: pixel (x, y) is the source's pixel `origin + x * step_x + y * step_y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct View {
    origin: isize,
    step_x: isize,
    step_y: isize,
    width: usize,
    height: usize,
}

impl View {
    fn whole(width: usize, height: usize) -> Self {
        Self { origin: 0, step_x: 1, step_y: width as isize, width, height }
    }

    /// Turned by 90 degrees clockwise: the lower left corner comes to the upper left.
    fn turned(self) -> Self {
        Self {
            origin: self.origin + (self.height as isize - 1) * self.step_y,
            step_x: -self.step_y,
            step_y: self.step_x,
            width: self.height,
            height: self.width,
        }
    }

    fn mirrored(self) -> Self {
        Self { origin: self.origin + (self.width as isize - 1) * self.step_x, step_x: -self.step_x, ..self }
    }

    /// The region's pixels, those that it only touches included; never empty.
    fn cut(self, region: Region) -> Self {
        let side = |start: f32, length: f32, pixels: usize| {
            // The tolerance keeps a region of exactly 10.000001 pixels from growing to 11.
            let first = (start * pixels as f32 + 1e-3).max(0.0).floor() as usize;
            let end = ((start + length) * pixels as f32 - 1e-3).max(0.0).ceil() as usize;
            let first = first.min(pixels - 1);
            (first, end.clamp(first + 1, pixels) - first)
        };
        let (x, width) = side(region.x, region.w, self.width);
        let (y, height) = side(region.y, region.h, self.height);
        Self {
            origin: self.origin + x as isize * self.step_x + y as isize * self.step_y,
            width,
            height,
            ..self
        }
    }

    /// Copies the view out of the source; both are whole pictures of `N` bytes a pixel.
    fn copy<const N: usize>(&self, source: &[u8], target: &mut [u8]) {
        let (source, _) = source.as_chunks::<N>();
        let (target, _) = target.as_chunks_mut::<N>();
        for (y, row) in target.chunks_exact_mut(self.width).enumerate() {
            let first = self.origin + y as isize * self.step_y;
            if self.step_x == 1 {
                let first = first as usize;
                row.copy_from_slice(&source[first..first + self.width]);
            } else {
                let mut at = first;
                for pixel in row {
                    *pixel = source[at as usize];
                    at += self.step_x;
                }
            }
        }
    }
}

/// What is done to every frame of a source, in this order: rotate, mirror, cut out the region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transform {
    rotation: Rotation,
    mirror: bool,
    region: Option<Region>,
}

impl Transform {
    /// The part of the options that is about geometry.
    pub(crate) fn new(options: &SourceOptions) -> Self {
        Self { rotation: options.rotation, mirror: options.mirror, region: options.region }
    }

    /// The same after a turn that the medium itself asks for.
    pub(crate) fn after(self, mark: Rotation) -> Self {
        Self { rotation: mark.then(self.rotation), ..self }
    }

    fn view(&self, width: u32, height: u32) -> View {
        let mut view = View::whole(width as usize, height as usize);
        for _ in 0..self.rotation.quarters() {
            view = view.turned();
        }
        if self.mirror {
            view = view.mirrored();
        }
        match self.region {
            Some(region) => view.cut(region),
            None => view,
        }
    }

    /// The frame as the pipeline sees it; the same buffers where nothing is to be done.
    ///
    /// # Errors
    /// Where colour and grey are not of one size.
    pub(crate) fn apply(&self, frame: Frame, pool: &Pool) -> Result<Frame, SizeError> {
        let (width, height) = (frame.grey.width(), frame.grey.height());
        let view = self.view(width, height);
        if view == View::whole(width as usize, height as usize) {
            return Ok(frame);
        }
        let pixels = view.width * view.height;
        let (out_width, out_height) = (view.width as u32, view.height as u32);
        let mut bytes = pool.take(pixels);
        view.copy::<1>(frame.grey.bytes(), &mut bytes);
        let grey = Grey::new(out_width, out_height, bytes)?;
        let Some(color) = frame.color else { return Ok(Frame { grey, color: None }) };
        let expected = frame.grey.bytes().len() * Bgr::CHANNELS;
        if color.bytes().len() != expected {
            return Err(SizeError { expected, found: color.bytes().len() });
        }
        let mut bytes = pool.take(pixels * Bgr::CHANNELS);
        view.copy::<{ Bgr::CHANNELS }>(color.bytes(), &mut bytes);
        Ok(Frame { grey, color: Some(Bgr::new(out_width, out_height, bytes)?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A picture whose every pixel is different (up to 251 of them), with colour that follows grey.
    fn numbered(width: u32, height: u32) -> Frame {
        let grey: Vec<u8> = (0..width * height).map(|i| (i % 251) as u8).collect();
        let color = grey.iter().flat_map(|&g| [g, g ^ 0x55, 255 - g]).collect::<Vec<_>>();
        Frame {
            grey: Grey::new(width, height, grey.into()).unwrap(),
            color: Some(Bgr::new(width, height, color.into()).unwrap()),
        }
    }

    fn with(rotation: Rotation, mirror: bool, region: Option<Region>) -> Transform {
        Transform { rotation, mirror, region }
    }

    fn apply(transform: Transform, frame: Frame) -> Frame {
        let result = transform.apply(frame, &Pool::new()).unwrap();
        let color = result.color.as_ref().unwrap();
        let follows = result.grey.bytes().iter().flat_map(|&g| [g, g ^ 0x55, 255 - g]);
        assert!(color.bytes().iter().copied().eq(follows), "colour must move with grey");
        result
    }

    fn rows(frame: &Frame) -> Vec<&[u8]> {
        frame.grey.bytes().chunks(frame.grey.width() as usize).collect()
    }

    #[test]
    fn a_quarter_turn_brings_the_lower_left_corner_up() {
        // 0 1 2      3 0
        // 3 4 5  ->  4 1
        //            5 2
        let turned = apply(with(Rotation::Cw90, false, None), numbered(3, 2));
        assert_eq!(rows(&turned), [[3, 0], [4, 1], [5, 2]]);
        let turned = apply(with(Rotation::Ccw90, false, None), numbered(3, 2));
        assert_eq!(rows(&turned), [[2, 5], [1, 4], [0, 3]]);
    }

    #[test]
    fn rotation_comes_before_mirror_and_mirror_before_region() {
        // Turned: 3 0 / 4 1 / 5 2; mirrored: 0 3 / 1 4 / 2 5; its right column, without the top.
        let region = Region { x: 0.5, y: 1.0 / 3.0, w: 0.5, h: 2.0 / 3.0 };
        let cut = apply(with(Rotation::Cw90, true, Some(region)), numbered(3, 2));
        assert_eq!(rows(&cut), [[4], [5]]);
    }

    #[test]
    fn an_untouched_frame_keeps_its_buffers() {
        let frame = numbered(5, 4);
        let place = frame.grey.bytes().as_ptr();
        let whole = Region { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
        let same = apply(with(Rotation::None, false, Some(whole)), frame);
        assert_eq!(same.grey.bytes().as_ptr(), place);
    }

    #[test]
    fn colour_of_another_size_is_an_error() {
        let mut frame = numbered(4, 4);
        frame.color = numbered(4, 2).color;
        assert!(with(Rotation::Half, false, None).apply(frame, &Pool::new()).is_err());
    }

    fn rotations() -> impl Strategy<Value = Rotation> {
        prop::sample::select(vec![Rotation::None, Rotation::Cw90, Rotation::Half, Rotation::Ccw90])
    }

    proptest! {
        #[test]
        fn turning_four_times_and_mirroring_twice_change_nothing(
            (width, height, mirror) in (1u32..15, 1u32..15, any::<bool>()),
        ) {
            let step = with(Rotation::Cw90, false, None);
            let original = numbered(width, height);
            let mut frame = numbered(width, height);
            for _ in 0..4 {
                frame = apply(step, frame);
            }
            for _ in 0..2 {
                frame = apply(with(Rotation::None, mirror, None), frame);
            }
            prop_assert_eq!(rows(&frame), rows(&original));
        }

        #[test]
        fn opposite_turns_cancel((width, height) in (1u32..15, 1u32..15)) {
            let original = numbered(width, height);
            let there = apply(with(Rotation::Cw90, false, None), numbered(width, height));
            let back = apply(with(Rotation::Ccw90, false, None), there);
            prop_assert_eq!(rows(&back), rows(&original));
        }

        #[test]
        fn any_region_gives_a_part_of_the_whole(
            (width, height) in (1u32..40, 1u32..40),
            rotation in rotations(),
            mirror in any::<bool>(),
            (x, y, w, h) in (-0.5f32..1.5, -0.5f32..1.5, 0.0f32..1.5, 0.0f32..1.5),
        ) {
            let whole = apply(with(rotation, mirror, None), numbered(width, height));
            let part = apply(with(rotation, mirror, Some(Region { x, y, w, h })), numbered(width, height));
            prop_assert!((1..=whole.grey.width()).contains(&part.grey.width()));
            prop_assert!((1..=whole.grey.height()).contains(&part.grey.height()));
            let (inner, wide) = (rows(&part), part.grey.width() as usize);
            let found = rows(&whole)
                .windows(inner.len())
                .any(|band| (0..=band[0].len() - wide).any(|x| {
                    band.iter().zip(&inner).all(|(outer, row)| outer[x..x + wide] == **row)
                }));
            prop_assert!(found);
        }
    }
}
