//! What leaves the process, as pure bytes.
//!
//! One table, [`SIGNALS`], says which signals there are. [`Event`] is checked against it by tests;
//! the JSON Schema ([`json_schema`]), docs/events.md ([`events_markdown`]), the VSS overlay
//! ([`vss_overlay`]) and, with the places in [`can::MESSAGES`], the CAN codec, the DBC file
//! ([`can::dbc`]) and docs/can.md are generated from it. Mood episodes have a table of their own
//! ([`episode::EPISODE_SIGNALS`]).
//! No pixel can leave here: this crate does not depend on `frame`, directly or not.

pub mod can;
pub mod episode;
mod event;
mod gate;
mod line;
mod markdown;
mod policy;
mod schema;
mod signals;
mod vss;

pub use event::{Event, Header, Sight};
pub use gate::{Gate, Released};
pub use line::{Gap, Line, WireError};
pub use markdown::{EPISODE_TABLE, episode_markdown, events_markdown};
pub use policy::{Deployment, Forbidden, Groups, ParseGroupError, Policy, Purpose, Reach};
pub use schema::{episode_schema, json_schema};
pub use signals::{EVENT_SCHEMA, GAP_SCHEMA, GAP_SIGNALS, Group, Kind, SIGNALS, Scale, Signal, Unit, Word};
pub use vss::{VSS_BRANCHES, VssSignal, VssType, VssValue, vss_overlay, vss_signals};
