//! Finding pictures, videos and class folders on disk.

use std::fs;
use std::path::{Path, PathBuf};

use capture::SourceSpec;
use types::Expression;

use crate::failure::{Exit, Failure, OrExit as _};

/// File name endings of videos that are looked for in folders, in lower case. A file that is named
/// on the command line is tried whatever its ending.
const VIDEOS: [&str; 6] = ["avi", "mp4", "mov", "mkv", "webm", "m4v"];

/// What a file holds, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One picture.
    Picture,
    /// A video, or a file that only opening it will tell.
    Video,
}

/// A file to analyse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// Where it is.
    pub path: PathBuf,
    /// What it holds.
    pub kind: Kind,
}

/// A picture and the class folder that it was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The picture.
    pub path: PathBuf,
    /// What it is said to show.
    pub label: Expression,
}

fn kind_by_name(path: &Path) -> Option<Kind> {
    if matches!(SourceSpec::from(path), SourceSpec::Images(_)) {
        return Some(Kind::Picture);
    }
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    VIDEOS.contains(&ending.as_str()).then_some(Kind::Video)
}

/// The files named on a command line and those in the folders named there, folder by folder,
/// sorted by path; hidden files and links to folders are passed over. What is missing, unreadable or
/// an empty folder is a medium itself, so that the others go on: opening it tells what is wrong.
pub fn media(inputs: &[PathBuf]) -> Vec<Medium> {
    let of = |input: &PathBuf| {
        let mut found = Vec::new();
        let walked =
            input.is_dir().then(|| collect(input, &mut |path, kind| found.push(Medium { path, kind })));
        if found.is_empty() || walked.is_some_and(|walked| walked.is_err()) {
            found = vec![Medium { path: input.clone(), kind: kind_by_name(input).unwrap_or(Kind::Video) }];
        }
        found
    };
    inputs.iter().flat_map(of).collect()
}

/// All pictures in a folder and below it, sorted by path; or the one picture that `input` is.
///
/// # Errors
/// [`Exit::NoInput`] where it is missing, unreadable or holds none.
pub fn pictures(input: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !is_folder(input)? {
        return Ok(vec![input.to_owned()]);
    }
    let mut found = Vec::new();
    collect(input, &mut |path, kind| {
        if kind == Kind::Picture {
            found.push(path);
        }
    })?;
    if found.is_empty() { Err(empty(input)) } else { Ok(found) }
}

/// The pictures of a data set: a folder with a folder for each class, as torchvision's
/// `ImageFolder` has it. A class may be absent; a folder that names no class may not be there.
///
/// # Errors
/// [`Exit::NoInput`] where the folder is missing; [`Exit::Data`] where it has no class folder, a
/// folder of another name, or no picture.
pub fn samples(dataset: &Path) -> Result<Vec<Sample>, Failure> {
    let bad = |message: String| Failure::message(Exit::Data, format!("{}: {message}", dataset.display()));
    let wanted = Expression::ALL.map(Expression::name).join("/ ");
    if !is_folder(dataset)? {
        return Err(bad(format!("not a folder; a data set is a folder with the folders {wanted}/")));
    }
    let folders: Vec<PathBuf> = entries(dataset)?.into_iter().filter(|path| path.is_dir()).collect();
    let name = |path: &Path| path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let (classes, strange): (Vec<_>, Vec<_>) = folders
        .into_iter()
        .map(|path| (name(&path).parse::<Expression>(), path))
        .partition(|(e, _)| e.is_ok());
    if classes.is_empty() {
        return Err(bad(format!("no class folder; looked for {wanted}/")));
    }
    if !strange.is_empty() {
        let names: Vec<String> = strange.iter().map(|(_, path)| name(path) + "/").collect();
        return Err(bad(format!("{} names no class; the classes are {wanted}/", names.join(", "))));
    }
    let mut found = Vec::new();
    for (label, folder) in classes.into_iter().filter_map(|(label, folder)| Some((label.ok()?, folder))) {
        collect(&folder, &mut |path, kind| {
            if kind == Kind::Picture {
                found.push(Sample { path, label });
            }
        })?;
    }
    if found.is_empty() { Err(bad("its class folders hold no picture".into())) } else { Ok(found) }
}

fn is_folder(path: &Path) -> Result<bool, Failure> {
    let about = fs::metadata(path).or_exit(Exit::NoInput, || path.display().to_string())?;
    Ok(about.is_dir())
}

fn empty(folder: &Path) -> Failure {
    Failure::message(Exit::NoInput, format!("{}: the folder holds no picture", folder.display()))
}

/// A folder's entries without the hidden ones, sorted by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        let mut paths = fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.retain(|p| p.file_name().is_some_and(|n| !n.to_string_lossy().starts_with('.')));
        paths.sort_unstable();
        Ok(paths)
    };
    read().or_exit(Exit::NoInput, || folder.display().to_string())
}

fn collect(folder: &Path, found: &mut impl FnMut(PathBuf, Kind)) -> Result<(), Failure> {
    for path in entries(folder)? {
        if path.is_dir() {
            // A link to a folder may lead back up; only the folders that were named are followed.
            if !path.is_symlink() {
                collect(&path, found)?;
            }
        } else if let Some(kind) = kind_by_name(&path) {
            found(path, kind);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn samples_take_their_label_from_the_class_folder() {
        let root = tree(&["happy/b.png", "happy/deep/a.JPG", "angry/c.bmp", "angry/notes.txt", "readme.md"]);
        let found = samples(root.path()).unwrap();
        let names: Vec<_> =
            found.iter().map(|s| s.path.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["angry/c.bmp", "happy/b.png", "happy/deep/a.JPG"]);
        assert_eq!(found[1].label, Expression::Happy);
    }

    #[test]
    fn a_data_set_that_is_none_says_what_was_looked_for() {
        let check = |files: &[&str], word: &str| {
            let failure = samples(tree(files).path()).unwrap_err();
            assert_eq!(failure.exit, Exit::Data);
            assert!(failure.error.to_string().contains(word), "{:#}", failure.error);
        };
        check(&["a.png"], "looked for angry/ disgust/");
        check(&["happy/a.png", "bored/a.png", "tired/a.png"], "bored/, tired/ names no class");
        check(&["happy/a.txt"], "hold no picture");
    }

    #[test]
    fn missing_and_empty_inputs_are_no_input() {
        let root = tree(&["notes.txt"]);
        for input in [root.path().join("absent"), root.path().to_owned()] {
            assert_eq!(pictures(&input).unwrap_err().exit, Exit::NoInput);
            let found = media(std::slice::from_ref(&input));
            assert!(matches!(&found[..], [medium] if medium.path == input), "{found:?}");
        }
    }

    #[test]
    fn media_keep_the_order_of_the_command_line() {
        let root = tree(&["z/2.png", "z/1.mp4", "a.bin"]);
        let inputs = [root.path().join("z"), root.path().join("a.bin")];
        let kinds: Vec<_> = media(&inputs).into_iter().map(|m| m.kind).collect();
        assert_eq!(kinds, [Kind::Video, Kind::Picture, Kind::Video]);
    }
}
