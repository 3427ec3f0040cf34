//! `cabinmood purge` on files that TensorRT would leave.

use std::fs;
use std::path::{Path, PathBuf};

use cabinmood_tests::{Daemon, assert_refused, cabinmood, fetched};

/// A folder with two engines and somebody's file; the key that names it.
struct Cache {
    folder: tempfile::TempDir,
    set: String,
}

impl Cache {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let set = format!("classify.engine_cache={}", folder.path().display());
        let cache = Self { folder, set };
        fs::write(cache.engine("engine"), [0; 300]).unwrap();
        fs::write(cache.engine("timing"), [0; 20]).unwrap();
        fs::write(cache.other(), "a letter").unwrap();
        cache
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn engine(&self, kind: &str) -> PathBuf {
        self.path().join(format!("TensorrtExecutionProvider_cache_sm87.{kind}"))
    }

    fn other(&self) -> PathBuf {
        self.path().join("letter.txt")
    }

    fn count(&self) -> usize {
        fs::read_dir(self.path()).unwrap().count()
    }

    fn purge(&self, more: &[&str]) -> (Option<i32>, String) {
        let output = cabinmood(["purge", "--set", &self.set].iter().chain(more));
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}

#[test]
fn what_is_kept_is_named_and_deleted_and_nothing_else() {
    let cache = Cache::new();
    let (code, told) = cache.purge(&["--yes"]);
    let expected = format!(
        "deleted {} (300 bytes)\ndeleted {} (20 bytes)\nleft 1 others in {}, which are not Cabinmood's\n",
        cache.engine("engine").display(),
        cache.engine("timing").display(),
        cache.path().display()
    );
    assert_eq!((code, told), (Some(0), expected));
    assert_eq!((fs::read_to_string(cache.other()).unwrap().as_str(), cache.count()), ("a letter", 1));
    assert_eq!(cache.purge(&["--yes"]), (Some(0), "nothing is kept on disk\n".into()), "a second time");
}

#[test]
fn episodes_that_wait_for_the_broker_are_deleted_also_while_telematics_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let segment = folder.path().join("000000000000000a.seg");
    fs::write(&segment, [0; 10]).unwrap();
    fs::write(folder.path().join("letter.seg"), "mine").unwrap();
    let output =
        cabinmood(["purge", "--yes", "--set", &format!("telematics.store={}", folder.path().display())]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains(&format!("deleted {} (10 bytes)", segment.display())), "{told}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["letter.seg"]);
}

#[test]
fn without_a_terminal_or_a_yes_nothing_is_deleted() {
    let cache = Cache::new();
    assert_refused(["purge", "--set", &cache.set], 64, &["deleted: 2;", "--yes"]);
    assert_eq!(cache.count(), 3);
}

#[test]
fn nothing_is_kept_by_default_nor_in_a_folder_that_is_missing() {
    for set in ["classify.engine_cache=", "classify.engine_cache=/no/such/folder"] {
        let output = cabinmood(["purge", "--yes", "--set", set]);
        assert_eq!(output.stdout, b"nothing is kept on disk\n");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn a_running_daemon_keeps_what_it_has() {
    let Some(clip) = fetched("footage/WolfgangLanger_Pexels.mp4") else { return };
    let cache = Cache::new();
    let providers = "classify.providers=['cpu']";
    let daemon = Daemon::start([clip.to_str().unwrap(), "--set", &cache.set, "--set", providers]);
    assert_refused(
        ["purge", "--yes", "--set", &cache.set],
        69,
        &["classify.engine_cache", "a daemon runs", "stop it"],
    );
    assert_eq!(cache.count(), 3);
    daemon.terminate();
    assert_eq!(daemon.end(), Some(0));
    assert_eq!(cache.purge(&["--yes"]).0, Some(0));
    assert_eq!(cache.count(), 1);
}
