//! `cabinmood run`: the daemon.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use align::Aligner;
use capture::{FrameSource, Paced, Pacing, SourceOptions, SourceSpec};
use classify::Classifier;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use frame::{AlignedFace, Grey, Pool};
use publish::kuksa::KuksaSink;
use publish::telematics::TelematicsSink;
use publish::{CanInterfacePort, CanOptions, CanSink, Counters, Gated, MetricsPage, MetricsSink, SocketSink};
use signal_hook::iterator::Signals;
use smooth::Smoother;
use tracing::info;
use types::Clock;
use wire::{Groups, Header, Reach};

use crate::cli::RunArgs;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::draw::Annotator;
use crate::failure::{Exit, Failure, OrExit as _, writing};
use crate::graph::{Graph, Loader, Plan};
use crate::live::intake::{Nature, Opener};
use crate::live::metrics::Metrics;
use crate::live::metrics_table::{METRICS, Source};
use crate::live::orders::Orders;
use crate::live::supervise::supervise;
use crate::live::vigil::Vigil;
use crate::{kept, logging, signals};

/// Frames a second of an annotated video whose source does not tell its own.
const USUAL_RATE: f64 = 30.0;

/// Runs until the media is at its end, a signal comes or something fails.
///
/// # Errors
/// A wrong configuration or model ([`Exit::Config`]), a source that is missing or bad, a socket
/// that is in use, or a thread that failed.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let signals = signals()?;
    let config = Config::load(&args.config)?;
    logging::start(config.log.level);
    let _held = kept::hold(&config)?;
    info!(
        deployment = config.policy.deployment.name(),
        purpose = config.policy.purpose.name(),
        "used for what the configuration says"
    );
    let spec = args.source.as_ref().or(args.file.as_ref()).unwrap_or(&config.camera.source).clone();
    // One frame at a time goes through OpenCV; a second thread inside it would only add jitter.
    opencv::core::set_num_threads(1).or_exit(Exit::Internal, || "OpenCV".into())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (stop, stopped) = bounded(0);

    let annotator = |folder: &Path| {
        Annotator::new(folder, &spec.to_string(), USUAL_RATE)
            .or_exit(Exit::Unavailable, writing("--annotate", folder))
    };
    let annotate = args.annotate.as_deref().map(annotator).transpose()?;
    let options = SourceOptions { keep_color: annotate.is_some(), ..config.camera.options };
    let orders = Arc::new(Orders::default());
    let (metrics, published) = (Arc::new(Metrics::default()), Arc::new(Counters::default()));
    let figures =
        Source { metrics: Arc::clone(&metrics), published: Arc::clone(&published), policy: config.policy };
    let plan = Plan {
        nature: nature(&spec, &config),
        open: opener(spec, options, Arc::clone(&clock), stopped.clone()),
        smoother: Smoother::new(config.smooth.clone())?,
        vigil: Vigil::new(config.camera.stall),
        header: header(&config),
        sinks: sinks(&config, &orders, &clock, figures)?,
        orders,
        load: loader(&config)?,
        annotate,
        metrics,
        published,
        clock: Arc::clone(&clock),
        stop: stopped,
    };
    supervise(Graph::start(plan)?, &signals, stop, &*clock, config.log.interval)
}

fn nature(spec: &SourceSpec, config: &Config) -> Nature {
    match spec {
        SourceSpec::Video(_) | SourceSpec::Images(_) => Nature::Media,
        SourceSpec::Camera(_) | SourceSpec::V4l2(_) => {
            Nature::Camera { wait: config.camera.wait, longest_pause: config.camera.retry }
        }
    }
}

/// Opens the source, again and again where need be; files play at their own pace.
fn opener(spec: SourceSpec, options: SourceOptions, clock: Arc<dyn Clock>, stop: Receiver<()>) -> Opener {
    let pool = Pool::new();
    Arc::new(move || {
        let source = capture::open(&spec, &options, Arc::clone(&clock), &pool)?;
        Ok(match spec {
            SourceSpec::Camera(_) | SourceSpec::V4l2(_) => source,
            SourceSpec::Video(_) | SourceSpec::Images(_) => {
                let stop = stop.clone();
                let wait = Box::new(move |time| stop.recv_timeout(time) != Err(RecvTimeoutError::Timeout));
                let paced = Paced::new(source, Arc::clone(&clock), wait, Pacing::MediaTime);
                Box::new(paced) as Box<dyn FrameSource>
            }
        })
    })
}

/// Loads the models when called. Where they are is found out at once.
fn loader(config: &Config) -> Result<Loader, Failure> {
    let models = config.align.models()?;
    let thresholds = config.align.options.clone();
    let (width, height) = (config.camera.options.width, config.camera.options.height);
    let options = config.classify.options(None)?;
    let wants_expressions = config.policy.allows_expressions();
    Ok(Box::new(move || {
        let mut aligner = Aligner::new(&models, thresholds)?;
        warm_up(&mut aligner, width, height)?;
        if !wants_expressions {
            info!("no expression is recognised: at work only a safety or medical purpose may");
            return Ok((aligner, None));
        }
        let classifier = Classifier::open(&options)?;
        info!(model = classifier.model_name(), sha256 = classifier.model_sha256(), "models ready");
        Ok((aligner, Some(classifier)))
    }))
}

/// The first search allocates and faults in what all others use; no frame shall wait for that.
fn warm_up(aligner: &mut Aligner, width: u32, height: u32) -> Result<(), Failure> {
    let pixels = vec![0; width as usize * height as usize];
    let grey = Grey::new(width, height, pixels.into()).or_exit(Exit::Internal, || "warm-up".into())?;
    aligner.step_still(&grey, &mut AlignedFace::black())?;
    Ok(())
}

fn sinks(
    config: &Config,
    orders: &Arc<Orders>,
    clock: &Arc<dyn Clock>,
    figures: Source,
) -> Result<Vec<Gated>, Failure> {
    let mut sinks = Vec::new();
    if let Some(socket) = &config.socket {
        sinks.push(Gated::new(Box::new(SocketSink::bind(&socket.options)?), socket.gate));
        info!(path = %socket.options.path.display(), "listening");
    }
    if config.can.enabled {
        let orders = Arc::clone(orders);
        let options = CanOptions {
            network: config.can.network.clone(),
            claim: config.can.claim,
            vehicle: config.vehicle.clone().map(|vehicle| {
                (vehicle, Arc::new(move |conditions| orders.set(conditions)) as publish::OnConditions)
            }),
        };
        let port = CanInterfacePort::new(&config.can.interface)?;
        let sink = CanSink::new(Box::new(port), options, Arc::clone(clock));
        sinks.push(Gated::new(Box::new(sink), config.can.gate));
    }
    if let Some(place) = &config.metrics {
        let page = Arc::new(MetricsPage::new(METRICS, figures));
        let nothing_but_health = config.policy.gate(Reach::Beyond, Groups::NONE);
        sinks.push(Gated::new(Box::new(MetricsSink::bind(place, page)?), nothing_but_health));
        info!(%place, "metrics are served");
    }
    if let Some(telematics) = &config.telematics {
        let sink = TelematicsSink::new(telematics.options(run_id(&**clock).into()), Arc::clone(clock));
        sinks.push(Gated::new(Box::new(sink.map_err(publish::PublishError::from)?), telematics.gate));
    }
    if let Some(kuksa) = &config.kuksa {
        let sink = KuksaSink::new(kuksa.options.clone(), Arc::clone(clock));
        sinks.push(Gated::new(Box::new(sink.map_err(publish::PublishError::from)?), kuksa.gate));
    }
    Ok(sinks)
}

/// A name that no other run of any daemon has: times since the boot are different in all runs of one
/// boot, and boots have random ids.
fn run_id(clock: &dyn Clock) -> String {
    let boot = Some(boot_id()).filter(|id| !id.is_empty());
    let boot = boot.unwrap_or_else(|| format!("{:x}", clock.utc().0));
    format!("{boot}-{:x}", clock.now().as_ns())
}

/// Without /proc (a container, say) nothing: times are still comparable within this run.
fn boot_id() -> String {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot_id.trim().to_owned()
}

fn header(config: &Config) -> Header {
    Header {
        boot_id: boot_id().into(),
        model: if config.policy.allows_expressions() { &config.classify.model } else { "" }.into(),
        model_id: "".into(),
        software_version: env!("CARGO_PKG_VERSION").into(),
    }
}

/// The signals that end the program, as messages. The thread behind it lives as long as the process.
fn signals() -> Result<Receiver<i32>, Failure> {
    let mut signals = Signals::new(signals::that_end()).or_exit(Exit::Internal, || "signals".into())?;
    let (out, into) = bounded(1);
    let forward = move || signals.forever().take_while(|signal| out.send(*signal).is_ok()).for_each(drop);
    thread::Builder::new()
        .name("signals".into())
        .spawn(forward)
        .or_exit(Exit::Internal, || "signals".into())?;
    Ok(into)
}
