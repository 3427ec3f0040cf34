//! The main thread's work while the daemon runs: waits for signals and for the threads' notes,
//! breaks off a driver call that hangs, and tells the service manager of progress.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, after, select};
use sd_notify::NotifyState;
use tracing::{debug, info, warn};
use types::{Clock, MonoTime};

use crate::failure::{Exit, Failure};
use crate::graph::{Graph, Note, Part};

/// How often the supervisor looks around where nothing is told.
const ROUND: Duration = Duration::from_millis(100);
/// How often the watchdog is fed; its own time is ten times as long.
const FEED: Duration = Duration::from_secs(1);
/// A driver call that lasts this long never returns of its own: cameras send several frames a
/// second, and opening one takes a second at most.
const STUCK: Duration = Duration::from_secs(3);
/// One that was broken off and still lasts: its thread is given up.
const DEAF: Duration = Duration::from_secs(5);
/// So many capture threads may hang in a driver. More would only pile up; a fresh process may help.
const GIVEN_UP_MAX: u64 = 3;
/// What the threads have for their last words, of the one second in which the daemon ends.
const FAREWELL: Duration = Duration::from_millis(800);

/// Runs the graph to its end: the end of the media, a signal, or a failure. `stop` is the channel
/// that all threads wait on; dropping it ends them.
///
/// # Errors
/// The failure of a thread.
pub fn supervise(
    mut graph: Graph,
    signals: &Receiver<i32>,
    stop: Sender<()>,
    clock: &dyn Clock,
    log_interval: Duration,
) -> Result<(), Failure> {
    let mut service = Service::default();
    let mut logged = clock.now();
    let mut bad_media = None;
    let result = loop {
        let end = select! {
            recv(signals) -> signal => {
                info!(signal = signal.unwrap_or_default(), "asked to end");
                Some(Ok(()))
            }
            recv(graph.notes) -> note => {
                note.ok().and_then(|note| heed(&mut graph, &mut bad_media, note))
            }
            default(ROUND) => None,
        };
        if let Some(end) = end {
            break end;
        }
        let now = clock.now();
        if let Err(failure) = free_stuck_capture(&mut graph, now) {
            break Err(failure);
        }
        service.round(&graph, now);
        if now.since(logged) >= log_interval {
            logged = now;
            graph.metrics.log(&graph.published, "figures");
        }
    };
    notify(&[NotifyState::Stopping]);
    drop(stop);
    let result = result.and(farewell(&mut graph));
    graph.metrics.log(&graph.published, "figures at the end");
    result
}

/// What a note means for the daemon: nothing, or its end. What is wrong with media waits in
/// `bad_media` until all of it that is good went through the graph.
fn heed(graph: &mut Graph, bad_media: &mut Option<Failure>, note: Note) -> Option<Result<(), Failure>> {
    match note {
        Note::ModelsReady => graph.capture().err().map(Err),
        Note::Ended(part, _) if graph.is_given_up(part) => None,
        Note::Ended(part, result) => {
            graph.running -= 1;
            debug!(?part, "thread ended");
            match (result, part) {
                (Ok(()), _) => {}
                (Err(failure), Part::Capture(_)) if !graph.is_camera() => *bad_media = Some(failure),
                (Err(failure), _) => return Some(Err(failure)),
            }
            // The end of the media runs down the graph until nothing is left.
            (graph.running == 0).then(|| bad_media.take().map_or(Ok(()), Err))
        }
    }
}

/// Waits for all threads to end, but not for ever: the process ends with or without them.
fn farewell(graph: &mut Graph) -> Result<(), Failure> {
    let deadline = after(FAREWELL);
    let mut result = Ok(());
    while graph.running > 0 {
        select! {
            recv(graph.notes) -> note => match note {
                Ok(Note::Ended(part, ended)) if !graph.is_given_up(part) => {
                    graph.running -= 1;
                    result = result.and(ended);
                }
                _ => {}
            },
            recv(deadline) -> _ => {
                warn!(running = graph.running, "threads left behind");
                break;
            }
        }
    }
    result
}

fn free_stuck_capture(graph: &mut Graph, now: MonoTime) -> Result<(), Failure> {
    let stuck = graph.leash.stuck_for(now);
    if !graph.is_camera() || stuck < STUCK {
        return Ok(());
    }
    if !graph.leash.is_tugged() {
        warn!("the camera's driver hangs: breaking its call off");
        return graph.break_off();
    }
    if stuck < DEAF {
        return Ok(());
    }
    if graph.metrics.captures_abandoned_total.get() >= GIVEN_UP_MAX {
        let message = "the camera's driver hangs and does not recover; ending, so that a new start may help";
        return Err(Failure::message(Exit::Unavailable, message));
    }
    warn!("the camera's driver cannot be broken off; trying on another thread");
    graph.metrics.source_faults_total.one();
    graph.capture()
}

/// What the service manager knows.
#[derive(Default)]
struct Service {
    ready: bool,
    /// When the last sign of life was given, and the counts at that time.
    told: (MonoTime, Progress),
}

/// How far the daemon has come, end to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Progress {
    captured: u64,
    processed: u64,
    published: u64,
}

impl Progress {
    fn of(graph: &Graph) -> Self {
        let metrics = &graph.metrics;
        Self {
            captured: metrics.frames_captured_total.get(),
            processed: metrics.frames_processed_total.get(),
            published: graph.published.events_published_total.load(Ordering::Relaxed),
        }
    }

    /// Whether the chain as a whole is alive: events go out, and where frames come in they are
    /// looked at. `unknown` every 100 ms from a daemon whose alignment hangs is no life.
    const fn is_alive(self, before: Self) -> bool {
        let idle = self.captured == before.captured;
        self.published > before.published && (idle || self.processed > before.processed)
    }
}

impl Service {
    /// Ready is told with the first event, and from then on the watchdog is fed while there is
    /// progress. Where no service manager listens, nothing happens.
    fn round(&mut self, graph: &Graph, now: MonoTime) {
        let (told_at, before) = self.told;
        let progress = Progress::of(graph);
        if (self.ready && now.since(told_at) < FEED) || !progress.is_alive(before) {
            return;
        }
        if !self.ready {
            self.ready = true;
            notify(&[NotifyState::Ready]);
        }
        notify(&[NotifyState::Watchdog]);
        self.told = (now, progress);
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(fault) = sd_notify::notify(states) {
        debug!(%fault, "the service manager does not listen");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    use capture::CaptureError;
    use crossbeam_channel::{bounded, never};
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::io::Errno;
    use smooth::{SmoothOptions, Smoother};
    use wire::Header;

    use super::*;
    use crate::clock::SystemClock;
    use crate::graph::Plan;
    use crate::live::intake::{Nature, Opener};
    use crate::live::vigil::Vigil;

    #[test]
    fn only_a_chain_that_works_end_to_end_is_alive() {
        let before = Progress { captured: 10, processed: 10, published: 20 };
        let alive =
            |captured, processed, published| Progress { captured, processed, published }.is_alive(before);
        assert!(alive(11, 11, 21));
        assert!(alive(10, 10, 21), "no camera: unknown goes out");
        assert!(!alive(10, 10, 20), "nothing goes out");
        assert!(!alive(15, 10, 21), "frames come and nobody looks at them");
    }

    /// A graph with a camera that `open` makes, and whose models are never done loading.
    fn graph(open: Opener, stop: Receiver<()>) -> Graph {
        let plan = Plan {
            open,
            nature: Nature::Camera { wait: true, longest_pause: Duration::from_millis(200) },
            load: Box::new(|| {
                let _ = never::<()>().recv();
                Err(Failure::message(Exit::Config, "no models"))
            }),
            smoother: Smoother::new(SmoothOptions::default()).unwrap(),
            vigil: Vigil::new(Duration::from_millis(250)),
            orders: Arc::default(),
            header: Header::default(),
            sinks: Vec::new(),
            annotate: None,
            metrics: Arc::default(),
            published: Arc::default(),
            clock: Arc::new(SystemClock),
            stop,
        };
        Graph::start(plan).unwrap()
    }

    fn lost() -> CaptureError {
        CaptureError::NoCamera { index: 0, path: "/dev/video0".into() }
    }

    #[test]
    fn a_driver_that_waits_for_ever_is_broken_off_and_asked_again_by_the_same_thread() {
        let (entered, entries) = bounded(1);
        let (_stop, stopped) = bounded(0);
        let (silent, _other_end) = UnixStream::pair().unwrap();
        let wait: Opener = Arc::new(move || {
            entered.send(()).unwrap();
            // As a camera's driver waits for a frame.
            let mut ready = [PollFd::new(&silent, PollFlags::IN)];
            assert_eq!(poll(&mut ready, None), Err(Errno::INTR));
            Err(lost())
        });
        let mut graph = graph(wait, stopped);
        graph.capture().unwrap();
        entries.recv().unwrap();
        for _ in 0..3 {
            // Again where the signal came before the wait.
            while entries.recv_timeout(Duration::from_millis(10)).is_err() {
                graph.break_off().unwrap();
            }
        }
        assert_eq!(graph.metrics.captures_abandoned_total.get(), 0);
    }

    #[test]
    fn a_driver_that_hears_nothing_is_tried_on_a_few_threads_and_then_given_up() {
        let (entered, entries) = bounded(0);
        let (_stop, stopped) = bounded(0);
        let hang: Opener = Arc::new(move || {
            let _ = entered.send(());
            let _ = never::<()>().recv();
            Err(lost())
        });
        let mut graph = graph(hang, stopped);
        graph.capture().unwrap();
        let running = graph.running;
        let after = |graph: &mut Graph, time| free_stuck_capture(graph, SystemClock.now() + time);
        for given_up in 0..GIVEN_UP_MAX {
            entries.recv().unwrap();
            after(&mut graph, Duration::ZERO).unwrap();
            assert!(!graph.leash.is_tugged(), "not stuck for long enough");
            after(&mut graph, STUCK).unwrap();
            assert!(graph.leash.is_tugged());
            after(&mut graph, STUCK).unwrap();
            assert_eq!(graph.metrics.captures_abandoned_total.get(), given_up, "it may still hear");
            after(&mut graph, DEAF).unwrap();
            assert_eq!(graph.running, running);
        }
        entries.recv().unwrap();
        after(&mut graph, STUCK).unwrap();
        let failure = after(&mut graph, DEAF).unwrap_err();
        assert_eq!(failure.exit, Exit::Unavailable);
    }

    #[test]
    fn a_thread_that_panics_ends_the_daemon() {
        let (stop, stopped) = bounded(0);
        let mut graph = graph(Arc::new(|| panic!("out of luck")), stopped);
        graph.capture().unwrap();
        let failure = supervise(graph, &never(), stop, &SystemClock, Duration::from_secs(60)).unwrap_err();
        assert_eq!(failure.exit, Exit::Internal);
        assert!(failure.to_string().contains("capture thread failed: out of luck"), "{failure}");
    }

    #[test]
    fn a_signal_ends_it_even_where_a_thread_does_not() {
        let ((stop, stopped), (signal, signals)) = (bounded(0), bounded(1));
        signal.send(15).unwrap();
        let missing: Opener = Arc::new(|| Err(lost()));
        let result =
            supervise(graph(missing, stopped), &signals, stop, &SystemClock, Duration::from_secs(60));
        assert!(result.is_ok());
    }
}
