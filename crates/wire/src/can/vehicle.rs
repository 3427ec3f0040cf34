//! What the vehicle tells, and what follows from it. Pure: frames and times come in as data.

use std::time::Duration;

use types::MonoTime;

use super::frame::{CanId, Frame};
use super::input::{Input, InputError};

/// Below the speed gate by this much, the gate closes: a vehicle at the limit does not make it
/// flutter.
const HYSTERESIS_KMH: f64 = 2.0;

/// An input that is on or off.
#[derive(Debug, Clone, PartialEq)]
pub struct Switch {
    input: Input,
    on: Vec<i64>,
    off: Vec<i64>,
    default: bool,
}

impl Switch {
    /// A switch that is on and off at these values; at any other it is as good as missing, and then
    /// `default` stands.
    ///
    /// # Errors
    /// [`InputError::Type`] where the signal has a scale: that is a quantity, no switch.
    pub fn new(input: Input, on: &[i64], off: &[i64], default: bool) -> Result<Self, InputError> {
        if !input.is_plain() {
            return Err(InputError::Type("it has a scale, so that it is a quantity and no switch".into()));
        }
        Ok(Self { input, on: on.to_vec(), off: off.to_vec(), default })
    }

    fn read(&self, value: f64) -> Option<bool> {
        let is = |values: &[i64]| values.iter().any(|known| *known as f64 == value);
        if is(&self.on) { Some(true) } else { is(&self.off).then_some(false) }
    }
}

/// The vehicle's speed.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    input: Input,
    kmh_per_unit: f64,
    default_kmh: f64,
}

impl Speed {
    /// A speed in the unit that the DBC file states; without a unit, km/h. Where it is missing,
    /// `default_kmh` stands.
    ///
    /// # Errors
    /// [`InputError::Type`] where the signal is one bit, or its unit is none of speed.
    pub fn new(input: Input, default_kmh: f64) -> Result<Self, InputError> {
        let unit = input.unit().to_ascii_lowercase();
        let kmh_per_unit = match unit.trim() {
            "" | "km/h" | "kmh" | "kph" | "kmph" => 1.0,
            "m/s" | "mps" => 3.6,
            "mph" | "mi/h" => 1.609_344,
            other => {
                return Err(InputError::Type(format!("its unit {other:?} is no speed (km/h, m/s, mph)")));
            }
        };
        if input.bits() < 4 {
            return Err(InputError::Type(format!("it has {} bits, too few for a speed", input.bits())));
        }
        Ok(Self { input, kmh_per_unit, default_kmh })
    }
}

/// Who drives.
#[derive(Debug, Clone, PartialEq)]
pub struct Driver(Input);

impl Driver {
    /// A signal that is different for each driver (a key's or a profile's number).
    ///
    /// # Errors
    /// [`InputError::Type`] where it has a scale.
    pub fn new(input: Input) -> Result<Self, InputError> {
        if input.is_plain() {
            Ok(Self(input))
        } else {
            Err(InputError::Type("it has a scale, so that it is no identity".into()))
        }
    }
}

/// What the speed decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpeedGate {
    /// Nothing.
    #[default]
    Nothing,
    /// Below the limit the camera is closed.
    Camera,
    /// Below the limit the driver's own neutral is not learned.
    Neutral,
}

/// Which signals are taken from the vehicle.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VehicleOptions {
    /// The ignition: off closes the camera.
    pub ignition: Option<Switch>,
    /// The vehicle's own switch: off closes the camera.
    pub enable: Option<Switch>,
    /// Whether somebody sits in the driver's seat: who sits down is a new driver.
    pub seat: Option<Switch>,
    /// Who drives: another value is a new driver.
    pub driver: Option<Driver>,
    /// The speed.
    pub speed: Option<Speed>,
    /// What the speed decides.
    pub gate: SpeedGate,
    /// From this speed on the gate is open.
    pub min_speed_kmh: f64,
    /// An input that was not heard for this long is missing.
    pub timeout: Duration,
    /// Whether frames are known by their J1939 group.
    pub j1939: bool,
}

impl VehicleOptions {
    fn inputs(&self) -> [Option<&Input>; Place::COUNT] {
        [
            self.ignition.as_ref().map(|switch| &switch.input),
            self.enable.as_ref().map(|switch| &switch.input),
            self.seat.as_ref().map(|switch| &switch.input),
            self.driver.as_ref().map(|driver| &driver.0),
            self.speed.as_ref().map(|speed| &speed.input),
        ]
    }

    /// The identifiers to listen for.
    #[must_use]
    pub fn ids(&self) -> Vec<CanId> {
        let mut ids: Vec<CanId> = self.inputs().into_iter().flatten().map(Input::id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// The place of an input in the list of all.
#[derive(Debug, Clone, Copy)]
enum Place {
    Ignition,
    Enable,
    Seat,
    Driver,
    Speed,
}

impl Place {
    const COUNT: usize = 5;
}

/// What the daemon shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditions {
    /// Whether to watch: otherwise the camera is closed and the mood is `unknown: disabled`.
    pub watch: bool,
    /// Whether the driver's own neutral may be learned.
    pub learn: bool,
    /// Counts the drivers: another number is another driver.
    pub driver: u32,
}

impl Default for Conditions {
    /// Without a vehicle: watch, and learn.
    fn default() -> Self {
        Self { watch: true, learn: true, driver: 0 }
    }
}

/// Keeps what the vehicle told last.
#[derive(Debug, Clone)]
pub struct Vehicle {
    options: VehicleOptions,
    /// The newest usable value of each input and when it came.
    heard: [Option<(MonoTime, f64)>; Place::COUNT],
    /// Whether the seat was taken, as far as is known.
    seated: Option<bool>,
    /// Who drove last, as far as is known.
    identity: Option<f64>,
    fast_enough: bool,
    drivers: u32,
}

impl Vehicle {
    /// A vehicle that has told nothing yet.
    #[must_use]
    pub const fn new(options: VehicleOptions) -> Self {
        Self {
            options,
            heard: [None; Place::COUNT],
            seated: None,
            identity: None,
            fast_enough: false,
            drivers: 0,
        }
    }

    /// Takes in a frame; whether it bore one of the inputs.
    pub fn receive(&mut self, frame: &Frame, now: MonoTime) -> bool {
        let mut is_ours = false;
        for (heard, input) in self.heard.iter_mut().zip(self.options.inputs()) {
            let Some(input) = input.filter(|input| input.is_in(frame.id, self.options.j1939)) else {
                continue;
            };
            if input.is_selected(frame.data()) {
                is_ours = true;
                // Error and not available are as good as missing, at once.
                *heard = input.read(frame.data()).map(|value| (now, value));
            }
        }
        if is_ours {
            self.note_driver(now);
        }
        is_ours
    }

    /// What follows at this time.
    pub fn conditions(&mut self, now: MonoTime) -> Conditions {
        let is_on = |switch: &Option<Switch>, place| match switch {
            None => true,
            Some(switch) => self.value(place, now).and_then(|v| switch.read(v)).unwrap_or(switch.default),
        };
        let switched_on =
            is_on(&self.options.ignition, Place::Ignition) && is_on(&self.options.enable, Place::Enable);
        let open = self.is_gate_open(now);
        Conditions {
            watch: switched_on && (open || self.options.gate != SpeedGate::Camera),
            learn: open || self.options.gate != SpeedGate::Neutral,
            driver: self.drivers,
        }
    }

    /// The inputs that are configured but missing now.
    #[must_use]
    pub fn missing(&self, now: MonoTime) -> Vec<&'static str> {
        let places = [
            (Place::Ignition, "ignition"),
            (Place::Enable, "enable"),
            (Place::Seat, "seat"),
            (Place::Driver, "driver"),
            (Place::Speed, "speed"),
        ];
        let configured = self.options.inputs();
        let is_missing = |place| configured[place as usize].is_some() && self.value(place, now).is_none();
        places.into_iter().filter(|(place, _)| is_missing(*place)).map(|(_, name)| name).collect()
    }

    /// An input's value, unless it is missing.
    fn value(&self, place: Place, now: MonoTime) -> Option<f64> {
        let (at, value) = self.heard[place as usize]?;
        (now.since(at) <= self.options.timeout).then_some(value)
    }

    fn is_gate_open(&mut self, now: MonoTime) -> bool {
        let Some(speed) = &self.options.speed else { return true };
        let kmh = self.value(Place::Speed, now).map_or(speed.default_kmh, |v| v * speed.kmh_per_unit);
        let limit = self.options.min_speed_kmh - if self.fast_enough { HYSTERESIS_KMH } else { 0.0 };
        self.fast_enough = kmh >= limit;
        self.fast_enough
    }

    /// A missing seat or identity says nothing: the last one known is compared with the next.
    fn note_driver(&mut self, now: MonoTime) {
        if let Some(identity) = self.value(Place::Driver, now) {
            let is_new = self.identity.replace(identity).is_some_and(|last| last != identity);
            self.drivers = self.drivers.wrapping_add(is_new.into());
        }
        let seated = self.value(Place::Seat, now).zip(self.options.seat.as_ref());
        if let Some(seated) = seated.and_then(|(value, switch)| switch.read(value)) {
            let is_new = self.seated.replace(seated) == Some(false) && seated;
            self.drivers = self.drivers.wrapping_add(is_new.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::input::Database;
    use super::*;

    const DBC: &str = r#"VERSION ""
NS_ :
BS_:
BU_: Gateway
BO_ 291 Body: 8 Gateway
 SG_ Ignition : 0|2@1+ (1,0) [0|3] "" Vector__XXX
 SG_ Enable : 2|2@1+ (1,0) [0|3] "" Vector__XXX
 SG_ Seat : 4|2@1+ (1,0) [0|3] "" Vector__XXX
 SG_ Driver : 8|8@1+ (1,0) [0|250] "" Vector__XXX
 SG_ Speed : 16|16@1+ (0.01,0) [0|600] "km/h" Vector__XXX
"#;

    const fn ms(ms: u64) -> MonoTime {
        MonoTime::from_ms(ms)
    }

    fn input(name: &str) -> Input {
        Database::parse(DBC.as_bytes()).unwrap().find(&format!("Body.{name}")).unwrap()
    }

    fn vehicle(change: impl FnOnce(&mut VehicleOptions)) -> Vehicle {
        let switch = |name| Some(Switch::new(input(name), &[1], &[0], true).unwrap());
        let mut options = VehicleOptions {
            ignition: switch("Ignition"),
            enable: switch("Enable"),
            seat: switch("Seat"),
            driver: Some(Driver::new(input("Driver")).unwrap()),
            speed: Some(Speed::new(input("Speed"), 100.0).unwrap()),
            gate: SpeedGate::Nothing,
            min_speed_kmh: 10.0,
            timeout: Duration::from_millis(1000),
            j1939: false,
        };
        change(&mut options);
        Vehicle::new(options)
    }

    /// A frame of `Body`: ignition, enable, seat, driver, speed.
    fn body(ignition: u8, enable: u8, seat: u8, driver: u8, kmh: u16) -> Frame {
        let [low, high] = (kmh * 100).to_le_bytes();
        let switches = ignition | enable << 2 | seat << 4;
        Frame::new(CanId::Standard(291), false, &[switches, driver, low, high, 0, 0, 0, 0]).unwrap()
    }

    #[test]
    fn ignition_and_enable_close_the_camera() {
        let mut vehicle = vehicle(|_| {});
        assert!(vehicle.conditions(ms(0)).watch, "missing: the default");
        for (ignition, enable, watch) in
            [(1, 1, true), (0, 1, false), (1, 0, false), (0, 0, false), (3, 2, true)]
        {
            assert!(vehicle.receive(&body(ignition, enable, 1, 1, 0), ms(10)));
            assert_eq!(vehicle.conditions(ms(20)).watch, watch, "{ignition} {enable}");
        }
    }

    #[test]
    fn what_was_not_heard_for_long_has_its_default() {
        for default in [true, false] {
            let mut vehicle =
                vehicle(|o| o.ignition = Some(Switch::new(input("Ignition"), &[1], &[0], default).unwrap()));
            vehicle.receive(&body((!default).into(), 1, 1, 1, 0), ms(0));
            assert_eq!(vehicle.conditions(ms(1000)).watch, !default);
            assert_eq!(vehicle.conditions(ms(1001)).watch, default);
            assert_eq!(vehicle.missing(ms(1001)), ["ignition", "enable", "seat", "driver", "speed"]);
        }
    }

    #[test]
    fn a_new_driver_is_one_who_sits_down_or_has_another_identity() {
        let mut vehicle = vehicle(|_| {});
        let mut after = |frame: Frame, at| {
            vehicle.receive(&frame, ms(at));
            vehicle.conditions(ms(at)).driver
        };
        assert_eq!(after(body(1, 1, 1, 7, 0), 0), 0, "the first is no change");
        assert_eq!(after(body(1, 1, 1, 7, 0), 100), 0);
        assert_eq!(after(body(1, 1, 1, 8, 0), 200), 1);
        assert_eq!(after(body(1, 1, 1, 255, 0), 300), 1, "not available is nobody");
        assert_eq!(after(body(1, 1, 1, 8, 0), 400), 1);
        assert_eq!(after(body(1, 1, 0, 8, 0), 500), 1);
        assert_eq!(after(body(1, 1, 3, 8, 0), 600), 1);
        assert_eq!(after(body(1, 1, 1, 8, 0), 9000), 2, "whatever was missing in between");
    }

    #[test]
    fn the_speed_gates_what_it_shall_with_hysteresis() {
        for (gate, watches, learns) in [
            (SpeedGate::Nothing, true, true),
            (SpeedGate::Camera, false, true),
            (SpeedGate::Neutral, true, false),
        ] {
            let mut vehicle = vehicle(|o| o.gate = gate);
            let mut at = |kmh| {
                vehicle.receive(&body(1, 1, 1, 1, kmh), ms(0));
                let Conditions { watch, learn, .. } = vehicle.conditions(ms(0));
                (watch, learn)
            };
            assert_eq!(at(9), (watches, learns));
            assert_eq!(at(10), (true, true));
            assert_eq!(at(9), (true, true), "within the hysteresis");
            assert_eq!(at(7), (watches, learns));
            assert_eq!(
                vehicle.conditions(ms(5000)),
                Conditions { driver: 0, ..Conditions::default() },
                "missing"
            );
        }
    }

    #[test]
    fn signals_of_the_wrong_type_are_refused() {
        let told = Switch::new(input("Speed"), &[1], &[0], true).unwrap_err().to_string();
        assert!(told.contains("wrong type"), "{told}");
        assert!(Driver::new(input("Speed")).is_err());
        assert!(Speed::new(input("Ignition"), 0.0).is_err());
        let rpm = DBC.replace("km/h", "rpm");
        let rpm = Database::parse(rpm.as_bytes()).unwrap().find("Body.Speed").unwrap();
        assert!(Speed::new(rpm, 0.0).unwrap_err().to_string().contains("\"rpm\""));
    }
}
