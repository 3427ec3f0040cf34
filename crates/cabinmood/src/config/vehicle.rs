//! [vehicle]: the signals that the daemon takes from the vehicle's bus, by the vehicle's own DBC file.

use std::fs;
use std::time::Duration;

use wire::can::{Database, Driver, Format, Input, InputError, Speed, SpeedGate, Switch, VehicleOptions};

use super::{Can, Section};

const NAMED: &str = "MESSAGE.SIGNAL of the DBC file, or nothing";
const VALUES: &str = "a list of whole numbers";

/// A switch's keys as they were read.
struct SwitchKeys {
    key: &'static str,
    name: String,
    on: Vec<i64>,
    off: Vec<i64>,
    default: bool,
}

/// `None` where no signal is taken from the vehicle.
pub(super) fn read(keys: &mut Section<'_>, can: &Can) -> Option<VehicleOptions> {
    let dbc = keys.text(
        "dbc",
        "",
        "the path of a DBC file, or nothing",
        "The vehicle's own DBC file, in which the signals below are looked up: identifier, bits, scale and range are taken from it.",
    );
    let ignition = read_ignition(keys);
    let enable = read_enable(keys);
    let seat = read_seat(keys);
    let driver = keys.text(
        "driver",
        "",
        NAMED,
        "Who drives (the number of a key or a profile): with another value the learned neutral is forgotten. Missing or stale: the driver stays the same.",
    );
    let (speed, default_kmh, options) = read_speed(keys);

    let names = [&ignition.name, &enable.name, &seat.name, &driver, &speed];
    if names.iter().all(|name| name.is_empty()) {
        return None;
    }
    if !can.enabled {
        keys.refuse("dbc", "signals are taken from the vehicle, which needs can.enabled = true");
    }
    let database = open(keys, &dbc)?;
    let switch = |keys: &mut Section<'_>, from: SwitchKeys| {
        find(keys, from.key, &database, &from.name, |input| {
            Switch::new(input, &from.on, &from.off, from.default)
        })
    };
    Some(VehicleOptions {
        ignition: switch(keys, ignition),
        enable: switch(keys, enable),
        seat: switch(keys, seat),
        driver: find(keys, "driver", &database, &driver, Driver::new),
        speed: find(keys, "speed", &database, &speed, |input| Speed::new(input, default_kmh)),
        j1939: can.network.options().format == Format::J1939,
        ..options
    })
}

fn read_ignition(keys: &mut Section<'_>) -> SwitchKeys {
    SwitchKeys {
        key: "ignition",
        name: keys.text(
            "ignition",
            "",
            NAMED,
            "The ignition: while it is off the camera is closed and the mood is `unknown: disabled`.",
        ),
        on: keys.integers("ignition_on", &[1], VALUES, "The signal's values that mean on."),
        off: keys.integers(
            "ignition_off",
            &[0],
            VALUES,
            "The signal's values that mean off. At any other value the signal counts as missing.",
        ),
        default: keys.flag(
            "ignition_default",
            true,
            "What stands while the ignition is missing or stale: a gateway that fails shall not blind the daemon.",
        ),
    }
}

fn read_enable(keys: &mut Section<'_>) -> SwitchKeys {
    SwitchKeys {
        key: "enable",
        name: keys.text(
            "enable",
            "",
            NAMED,
            "The vehicle's own switch for watching, as in a menu: while it is off the camera is closed and the mood is `unknown: disabled`.",
        ),
        on: keys.integers("enable_on", &[1], VALUES, "The signal's values that mean on."),
        off: keys.integers(
            "enable_off",
            &[0],
            VALUES,
            "The signal's values that mean off. At any other value the signal counts as missing.",
        ),
        default: keys.flag(
            "enable_default",
            true,
            "What stands while the switch is missing or stale. Set false where watching needs a driver's consent.",
        ),
    }
}

fn read_seat(keys: &mut Section<'_>) -> SwitchKeys {
    SwitchKeys {
        key: "seat",
        name: keys.text(
            "seat",
            "",
            NAMED,
            "Whether somebody sits in the driver's seat: who sits down is a new driver, whose neutral is learned anew. Missing or stale: the driver stays the same.",
        ),
        on: keys.integers("seat_on", &[1], VALUES, "The signal's values that mean that the seat is taken."),
        off: keys.integers(
            "seat_off",
            &[0],
            VALUES,
            "The signal's values that mean that it is empty. At any other value the signal counts as missing.",
        ),
        default: true,
    }
}

/// The signal's name, the default speed, and the options that are no input.
fn read_speed(keys: &mut Section<'_>) -> (String, f64, VehicleOptions) {
    let speed =
        keys.text("speed", "", NAMED, "The vehicle's speed, in km/h, m/s or mph as the DBC file says.");
    let gate = keys.word(
        "speed_gates",
        (SpeedGate::Nothing, "nothing"),
        "\"nothing\", \"camera\" or \"neutral\"",
        "What the speed decides. camera: below min_speed_kmh the camera is closed and the mood is `unknown: disabled`. neutral: below it the driver's own neutral is not learned, since people at a standstill talk and look about.",
        |text| match text {
            "nothing" => Some(SpeedGate::Nothing),
            "camera" => Some(SpeedGate::Camera),
            "neutral" => Some(SpeedGate::Neutral),
            _ => None,
        },
    );
    let min_speed_kmh = keys.number(
        "min_speed_kmh",
        10.0,
        0.0..=250.0,
        "km/h",
        "The speed from which on the gate is open; it closes 2 km/h below. The default is faster than anybody walks, slower than traffic.",
    );
    let default_kmh = keys.number(
        "speed_default_kmh",
        100.0,
        0.0..=400.0,
        "km/h",
        "What stands while the speed is missing or stale: by default a vehicle that drives.",
    );
    let timeout_ms = keys.integer(
        "timeout_ms",
        1000,
        10..=60_000,
        "milliseconds",
        "An input that was not heard for this long is stale. Ten periods of a usual signal: fewer may be lost on a busy bus.",
    );
    let options = VehicleOptions {
        gate,
        min_speed_kmh: min_speed_kmh.into(),
        timeout: Duration::from_millis(timeout_ms),
        ..VehicleOptions::default()
    };
    (speed, default_kmh.into(), options)
}

fn open(keys: &mut Section<'_>, path: &str) -> Option<Database> {
    if path.is_empty() {
        keys.refuse("dbc", "signals are taken from the vehicle, which needs its DBC file");
        return None;
    }
    let read = fs::read(path).map_err(|fault| fault.to_string());
    match read.and_then(|bytes| Database::parse(&bytes).map_err(|fault| fault.to_string())) {
        Ok(database) => Some(database),
        Err(why) => {
            keys.refuse("dbc", &why);
            None
        }
    }
}

fn find<T>(
    keys: &mut Section<'_>,
    key: &'static str,
    database: &Database,
    name: &str,
    make: impl FnOnce(Input) -> Result<T, InputError>,
) -> Option<T> {
    if name.is_empty() {
        return None;
    }
    database.find(name).and_then(make).map_err(|fault| keys.refuse(key, &fault.to_string())).ok()
}
