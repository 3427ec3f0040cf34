//! A real Mosquitto on loopback with TLS and client certificates, and a consumer beside it.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "shared by tests that each use a part of it, and may stop at what they do not expect"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use publish::telematics::{
    Retry, StoreOptions, SyncPolicy, TelematicsOptions, TelematicsSink, TlsFiles, UploadRate,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use types::{Clock, Expression, MonoTime, Mood, MoodState, Probabilities, UtcTime};
use wire::episode::{EpisodeHeader, EpisodeLimits};
use wire::{Event, Header};

/// Nothing that a test waits for takes this long, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const VEHICLE: &str = "truck-7";

/// Where Debian puts the broker, which is not in every user's path.
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

/// Certificates, a broker's folder, and a port.
pub struct Site {
    pub folder: tempfile::TempDir,
    pub port: u16,
    program: PathBuf,
}

impl Site {
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
        certificate(path, &other, "stranger", &[], None);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some(Self { folder, port, program })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the broker, with some lines more in its configuration, and waits until it listens. It
    /// keeps what it acknowledged when it is ended, and its sessions also when it is killed.
    pub fn broker(&self, more: &str) -> Broker {
        self.forgetful_broker(&format!(
            "persistence true\npersistence_location {}/\nautosave_on_changes true\nautosave_interval 1\n{more}",
            self.folder.path().display(),
        ))
    }

    /// Starts the broker without the disk.
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
    pub fn consumer(&self, broker: &Broker) -> Consumer {
        let mut command = Command::new("mosquitto_sub");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-V", "mqttv5", "-i", "consumer"]);
        command.args(["-c", "-x", "4294967295", "-q", "1", "-t", "cabinmood/#"]);
        command.arg("--cafile").arg(self.path("ca.pem"));
        command.arg("--cert").arg(self.path("consumer.pem")).arg("--key").arg(self.path("consumer.key"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        broker.wait_for("consumer 1 cabinmood/#");
        Consumer { child, lines }
    }

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

    pub fn tls(&self, name: &str) -> TlsFiles {
        TlsFiles {
            ca: self.path("ca.pem"),
            cert: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        }
    }
}

pub struct Broker {
    child: Child,
    log: Receiver<String>,
}

impl Broker {
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

pub struct Consumer {
    child: Child,
    lines: Receiver<String>,
}

impl Consumer {
    /// The next message.
    pub fn message(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("no message in time")
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (out, into) = channel();
    std::thread::spawn(move || {
        BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|line| out.send(line))
    });
    into
}

/// The real clocks.
pub struct Real(std::time::Instant);

impl Real {
    #[expect(clippy::disallowed_methods, reason = "what is tested waits for real")]
    pub fn clock() -> Arc<dyn Clock> {
        Arc::new(Self(std::time::Instant::now()))
    }
}

impl Clock for Real {
    fn now(&self) -> MonoTime {
        MonoTime::ZERO + self.0.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "certificates are valid for real")]
    fn utc(&self) -> UtcTime {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        UtcTime(since.as_nanos() as u64)
    }
}

pub fn sink(options: TelematicsOptions, clock: &Arc<dyn Clock>) -> Box<TelematicsSink> {
    Box::new(TelematicsSink::new(options, Arc::clone(clock)).unwrap())
}

/// An event a second, each of another expression than the one before: each ends an episode.
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
