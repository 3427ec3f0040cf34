//! File systems that only a test and its daemon see: they fill up and become read-only for real.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A file system in memory, in a mount namespace of its own, which ends with this.
pub struct Mounts {
    /// Holds the namespace while its standard input is open.
    holder: Child,
    point: PathBuf,
    /// How to get in: with a user namespace, where root's rights had to be made up.
    way_in: &'static [&'static str],
}

impl Mounts {
    /// Mounts a file system of so many bytes on a folder. `None`, and a line that says so, where that is
    /// not allowed.
    #[must_use]
    pub fn new(point: &Path, bytes: u64) -> Option<Self> {
        let mut told = String::new();
        for (way, way_in) in [
            (&["--mount"][..], &["--mount"][..]),
            (&["--mount", "--user", "--map-root-user"], &["--mount", "--user", "--preserve-credentials"]),
        ] {
            let mut command = Command::new("unshare");
            command.args(way).args([
                "sh",
                "-c",
                "mount -t tmpfs -o size=$1 tmpfs \"$0\" && echo ready && read line",
            ]);
            command.arg(point).arg(bytes.to_string());
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut holder = command.spawn().unwrap();
            let mut line = String::new();
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
            if line == "ready\n" {
                return Some(Self { holder, point: point.to_owned(), way_in });
            }
            let output = holder.wait_with_output().unwrap();
            told = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        }
        println!("SKIPPED: no file system may be mounted here ({told})");
        None
    }

    /// A command that will run this program among these file systems.
    #[must_use]
    pub fn run(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(self.way_in).args(["--target", &self.holder.id().to_string(), "--", program]);
        command
    }

    /// Mounts it anew, as `ro` or `rw`. Nobody may be writing to it.
    pub fn remount(&self, how: &str) {
        let mut command = self.run("mount");
        let status = command.args(["-o", &format!("remount,{how}")]).arg(&self.point).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot remount {how}");
    }

    /// The folder as it is seen from outside.
    #[must_use]
    pub fn outside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.point.strip_prefix("/").unwrap())
    }

    /// Fills it to the last byte with a file, whose removal makes room again.
    #[must_use]
    pub fn fill(&self) -> PathBuf {
        let path = self.outside().join("ballast");
        let mut file = File::create_new(&path).unwrap();
        let full = loop {
            if let Err(fault) = file.write_all(&[0; 4096]) {
                break fault;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
        path
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
