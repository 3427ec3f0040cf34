//! `cabinmood watch`: a running daemon's mood, live on a terminal, as readable lines in a pipe, or
//! as the events themselves.

mod history;
mod letters;
mod lines;
#[cfg(test)]
mod sample;
mod screen;
mod text;
mod view;

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;

use types::Clock;

use self::history::History;
use self::lines::{Heard, Lines};
use self::screen::Screen;
use self::view::Sheet;
use crate::cli::WatchArgs;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::tools::stop::Stop;

/// Watches until the daemon ends, the user has seen enough or the reader of a pipe is gone: all of
/// them are good ends.
///
/// # Errors
/// [`Exit::Unavailable`] where no daemon listens or it takes no more subscribers; [`Exit::Config`]
/// and [`Exit::Usage`] for the configuration that names the socket; [`Exit::Data`] where what is
/// heard is no Cabinmood.
pub fn run(args: &WatchArgs) -> Result<(), Failure> {
    let path = socket_path(args)?;
    let mut lines = Lines::connect(&path)?;
    let stop = Stop::on_signals()?;
    let mut out = io::stdout();
    if args.json {
        pass_on(&mut lines, &stop, &mut out)
    } else if out.is_terminal() {
        show(&mut lines, &stop, &path.display().to_string(), &SystemClock)
    } else {
        tell(&mut lines, &stop, &mut out)
    }
}

fn socket_path(args: &WatchArgs) -> Result<PathBuf, Failure> {
    if let Some(path) = &args.socket {
        return Ok(path.clone());
    }
    let socket = Config::load(&args.config)?.socket;
    socket.map(|socket| socket.options.path).ok_or_else(|| {
        Failure::message(Exit::Unavailable, "socket.enabled is false: there is no socket; give --socket")
    })
}

/// `--json`: the lines as they come.
fn pass_on(lines: &mut Lines, stop: &Stop, out: &mut impl Write) -> Result<(), Failure> {
    while !stop.is_set() {
        match lines.next()? {
            Heard::Line(line) => {
                if !written(out.write_all(line).and_then(|()| out.flush()))? {
                    return Ok(());
                }
            }
            Heard::Quiet => {}
            Heard::End => break,
        }
    }
    Ok(())
}

/// In a pipe: a line a change, and a summary at the end.
fn tell(lines: &mut Lines, stop: &Stop, out: &mut impl Write) -> Result<(), Failure> {
    let mut history = History::default();
    while !stop.is_set() {
        match lines.next()? {
            Heard::Line(line) => {
                let seen = history.read(line)?;
                if let Some(text) = text::line(&history, &seen)
                    && !written(writeln!(out, "{text}").and_then(|()| out.flush()))?
                {
                    return Ok(());
                }
            }
            Heard::Quiet => {}
            Heard::End => break,
        }
    }
    written(writeln!(out, "{}", history.summary())).map(drop)
}

/// On a terminal: the live view, and a summary once it is gone.
fn show(lines: &mut Lines, stop: &Stop, socket: &str, clock: &dyn Clock) -> Result<(), Failure> {
    let terminal = |fault: io::Error| {
        let message = format!("the terminal cannot show the view: {fault}; try --json or a pipe");
        Failure::message(Exit::Unavailable, message)
    };
    let mut history = History::default();
    let mut screen = Screen::open().map_err(terminal)?;
    let mut heard_at = clock.now();
    while !stop.is_set() && !Screen::wants_end().map_err(terminal)? {
        match lines.next()? {
            Heard::Line(line) => {
                history.read(line)?;
                heard_at = clock.now();
            }
            Heard::Quiet => {}
            Heard::End => break,
        }
        // What is here already comes into the same picture: a burst is drawn once.
        if !lines.has_more() {
            let (columns, rows) = Screen::size().map_err(terminal)?;
            let sheet = Sheet { columns, rows, socket, silent_for: clock.now().since(heard_at) };
            screen.draw(&view::render(&history, &sheet)).map_err(terminal)?;
        }
    }
    drop(screen);
    written(writeln!(io::stdout(), "{}", history.summary())).map(drop)
}

/// Whether somebody still reads what was written: `| head` ends a pipe early, which is no fault.
fn written(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(fault) => {
            Err(Failure::message(Exit::Unavailable, format!("cannot write to standard output: {fault}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use types::Expression::{Happy, Neutral};
    use types::MoodState::Steady;
    use wire::{Groups, Policy, Reach};

    use super::*;

    /// Runs `watch` on what a daemon sends before it ends.
    fn watched(sent: &[u8], watch: impl FnOnce(&mut Lines) -> Result<(), Failure>) -> Result<(), Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mood.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let mut lines = Lines::connect(&path).unwrap();
        let sent = sent.to_vec();
        let daemon = std::thread::spawn(move || listener.accept().unwrap().0.write_all(&sent).unwrap());
        let result = watch(&mut lines);
        daemon.join().unwrap();
        result
    }

    fn events() -> Vec<u8> {
        let gate = Policy::default().gate(Reach::Vehicle, Groups::ALL);
        let mut sent = Vec::new();
        for at in 0..=20 {
            let event = sample::event(at * 100, Steady(if at < 12 { Neutral } else { Happy }));
            gate.release(event).write_json_line(&mut sent);
        }
        sent
    }

    #[test]
    fn in_a_pipe_changes_and_a_summary_are_told() {
        let mut out = Vec::new();
        watched(&events(), |lines| tell(lines, &Stop::default(), &mut out)).unwrap();
        let expected = "     0.00 s  neutral     confidence 0.87, intensity 0.34
     1.20 s  happy       confidence 0.87, intensity 0.34
neutral 1.2 s, happy 0.8 s, 21 events, 0 missed
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn json_is_passed_on_byte_for_byte_whatever_it_is() {
        let mut sent = events();
        sent.extend(b"{\"schema\":\"cabinmood.gap/1\",\"missed\":2}\n{\"schema\":\"later/9\"}\n");
        let mut out = Vec::new();
        watched(&sent, |lines| pass_on(lines, &Stop::default(), &mut out)).unwrap();
        assert_eq!(out, sent);
    }

    #[test]
    fn a_daemon_that_takes_no_more_subscribers_is_unavailable() {
        let refusal = br#"{"schema":"cabinmood.refused/1","reason":"64 subscribers are connected already"}
"#;
        let result = watched(refusal, |lines| tell(lines, &Stop::default(), &mut Vec::new()));
        assert_eq!(result.unwrap_err().exit, Exit::Unavailable);
    }

    /// `| head -1` after its line.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_a_good_end() {
        let sent = events();
        watched(&sent, |lines| tell(lines, &Stop::default(), &mut Closed)).unwrap();
        watched(&sent, |lines| pass_on(lines, &Stop::default(), &mut Closed)).unwrap();
    }

    #[test]
    fn a_signal_ends_it_with_the_summary() {
        let stop = Stop::default();
        stop.set();
        let mut out = Vec::new();
        watched(b"", |lines| tell(lines, &stop, &mut out)).unwrap();
        assert_eq!(out, b"0 events, 0 missed\n");
    }
}
