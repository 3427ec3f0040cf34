//! Whether a picture file is all there. OpenCV fills up what a torn JPEG lacks with grey and says
//! nothing, and libpng writes lines of its own on standard error; both are asked only for files
//! whose parts are complete.

/// A PNG's first bytes.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// A JPEG's first marker, the start of image.
const JPEG: &[u8] = &[0xff, 0xd8];
/// The JPEG markers that end the image, begin its entropy-coded data and restart within it
/// (ITU-T T.81, table B.1).
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const RST: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;

/// Whether the file goes on to its own end. Formats that are not known here count as whole: their
/// decoders notice themselves.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    if let Some(chunks) = bytes.strip_prefix(PNG) {
        png_ends(chunks).is_some()
    } else if let Some(segments) = bytes.strip_prefix(JPEG) {
        jpeg_ends(segments).is_some()
    } else {
        true
    }
}

/// Walks the chunks (length, type, data, checksum) to IEND.
fn png_ends(mut rest: &[u8]) -> Option<()> {
    loop {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (body, after) = after.split_at_checked(length.checked_add(4)?)?;
        let (checksum, after) = after.split_first_chunk()?;
        if crc32fast::hash(body) != u32::from_be_bytes(*checksum) {
            return None;
        }
        if body.starts_with(b"IEND") {
            return Some(());
        }
        rest = after;
    }
}

/// Walks the segments to the end of image. A thumbnail lies within a segment, so that its own end
/// does not count.
fn jpeg_ends(mut rest: &[u8]) -> Option<()> {
    loop {
        // A marker may be preceded by any number of fill bytes.
        let start = rest.iter().position(|byte| *byte == 0xff)?;
        let fill = rest[start..].iter().position(|byte| *byte != 0xff)?;
        let (marker, after) = rest[start + fill..].split_first()?;
        if *marker == EOI {
            return Some(());
        }
        // Two bytes, which count themselves, tell the length.
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        rest = after.split_at_checked(length)?.1;
        if *marker == SOS {
            // In the coded data 0xff stands for itself where a zero follows.
            let is_marker = |pair: &[u8]| pair[0] == 0xff && pair[1] != 0 && !RST.contains(&pair[1]);
            rest = &rest[rest.windows(2).position(is_marker)?..];
        }
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_8UC3, Mat, Scalar, Vector, VectorToVec as _};
    use opencv::imgcodecs::{self, IMWRITE_JPEG_PROGRESSIVE, IMWRITE_JPEG_RST_INTERVAL};

    use super::*;

    fn encoded(ending: &str, parameters: &[i32]) -> Vec<u8> {
        let mut noise = Mat::new_rows_cols_with_default(40, 60, CV_8UC3, Scalar::all(0.0)).unwrap();
        opencv::core::randu(&mut noise, &Scalar::all(0.0), &Scalar::all(255.0)).unwrap();
        let mut bytes = Vector::<u8>::new();
        imgcodecs::imencode(ending, &noise, &mut bytes, &parameters.iter().copied().collect()).unwrap();
        bytes.to_vec()
    }

    #[test]
    fn whole_pictures_are_whole_and_every_shorter_one_is_not() {
        for (ending, parameters) in [
            (".png", &[][..]),
            (".jpg", &[]),
            (".jpg", &[IMWRITE_JPEG_PROGRESSIVE, 1]),
            (".jpg", &[IMWRITE_JPEG_RST_INTERVAL, 2]),
        ] {
            let bytes = encoded(ending, parameters);
            assert!(is_whole(&bytes) && is_whole(&[&bytes[..], b"more"].concat()), "{ending} {parameters:?}");
            for length in 8..bytes.len() {
                assert!(!is_whole(&bytes[..length]), "{ending} {parameters:?} cut to {length}");
            }
        }
    }

    #[test]
    fn a_png_with_a_wrong_byte_is_not_whole() {
        let mut bytes = encoded(".png", &[]);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(!is_whole(&bytes));
    }

    #[test]
    fn the_end_of_a_thumbnail_is_not_the_end() {
        let thumbnail = [0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9];
        assert!(!is_whole(&thumbnail));
        assert!(is_whole(&[&thumbnail[..], &[0xff, 0xd9]].concat()));
    }
}
