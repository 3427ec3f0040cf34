//! `cabinmood can-dump`: what is on the bus, decoded and checked, for those who write the receiver.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::Path;
use std::time::Duration;

use publish::CanListener;
use types::{Clock as _, MonoTime};
use wire::can::{Checker, Field, Frame, LogLine, Network, Outgoing, Reading, Verdict, decode};

use crate::cli::CanDumpArgs;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::{Exit, Failure, OrExit as _};
use crate::tools::lines::Reader;
use crate::tools::stop::Stop;

/// How long to wait for a frame before looking for messages that are overdue and for Ctrl-C.
const ROUND: Duration = Duration::from_millis(50);
/// A message is overdue after so many of its periods: one lost frame is told by the counter.
const OVERDUE_PERIODS: u32 = 3;

/// Prints frames until the log ends, the count is reached or Ctrl-C is pressed; then a summary.
///
/// # Errors
/// An interface that cannot be used, or a log that cannot be read.
pub fn run(args: &CanDumpArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let mut dump = Dump::new(config.can.network);
    let limit = args.count.unwrap_or(u64::MAX);
    match &args.log {
        Some(path) => read_log(path, &mut dump, limit)?,
        None => listen(args.interface.as_deref().unwrap_or(&config.can.interface), &mut dump, limit)?,
    }
    print(&dump.summary()).map(drop)
}

/// Prints; tells where nobody reads any more, as after `| head`.
fn print(text: &str) -> Result<Reader, Failure> {
    let mut out = std::io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(fault) if fault.kind() == ErrorKind::BrokenPipe => Ok(Reader::Left),
        written => written.map(|()| Reader::Listens).or_exit(Exit::Unavailable, || "standard output".into()),
    }
}

fn read_log(path: &Path, dump: &mut Dump, limit: u64) -> Result<(), Failure> {
    let name = || path.display().to_string();
    let log = File::open(path).or_exit(Exit::NoInput, name)?;
    for (number, line) in (1..).zip(BufReader::new(log).lines()) {
        if dump.frames() >= limit {
            break;
        }
        let line = line.or_exit(Exit::Data, name)?;
        if line.trim().is_empty() {
            continue;
        }
        let line =
            LogLine::parse(&line).or_exit(Exit::Data, || format!("{}, line {number}", path.display()))?;
        let at = MonoTime::from_ns(line.at_us.saturating_mul(1000));
        let overdue = dump.overdue(at);
        let told = line.frame.map(|frame| dump.frame(at, &frame)).unwrap_or_default();
        if print(&(overdue + &told))? == Reader::Left {
            break;
        }
    }
    Ok(())
}

fn listen(interface: &str, dump: &mut Dump, limit: u64) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    let listener = CanListener::open(interface)?;
    while dump.frames() < limit && !stop.is_set() {
        let frame =
            listener.next(ROUND).or_exit(Exit::Unavailable, || format!("{interface}: the bus is gone"))?;
        let at = SystemClock.now();
        let told = frame.map(|frame| dump.frame(at, &frame)).unwrap_or_default();
        if print(&(told + &dump.overdue(at)))? == Reader::Left {
            break;
        }
    }
    Ok(())
}

/// Keeps what is known of every message.
struct Dump {
    network: Network,
    outgoing: Vec<Outgoing>,
    messages: Vec<Watch>,
    /// Times are told from the first frame on.
    start: Option<MonoTime>,
}

/// What is known of one message.
struct Watch {
    checker: Checker,
    last: Option<MonoTime>,
    is_overdue: bool,
    frames: u64,
    lost: u64,
    repeated: u64,
    damaged: u64,
    timeouts: u64,
}

impl Dump {
    fn new(network: Network) -> Self {
        let outgoing = network.messages();
        let watch = |one: &Outgoing| Watch {
            checker: one.checker(),
            last: None,
            is_overdue: false,
            frames: 0,
            lost: 0,
            repeated: 0,
            damaged: 0,
            timeouts: 0,
        };
        Self { messages: outgoing.iter().map(watch).collect(), network, outgoing, start: None }
    }

    fn frames(&self) -> u64 {
        self.messages.iter().map(|message| message.frames).sum()
    }

    /// Takes in a frame; a line for it where it is the daemon's, otherwise nothing.
    fn frame(&mut self, at: MonoTime, frame: &Frame) -> String {
        let Some(one) = self.network.find(&self.outgoing, frame.id) else { return String::new() };
        let Some(place) = self.outgoing.iter().position(|other| other.data_id == one.data_id) else {
            return String::new();
        };
        let start = *self.start.get_or_insert(at);
        let watch = &mut self.messages[place];
        watch.frames += 1;
        (watch.last, watch.is_overdue) = (Some(at), false);
        let verdict = if frame.data().len() == usize::from(one.message.bytes) {
            watch.checker.check(frame.data())
        } else {
            Verdict::Damaged
        };
        let verdict = watch.count(verdict);
        let mut line = format!(
            "{:>11.6}  {}  {:<13} {verdict:<9}",
            at.since(start).as_secs_f64(),
            frame.id,
            one.message.name
        );
        if verdict != "DAMAGED" {
            decode(one.message, frame.data()).for_each(|(field, reading)| tell(&mut line, field, reading));
        }
        line + "\n"
    }

    /// A line for each message that has become overdue.
    fn overdue(&mut self, now: MonoTime) -> String {
        let mut lines = String::new();
        for (watch, one) in self.messages.iter_mut().zip(&self.outgoing) {
            let limit = one.period * OVERDUE_PERIODS;
            let Some(last) = watch.last.filter(|last| now.since(*last) > limit && !watch.is_overdue) else {
                continue;
            };
            watch.is_overdue = true;
            watch.timeouts += 1;
            let at = self.start.map_or(Duration::ZERO, |start| (last + limit).since(start)).as_secs_f64();
            // Writing into memory cannot fail; nor can it below.
            let _ = writeln!(
                lines,
                "{at:>11.6}  {}  {:<13} TIMEOUT   none for {} ms",
                one.id,
                one.message.name,
                limit.as_millis()
            );
        }
        lines
    }

    fn summary(&self) -> String {
        let mut text = String::from("\nmessage        frames    lost  repeated  damaged  timeouts\n");
        for (watch, one) in self.messages.iter().zip(&self.outgoing) {
            let Watch { frames, lost, repeated, damaged, timeouts, .. } = watch;
            let _ = writeln!(
                text,
                "{:<13} {frames:>7} {lost:>7} {repeated:>9} {damaged:>8} {timeouts:>9}",
                one.message.name
            );
        }
        text
    }
}

impl Watch {
    /// Counts a verdict and says it in a word.
    fn count(&mut self, verdict: Verdict) -> String {
        match verdict {
            Verdict::First => "first".to_owned(),
            Verdict::Next => "ok".to_owned(),
            Verdict::Lost(lost) => {
                self.lost += u64::from(lost);
                format!("LOST {lost}")
            }
            Verdict::Repeated => {
                self.repeated += 1;
                "REPEATED".to_owned()
            }
            Verdict::Damaged => {
                self.damaged += 1;
                "DAMAGED".to_owned()
            }
        }
    }
}

fn tell(line: &mut String, field: &Field, reading: Reading) {
    let _ = match reading {
        Reading::NotAvailable => write!(line, " {}=n/a", field.name),
        Reading::Error => write!(line, " {}=error", field.name),
        Reading::Value(value) => match field.source.words().get(value as usize) {
            Some(word) => write!(line, " {}={}", field.name, word.name),
            None if field.source == wire::can::Source::ModelId => {
                write!(line, " {}={:05x}", field.name, value as u32)
            }
            None => write!(line, " {}={}{}", field.name, (value * 1e4).round() / 1e4, field.unit),
        },
    };
}

#[cfg(test)]
mod tests {
    use wire::can::{Moment, encode};

    use super::*;

    fn frame(one: &Outgoing, counter: u8) -> Frame {
        let mut payload = encode(one.message, Moment { event: None, now: MonoTime::ZERO });
        one.profile.protect(one.data_id, counter, payload.bytes_mut());
        Frame::new(one.id, one.fd, payload.bytes()).unwrap()
    }

    #[test]
    fn frames_are_decoded_and_jumps_damage_and_timeouts_told() {
        let mut dump = Dump::new(Network::standard());
        let state = dump.outgoing[0];
        let at = |ms: u64| MonoTime::from_ms(5000 + ms);
        let line = dump.frame(at(0), &frame(&state, 0));
        assert!(
            line.starts_with("   0.000000  510  State         first     MoodState=n/a MoodTo=n/a"),
            "{line}"
        );
        assert!(dump.frame(at(100), &frame(&state, 1)).contains(" ok "));
        assert!(dump.frame(at(200), &frame(&state, 4)).contains(" LOST 2 "));
        assert!(dump.frame(at(300), &frame(&state, 4)).contains(" REPEATED "));
        let mut bad = frame(&state, 5).data().to_vec();
        bad[7] ^= 4;
        let bad = Frame::new(state.id, false, &bad).unwrap();
        assert!(dump.frame(at(400), &bad).trim_end().ends_with("DAMAGED"));
        assert_eq!(dump.overdue(at(700)), "");
        assert!(dump.overdue(at(701)).contains("0.700000  510  State         TIMEOUT   none for 300 ms"));
        assert_eq!(dump.overdue(at(900)), "", "told once");
        let stranger = Frame::new(wire::can::CanId::Standard(0x123), false, &[0]).unwrap();
        assert_eq!(dump.frame(at(900), &stranger), "");
        let summary = dump.summary();
        let row = summary.lines().find(|line| line.starts_with("State")).unwrap();
        assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["State", "5", "2", "1", "1", "1"]);
    }
}
