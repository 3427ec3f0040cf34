//! The committed documents against what the table generates. `BLESS=1 cargo test -p wire --test
//! documents` writes them anew.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic as the tests do")]

use std::fs;
use std::path::Path;

use wire::can::{self, Format, GENERATED_FROM, Network, NetworkOptions};

fn network(format: Format) -> Network {
    Network::new(NetworkOptions { format, ..NetworkOptions::default() }).unwrap()
}

/// `how` is the command that prints the text.
fn compare(name: &str, how: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, made).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == made, "docs/{name} is not what `cabinmood schema {how}` prints");
}

#[test]
fn the_events() {
    compare("event.schema.json", "json", &format!("{:#}\n", wire::json_schema()));
    compare("events.md", "md", &wire::events_markdown());
}

#[test]
fn the_dbc_files() {
    for (name, how, format) in [
        ("cabinmood.dbc", "dbc", Format::Classic),
        ("cabinmood-fd.dbc", "dbc --set can.format=fd", Format::Fd),
        ("cabinmood-j1939.dbc", "dbc --set can.format=j1939", Format::J1939),
    ] {
        compare(name, how, &can::dbc(&network(format)));
    }
}

#[test]
fn the_vss_overlay() {
    compare("cabinmood.vspec", "vspec", &wire::vss_overlay());
}

#[test]
fn the_tables_of_the_page_on_can() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/can.md");
    let page = fs::read_to_string(path).unwrap();
    let (written, _) = page.split_once(GENERATED_FROM).expect("the line that the tables follow");
    let made = can::messages_markdown(&network(Format::Fd));
    compare("can.md", "can --set can.format=fd", &format!("{written}{made}"));
}

#[test]
fn the_table_of_the_page_on_telematics() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/telematics.md");
    let page = fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(wire::EPISODE_TABLE).expect("the line that the table follows");
    let (_, after) = rest.split_once("\n\nFields may").expect("the line that follows the table");
    let made = wire::episode_markdown();
    let page = format!("{before}{}{}\n\nFields may{after}", wire::EPISODE_TABLE, made.trim_end());
    compare("telematics.md", "episode-md", &page);
    compare("episode.schema.json", "episode", &format!("{:#}\n", wire::episode_schema()));
}
