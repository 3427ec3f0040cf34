//! CAN, as pure bytes: which messages there are ([`MESSAGES`]), their encoding and protection, the
//! DBC file, and what is taken from the vehicle. Sockets are another crate's.

mod codec;
mod dbc;
mod e2e;
mod frame;
mod input;
pub mod j1939;
mod layout;
mod markdown;
mod network;
mod vehicle;

pub use codec::{Moment, Payload, Reading, STALE, decode, encode, words_of};
pub use dbc::dbc;
pub use e2e::{Checker, HEADER_BYTES, Profile, Protector, Verdict};
pub use frame::{CLASSIC_DATA, CanId, Frame, LogError, LogLine, MAX_DATA};
pub use input::{Database, Input, InputError};
pub use layout::{Cycle, Field, MESSAGE_COUNT, MESSAGES, Message, SLOW_MS, Source};
pub use markdown::{GENERATED_FROM, messages_markdown};
pub use network::{Format, Network, NetworkOptions, NetworkProblem, Outgoing};
pub use vehicle::{Conditions, Driver, Speed, SpeedGate, Switch, Vehicle, VehicleOptions};
