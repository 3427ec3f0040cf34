//! `cabinmood purge`: deletes what the daemon keeps on disk, and says what that was.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::cli::PurgeArgs;
use crate::config::Config;
use crate::failure::{Exit, Failure, OrExit as _};
use crate::kept::{Kept, KeptFile, kept};

/// A folder that no daemon uses while this lives, and what is to be deleted there.
struct Found {
    kept: Kept,
    folder: File,
    files: Vec<KeptFile>,
    others: usize,
}

/// Deletes everything that is kept, after asking on a terminal.
///
/// # Errors
/// [`Exit::Unavailable`] where a daemon runs on it or a file cannot be deleted; [`Exit::Usage`]
/// where nobody can be asked and `--yes` is not given. Nothing is deleted before all is locked.
pub fn run(args: &PurgeArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let mut found = Vec::new();
    for kept in kept(&config) {
        let Some(folder) = kept.lock()? else { continue };
        let named = || format!("{} {}", kept.key, kept.folder.display());
        let (files, others) = kept.files().or_exit(Exit::Unavailable, named)?;
        found.push(Found { kept, folder, files, others });
    }
    let count: usize = found.iter().map(|one| one.files.len()).sum();
    if count == 0 {
        return print("nothing is kept on disk\n");
    }
    if !args.yes && !agrees(&found, count)? {
        return print("nothing was deleted\n");
    }
    found.iter().try_for_each(delete)
}

/// Whether the user wants it, having seen what it is.
fn agrees(found: &[Found], count: usize) -> Result<bool, Failure> {
    print(&list(found))?;
    if !io::stdin().is_terminal() {
        let message =
            format!("files that would be deleted: {count}; give --yes, since nobody can be asked here");
        return Err(Failure::message(Exit::Usage, message));
    }
    print("Delete all of it? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).or_exit(Exit::Unavailable, || "standard input".into())?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn list(found: &[Found]) -> String {
    found.iter().fold(String::new(), |mut text, Found { kept, files, .. }| {
        // Writing into memory cannot fail.
        let _ = writeln!(text, "{}, {}:", kept.what, kept.key);
        for KeptFile { path, bytes } in files {
            let _ = writeln!(text, "  {} ({bytes} bytes)", path.display());
        }
        text
    })
}

/// Deletes what was found in one folder. A file that cannot be deleted keeps none of the others.
fn delete(found: &Found) -> Result<(), Failure> {
    let mut faults = Vec::new();
    for KeptFile { path, bytes } in &found.files {
        match found.kept.delete(path, &found.folder) {
            Ok(()) => print(&format!("deleted {} ({bytes} bytes)\n", path.display()))?,
            Err(fault) => faults.push(format!("{}: cannot be deleted: {fault}", path.display())),
        }
    }
    if found.others > 0 {
        let folder = found.kept.folder.display();
        print(&format!("left {} others in {folder}, which are not Cabinmood's\n", found.others))?;
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::message(Exit::Unavailable, faults.join("\n"))) }
}

/// Prints; where nobody reads any more, as after `| head`, the work goes on.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.or_exit(Exit::Unavailable, || "standard output".into()),
    }
}
