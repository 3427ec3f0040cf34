//! A camera's raw buffers into pictures: pure functions of bytes.

use std::panic::{self, AssertUnwindSafe};

use frame::{Bgr, Frame, Grey, Pool};
use nokhwa::utils::{Resolution, buf_mjpeg_to_rgb, buf_nv12_to_rgb, buf_yuyv422_to_rgb};
use thiserror::Error;

use crate::choice::PixelFormat;

/// Why a buffer is no picture.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// The driver gave fewer bytes than the format has.
    #[error("{found} bytes where {expected} are needed")]
    Short { expected: usize, found: usize },
    /// The decoder refused it.
    #[error("{0}")]
    Refused(String),
    /// The decoder panicked; mozjpeg does so at a damaged JPEG.
    #[error("the decoder panicked: {0}")]
    Panicked(String),
}

/// Turns raw buffers of one format and size into frames, and keeps the buffers that this needs.
#[derive(Debug)]
pub(crate) struct Decoder {
    format: PixelFormat,
    width: u32,
    height: u32,
    keep_color: bool,
    /// Red, green, blue: what nokhwa decodes to.
    rgb: Vec<u8>,
    pool: Pool,
}

impl Decoder {
    /// A decoder of frames of this format and size.
    pub(crate) fn new(
        format: PixelFormat,
        (width, height): (u32, u32),
        keep_color: bool,
        pool: &Pool,
    ) -> Self {
        Self { format, width, height, keep_color, rgb: Vec::new(), pool: pool.clone() }
    }

    /// The picture in a buffer; what the buffer holds beyond the picture is ignored (a driver
    /// hands out its whole mapping).
    pub(crate) fn step(&mut self, raw: &[u8]) -> Result<Frame, DecodeError> {
        let pixels = self.width as usize * self.height as usize;
        let raw = match raw_len(self.format, pixels) {
            Some(len) => raw.get(..len).ok_or(DecodeError::Short { expected: len, found: raw.len() })?,
            None => raw,
        };
        let holds_luma = matches!(self.format, PixelFormat::Yuyv | PixelFormat::Nv12);
        if self.keep_color || !holds_luma {
            self.rgb.resize(pixels * 3, 0);
            self.fill_rgb(raw)?;
        }
        let mut grey = self.pool.take(pixels);
        match self.format {
            PixelFormat::Yuyv => {
                grey.iter_mut()
                    .zip(raw.iter().step_by(2))
                    .for_each(|(g, &y)| *g = FULL_RANGE[usize::from(y)]);
            }
            PixelFormat::Nv12 => grey.iter_mut().zip(raw).for_each(|(g, &y)| *g = FULL_RANGE[usize::from(y)]),
            PixelFormat::Mjpeg | PixelFormat::Rgb | PixelFormat::Bgr => {
                let (rgb, _) = self.rgb.as_chunks::<3>();
                grey.iter_mut().zip(rgb).for_each(|(g, &rgb)| *g = luma(rgb));
            }
        }
        let size_error = |e: frame::SizeError| DecodeError::Refused(e.to_string());
        let grey = Grey::new(self.width, self.height, grey).map_err(size_error)?;
        let color = if self.keep_color { Some(self.color().map_err(size_error)?) } else { None };
        Ok(Frame { grey, color })
    }

    /// Decodes into `rgb`, with a guard against a decoder that panics.
    fn fill_rgb(&mut self, raw: &[u8]) -> Result<(), DecodeError> {
        let (format, rgb) = (self.format, &mut self.rgb);
        let resolution = Resolution::new(self.width, self.height);
        // The buffer may be left half written; it is written anew before it is read again.
        let decoded = panic::catch_unwind(AssertUnwindSafe(|| match format {
            PixelFormat::Mjpeg => buf_mjpeg_to_rgb(raw, rgb, false),
            PixelFormat::Yuyv => buf_yuyv422_to_rgb(raw, rgb, false),
            PixelFormat::Nv12 => buf_nv12_to_rgb(resolution, raw, rgb, false),
            PixelFormat::Rgb => {
                rgb.copy_from_slice(raw);
                Ok(())
            }
            PixelFormat::Bgr => {
                let (from, to) = (raw.as_chunks::<3>().0, rgb.as_chunks_mut::<3>().0);
                to.iter_mut().zip(from).for_each(|(to, &[b, g, r])| *to = [r, g, b]);
                Ok(())
            }
        }));
        match decoded {
            Ok(result) => result.map_err(|e| DecodeError::Refused(e.to_string())),
            Err(payload) => Err(DecodeError::Panicked(panic_message(&*payload))),
        }
    }

    fn color(&self) -> Result<Bgr, frame::SizeError> {
        let mut bytes = self.pool.take(self.rgb.len());
        let (from, to) = (self.rgb.as_chunks::<3>().0, bytes.as_chunks_mut::<3>().0);
        to.iter_mut().zip(from).for_each(|(to, &[r, g, b])| *to = [b, g, r]);
        Bgr::new(self.width, self.height, bytes)
    }
}

/// Bytes of a raw picture; `None` where it is compressed.
const fn raw_len(format: PixelFormat, pixels: usize) -> Option<usize> {
    match format {
        PixelFormat::Mjpeg => None,
        PixelFormat::Yuyv => Some(pixels * 2),
        PixelFormat::Nv12 => Some(pixels + pixels / 2),
        PixelFormat::Rgb | PixelFormat::Bgr => Some(pixels * 3),
    }
}

/// Cameras send the luma of YUYV and NV12 as 16 to 235 (V4L2's default for these formats, and what
/// ITU-R BT.601 says); videos, JPEGs and training pictures use 0 to 255. Stretched with a table so
/// that the same face has the same shades whatever way it came.
static FULL_RANGE: [u8; 256] = full_range();

const fn full_range() -> [u8; 256] {
    let mut table = [0; 256];
    let mut y = 0_usize;
    while y < 256 {
        let above_black = y.saturating_sub(16);
        let stretched = (above_black * 255 + 219 / 2) / 219;
        table[y] = if stretched > 255 { 255 } else { stretched as u8 };
        y += 1;
    }
    table
}

/// Luma by the weights of ITU-R BT.601 in 256ths (0.299, 0.587, 0.114).
const fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((r as u32 * 77 + g as u32 * 150 + b as u32 * 29 + 128) >> 8) as u8
}

/// What a panic said.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::core::{Mat, Vector};

    fn decoder(format: PixelFormat, keep_color: bool) -> Decoder {
        Decoder::new(format, (16, 8), keep_color, &Pool::new())
    }

    /// A 16x8 JPEG of one colour, blue green red.
    fn jpeg(bgr: [u8; 3]) -> Vec<u8> {
        let pixels: Vec<u8> = bgr.into_iter().cycle().take(16 * 8 * 3).collect();
        let mat = Mat::from_slice(&pixels).unwrap();
        let mat = opencv::core::MatTraitConst::reshape(&mat, 3, 8).unwrap();
        let mut bytes = Vector::<u8>::new();
        opencv::imgcodecs::imencode_def(".jpg", &mat, &mut bytes).unwrap();
        bytes.as_slice().to_vec()
    }

    #[test]
    fn yuyv_gives_its_luma_stretched_to_the_full_range() {
        let mut raw = [16, 128, 235, 128].repeat(16 * 8 / 2);
        raw[0] = 126;
        raw.extend([99; 40]);
        let frame = decoder(PixelFormat::Yuyv, false).step(&raw).unwrap();
        assert_eq!(frame.grey.bytes()[..4], [128, 255, 0, 255]);
        assert!(frame.color.is_none());
    }

    #[test]
    fn colour_comes_in_the_order_blue_green_red() {
        let red_as_yuyv = [82, 90, 82, 240].repeat(16 * 8 / 2);
        let red_as_rgb = [255, 0, 0].repeat(16 * 8);
        let red_as_bgr = [0, 0, 255].repeat(16 * 8);
        let mut red_as_nv12 = vec![82; 16 * 8];
        red_as_nv12.extend([90, 240].repeat(16 * 8 / 4));
        let raws = [
            (PixelFormat::Yuyv, red_as_yuyv),
            (PixelFormat::Nv12, red_as_nv12),
            (PixelFormat::Rgb, red_as_rgb),
            (PixelFormat::Bgr, red_as_bgr),
            (PixelFormat::Mjpeg, jpeg([0, 0, 255])),
        ];
        for (format, raw) in raws {
            let frame = decoder(format, true).step(&raw).unwrap();
            let (color, grey) = (frame.color.unwrap(), frame.grey);
            let [b, g, r] = color.bytes().first_chunk().unwrap();
            assert!(*b < 8 && *g < 8 && *r > 245, "{format:?}: {b} {g} {r}");
            assert!(grey.bytes().iter().all(|y| (74..=79).contains(y)), "{format:?}: {}", grey.bytes()[0]);
        }
    }

    #[test]
    fn what_follows_a_jpeg_in_its_buffer_is_ignored() {
        let mut raw = jpeg([90, 90, 90]);
        raw.extend(b"\xff\xd8 left over from the frame before".repeat(9));
        let frame = decoder(PixelFormat::Mjpeg, false).step(&raw).unwrap();
        assert!(frame.grey.bytes().iter().all(|y| (88..=92).contains(y)));
    }

    #[test]
    fn damaged_buffers_are_errors_and_the_decoder_goes_on() {
        let mut decoder = decoder(PixelFormat::Mjpeg, false);
        let good = jpeg([1, 2, 3]);
        for bad in [&b""[..], b"no jpeg at all", &good[..4], &good[..good.len() / 3]] {
            assert!(decoder.step(bad).is_err(), "{} bytes", bad.len());
        }
        assert!(matches!(decoder.step(b"no jpeg at all"), Err(DecodeError::Panicked(_))));
        assert!(decoder.step(&good).is_ok());
    }

    #[test]
    fn a_jpeg_of_another_size_is_an_error() {
        let mut decoder = Decoder::new(PixelFormat::Mjpeg, (32, 8), false, &Pool::new());
        assert!(matches!(decoder.step(&jpeg([0, 0, 0])), Err(DecodeError::Refused(_))));
    }

    #[test]
    fn a_short_buffer_is_an_error() {
        let error = decoder(PixelFormat::Yuyv, false).step(&[0; 255]).unwrap_err();
        assert_eq!(error, DecodeError::Short { expected: 256, found: 255 });
    }
}
