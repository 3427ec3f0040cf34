//! What leaves the process, as pure bytes.
//!
//! One table, [`SIGNALS`], says which signals there are. [`Event`] is checked against it by tests;
//! the JSON Schema ([`json_schema`]) and docs/events.md ([`events_markdown`]) are generated from it.
//! No pixel can leave here: this crate does not depend on `frame`, directly or not.

mod event;
mod line;
mod markdown;
mod schema;
mod signals;

pub use event::{Event, Header, Sight};
pub use line::{Gap, Line, WireError};
pub use markdown::events_markdown;
pub use schema::json_schema;
pub use signals::{EVENT_SCHEMA, GAP_SCHEMA, GAP_SIGNALS, Group, Kind, SIGNALS, Scale, Signal, Unit, Word};
