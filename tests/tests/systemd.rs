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

/// The arguments after the program's name on the first line that has `start`.
fn arguments(text: &str, start: &str) -> Vec<String> {
    let line = text.lines().find_map(|line| line.split_once(start)).expect(start).1;
    let command = line.split(" && ").next().unwrap();
    command.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_recipes_check_looks_at_what_the_unit_starts() {
    let recipe = fs::read_to_string(cabinmood_tests::root().join("systemd/README.md")).unwrap();
    let check = arguments(&recipe, "cabinmood check");
    assert_eq!(check, arguments(&fs::read_to_string(unit()).unwrap(), "/usr/bin/cabinmood run"));

    // As on a new machine: the folder of the socket was just made, and the camera comes later.
    let folder = tempfile::tempdir().unwrap();
    let made = recipe.lines().find_map(|line| line.strip_prefix("install -d /run")).unwrap();
    fs::create_dir_all(folder.path().join(format!("run{made}"))).unwrap();
    let config = folder.path().join("cabinmood.toml");
    let text = fs::read_to_string(cabinmood_tests::root().join("config/cabinmood.toml")).unwrap();
    let path = format!("\"{}/run/", folder.path().display());
    let text = text.replace("\"/run/", &path).replace("\"camera:0\"", "\"camera:63\"");
    fs::write(&config, text).unwrap();
    let args = ["check".to_owned(), "--config".to_owned(), config.display().to_string()];
    let output = cabinmood_tests::cabinmood(args.into_iter().chain(check));
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}");
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
        ("Environment=ORT_DISABLE_TELEMETRY=1", "nothing is sent"),
        ("LimitCORE=0", "no pixel leaves the process, in a core dump neither"),
    ] {
        assert!(lines.contains(&line), "{line} is missing: {why}");
    }
    // These would keep CUDA, or the cameras, from working.
    for line in ["MemoryDenyWriteExecute=yes", "PrivateDevices=yes", "ProcSubset=pid"] {
        assert!(!lines.contains(&line), "{line} is set");
    }
}
