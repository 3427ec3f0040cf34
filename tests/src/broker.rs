//! A real Mosquitto on loopback with TLS and client certificates, and a consumer beside it.
use std::cell::RefCell;
use std::fs;
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use publish::telematics::{
    Retry, StoreOptions, SyncPolicy, TelematicsOptions, TelematicsSink, TlsFiles, UploadRate,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use types::{Clock, Expression, MonoTime, Mood, MoodState, Probabilities, UtcTime};
use wire::episode::{EpisodeHeader, EpisodeLimits};
use wire::{Event, Header};

use crate::lines;

/// Nothing that a test waits for takes this long, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// The vehicle that sends.
pub const VEHICLE: &str = "truck-7";

/// Where Debian puts the broker, which is not in every user's path.
#[must_use]
pub fn mosquitto() -> Option<PathBuf> {
    let found = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists());
    if found.is_none() {
        println!("SKIPPED: mosquitto is not there; run `setup/packages.sh tests/telematics/packages.txt`");
    }
    found
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes NAME.pem and NAME.key, signed by the authority.
fn certificate(folder: &Path, authority: &Authority, name: &str, hosts: &[&str], last_year: Option<i32>) {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(year) = last_year {
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let signed = params.signed_by(&key, authority).unwrap();
    fs::write(folder.join(format!("{name}.pem")), signed.pem()).unwrap();
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

/// A port that nobody has, and that the kernel gives to no client of its own accord: otherwise one that
/// looks for a broker that is away might have it, or even connect to itself.
#[must_use]
pub fn free_port() -> u16 {
    /// Below what Linux gives away (net.ipv4.ip_local_port_range).
    const PORTS: Range<u16> = 16_384..32_768;
    static TRIED: AtomicU16 = AtomicU16::new(0);
    // Other tests run at the same time, in other processes too.
    let first = (std::process::id() as u16).wrapping_mul(101);
    let next =
        || PORTS.start + first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % PORTS.len() as u16;
    std::iter::repeat_with(next)
        .take(PORTS.len())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

/// Certificates, a broker's folder, and a port.
pub struct Site {
    /// Where all files are.
    pub folder: TempDir,
    /// The broker's port, which nobody has before it starts.
    pub port: u16,
    program: PathBuf,
}

impl Site {
    /// Makes the certificates. `None`, and a line that says so, where there is no Mosquitto.
    #[must_use]
    pub fn new() -> Option<Self> {
        let program = mosquitto()?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let (ours, other) = (authority("fleet"), authority("other"));
        fs::write(path.join("ca.pem"), ours.pem()).unwrap();
        fs::write(path.join("other.pem"), other.pem()).unwrap();
        certificate(path, &ours, "broker", &["localhost", "127.0.0.1"], None);
        certificate(path, &ours, VEHICLE, &[], None);
        certificate(path, &ours, "consumer", &[], None);
        certificate(path, &ours, "expired", &[], Some(2020));
        certificate(path, &ours, "expired-broker", &["127.0.0.1"], Some(2020));
        certificate(path, &other, "stranger", &[], None);
        Some(Self { folder, port: free_port(), program })
    }

    /// A file in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the broker, with some lines more in its configuration, and waits until it listens. It
    /// keeps what it acknowledged when it is ended, and its sessions also when it is killed.
    #[must_use]
    pub fn broker(&self, more: &str) -> Broker {
        self.forgetful_broker(&format!(
            "persistence true\npersistence_location {}/\nautosave_on_changes true\nautosave_interval 1\n{more}",
            self.folder.path().display(),
        ))
    }

    /// Starts the broker without the disk.
    #[must_use]
    pub fn forgetful_broker(&self, more: &str) -> Broker {
        let file = |name: &str| self.path(name).display().to_string();
        let config = format!(
            "listener {} 127.0.0.1\nuser root\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
             use_identity_as_username true\nallow_anonymous true\nmax_queued_messages 1000000\n\
             log_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\nlog_type information\n\
             log_type subscribe\n{more}\n",
            self.port,
            file("ca.pem"),
            file("broker.pem"),
            file("broker.key"),
        );
        fs::write(self.path("mosquitto.conf"), config).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.path("mosquitto.conf")).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let log = lines(child.stderr.take().unwrap());
        let broker = Broker { child, log };
        broker.wait_for("running");
        broker
    }

    /// Subscribes to all vehicles, in a session that outlives connections. The broker must run.
    #[must_use]
    pub fn consumer(&self, broker: &Broker) -> Consumer {
        let mut command = Command::new("mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-V", "mqttv5", "-i", "consumer"]);
        command.args(["-c", "-x", "4294967295", "-q", "1", "-t", "cabinmood/#"]);
        command.arg("--cafile").arg(self.path("ca.pem"));
        command.arg("--cert").arg(self.path("consumer.pem")).arg("--key").arg(self.path("consumer.key"));
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let running = RefCell::new(Subscription::start(&mut command));
        broker.wait_for("consumer 1 cabinmood/#");
        Consumer { command: RefCell::new(command), running }
    }

    /// The sink's options, for a vehicle in a hurry.
    #[must_use]
    pub fn options(&self) -> TelematicsOptions {
        TelematicsOptions {
            host: "127.0.0.1".into(),
            port: self.port,
            tls: self.tls(VEHICLE),
            topic: "cabinmood/{vehicle}/mood".into(),
            header: EpisodeHeader { vehicle_id: VEHICLE.into(), purpose: "safety".into(), run: "run".into() },
            limits: EpisodeLimits { shortest: Duration::ZERO, longest: Duration::from_secs(60) },
            max_message_bytes: 4096,
            store: self.path("store"),
            store_options: StoreOptions::new(64 << 20),
            sync: SyncPolicy { interval: Duration::from_millis(5), records: 16 },
            rate: UploadRate { records_per_s: None, bytes_per_s: None, in_flight: 100 },
            retry: Retry { first: Duration::from_millis(20), longest: Duration::from_millis(200) },
            is_synchronised: Arc::new(|| true),
        }
    }

    /// The settings of a daemon in a hurry: episodes however short, synced as often as may be, sent as
    /// fast as they can be.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        let TlsFiles { ca, cert, key } = self.tls(VEHICLE);
        let file = |name: &str, path: &Path| format!("telematics.{name}={}", path.display());
        let mut settings: Vec<String> = [
            "enabled=true",
            "host=127.0.0.1",
            "store_mb=1",
            "sync_s=1",
            "min_duration_s=0",
            "max_records_per_s=0",
            "max_kb_per_s=0",
            "retry_first_s=0.1",
            "retry_max_s=1",
        ]
        .map(|setting| format!("telematics.{setting}"))
        .into();
        settings.push(format!("telematics.port={}", self.port));
        settings.push(format!("telematics.vehicle_id={VEHICLE}"));
        settings.extend([file("ca", &ca), file("cert", &cert), file("key", &key)]);
        settings.push(file("store", &self.path("store")));
        settings
    }

    /// The files of the client that has this name.
    #[must_use]
    pub fn tls(&self, name: &str) -> TlsFiles {
        TlsFiles {
            ca: self.path("ca.pem"),
            cert: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        }
    }
}

/// A running Mosquitto; killed when dropped.
pub struct Broker {
    child: Child,
    log: Receiver<String>,
}

impl Broker {
    /// Waits for a line of its log that has these words.
    pub fn wait_for(&self, words: &str) -> String {
        let mut told = Vec::new();
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => told.push(line),
                Err(end) => panic!("no {words:?} in the broker's log ({end}):\n{}", told.join("\n")),
            }
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// Ends it in the middle of whatever it does.
    pub fn end(mut self) {
        self.signal(Signal::SIGTERM);
        self.child.wait().unwrap();
    }

    /// Ends it as a power cut would. What it has acknowledged and not passed on is lost.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A subscription that outlives its connections.
pub struct Consumer {
    command: RefCell<Command>,
    running: RefCell<Subscription>,
}

/// A running `mosquitto_sub`; killed when dropped.
struct Subscription {
    child: Child,
    lines: Receiver<String>,
}

impl Consumer {
    /// `mosquitto_sub` gives up for good where a connection breaks within the TLS handshake, and at once
    /// where there is no broker: it is started again so often at most.
    const MOST_STARTS: usize = 10_000;

    /// The next message.
    pub fn message(&self) -> String {
        for _ in 0..Self::MOST_STARTS {
            let next = self.running.borrow().lines.recv_timeout(PATIENCE);
            match next {
                Ok(message) => return message,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    self.running.replace(Subscription::start(&mut self.command.borrow_mut()));
                }
            }
        }
        panic!("no message in time");
    }
}

impl Subscription {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        Self { child, lines }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The sink that is tested.
#[must_use]
pub fn sink(options: TelematicsOptions, clock: &Arc<dyn Clock>) -> Box<TelematicsSink> {
    Box::new(TelematicsSink::new(options, Arc::clone(clock)).unwrap())
}

/// An event a second, each of another expression than the one before: each ends an episode.
#[must_use]
pub fn event(seq: u64) -> Event {
    let header = Header { boot_id: "boot".into(), model: "net".into(), ..Header::default() };
    let mood = Mood {
        state: MoodState::Steady(Expression::ALL[seq as usize % Expression::COUNT]),
        confidence: 0.9,
        intensity: Some(0.4),
        posterior: Probabilities::UNIFORM,
    };
    Event::new(&header, seq, MonoTime::from_ms(seq * 1000), &mood, UtcTime(seq * 1_000_000_000))
}
