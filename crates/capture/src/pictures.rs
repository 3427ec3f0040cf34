//! OpenCV's matrices into pooled pictures.

use frame::{Bgr, Buffer, Grey, Pool};
use opencv::core::{Mat, MatTraitConst, MatTraitConstManual};
use opencv::imgproc;

/// Why a matrix did not become a picture.
type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Width and height in pixels.
fn size(mat: &Mat) -> Result<(u32, u32), Fault> {
    Ok((u32::try_from(mat.cols())?, u32::try_from(mat.rows())?))
}

/// The luma of an 8-bit BGR matrix (ITU-R BT.601 weights, as OpenCV and JPEG have them).
pub(crate) fn luma_of(bgr: &Mat, pool: &Pool) -> Result<Grey, Fault> {
    let (width, height) = size(bgr)?;
    let mut bytes = pool.take(width as usize * height as usize);
    {
        let mut grey = Mat::new_rows_cols_with_data_mut::<u8>(bgr.rows(), bgr.cols(), &mut bytes)?;
        imgproc::cvt_color_def(bgr, &mut grey, imgproc::COLOR_BGR2GRAY)?;
    }
    Ok(Grey::new(width, height, bytes)?)
}

/// A copy of an 8-bit grey matrix.
pub(crate) fn grey_of(mat: &Mat, pool: &Pool) -> Result<Grey, Fault> {
    let (width, height) = size(mat)?;
    Ok(Grey::new(width, height, copy(mat.data_typed::<u8>()?, pool))?)
}

/// A copy of an 8-bit BGR matrix.
pub(crate) fn color_of(mat: &Mat, pool: &Pool) -> Result<Bgr, Fault> {
    let (width, height) = size(mat)?;
    Ok(Bgr::new(width, height, copy(mat.data_bytes()?, pool))?)
}

fn copy(bytes: &[u8], pool: &Pool) -> Buffer {
    let mut buffer = pool.take(bytes.len());
    buffer.copy_from_slice(bytes);
    buffer
}
