//! `cabinmood check`: what works here and what does not, and why.

use std::io::Write as _;
use std::sync::Arc;

use capture::{CaptureError, Remedy, SourceOptions, SourceSpec, devices};
use classify::{Classifier, ProviderReport};
use frame::Pool;
use publish::kuksa::{KuksaSink, look_at_kuksa};
use publish::telematics::{Store, TelematicsSink, look_at_telematics};
use publish::{MetricsPage, MetricsPlace, MetricsSink, PublishError, SocketSink};
use serde::Serialize;
use types::Clock;
use wire::can::Format;
use wire::{Group, Policy};

use crate::cli::CheckArgs;
use crate::clock::SystemClock;
use crate::config::{Can, Config};
use crate::failure::{Exit, Failure, OrExit as _};
use crate::live::metrics_table::{METRICS, Source};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    part: &'static str,
    works: bool,
    /// Whether `run` cannot start without it.
    needed: bool,
    detail: String,
    #[serde(flatten)]
    provider: Option<ProviderFinding>,
    #[serde(skip)]
    exit: Exit,
}

/// What a finding about an execution provider says beside its detail.
#[derive(Debug, Serialize)]
struct ProviderFinding {
    provider: &'static str,
    /// Why it is not used; null where it is.
    reason: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    can_run: bool,
    findings: &'a [Finding],
}

impl Finding {
    fn works(part: &'static str, detail: impl Into<String>) -> Self {
        Self { part, works: true, needed: true, detail: detail.into(), provider: None, exit: Exit::Internal }
    }

    /// What `run` can do without.
    fn extra(part: &'static str, works: bool, detail: impl Into<String>) -> Self {
        Self { part, works, needed: false, detail: detail.into(), provider: None, exit: Exit::Internal }
    }

    fn of_provider(report: &ProviderReport) -> Self {
        let (state, reason) = (if report.used { "in use" } else { "not used" }, report.reason.clone());
        let why = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let provider = Some(ProviderFinding { provider: report.provider.name(), reason });
        let detail = format!("{} {state}{why}", report.provider);
        Self { provider, ..Self::extra("provider", report.used, detail) }
    }

    fn of(part: &'static str, outcome: Result<String, Failure>) -> Self {
        match outcome {
            Ok(detail) => Self::works(part, detail),
            Err(failure) => {
                let detail = failure.to_string().replace('\n', "; ");
                Self { part, works: false, needed: true, detail, provider: None, exit: failure.exit }
            }
        }
    }

    const fn mark(&self) -> &'static str {
        match (self.works, self.needed) {
            (true, _) => "ok",
            (false, true) => "FAILS",
            (false, false) => "absent",
        }
    }
}

/// Looks at everything that `run` needs and prints what it found.
///
/// # Errors
/// Where `run` could not start, with the code that it would end with.
pub fn run(args: &CheckArgs) -> Result<(), Failure> {
    let findings = match Config::load(&args.config) {
        Ok(config) => look(&config),
        Err(failure) if failure.exit == Exit::Usage => return Err(failure),
        Err(failure) => vec![Finding::of("config", Err(failure))],
    };
    let broken: Vec<&Finding> = findings.iter().filter(|f| f.needed && !f.works).collect();
    let text = if args.json {
        let answer = Answer { can_run: broken.is_empty(), findings: &findings };
        serde_json::to_string_pretty(&answer).or_exit(Exit::Internal, || "check".into())? + "\n"
    } else {
        findings.iter().map(|f| format!("{:<7}{:<11}{}\n", f.mark(), f.part, f.detail)).collect()
    };
    std::io::stdout().write_all(text.as_bytes()).or_exit(Exit::Unavailable, || "standard output".into())?;
    match broken.first() {
        None => Ok(()),
        Some(first) => {
            let parts: Vec<&str> = broken.iter().map(|f| f.part).collect();
            Err(Failure::message(first.exit, format!("`run` could not start: see {}", parts.join(", "))))
        }
    }
}

fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::works("config", "valid")];
    findings.push(Finding::of("alignment", alignment(config)));
    findings.push(Finding::works("purpose", purpose(config)));
    if config.policy.allows_expressions() {
        expression(config, &mut findings);
    } else {
        findings.push(Finding::extra("expression", false, "not loaded: the purpose allows no expressions"));
    }
    findings.push(Finding::of("source", source(config)));
    findings.extend(cameras());
    findings.push(match &config.socket {
        None => Finding::extra("socket", false, "switched off: socket.enabled = false"),
        Some(socket) => {
            let path = socket.options.path.display().to_string();
            Finding::of("socket", SocketSink::bind(&socket.options).map(|_| path).map_err(Failure::from))
        }
    });
    findings.push(can(config));
    findings.push(match &config.metrics {
        None => Finding::extra("metrics", false, "switched off: metrics.enabled = false"),
        Some(place) => Finding::of("metrics", metrics(place)),
    });
    telematics(config, &mut findings);
    findings.push(kuksa(config));
    findings
}

/// Where and for what, and what each output that is on may tell.
fn purpose(config: &Config) -> String {
    let Policy { deployment, purpose } = config.policy;
    let mut told = format!("{}, {}", deployment.name(), purpose.name());
    let socket = config.socket.as_ref().map(|socket| ("socket", socket.gate));
    let can = config.can.enabled.then_some(("can", config.can.gate));
    let kuksa = config.kuksa.as_ref().map(|kuksa| ("kuksa", kuksa.gate));
    for (name, gate) in socket.into_iter().chain(can).chain(kuksa) {
        let groups: Vec<&str> =
            Group::ALL.into_iter().filter(|group| gate.carries(*group)).map(Group::name).collect();
        told += &format!("; {name} carries {}", groups.join(", "));
    }
    told
}

/// Whether they could be served there.
fn metrics(place: &MetricsPlace) -> Result<String, Failure> {
    let figures = Source { metrics: Arc::default(), published: Arc::default(), policy: Policy::default() };
    MetricsSink::bind(place, Arc::new(MetricsPage::new(METRICS, figures)))?;
    Ok(place.to_string())
}

fn alignment(config: &Config) -> Result<String, Failure> {
    let models = config.align.models()?;
    align::Aligner::new(&models, config.align.options.clone())?;
    Ok(format!("{}, {}", models.detector.display(), models.landmarks.display()))
}

/// The expression model and, one by one, what could run it.
fn expression(config: &Config, findings: &mut Vec<Finding>) {
    let opened = config.classify.options(None).and_then(|options| {
        let classifier = Classifier::open(&options)?;
        Ok((options, classifier))
    });
    match opened {
        Err(failure) => findings.push(Finding::of("expression", Err(failure))),
        Ok((options, classifier)) => {
            let detail = format!(
                "{} ({}), ONNX Runtime {}",
                classifier.model_name(),
                options.manifest.display(),
                options.runtime.display()
            );
            findings.push(Finding::works("expression", detail));
            findings.extend(classifier.providers().iter().map(Finding::of_provider));
        }
    }
}

/// The configured source, without opening a camera: a running daemon has it.
fn source(config: &Config) -> Result<String, Failure> {
    let spec = &config.camera.source;
    let missing = |exit, why: &str| Err(Failure::message(exit, format!("camera.source {spec}: {why}")));
    match spec {
        SourceSpec::Camera(index) => match devices()?.into_iter().find(|camera| camera.index == *index) {
            Some(camera) => match camera.problem {
                None => Ok(format!("{spec}, {}", camera.name)),
                Some(problem) => missing(Exit::Unavailable, &problem),
            },
            None if config.camera.wait => Ok(format!("{spec}: not there; `run` waits for it (camera.wait)")),
            None => {
                missing(Exit::Unavailable, "not there; see `cabinmood devices`, or set camera.wait = true")
            }
        },
        SourceSpec::V4l2(_) => {
            missing(Exit::Unavailable, "direct V4L2 is not in this version; use camera:NUMBER")
        }
        SourceSpec::Video(_) | SourceSpec::Images(_) => media(spec, &config.camera.options),
    }
}

/// Media is opened as `run` would, up to the first frame that it can show.
fn media(spec: &SourceSpec, options: &SourceOptions) -> Result<String, Failure> {
    let mut source = capture::open(spec, options, Arc::new(SystemClock), &Pool::new())?;
    let mut fault: Option<CaptureError> = None;
    loop {
        match (source.next(), fault) {
            (Ok(Some(_)), None) => return Ok(source.describe()),
            (Ok(Some(_)), Some(first)) => return Ok(format!("{}; but {first}", source.describe())),
            (Ok(None), Some(first)) => return Err(first.into()),
            (Ok(None), None) => return Err(Failure::message(Exit::Data, format!("{spec}: no frame"))),
            (Err(next), first) if next.remedy() == Remedy::Skip => fault = first.or(Some(next)),
            (Err(next), _) => return Err(next.into()),
        }
    }
}

/// The bus. An interface that is missing or down is waited for; one that is none is not.
fn can(config: &Config) -> Finding {
    let Can { enabled, interface, .. } = &config.can;
    if !enabled {
        return Finding::extra("can", false, "switched off: can.enabled = false");
    }
    match publish::look_at_can(interface) {
        Err(fault) => Finding::of("can", Err(fault.into())),
        Ok(None) => Finding::extra("can", false, format!("{interface}: is missing; `run` waits for it")),
        Ok(Some(found)) => {
            let wants_fd = config.can.network.options().format == Format::Fd;
            match (found.up, found.fd || !wants_fd) {
                (true, true) => Finding::works("can", interface.clone()),
                (false, _) => {
                    Finding::extra("can", false, format!("{interface}: is down; `run` waits for it"))
                }
                (true, false) => Finding::extra(
                    "can",
                    false,
                    format!(
                        "{interface}: takes no FD frames (its MTU is not 72): the probabilities are not sent"
                    ),
                ),
            }
        }
    }
}

/// The files are needed; broker and store may come later.
fn telematics(config: &Config, findings: &mut Vec<Finding>) {
    let Some(telematics) = &config.telematics else {
        findings.push(Finding::extra("telematics", false, "switched off: telematics.enabled = false"));
        return;
    };
    let options = telematics.options("".into());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    findings.push(match TelematicsSink::new(options.clone(), Arc::clone(&clock)) {
        Err(fault) => Finding::of("telematics", Err(PublishError::from(fault).into())),
        Ok(_) => match look_at_telematics(&options, clock.utc()) {
            Ok(until) => {
                let detail = format!("{}:{}, certificate valid until {until}", options.host, options.port);
                Finding::extra("telematics", true, detail)
            }
            Err(fault) => {
                Finding::extra("telematics", false, format!("{fault}; `run` tries again and again"))
            }
        },
    });
    findings.push(if options.store.exists() {
        match Store::open_folder(&options.store, options.store_options) {
            Ok((_, found)) => {
                let (undelivered, folder) = (found.undelivered, options.store.display());
                let damaged: u64 = found.damage.iter().map(|damage| damage.bytes).sum();
                let damage =
                    if damaged > 0 { format!("; {damaged} bytes are damaged") } else { String::new() };
                Finding::extra("store", true, format!("{folder}: {undelivered} episodes wait{damage}"))
            }
            Err(fault) => Finding::extra("store", false, fault.to_string()),
        }
    } else {
        Finding::extra("store", false, format!("{}: not there yet; `run` makes it", options.store.display()))
    });
}

/// The files are needed; the databroker may come later.
fn kuksa(config: &Config) -> Finding {
    let Some(kuksa) = &config.kuksa else {
        return Finding::extra("kuksa", false, "switched off: kuksa.enabled = false");
    };
    match KuksaSink::new(kuksa.options.clone(), Arc::new(SystemClock)) {
        Err(fault) => Finding::of("kuksa", Err(PublishError::from(fault).into())),
        Ok(_) => match look_at_kuksa(&kuksa.options, kuksa.gate) {
            Ok(known) => Finding::extra("kuksa", true, known),
            Err(fault) => Finding::extra("kuksa", false, format!("{fault}; `run` tries again and again")),
        },
    }
}

fn cameras() -> Vec<Finding> {
    match devices() {
        Err(fault) => vec![Finding::extra("camera", false, fault.to_string())],
        Ok(cameras) if cameras.is_empty() => vec![Finding::extra("camera", false, "none on this computer")],
        Ok(cameras) => cameras
            .into_iter()
            .map(|camera| {
                let detail = format!("camera:{} {} ({})", camera.index, camera.name, camera.path.display());
                match camera.problem {
                    None => Finding::extra("camera", true, detail),
                    Some(problem) => Finding::extra("camera", false, format!("{detail}: {problem}")),
                }
            })
            .collect(),
    }
}
