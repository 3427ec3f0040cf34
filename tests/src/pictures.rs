//! A source with as many episodes as a test can wish for: a face that comes and goes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::root;

/// Pictures of a face in a row, in which the filter is sure of an expression, and then one without.
const FACES: usize = 6;

/// Settings under which each of these appearances is an episode: a filter that takes each frame for a
/// look of its own, and a state that need not last.
pub const HASTY: [&str; 4] =
    ["smooth.correlation_s=0.02", "smooth.dwell_s=0", "smooth.enter=0.51", "smooth.exit=0.5"];

/// Fills a folder with so many pictures, of which the daemon plays 30 a second: four episodes or more.
pub fn come_and_go(folder: &Path, count: usize) {
    let faces = ["a", "b", "c"].map(|name| root().join(format!("tests/fixtures/faces/{name}.jpg")));
    let nobody = folder.join("nobody");
    let (width, height) = (400, 360);
    let mut pixels = format!("P5 {width} {height} 255\n").into_bytes();
    pixels.resize(pixels.len() + width * height, 90);
    fs::write(&nobody, pixels).unwrap();
    for number in 0..count {
        let (target, ending) = match number % (FACES + 1) {
            FACES => (&nobody, "pgm"),
            place => (&faces[place % faces.len()], "jpg"),
        };
        symlink(target, folder.join(format!("{number:06}.{ending}"))).unwrap();
    }
}
