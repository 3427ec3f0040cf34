//! Helpers that the replay, fault and device tests share: they start the real binary, talk to it
//! through its socket, and wait for what it says, never for time to pass. They panic where it does
//! not do what they wait for.

pub mod allocations;
pub mod broker;
pub mod clock;
pub mod inbox;
pub mod mounts;
pub mod pictures;
pub mod scrape;
pub mod tools;

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use mounts::Mounts;
use types::Expression;

/// Nothing that a test waits for takes this long, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The root of the project.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The binary as it was built beside this test.
#[must_use]
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/release/deps/run-0123456789abcdef
    let path = test.ancestors().nth(2).unwrap().join("cabinmood");
    assert!(path.is_file(), "{} is missing: run `cargo build --release` first", path.display());
    path
}

/// A file that `make setup` fetches, below third_party. `None`, and a line that says so, where it
/// was not run.
#[must_use]
pub fn fetched(name: &str) -> Option<PathBuf> {
    let path = root().join("third_party").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {name} is not there; run `make setup`");
    None
}

/// The first word of a text that is an expression's name: `sad` is not in `saddle`.
#[must_use]
pub fn expression_in(text: &str) -> Option<&str> {
    let mut words = text.split(|letter: char| !letter.is_alphanumeric());
    words.find(|word| Expression::ALL.iter().any(|expression| expression.name() == *word))
}

/// A grey picture of 64x48 pixels with a pattern that `seed` changes.
pub fn write_picture(path: &Path, seed: u8) {
    let pixels = (0..64 * 48_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8 ^ seed);
    let bytes: Vec<u8> = b"P5 64 48 255\n".iter().copied().chain(pixels).collect();
    fs::write(path, bytes).unwrap();
}

/// Runs the binary to its end.
pub fn cabinmood<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    command(None, args).output().unwrap()
}

/// Runs the binary to its end with a variable set.
pub fn cabinmood_with<S: AsRef<OsStr>>(variable: (&str, &str), args: impl IntoIterator<Item = S>) -> Output {
    command(None, args).env(variable.0, variable.1).output().unwrap()
}

/// Asserts that the binary ends with this code and one line on standard error that has these words.
pub fn assert_refused<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, code: i32, words: &[&str]) {
    let output = cabinmood(args);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    let lines: Vec<&str> = told.lines().filter(|line| line.starts_with("cabinmood: ")).collect();
    assert_eq!(lines.len(), 1, "{told}");
    for word in words {
        assert!(lines[0].contains(word), "{word:?} is not in {:?}", lines[0]);
    }
}

fn command<S: AsRef<OsStr>>(mounts: Option<&Mounts>, args: impl IntoIterator<Item = S>) -> Command {
    let mut command = mounts.map_or_else(|| Command::new("env"), |mounts| mounts.run("env"));
    // Under nohup the program leaves SIGHUP ignored, as it should; the tests may run under it.
    command.arg("--default-signal=HUP").arg(binary()).args(args).stdin(Stdio::null());
    // Nothing from outside, neither what would help the program nor what would change it.
    for name in ["RUST_LOG", "NOTIFY_SOCKET", "ORT_DISABLE_TELEMETRY"] {
        command.env_remove(name);
    }
    command
}

/// The daemon's home folder, within its own.
const HOME: &str = "home";

/// One daemon at a time: it must keep up with its source, and test machines are small.
static ALONE: Mutex<()> = Mutex::new(());

/// A running daemon with a socket of its own; killed where a test leaves it running.
pub struct Daemon {
    pid: u32,
    socket: PathBuf,
    log: Receiver<String>,
    ended: Receiver<Option<i32>>,
    /// Its end was seen, so that its number may be another process's by now.
    is_over: Cell<bool>,
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Daemon {
    /// Starts `cabinmood run` and waits until it listens.
    pub fn start<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        let daemon = Self::launch(None, args);
        daemon.wait_for("listening");
        daemon
    }

    /// Starts `cabinmood run`, with these file systems where they are given, and waits for nothing.
    pub fn launch<S: AsRef<OsStr>>(mounts: Option<&Mounts>, args: impl IntoIterator<Item = S>) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(HOME)).unwrap();
        let socket = folder.path().join("mood.sock");
        let mut set = std::ffi::OsString::from("socket.path=");
        set.push(&socket);
        let mut command = command(mounts, [OsStr::new("run"), OsStr::new("--set"), &set]);
        command.args(args).env("HOME", folder.path().join(HOME));
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (pid, log) = (child.id(), lines(child.stderr.take().unwrap()));
        Self { pid, socket, log, ended: end(child), is_over: Cell::new(false), folder, _alone: alone }
    }

    /// The log's next line; `None` once it has ended.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        match self.log.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("no line in the log in time"),
        }
    }

    /// Ends it as a power cut would, wherever it is, and waits until it has ended.
    pub fn kill(self) {
        // It may have come to its end by itself, where it was told to.
        let code = self.ended.try_recv().unwrap_or_else(|_| {
            signal(self.pid, "KILL");
            self.end()
        });
        self.is_over.set(true);
        assert!(matches!(code, None | Some(0)), "it ended by itself with {code:?}");
    }

    /// Waits for a line of the log that has this word.
    pub fn wait_for(&self, word: &str) -> String {
        let mut told = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(word) => return line,
                Ok(line) => told.push(line),
                Err(end) => panic!("no {word:?} in the log ({end}):\n{}", told.join("\n")),
            }
        }
    }

    /// Subscribes to its events.
    #[must_use]
    pub fn subscribe(&self) -> Subscriber {
        let stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Subscriber { lines: BufReader::new(stream) }
    }

    /// The socket's path.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it has left in its home folder.
    #[must_use]
    pub fn left_at_home(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join(HOME)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// Its open sockets of the internet's kinds, as the lines in which the kernel lists them.
    #[must_use]
    pub fn internet_sockets(&self) -> Vec<String> {
        let process = PathBuf::from(format!("/proc/{}", self.pid));
        let links = fs::read_dir(process.join("fd")).unwrap().map(|fd| fs::read_link(fd.unwrap().path()));
        let inodes: Vec<String> = links
            .filter_map(|link| {
                let link = link.ok()?.into_os_string().into_string().ok()?;
                Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
            })
            .collect();
        assert!(!inodes.is_empty(), "the daemon listens on a socket at least");
        let mut found = Vec::new();
        for kind in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
            // A kernel without IPv6 has no such list.
            let list = fs::read_to_string(process.join("net").join(kind)).unwrap_or_default();
            let is_ours = |line: &&str| line.split_whitespace().any(|word| inodes.iter().any(|i| i == word));
            found.extend(list.lines().filter(is_ours).map(str::to_owned));
        }
        found
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.send("TERM");
    }

    /// Sends a signal by its name.
    pub fn send(&self, name: &str) {
        assert!(signal(self.pid, name), "it has ended already");
    }

    /// Waits for its end; the exit code, or `None` where a signal ended it.
    pub fn end_within(&self, limit: Duration) -> Option<i32> {
        let code = self.ended.recv_timeout(limit).expect("the daemon has not ended in time");
        self.is_over.set(true);
        code
    }

    /// Waits for its end, as long as it takes.
    pub fn end(&self) -> Option<i32> {
        self.end_within(PATIENCE)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.is_over.get() && self.ended.try_recv().is_err() {
            signal(self.pid, "KILL");
        }
    }
}

fn signal(pid: u32, name: &str) -> bool {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    status.is_ok_and(|status| status.success())
}

/// Lines as they come, read on a thread so that waiting for one can end.
pub(crate) fn lines(source: impl Read + Send + 'static) -> Receiver<String> {
    let (out, into) = channel();
    thread::spawn(move || {
        BufReader::new(source).lines().map_while(Result::ok).try_for_each(|line| out.send(line))
    });
    into
}

fn end(mut child: Child) -> Receiver<Option<i32>> {
    let (out, into) = channel();
    thread::spawn(move || out.send(child.wait().unwrap().code()));
    into
}

/// Reads events.
pub struct Subscriber {
    lines: BufReader<UnixStream>,
}

impl Subscriber {
    /// Reads events until one fits, and gives that one.
    pub fn until(&mut self, what: &str, fits: impl FnMut(&Value) -> bool) -> Value {
        self.find(fits).unwrap_or_else(|| panic!("no event that is {what}"))
    }
}

impl Iterator for Subscriber {
    type Item = Value;

    /// The next event or gap; `None` once the daemon hung up.
    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        let length = self.lines.read_line(&mut line).expect("no event in time");
        (length > 0).then(|| serde_json::from_str(&line).unwrap())
    }
}

/// The event's state, or for `unknown` its reason.
#[must_use]
pub fn word(event: &Value) -> &str {
    assert_eq!(event["schema"], "cabinmood.event/1", "{event}");
    match event["state"].as_str().unwrap() {
        "unknown" => event["reason"].as_str().unwrap(),
        state => state,
    }
}

/// When the event's frame was taken, or its absence noted, in milliseconds.
#[must_use]
pub fn captured_ms(event: &Value) -> f64 {
    event["captured_at_ns"].as_f64().unwrap() / 1e6
}
