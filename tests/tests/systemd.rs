//! The unit file, judged by systemd itself.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests may stop at what they do not expect, and say what they skip"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exposure at most, in tenths of systemd's scale from 0 (safe) to 10.
const MOST_EXPOSURE_TENTHS: u32 = 15;

fn unit() -> PathBuf {
    cabinmood_tests::root().join("systemd/cabinmood.service")
}

/// Runs `systemd-analyze`; its output and whether it is content. `None`, and a line that says so,
/// where it is not installed.
fn analyze(args: &[&str], unit: &Path) -> Option<(bool, String)> {
    match Command::new("systemd-analyze").args(args).arg(unit).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(fault) => {
            println!("SKIPPED: systemd-analyze cannot run ({fault}); install the package systemd");
            None
        }
    }
}

#[test]
fn systemd_knows_every_line_of_the_unit() {
    // The program need not be installed for this: one that surely is stands in for it.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cabinmood.service");
    let text = fs::read_to_string(unit()).unwrap();
    let installed = text.replace("/usr/bin/cabinmood run", "/bin/true");
    assert_ne!(text, installed, "the unit starts /usr/bin/cabinmood run");
    fs::write(&path, installed).unwrap();
    if let Some((content, told)) = analyze(&["verify", "--man=no", "--recursive-errors=no"], &path) {
        // An unknown line is only warned of, so the output must be empty as well.
        assert!(content && told.trim().is_empty(), "{told}");
    }
}

#[test]
fn systemd_knows_every_line_of_the_units_for_can() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cabinmood-can@can0.service");
    let text = fs::read_to_string(cabinmood_tests::root().join("systemd/cabinmood-can@.service")).unwrap();
    fs::write(&path, text.replace("/sbin/ip", "/bin/true")).unwrap();
    if let Some((content, told)) = analyze(&["verify", "--man=no", "--recursive-errors=no"], &path) {
        assert!(content && told.trim().is_empty(), "{told}");
    }
}

#[test]
fn the_unit_stays_hardened() {
    let threshold = format!("--threshold={MOST_EXPOSURE_TENTHS}");
    let args = ["security", "--offline=true", "--no-pager", &threshold];
    if let Some((content, told)) = analyze(&args, &unit()) {
        assert!(content, "{told}");
    }
}

#[test]
fn what_the_daemon_relies_on_is_there() {
    let text = fs::read_to_string(unit()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (line, why) in [
        ("Type=notify", "the daemon tells when it is ready"),
        ("WatchdogSec=10", "a chain that hangs is restarted"),
        ("Restart=on-failure", "and one that fails"),
        ("User=cabinmood", "it has no privileges"),
        ("SupplementaryGroups=video", "but may open cameras"),
        ("RuntimeDirectory=cabinmood", "the socket's default folder is /run/cabinmood"),
        ("StateDirectory=cabinmood", "what it learns may outlive a restart"),
        ("RestrictAddressFamilies=AF_UNIX AF_CAN", "the socket and the vehicle's bus, no network"),
        ("LimitCORE=0", "no pixel leaves the process, in a core dump neither"),
    ] {
        assert!(lines.contains(&line), "{line} is missing: {why}");
    }
    // These would keep CUDA, or the cameras, from working.
    for line in ["MemoryDenyWriteExecute=yes", "PrivateDevices=yes", "ProcSubset=pid"] {
        assert!(!lines.contains(&line), "{line} is set");
    }
}
