//! The configuration: read once, checked once, and from then on a plain value that cannot be wrong.
//!
//! A file and `--set` are merged into one tree; each section takes its keys from it through
//! [`Section`], which also refuses what is left over. Nothing stops at the first mistake: all are
//! reported together.

mod align;
mod camera;
mod can;
mod classify;
#[cfg(test)]
mod document;
mod kuksa;
mod log;
mod metrics;
mod purpose;
mod section;
mod smooth;
mod socket;
mod telematics;
mod vehicle;

use std::fs;
use std::path::{Path, PathBuf};

use config::{ConfigError, FileFormat, Format as _, Map, Source, Value};

pub use self::align::Align;
pub use self::camera::Camera;
pub use self::can::Can;
pub use self::classify::Classify;
pub use self::kuksa::Kuksa;
pub use self::log::Log;
#[cfg(test)]
use self::section::Entry;
pub use self::section::{Problem, Report, Section};
pub use self::socket::Socket;
pub use self::telematics::Telematics;
use crate::cli::ConfigArgs;
use crate::failure::{Exit, Failure, OrExit as _};
use crate::paths;

/// Everything that an operator can decide, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where frames come from.
    pub camera: Camera,
    /// Finding the face and judging its alignment.
    pub align: Align,
    /// The expression model and what runs it.
    pub classify: Classify,
    /// From observations to a mood.
    pub smooth: ::smooth::SmoothOptions,
    /// Where it is used and for what.
    pub policy: wire::Policy,
    /// The socket; none where the operator switched it off.
    pub socket: Option<Socket>,
    /// The CAN bus.
    pub can: Can,
    /// What is taken from the vehicle; none where nothing is.
    pub vehicle: Option<wire::can::VehicleOptions>,
    /// Where metrics are served; none where they are switched off.
    pub metrics: Option<publish::MetricsPlace>,
    /// Telematics; none where it is switched off.
    pub telematics: Option<Telematics>,
    /// Where episodes wait for the broker, or did when telematics was on.
    pub episodes: PathBuf,
    /// The databroker; none where it is switched off.
    pub kuksa: Option<Kuksa>,
    /// Diagnostics.
    pub log: Log,
}

impl Config {
    /// Reads the file that `--config` names, or the usual one where it exists, and `--set` over it.
    ///
    /// # Errors
    /// [`Exit::Config`] with every problem that was found, a line each; [`Exit::Usage`] where
    /// `--set` is not KEY=VALUE.
    pub fn load(args: &ConfigArgs) -> Result<Self, Failure> {
        let usual = Path::new(paths::DEFAULT_CONFIG);
        let file = args.config.as_deref().or_else(|| usual.exists().then_some(usual));
        let (config, report) = Self::read(tree(file, &args.set)?);
        if report.problems.is_empty() {
            return Ok(config);
        }
        let lines: Vec<String> = report.problems.iter().map(Problem::to_string).collect();
        Err(Failure::message(Exit::Config, lines.join("\n")))
    }

    /// Takes all sections out of the tree. The value may be used only where no problem is reported.
    fn read(mut tree: Map<String, Value>) -> (Self, Report) {
        let mut report = Report::default();
        let mut section = |name| tree.remove(name);
        let camera = Camera::read(&mut Section::new("camera", section("camera"), &mut report));
        let align = Align::read(&mut Section::new("align", section("align"), &mut report));
        let classify = Classify::read(&mut Section::new("classify", section("classify"), &mut report));
        let smooth = smooth::read(&mut Section::new("smooth", section("smooth"), &mut report));
        let policy = purpose::read(&mut Section::new("purpose", section("purpose"), &mut report));
        let socket = Socket::read(&mut Section::new("socket", section("socket"), &mut report), policy);
        let can = Can::read(&mut Section::new("can", section("can"), &mut report), policy);
        let vehicle = vehicle::read(&mut Section::new("vehicle", section("vehicle"), &mut report), &can);
        let telematics = section("telematics");
        let (telematics, episodes) =
            Telematics::read(&mut Section::new("telematics", telematics, &mut report), policy);
        let kuksa = Kuksa::read(&mut Section::new("kuksa", section("kuksa"), &mut report), policy);
        let metrics = metrics::read(&mut Section::new("metrics", section("metrics"), &mut report));
        let log = Log::read(&mut Section::new("log", section("log"), &mut report));
        let mut unknown: Vec<_> = tree.into_iter().collect();
        unknown.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (key, value) in unknown {
            let mut known: Vec<&str> = report.entries.iter().map(|entry| entry.section).collect();
            known.dedup();
            let message = format!(": unknown section; there are {}", known.join(", "));
            report.problems.push(Problem { origin: section::origin(&value), key, message });
        }
        let all = Self {
            camera,
            align,
            classify,
            smooth,
            policy,
            socket,
            can,
            vehicle,
            metrics,
            telematics,
            episodes,
            kuksa,
            log,
        };
        (all, report)
    }
}

/// TOML that is told by name where something in it is wrong.
#[derive(Debug, Clone)]
struct Text {
    name: String,
    toml: String,
}

impl Source for Text {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let name = || Some(self.name.clone());
        FileFormat::Toml
            .parse(name().as_ref(), &self.toml)
            .map_err(|cause| ConfigError::FileParse { uri: name(), cause })
    }
}

/// The file's and the overrides' values in one tree; the overrides win.
fn tree(file: Option<&Path>, overrides: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut builder = ::config::Config::builder();
    if let Some(path) = file {
        let name = path.display().to_string();
        let toml = fs::read_to_string(path).or_exit(Exit::Config, || format!("configuration {name}"))?;
        builder = builder.add_source(Text { name, toml });
    }
    for text in overrides {
        builder = builder.add_source(Text { name: section::SET.to_owned(), toml: override_as_toml(text)? });
    }
    let merged = builder.build().and_then(|config| config.collect());
    merged.map_err(|fault| Failure::message(Exit::Config, in_one_line(&fault)))
}

/// `KEY=VALUE` as a line of TOML in which the value is text: only the key knows what it stands for.
fn override_as_toml(text: &str) -> Result<String, Failure> {
    let line = text.split_once('=').map(|(key, value)| format!("{key} = {}", toml::Value::from(value)));
    line.filter(|line| line.parse::<toml::Table>().is_ok())
        .ok_or_else(|| Failure::message(Exit::Usage, format!("--set {text}: must be SECTION.KEY=VALUE")))
}

/// A fault in one line: where it is, and what is wrong, without the picture of the line.
fn in_one_line(fault: &ConfigError) -> String {
    let (name, text) = match fault {
        ConfigError::FileParse { uri: Some(name), cause } => (name.as_str(), cause.to_string()),
        other => ("configuration", other.to_string()),
    };
    let lines = text.lines().filter(|line| !line.contains('|') && !line.trim().is_empty());
    format!("{name}: {}", lines.map(str::trim).collect::<Vec<_>>().join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, set: &[&str]) -> Result<Config, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        fs::write(&path, file).unwrap();
        let set = set.iter().map(|&text| text.to_owned()).collect();
        Config::load(&ConfigArgs { config: Some(path), set })
    }

    fn refused(file: &str, set: &[&str]) -> Vec<String> {
        let failure = load(file, set).unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        failure.error.to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.camera.source.to_string(), "camera:0");
        assert!(config.socket.is_some());
    }

    #[test]
    fn set_goes_over_the_file_and_needs_no_quotes() {
        let config =
            load("[socket]\npath = '/a'\n", &["socket.path=/b/c.sock", "camera.mirror=true"]).unwrap();
        assert_eq!(config.socket.unwrap().options.path, Path::new("/b/c.sock"));
        assert!(config.camera.options.mirror);
        let all_kinds = [
            "camera.region=[0.0, 0.0, 0.5, 1]",
            "camera.fps=15",
            "smooth.dwell_s=1",
            "classify.providers=['cpu']",
            "log.level='debug'",
        ];
        let config = load("", &all_kinds).unwrap();
        assert_eq!((config.camera.options.fps, config.smooth.dwell_s, config.log.level), (15, 1.0, "debug"));
        assert_eq!(config.camera.options.region.map(|r| r.w), Some(0.5));
        assert_eq!(load("", &["camera.mirror"]).unwrap_err().exit, Exit::Usage);
        assert_eq!(load("", &["=3"]).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn text_that_looks_like_something_else_is_still_text() {
        let set = ["socket.mode=640", "socket.group=0100", "socket.path=7", "classify.runtime=true"];
        let config = load("", &set).unwrap();
        let socket = config.socket.unwrap().options;
        assert_eq!((socket.mode, socket.group.as_deref()), (0o640, Some("0100")));
        assert_eq!((socket.path.as_path(), config.classify.runtime.as_str()), (Path::new("7"), "true"));
    }

    #[test]
    fn a_value_of_set_is_told_as_it_was_given() {
        let lines = refused("", &["camera.fps=5000", "camera.mirror=maybe", "socket.path="]);
        let expected =
            ["camera.fps = 5000: must", "camera.mirror = \"maybe\": must", "socket.path = \"\": must"];
        for (line, told) in lines.iter().zip(expected) {
            assert!(line.starts_with(&format!("--set: {told}")), "{line}");
        }
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
    }

    #[test]
    fn three_mistakes_are_all_reported_with_file_key_value_and_range() {
        let lines =
            refused("[camera]\nfps = 5000\nmirrored = true\n[log]\nlevel = 'loud'\n[moods]\nx = 1", &[]);
        let expected = [
            ("camera.fps = 5000", "from 1 to"),
            ("camera.mirrored", "unknown key; [camera] has source"),
            ("log.level = \"loud\"", "must be"),
            ("moods", "unknown section; there are camera, align"),
        ];
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, (key, why)) in lines.iter().zip(expected) {
            assert!(line.contains("c.toml: ") && line.contains(key) && line.contains(why), "{line}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_in_one_line_with_its_place() {
        let lines = refused("[camera]\nfps = = 3\n", &[]);
        assert!(
            matches!(&lines[..], [line] if line.contains("c.toml") && line.contains("line 2")),
            "{lines:?}"
        );
        let failure =
            Config::load(&ConfigArgs { config: Some("/no/such.toml".into()), set: vec![] }).unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        assert!(failure.error.to_string().contains("/no/such.toml"), "{}", failure.error);
    }

    #[test]
    fn a_workplace_may_not_publish_expressions_for_comfort() {
        let lines = refused("", &["purpose.deployment=workplace"]);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        for told in ["socket.carries = [", "Article 5(1)(f)", "purpose.purpose", "socket.enabled = false"] {
            assert!(line.contains(told), "{line}");
        }
        let lines = refused("", &["purpose.deployment=workplace", "can.enabled=true"]);
        assert!(matches!(&lines[..], [_, line] if line.contains("can.carries")), "{lines:?}");
        for ways in
            ["purpose.purpose=safety", "socket.enabled=false", "socket.carries=['health', 'presence']"]
        {
            assert!(load("", &["purpose.deployment=workplace", ways]).is_ok(), "{ways}");
        }
    }

    #[test]
    fn identifiers_that_do_not_fit_are_refused_by_key_and_value() {
        for (set, key, why) in [
            (&["can.id_head=0x510"][..], "can.id_head", "0x510 is the state message's already"),
            (&["can.id_head=0x800"], "can.id_head", "can.extended_ids = true"),
            (&["can.id_head=0x20000000"], "can.id_head = 0x20000000", "0x1FFFFFFF"),
            (&["can.format=j1939", "can.pgn_state=0xFE00"], "can.pgn_state", "from 0xFF00 to 0xFFFF"),
            (&["can.format=lin"], "can.format = \"lin\"", "j1939"),
            (&["can.id_mood=0x510"], "can.id_mood", "unknown key"),
            (&["can.inhibit_ms=200"], "can.inhibit_ms = 200", "at most can.period_ms"),
        ] {
            let lines = refused("", set);
            assert!(matches!(&lines[..], [line] if line.contains(key) && line.contains(why)), "{lines:?}");
        }
        assert!(load("", &["can.id_head=0x800", "can.extended_ids=true"]).is_ok());
    }

    #[test]
    fn a_vehicles_signals_are_looked_up_in_its_own_dbc_file() {
        const DBC: &str = "VERSION \"\"\nNS_ :\nBS_:\nBU_: B\nBO_ 291 Body: 8 B\n \
             SG_ Ignition : 0|2@1+ (1,0) [0|3] \"\" X\n SG_ Speed : 8|16@1+ (0.01,0) [0|300] \"rpm\" X\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("body.dbc");
        fs::write(&path, DBC).unwrap();
        let dbc = format!("vehicle.dbc={}", path.display());
        let with = |set: &[&str]| {
            let all: Vec<&str> = ["can.enabled=true", &dbc].into_iter().chain(set.iter().copied()).collect();
            load("", &all)
        };
        assert!(with(&["vehicle.ignition=Body.Ignition"]).unwrap().vehicle.is_some());
        for (set, words) in [
            (
                &["vehicle.ignition=Body.Ignitoin"][..],
                &["vehicle.ignition = \"Body.Ignitoin\"", "no signal"][..],
            ),
            (&["vehicle.ignition=Boby.Ignition"], &["no message \"Boby\""]),
            (&["vehicle.ignition=Body.Speed"], &["vehicle.ignition", "wrong type"]),
            (&["vehicle.speed=Body.Speed"], &["vehicle.speed", "rpm"]),
            (&["vehicle.dbc=/no/such.dbc", "vehicle.speed=Body.Speed"], &["vehicle.dbc", "/no/such.dbc"]),
        ] {
            let failure = with(set).unwrap_err();
            let told = failure.error.to_string();
            assert_eq!((failure.exit, told.lines().count()), (Exit::Config, 1), "{told}");
            assert!(words.iter().all(|word| told.contains(word)), "{told}");
        }
        let lines = refused("", &["vehicle.ignition=Body.Ignition"]);
        assert!(lines.iter().any(|line| line.contains("can.enabled = true")), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("vehicle.dbc")), "{lines:?}");
    }

    #[test]
    fn telematics_is_off_and_all_that_it_lacks_is_told() {
        assert!(load("", &[]).unwrap().telematics.is_none());
        let lines = refused("", &["telematics.enabled=true"]);
        let keys = ["telematics.host = \"\"", "telematics.vehicle_id = \"\""];
        assert!(
            lines.len() == 2 && lines.iter().zip(keys).all(|(line, key)| line.contains(key)),
            "{lines:?}"
        );
        let good =
            ["telematics.enabled=true", "telematics.host=broker.example", "telematics.vehicle_id=truck-7"];
        let with = |set: &'static str| good.into_iter().chain([set]).collect::<Vec<_>>();
        let options = load("", &good).unwrap().telematics.unwrap().options("run".into());
        assert_eq!((&*options.topic(), &*options.header.purpose), ("cabinmood/truck-7/mood", "comfort"));
        for (set, why) in [
            ("telematics.vehicle_id=truck/7", "letters, digits"),
            ("telematics.topic=mood/#", "{vehicle}"),
            ("telematics.topic=mood/{vehicle}/+", "without wildcards"),
            ("telematics.store=here", "an absolute path"),
            ("telematics.store_mb=0", "from 1 to 4096 MiB"),
            ("telematics.sync_s=0", "from 1 to 300 seconds"),
            ("telematics.retry_max_s=1", "at least telematics.retry_first_s"),
            ("telematics.port=70000", "from 1 to 65535"),
            ("purpose.deployment=workplace", "telematics.enabled"),
        ] {
            let lines = refused("", &with(set));
            let key = set.split('=').next().unwrap();
            let told = lines.iter().any(|line| line.contains(why));
            let is_about_it = |line: &String| line.contains(key) || key.starts_with("purpose");
            assert!(told && lines.iter().all(is_about_it), "{key}: {lines:?}");
        }
        let safe = [&good[..], &["purpose.deployment=workplace", "purpose.purpose=safety"]].concat();
        let options = load("", &safe).unwrap().telematics.unwrap().options("run".into());
        assert_eq!(&*options.header.purpose, "safety");
    }

    #[test]
    fn the_databroker_is_off_and_its_address_decides_what_it_may_have() {
        assert!(load("", &[]).unwrap().kuksa.is_none());
        let kuksa =
            |sets: &[&str]| load("", &[&["kuksa.enabled=true"][..], sets].concat()).unwrap().kuksa.unwrap();
        assert!(kuksa(&[]).gate.carries(wire::Group::Attention));
        let far = ["kuksa.address=https://broker.example:55556", "kuksa.ca=/etc/ca.pem"];
        let gate = kuksa(&far).gate;
        assert!(gate.carries(wire::Group::Expression) && !gate.carries(wire::Group::Attention));
        let attention = "kuksa.carries=['health', 'attention']";
        assert!(kuksa(&[attention]).gate.carries(wire::Group::Attention));
        for (sets, why) in [
            (&["kuksa.address=http://192.168.0.7:55555"][..], "loopback"),
            (&["kuksa.address=https://broker.example:55556"], "kuksa.ca"),
            (&[far[0], far[1], attention], "never leaves"),
            (&["purpose.deployment=workplace", "socket.enabled=false"], "kuksa.enabled = false"),
            (&["kuksa.period_ms=5"], "from 10 to 1000"),
        ] {
            let lines = refused("", &[&["kuksa.enabled=true"][..], sets].concat());
            assert!(matches!(&lines[..], [line] if line.contains(why)), "{sets:?}: {lines:?}");
        }
    }
}
