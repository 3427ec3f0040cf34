//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// Writes a file under another name and gives it its own once it is complete: where `fill` or the
/// disk fails, what was there before still is.
///
/// # Errors
/// Those of `fill`, and where the file cannot be made.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    // A pipe or a device cannot be replaced by a file.
    if path.metadata().is_ok_and(|about| !about.is_file()) {
        return fill(&mut File::create(path)?);
    }
    // The file that a link leads to, not the link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut part = path.clone().into_os_string();
    part.push(".part");
    let filled = File::create(&part).and_then(|file| {
        let mut to = BufWriter::new(file);
        fill(&mut to)?;
        to.flush()
    });
    let done = filled.and_then(|()| fs::rename(&part, &path));
    if done.is_err() {
        // It may not even have been made.
        let _ = fs::remove_file(&part);
    }
    done
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;

    #[test]
    fn a_file_that_fails_leaves_the_one_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let fails = || write(&path, |to| to.write_all(b"half").and(Err(Error::other("full"))));
        assert_eq!(fails().unwrap_err().to_string(), "full");
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        write(&path, |to| to.write_all(b"whole")).unwrap();
        assert!(fails().is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_link_and_a_device_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, |to| to.write_all(b"after")).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
        assert!(link.is_symlink());
        write(Path::new("/dev/null"), |to| to.write_all(b"gone")).unwrap();
        assert!(!Path::new("/dev/null").is_file());
    }
}
