//! The daemon's socket, read line by line without ever waiting long.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::failure::{Exit, Failure};

/// How long one read may wait: keys and signals are looked at in between.
const PATIENCE: Duration = Duration::from_millis(50);

/// An event takes about a kilobyte; a line beyond this is not from a Cabinmood.
const LONGEST_LINE: usize = 64 * 1024;

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A line, with its line feed.
    Line(&'a [u8]),
    /// Nothing for [`PATIENCE`].
    Quiet,
    /// The daemon closed the connection.
    End,
}

/// The lines of a connection.
#[derive(Debug)]
pub struct Lines {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
}

impl Lines {
    /// Connects to a daemon.
    ///
    /// # Errors
    /// [`Exit::Unavailable`]: no socket, nobody who listens, or no permission.
    pub fn connect(path: &Path) -> Result<Self, Failure> {
        let place = path.display();
        let stream = UnixStream::connect(path).map_err(|fault| {
            let message = match fault.kind() {
                ErrorKind::NotFound => {
                    format!("{place}: no daemon's socket is there; start `cabinmood run`, or give --socket")
                }
                ErrorKind::ConnectionRefused => {
                    format!("{place}: nobody listens there; start `cabinmood run` again")
                }
                ErrorKind::PermissionDenied => {
                    format!("{place}: you may not connect; join the socket's group (ls -l {place})")
                }
                _ => format!("{place}: cannot connect: {fault}"),
            };
            Failure::message(Exit::Unavailable, message)
        })?;
        Self::new(stream)
    }

    fn new(stream: UnixStream) -> Result<Self, Failure> {
        stream.set_read_timeout(Some(PATIENCE)).map_err(|fault| Failure::new(Exit::Internal, fault))?;
        Ok(Self { stream: BufReader::new(stream), line: Vec::new() })
    }

    /// The next line, if one comes soon.
    ///
    /// # Errors
    /// [`Exit::Data`] where a line has no end; [`Exit::Unavailable`] where the connection fails.
    pub fn next(&mut self) -> Result<Heard<'_>, Failure> {
        if self.line.ends_with(b"\n") {
            self.line.clear();
        }
        let room = (LONGEST_LINE - self.line.len()) as u64;
        match self.stream.by_ref().take(room).read_until(b'\n', &mut self.line) {
            Ok(_) if self.line.ends_with(b"\n") => Ok(Heard::Line(&self.line)),
            Ok(_) if self.line.len() == LONGEST_LINE => {
                let message = format!("a line of more than {LONGEST_LINE} bytes came: this is no Cabinmood");
                Err(Failure::message(Exit::Data, message))
            }
            // What the daemon did not finish is not told.
            Ok(_) => Ok(Heard::End),
            Err(fault) => match fault.kind() {
                // What came of the line so far is kept.
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(Heard::Quiet),
                ErrorKind::ConnectionReset => Ok(Heard::End),
                _ => Err(Failure::new(Exit::Unavailable, fault)),
            },
        }
    }

    /// Whether the next line is here already.
    pub fn has_more(&self) -> bool {
        self.stream.buffer().contains(&b'\n')
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn pair() -> (UnixStream, Lines) {
        let (far, near) = UnixStream::pair().unwrap();
        (far, Lines::new(near).unwrap())
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let (mut far, mut lines) = pair();
        far.write_all(b"one\ntw").unwrap();
        assert_eq!(lines.next().unwrap(), Heard::Line(b"one\n"));
        assert_eq!(lines.next().unwrap(), Heard::Quiet);
        assert!(!lines.has_more());
        far.write_all(b"o\nthree\nhal").unwrap();
        drop(far);
        assert_eq!(lines.next().unwrap(), Heard::Line(b"two\n"));
        assert!(lines.has_more());
        assert_eq!(lines.next().unwrap(), Heard::Line(b"three\n"));
        assert_eq!(lines.next().unwrap(), Heard::End);
    }

    #[test]
    fn a_line_without_an_end_is_refused() {
        let (mut far, mut lines) = pair();
        let feeder = std::thread::spawn(move || far.write_all(&[b'x'; LONGEST_LINE]).unwrap());
        let failure = loop {
            match lines.next() {
                Ok(heard) => assert_eq!(heard, Heard::Quiet),
                Err(failure) => break failure,
            }
        };
        assert_eq!(failure.exit, Exit::Data);
        feeder.join().unwrap();
    }

    #[test]
    fn a_socket_that_is_not_there_or_left_over_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mood.sock");
        let expect = |words: &str| {
            let failure = Lines::connect(&path).unwrap_err();
            let message = failure.error.to_string();
            assert_eq!(failure.exit, Exit::Unavailable);
            assert!(message.contains("mood.sock") && message.contains(words), "{message}");
        };
        expect("no daemon's socket");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        expect("nobody listens");
    }
}
