//! What the daemon keeps on disk, in one list: `purge` deletes it, docs/privacy.md tells of it, and a
//! running daemon holds it. That is little: the learned neutral, the belief and all events live in
//! memory and end with the daemon; episodes are written where telematics is switched on.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use publish::telematics::is_segment;

use crate::config::Config;
use crate::failure::{Exit, Failure, OrExit as _};

/// How ONNX Runtime calls the engines and timings that TensorRT leaves in `classify.engine_cache`.
const ENGINE_PREFIX: &str = "TensorrtExecutionProvider_";

/// A folder in which the daemon keeps files.
#[derive(Debug)]
pub struct Kept {
    /// The key of the configuration that names the folder.
    pub key: &'static str,
    /// What the files are.
    pub what: &'static str,
    /// The folder.
    pub folder: PathBuf,
    /// Whether a file of this name is one of them. Others may have files there, too.
    is_ours: fn(&str) -> bool,
    /// Whether what writes there locks the folder itself, while it runs.
    holds_itself: bool,
}

/// A file that is kept.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeptFile {
    /// Its path.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
}

/// Everything that is kept. A new store is added here, in one line, and nowhere else. A running
/// daemon must hold a lock on the folder itself (flock), as [`hold`] does for those that no store
/// holds.
pub fn kept(config: &Config) -> Vec<Kept> {
    let episodes = Kept {
        key: "telematics.store",
        what: "episodes that wait for the broker",
        folder: config.episodes.clone(),
        is_ours: is_segment,
        holds_itself: true,
    };
    let engines = config.classify.engine_cache.clone().map(|folder| Kept {
        key: "classify.engine_cache",
        what: "engines that TensorRT built",
        folder,
        is_ours: |name| name.starts_with(ENGINE_PREFIX),
        holds_itself: false,
    });
    engines.into_iter().chain([episodes]).collect()
}

/// Holds the folders for as long as the value lives, beside other daemons. One that is missing is
/// not held: who needs it says so.
///
/// # Errors
/// [`Exit::Unavailable`] while `purge` works there.
pub fn hold(config: &Config) -> Result<Vec<File>, Failure> {
    let mut held = Vec::new();
    for Kept { key, folder, .. } in kept(config).into_iter().filter(|kept| !kept.holds_itself) {
        let Ok(handle) = File::open(&folder) else { continue };
        match handle.try_lock_shared() {
            Ok(()) => held.push(handle),
            Err(TryLockError::WouldBlock) => {
                let message = format!("{key} {}: is being purged; start again after that", folder.display());
                return Err(Failure::message(Exit::Unavailable, message));
            }
            // A file system without locks: `purge` finds that out as well, and refuses.
            Err(TryLockError::Error(_)) => {}
        }
    }
    Ok(held)
}

impl Kept {
    /// Keeps daemons out for as long as the handle lives; `None` where there is no such folder.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where a daemon holds the folder or it cannot be locked.
    pub fn lock(&self) -> Result<Option<File>, Failure> {
        let named = || format!("{} {}", self.key, self.folder.display());
        let handle = match File::open(&self.folder) {
            Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.or_exit(Exit::Unavailable, named)?,
        };
        match handle.try_lock() {
            Ok(()) => Ok(Some(handle)),
            Err(TryLockError::WouldBlock) => {
                let message =
                    format!("{}: a daemon runs on it; stop it first (systemctl stop cabinmood)", named());
                Err(Failure::message(Exit::Unavailable, message))
            }
            Err(TryLockError::Error(fault)) => Err(fault).or_exit(Exit::Unavailable, named),
        }
    }

    /// The files that are kept, by name, and how many others lie there.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn files(&self) -> io::Result<(Vec<KeptFile>, usize)> {
        let (mut files, mut others) = (Vec::new(), 0);
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Links are not followed: what is deleted is the link.
            let meta = fs::symlink_metadata(entry.path())?;
            if self.is_kept(&entry.file_name()) && !meta.is_dir() {
                files.push(KeptFile { path: entry.path(), bytes: meta.len() });
            } else {
                others += 1;
            }
        }
        files.sort_unstable();
        Ok((files, others))
    }

    fn is_kept(&self, name: &OsStr) -> bool {
        name.to_str().is_some_and(self.is_ours)
    }

    /// Deletes a file and makes that last.
    ///
    /// # Errors
    /// Where it cannot be deleted.
    pub fn delete(&self, file: &Path, folder: &File) -> io::Result<()> {
        fs::remove_file(file)?;
        folder.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ConfigArgs;

    fn with_cache(folder: &Path) -> Config {
        let set = vec![format!("classify.engine_cache={}", folder.display())];
        Config::load(&ConfigArgs { config: Some("/dev/null".into()), set }).unwrap()
    }

    #[test]
    fn daemons_share_a_folder_and_purge_has_it_alone() {
        let folder = tempfile::tempdir().unwrap();
        let config = with_cache(folder.path());
        let [cache, _] = &kept(&config)[..] else { panic!("two are kept") };
        let daemons = [hold(&config).unwrap(), hold(&config).unwrap()];
        assert_eq!(cache.lock().unwrap_err().exit, Exit::Unavailable);
        drop(daemons);
        let purge = cache.lock().unwrap();
        assert!(purge.is_some());
        let refused = hold(&config).unwrap_err();
        assert_eq!(refused.exit, Exit::Unavailable);
        assert!(refused.to_string().contains("classify.engine_cache"), "{refused}");
        drop(purge);
        assert!(hold(&with_cache(Path::new("/no/such/folder"))).unwrap().is_empty());
    }

    #[test]
    fn the_page_on_privacy_tells_of_everything_that_is_kept() {
        let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/privacy.md")).unwrap();
        let all = kept(&with_cache(Path::new("/c")));
        assert!(!all.is_empty());
        for Kept { key, what, .. } in all {
            assert!(page.contains(&format!("| {what} | `{key}`")), "docs/privacy.md lacks {what}, {key}");
        }
    }
}
