//! The whole daemon, killed with SIGKILL at random points and started again on the same store, against
//! a Mosquitto that comes and goes: what was reported as stored arrives, in order.
//! `CABINMOOD_DAEMON_KILLS=200` for as many kills; a few otherwise.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cabinmood_tests::broker::{Broker, Consumer, Site};
use cabinmood_tests::clock::monotonic_ns;
use cabinmood_tests::inbox::{Inbox, run_of};
use cabinmood_tests::pictures::{HASTY, come_and_go};
use cabinmood_tests::scrape::counter;
use cabinmood_tests::{Daemon, Subscriber};
use fastrand::Rng;
use nix::sys::signal::Signal;
use publish::telematics::{Store, StoreOptions};
use wire::episode::Episode;

const KILLS: &str = "CABINMOOD_DAEMON_KILLS";
const FEW: usize = 8;
/// Five minutes: longer than any of the lives.
const PICTURES: usize = 9000;
/// So many episodes are waited for at most; five or so come in a second, and are synced once a second.
const EPISODES: u64 = 12;
/// Nothing that is waited for takes so many events: five minutes.
const PATIENCE: usize = 9000;

/// Where in its life a daemon is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// Behind a line of its log, or before it has written any.
    Starting,
    /// Behind an event: episodes are being made and written.
    Writing,
    /// Behind the report that more are stored: they are being sent, where there is a broker.
    Stored,
    /// Behind the arrival of some at the consumer.
    Uploading,
    /// It was asked to end, and is about to write and sync the rest.
    Ending,
}

const MOMENTS: [Moment; 5] =
    [Moment::Starting, Moment::Writing, Moment::Stored, Moment::Uploading, Moment::Ending];

/// How the broker is.
enum Link {
    Up(Broker),
    /// It hangs: connections are made and nothing is said on them.
    Stopped(Broker),
    Away,
}

/// What is known of one life.
struct Life {
    moment: Moment,
    /// When it had not begun yet.
    before_ns: u64,
    /// How many of its episodes it last said were stored.
    reported: u64,
    /// The ids of those that lay undelivered in the store that it left.
    left: Vec<String>,
}

struct Road {
    site: Site,
    link: Link,
    consumer: Consumer,
    inbox: Inbox,
    args: Vec<String>,
    metrics: PathBuf,
    rng: Rng,
    lives: Vec<Life>,
}

impl Road {
    fn new(site: Site) -> Self {
        let broker = site.broker("");
        let consumer = site.consumer(&broker);
        let pictures = site.path("pictures");
        fs::create_dir(&pictures).unwrap();
        come_and_go(&pictures, PICTURES);
        let metrics = site.path("metrics.sock");
        let settings = site
            .settings()
            .into_iter()
            .chain(HASTY.map(str::to_owned))
            .chain(["metrics.enabled=true".to_owned(), format!("metrics.path={}", metrics.display())]);
        let mut args = vec![pictures.display().to_string()];
        args.extend(settings.flat_map(|setting| ["--set".to_owned(), setting]));
        Self {
            site,
            link: Link::Up(broker),
            consumer,
            inbox: Inbox::default(),
            args,
            metrics,
            rng: Rng::with_seed(6),
            lives: Vec::new(),
        }
    }

    /// The broker goes, comes back, or stays as it is.
    fn change_link(&mut self) {
        let chance = self.rng.u8(0..4);
        self.link = match (std::mem::replace(&mut self.link, Link::Away), chance) {
            (Link::Up(broker), 0) => {
                broker.end();
                Link::Away
            }
            (Link::Up(broker), 1) => {
                broker.signal(Signal::SIGSTOP);
                Link::Stopped(broker)
            }
            (Link::Stopped(broker), 0..2) => {
                broker.signal(Signal::SIGCONT);
                Link::Up(broker)
            }
            (Link::Away, 0..2) => Link::Up(self.site.broker("")),
            (same, _) => same,
        };
    }

    fn stored(&self) -> u64 {
        counter(&self.metrics, "cabinmood_episodes_stored_total")
    }

    /// One life of the daemon.
    fn live(&mut self) {
        self.change_link();
        let mut moment = MOMENTS[self.lives.len() % MOMENTS.len()];
        if moment == Moment::Uploading && !matches!(self.link, Link::Up(_)) {
            moment = Moment::Stored;
        }
        let before_ns = monotonic_ns();
        let daemon = Daemon::launch(None, &self.args);
        let reported = match moment {
            Moment::Starting => {
                for _ in 0..self.rng.usize(0..9) {
                    daemon.line().expect("it ended by itself");
                }
                0
            }
            _ => self.drive(&daemon, moment),
        };
        if moment == Moment::Ending {
            daemon.terminate();
        }
        daemon.kill();
        let left = left_in(&self.site.path("store"));
        self.lives.push(Life { moment, before_ns, reported, left });
    }

    /// Drives on until the moment has come: how many episodes are stored by then.
    fn drive(&mut self, daemon: &Daemon, moment: Moment) -> u64 {
        daemon.wait_for("metrics are served");
        let mut events = daemon.subscribe();
        let events = &mut events;
        let wanted = self.rng.u64(1..=EPISODES);
        pass(events, self.rng.usize(0..30));
        match moment {
            Moment::Starting => {}
            Moment::Writing | Moment::Ending => {
                self.change_link();
                pass(events, self.rng.usize(0..60));
            }
            Moment::Stored => {
                for _ in 0..PATIENCE {
                    if self.stored() >= wanted {
                        break;
                    }
                    pass(events, 1);
                }
            }
            Moment::Uploading => {
                // What arrives may be of earlier lives.
                for _ in 0..wanted {
                    self.inbox.take(self.consumer.message());
                }
            }
        }
        // Events come with the frames; the kill shall not.
        (0..self.rng.usize(0..50)).fold(self.stored(), |_, _| self.stored())
    }

    /// With the broker there, a last daemon delivers what all before it left.
    fn come_home(&mut self) {
        self.link = match std::mem::replace(&mut self.link, Link::Away) {
            Link::Stopped(broker) => {
                broker.signal(Signal::SIGCONT);
                Link::Up(broker)
            }
            Link::Away => Link::Up(self.site.broker("")),
            up => up,
        };
        let before_ns = monotonic_ns();
        let daemon = Daemon::launch(None, &self.args);
        // In order: behind the first of this one nothing earlier is to come.
        while began_ns(run_of(&self.inbox.take(self.consumer.message()).event_id)) < before_ns {}
        daemon.terminate();
        assert_eq!(daemon.end(), Some(0));
    }
}

fn pass(events: &mut Subscriber, count: usize) {
    assert_eq!(events.take(count).count(), count, "it ended by itself");
}

/// When the run of this name began: the name ends in that.
fn began_ns(run: &str) -> u64 {
    u64::from_str_radix(run.rsplit_once('-').unwrap().1, 16).unwrap()
}

/// The ids of the undelivered episodes in a store, which is left as it is: a copy is opened.
fn left_in(store: &Path) -> Vec<String> {
    let Ok(files) = fs::read_dir(store) else { return Vec::new() };
    let copy = tempfile::tempdir().unwrap();
    for file in files {
        let file = file.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let (mut store, _) = Store::open_folder(copy.path(), StoreOptions::new(64 << 20)).unwrap();
    let (mut ids, mut after) = (Vec::new(), 0);
    loop {
        let records = store.read(after, usize::MAX).unwrap();
        let Some(last) = records.last() else { return ids };
        after = last.seq;
        ids.extend(records.iter().map(|record| Episode::parse(&record.payload).unwrap().event_id));
    }
}

#[test]
fn killed_at_random_points_the_daemon_loses_nothing_that_it_called_stored() {
    let Some(site) = Site::new() else { return };
    let kills = std::env::var(KILLS).ok().map_or(FEW, |text| text.parse().expect("a number of kills"));
    let mut road = Road::new(site);
    for _ in 0..kills {
        road.live();
    }
    road.come_home();

    let seen = &road.inbox.seen;
    let runs: BTreeMap<u64, &str> = seen.keys().map(|id| (began_ns(run_of(id)), run_of(id))).collect();
    let ends = road.lives.iter().skip(1).map(|life| life.before_ns).chain([u64::MAX]);
    let (mut reported, mut moments) = (0, BTreeMap::new());
    for (life, end_ns) in road.lives.iter().zip(ends) {
        let Life { moment, before_ns, left, .. } = life;
        let lost: Vec<&String> = left.iter().filter(|id| !seen.contains_key(*id)).collect();
        assert!(lost.is_empty(), "{lost:?} lay in the store of a daemon killed while {moment:?}");
        let run = runs.range(before_ns..&end_ns).next();
        for seq in 1..=life.reported {
            let (_, run) = run.unwrap_or_else(|| panic!("nothing of a daemon killed while {moment:?}"));
            assert!(seen.contains_key(&format!("{run}-{seq}")), "{run}-{seq} was stored; {moment:?}");
        }
        reported += life.reported;
        *moments.entry(moment).or_insert(0) += 1;
    }
    let (arrived, again) = (seen.len(), road.inbox.duplicates);
    println!(
        "{kills} kills {moments:?}: {reported} called stored, {arrived} arrived, {again} again, none lost"
    );
    assert!(reported > 0 && arrived as u64 >= reported, "nothing was stored");
}
