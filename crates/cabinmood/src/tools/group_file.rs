//! The table of `evaluate --groups`: which group each picture of a data set belongs to.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use csv::{Position, ReaderBuilder, StringRecord, Trim};

use super::walk::Sample;
use crate::failure::{Exit, Failure, OrExit as _};
use crate::score::{Column, Groupings};

/// The column that names the pictures.
const FILE: &str = "file";

/// Reads the columns beside `file`, each with a value for every sample in the samples' order; `None`
/// for a picture that the table does not list.
///
/// # Errors
/// [`Exit::NoInput`] where the file cannot be read; [`Exit::Data`] where it has no column `file` or
/// none beside it, two columns of a name, a row of another length, a picture that is not in the data
/// set, or one twice.
pub fn read(path: &Path, dataset: &Path, samples: &[Sample]) -> Result<Vec<Column>, Failure> {
    let text = std::fs::read(path).or_exit(Exit::NoInput, || format!("--groups {}", path.display()))?;
    // Spreadsheets begin a file with a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(text);
    let bad = |line: u64, what: String| {
        Failure::message(Exit::Data, format!("--groups {}, line {line}: {what}", path.display()))
    };
    let header = reader.headers().map_err(|e| bad(1, told(&e)))?.clone();
    let file = check_header(&header).map_err(|what| bad(1, what))?;
    let places: HashMap<PathBuf, usize> = samples
        .iter()
        .enumerate()
        .map(|(place, sample)| (plain(sample.path.strip_prefix(dataset).unwrap_or(&sample.path)), place))
        .collect();
    let others = || header.iter().enumerate().filter(|(i, _)| *i != file);
    let mut columns: Vec<Column> = others()
        .map(|(_, name)| Column { name: name.to_owned(), values: vec![None; samples.len()] })
        .collect();
    let mut listed = HashSet::new();
    for row in reader.records() {
        let row = row.map_err(|e| bad(line_of(text, e.position()), told(&e)))?;
        let line = line_of(text, row.position());
        let name = row.get(file).unwrap_or_default();
        let Some(place) = places.get(&plain(Path::new(name))) else {
            let dataset = dataset.display();
            return Err(bad(
                line,
                format!(
                    "{name:?} is no picture of {dataset}; give paths below it, as in happy/a.png, and leave out pictures that are not there"
                ),
            ));
        };
        if !listed.insert(*place) {
            return Err(bad(line, format!("{name:?} is listed twice; keep one of its rows")));
        }
        for (column, (i, _)) in columns.iter_mut().zip(others()) {
            column.values[*place] = row.get(i).map(str::to_owned);
        }
    }
    Ok(columns)
}

/// Where the column `file` is.
fn check_header(header: &StringRecord) -> Result<usize, String> {
    let names: Vec<&str> = header.iter().collect();
    let Some(file) = names.iter().position(|name| *name == FILE) else {
        let found = names.join(", ");
        return Err(format!(
            "no column \"file\" in the header ({found}); the first line must name the columns, \"file\" among them"
        ));
    };
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(format!("column {} has no name; give it one", i + 1));
        }
        if names[..i].contains(name) || Groupings::has_measured(name) {
            return Err(format!("there is another column {name:?}, or a measure of this name; rename one"));
        }
    }
    if names.len() < 2 {
        return Err("no column beside \"file\"; add one for each property to group by".into());
    }
    Ok(file)
}

/// The line of a row. Its position is where the reader stood before it, ahead of empty lines.
fn line_of(text: &[u8], row: Option<&Position>) -> u64 {
    let from = row.map_or(0, |position| position.byte() as usize).min(text.len());
    let empty = text[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    1 + text[..from + empty].iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Without "./" at its beginning.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn told(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the header has {expected_len}; quote a cell that has a comma in it")
        }
        csv::ErrorKind::Utf8 { .. } => "not UTF-8; save the table as UTF-8".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use types::Expression;

    use super::*;

    fn read_text(text: &str) -> Result<Vec<Column>, String> {
        let folder = tempfile::tempdir().unwrap();
        let (path, dataset) = (folder.path().join("groups.csv"), Path::new("/data"));
        std::fs::write(&path, text).unwrap();
        let sample = |name: &str| Sample { path: dataset.join(name), label: Expression::Happy };
        let samples = ["happy/a.png", "happy/b.png", "sad/a.png"].map(sample);
        read(&path, dataset, &samples).map_err(|failure| {
            assert_eq!(failure.exit, Exit::Data);
            failure.to_string()
        })
    }

    #[test]
    fn every_picture_gets_the_value_of_its_row() {
        let columns =
            read_text("\u{feff}age, file ,seat\n30,sad/a.png,\"left, rear\"\n,./happy/a.png, right\n")
                .unwrap();
        let value = |text: &str| Some(text.to_owned());
        let age = Column { name: "age".into(), values: vec![value(""), None, value("30")] };
        let seat = Column { name: "seat".into(), values: vec![value("right"), None, value("left, rear")] };
        assert_eq!(columns, [age, seat]);
    }

    #[test]
    fn a_bad_table_is_told_with_its_line_and_what_to_do() {
        let check = |text: &str, words: &[&str]| {
            let told = read_text(text).unwrap_err();
            assert!(words.iter().all(|word| told.contains(word)), "{told}");
        };
        check("", &["groups.csv, line 1", "no column \"file\""]);
        check("happy/a.png,1\nhappy/b.png,2\n", &["line 1", "must name the columns"]);
        check("file\nhappy/a.png\n", &["line 1", "no column beside"]);
        check("file,age,age\n", &["line 1", "\"age\"", "rename"]);
        check("file,yaw_deg\n", &["line 1", "\"yaw_deg\"", "rename"]);
        check("file,\n", &["line 1", "column 2 has no name"]);
        check(
            "file,age\nhappy/a.png,1\n\nhappy/c.png,2\n",
            &["line 4", "\"happy/c.png\" is no picture", "below"],
        );
        check("file,age\nhappy/a.png,1\nhappy/a.png,2\n", &["line 3", "twice"]);
        check("file,age\nhappy/a.png,1,2\n", &["line 2", "3 cells where the header has 2"]);
    }

    #[test]
    fn a_missing_table_is_no_input() {
        let failure = read(Path::new("/no/such.csv"), Path::new("/data"), &[]).unwrap_err();
        assert!(failure.exit == Exit::NoInput && failure.to_string().contains("--groups /no/such.csv"));
    }
}
