//! config/cabinmood.toml and docs/config.md, made from the keys themselves and compared with the
//! files by the tests below. `BLESS=1 cargo test -p cabinmood document` writes them anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{Config, Entry};
use crate::cli::ConfigArgs;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const TOML: &str = "config/cabinmood.toml";
const PAGE: &str = "docs/config.md";
/// Columns of a comment.
const WIDTH: usize = 100;

const TOML_HEAD: &str = "\
# Cabinmood's configuration. Every key there is stands here with its default; what you leave out
# has that default too. An unknown key or a value that is not allowed stops the start, and all
# mistakes are reported at once. `cabinmood check` says whether this file works here.
";

const PAGE_HEAD: &str = "\
# Configuration

`cabinmood` reads the file that `--config` names, else `/etc/cabinmood/cabinmood.toml` where it exists, else it runs on the defaults below. `--set SECTION.KEY=VALUE`, as often as needed, goes over the file: `--set socket.path=/tmp/mood.sock`. [config/cabinmood.toml](../config/cabinmood.toml) is a file with every key at its default.

An unknown key, or a value that is not allowed, stops the start with exit code 78; all mistakes are reported at once, each with file, key, value and what is allowed.

This page is made from the program's own table of keys; a test compares the two.
";

const PAGE_TAIL: &str = "
## Exit codes

| Code | Meaning |
|---|---|
| 0 | done: the media was played to its end, or SIGTERM, SIGINT or SIGHUP asked for the end |
| 64 | wrong use of the command line |
| 65 | bad data: a file that is no video or picture, or of which a part is missing (what is good of it is used first), a data set without class folders |
| 66 | no input: a file or folder that is missing, unreadable, empty, or neither file nor folder |
| 69 | unavailable: no such camera at the start (unless `camera.wait`), none of `classify.providers` works, another daemon has the socket, metrics.port is taken, an output cannot be written, or `purge` while a daemon runs |
| 70 | a fault of the program; please report it |
| 78 | configuration: a wrong key or value, a purpose that does not allow what an output asks for, a model that is missing, altered or does not fit, a socket that cannot be made |
";

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if line.len() + 1 + word.len() > WIDTH {
            lines.push(format!("# {word}"));
        } else {
            *line += &format!(" {word}");
        }
    }
    lines.join("\n") + "\n"
}

/// Entries by section, in order.
fn sections(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    entries.chunk_by(|a, b| a.section == b.section)
}

fn toml(entries: &[Entry]) -> String {
    sections(entries).fold(TOML_HEAD.to_owned(), |mut text, section| {
        write!(text, "\n[{}]\n", section[0].section).unwrap();
        for (place, entry) in section.iter().enumerate() {
            text += if place == 0 { "" } else { "\n" };
            text += &wrapped(entry.why);
            text += &wrapped(&format!("Allowed: {}.", entry.allowed));
            writeln!(text, "{} = {}", entry.name, entry.default).unwrap();
        }
        text
    })
}

fn page(entries: &[Entry]) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    sections(entries).fold(PAGE_HEAD.to_owned(), |mut text, section| {
        write!(
            text,
            "\n## [{}]\n\n| Key | Default | Allowed | What for |\n|---|---|---|---|\n",
            section[0].section
        )
        .unwrap();
        for entry in section {
            let (allowed, why) = (cell(&entry.allowed), cell(entry.why));
            writeln!(text, "| `{}` | `{}` | {allowed} | {why} |", entry.name, entry.default).unwrap();
        }
        text
    }) + PAGE_TAIL
}

fn compare(file: &str, made: &str) {
    let path = Path::new(ROOT).join(file);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == made, "{file} is not what the keys say: BLESS=1 cargo test -p cabinmood document");
}

#[test]
fn the_configuration_file_has_every_key_at_its_default() {
    let (_, defaults) = Config::read(config::Map::new());
    compare(TOML, &toml(&defaults.entries));

    // And read as a configuration it changes nothing.
    let file = Path::new(ROOT).join(TOML);
    Config::load(&ConfigArgs { config: Some(file.clone()), set: vec![] }).unwrap();
    let (_, read) = Config::read(super::tree(Some(&file), &[]).unwrap());
    assert_eq!(read.entries.len(), defaults.entries.len());
    for entry in read.entries {
        assert!(entry.origin.ends_with("cabinmood.toml"), "{} is not in the file", entry.name);
        assert_eq!(entry.value, entry.default, "{}.{}", entry.section, entry.name);
    }
}

#[test]
fn the_page_on_configuration_is_made_from_the_keys() {
    compare(PAGE, &page(&Config::read(config::Map::new()).1.entries));
}
