//! Where `analyze` writes its lines to.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::record::Record;
use crate::cli::LineFormat;
use crate::failure::{Exit, Failure, OrExit as _, writing};

/// Lines on their way to a file or to standard output.
pub struct Lines {
    sink: Sink,
    /// What to tell where they cannot be written.
    doing: String,
}

enum Sink {
    Json(Box<dyn Write>),
    Csv(Box<csv::Writer<Box<dyn Write>>>),
}

/// Whether anybody still reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// As far as is known.
    Listens,
    /// The other end of the pipe is closed, as after `| head`: time to end without a complaint.
    Left,
}

impl Lines {
    /// Opens `file`, or standard output where there is none. A file is begun anew.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where it cannot be written.
    pub fn create(file: Option<&Path>, format: LineFormat) -> Result<Self, Failure> {
        let to: Box<dyn Write> = match file {
            Some(path) => Box::new(File::create(path).or_exit(Exit::Unavailable, writing("--output", path))?),
            None => Box::new(io::stdout()),
        };
        let doing = file.map_or_else(|| "standard output".to_owned(), |path| writing("--output", path)());
        Ok(match format {
            LineFormat::Ndjson => Self { sink: Sink::Json(Box::new(BufWriter::new(to))), doing },
            LineFormat::Csv => {
                let mut lines = Self { sink: Sink::Csv(Box::new(csv::Writer::from_writer(to))), doing };
                if let Sink::Csv(csv) = &mut lines.sink {
                    let written = csv.write_record(Record::columns()).map_err(io::Error::from);
                    lines.judge(written)?;
                }
                lines
            }
        })
    }

    /// Writes one line.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where it cannot be written (disk full).
    pub fn write(&mut self, record: &Record<'_>) -> Result<Reader, Failure> {
        let written = match &mut self.sink {
            Sink::Json(to) => serde_json::to_writer(&mut *to, record)
                .map_err(io::Error::from)
                .and_then(|()| to.write_all(b"\n")),
            Sink::Csv(csv) => csv.write_record(record.cells()).map_err(io::Error::from),
        };
        self.judge(written)
    }

    /// Hands everything over.
    ///
    /// # Errors
    /// As for [`Lines::write`].
    pub fn flush(&mut self) -> Result<Reader, Failure> {
        let written = match &mut self.sink {
            Sink::Json(to) => to.flush(),
            Sink::Csv(csv) => csv.flush(),
        };
        self.judge(written)
    }

    fn judge(&self, written: io::Result<()>) -> Result<Reader, Failure> {
        match written {
            Ok(()) => Ok(Reader::Listens),
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Left),
            Err(e) => Err(e).or_exit(Exit::Unavailable, || self.doing.clone()),
        }
    }
}
