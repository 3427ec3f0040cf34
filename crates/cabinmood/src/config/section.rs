//! Reads one section of the configuration, key by key. Reading a key is also what documents it:
//! each call leaves an [`Entry`], and docs/config.md and config/cabinmood.toml are made from them.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::str::FromStr;

use config::{FileFormat, Format as _, Value, ValueKind};

/// One key as it is documented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The table that the key stands in.
    pub section: &'static str,
    /// The key in its table.
    pub name: &'static str,
    /// The default, written as TOML.
    pub default: String,
    /// The value in effect, written as TOML.
    pub value: String,
    /// Where that value comes from.
    pub origin: String,
    /// What is allowed, with the unit.
    pub allowed: String,
    /// What the key is for, and why the default is what it is.
    pub why: &'static str,
}

/// One thing that is wrong in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, or `--set`.
    pub origin: String,
    /// The key with its section.
    pub key: String,
    /// The value as it was given, and what is wrong with it.
    pub message: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.origin, self.key, self.message)
    }
}

/// What reading a configuration found out, beside the values.
#[derive(Debug, Default)]
pub struct Report {
    /// Every key there is, in the order of reading.
    pub entries: Vec<Entry>,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

/// The origin of what the command line sets. Such a value is text, whatever its key takes.
pub const SET: &str = "--set";

/// What a value may be read as, the likeliest first: that of a file is what it is; text from the
/// command line is TOML where it is any, so that numbers and lists can be given, and else itself.
fn readings(value: &Value) -> Vec<ValueKind> {
    match &value.kind {
        ValueKind::String(text) if value.origin() == Some(SET) => {
            let table = FileFormat::Toml.parse(None, &format!("value = {text}"));
            let as_toml = table.ok().filter(|table| table.len() == 1).and_then(|mut t| t.remove("value"));
            as_toml.map(|value| value.kind).into_iter().chain([value.kind.clone()]).collect()
        }
        kind => vec![kind.clone()],
    }
}

/// Where a value came from. A table has no origin of its own: it may be merged from several.
pub fn origin(value: &Value) -> String {
    match (&value.kind, value.origin()) {
        (_, Some(origin)) => origin.to_owned(),
        (ValueKind::Table(table), None) => table.values().next().map_or_else(String::new, origin),
        _ => String::new(),
    }
}

/// A section being read. Keys that are still there when it is dropped are unknown.
pub struct Section<'a> {
    name: &'static str,
    given: BTreeMap<String, Value>,
    report: &'a mut Report,
}

impl<'a> Section<'a> {
    /// The section `name` of what was given; without it, every key has its default.
    pub fn new(name: &'static str, given: Option<Value>, report: &'a mut Report) -> Self {
        let given = match given {
            None => BTreeMap::new(),
            Some(Value { kind: ValueKind::Table(table), .. }) => table.into_iter().collect(),
            Some(other) => {
                let message = format!(" = {}: must be a table, [{name}]", toml_of(&other.kind));
                report.problems.push(Problem { origin: origin(&other), key: name.to_owned(), message });
                BTreeMap::new()
            }
        };
        Self { name, given, report }
    }

    /// The section's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The one way in which all keys are read: notes the key, then the given value where there is
    /// one and `read` takes it, otherwise the default and, where `read` refused, a problem.
    fn key<T>(
        &mut self,
        name: &'static str,
        default: (T, String),
        allowed: String,
        why: &'static str,
        read: impl Fn(&ValueKind) -> Option<T>,
    ) -> T {
        let (default, default_toml) = default;
        let given = self.given.remove(name);
        let readings = given.as_ref().map(readings).unwrap_or_default();
        let read = readings.iter().find_map(|kind| Some((read(kind)?, kind)));
        let (value, kind) = read.map_or((None, readings.first()), |(value, kind)| (Some(value), Some(kind)));
        let toml = if default_toml.starts_with("0x") { hexadecimal_of } else { toml_of };
        let value_toml = kind.map_or_else(|| default_toml.clone(), toml);
        if let (Some(given), None) = (&given, &value) {
            self.problem(origin(given), name, format!(" = {value_toml}: must be {allowed}"));
        }
        let origin = given.as_ref().map_or_else(|| "built-in default".to_owned(), origin);
        self.report.entries.push(Entry {
            section: self.name,
            name,
            default: default_toml,
            value: value_toml,
            origin,
            allowed,
            why,
        });
        value.unwrap_or(default)
    }

    /// Yes or no.
    pub fn flag(&mut self, name: &'static str, default: bool, why: &'static str) -> bool {
        self.key(name, (default, default.to_string()), "true or false".into(), why, |kind| match kind {
            ValueKind::Boolean(value) => Some(*value),
            _ => None,
        })
    }

    /// A whole number in a range.
    pub fn integer<N>(
        &mut self,
        name: &'static str,
        default: N,
        allowed: RangeInclusive<N>,
        unit: &str,
        why: &'static str,
    ) -> N
    where
        N: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        let words = format!("a whole number from {} to {} {unit}", allowed.start(), allowed.end());
        self.key(name, (default, default.to_string()), words, why, |kind| match kind {
            ValueKind::I64(value) => N::try_from(*value).ok().filter(|value| allowed.contains(value)),
            _ => None,
        })
    }

    /// A whole number that people write in hexadecimal, as they do with identifiers.
    pub fn hexadecimal(
        &mut self,
        name: &'static str,
        default: u32,
        allowed: RangeInclusive<u32>,
        why: &'static str,
    ) -> u32 {
        let words = format!("a whole number from {:#X} to {:#X}", allowed.start(), allowed.end());
        self.key(name, (default, format!("{default:#X}")), words, why, |kind| match kind {
            ValueKind::I64(value) => u32::try_from(*value).ok().filter(|value| allowed.contains(value)),
            _ => None,
        })
    }

    /// A list of different whole numbers.
    pub fn integers(
        &mut self,
        name: &'static str,
        default: &[i64],
        allowed: &str,
        why: &'static str,
    ) -> Vec<i64> {
        let default = (default.to_vec(), format!("{default:?}"));
        self.key(name, default, allowed.to_owned(), why, |kind| {
            let ValueKind::Array(values) = kind else { return None };
            let mut list = Vec::with_capacity(values.len());
            for value in values {
                let ValueKind::I64(value) = value.kind else { return None };
                list.push(Some(value).filter(|value| !list.contains(value))?);
            }
            (!list.is_empty()).then_some(list)
        })
    }

    /// A whole number that stands for something else: `read` says for what, if anything.
    pub fn integer_as<T>(
        &mut self,
        name: &'static str,
        default: (T, i64),
        allowed: &str,
        why: &'static str,
        read: impl Fn(i64) -> Option<T>,
    ) -> T {
        let default = (default.0, default.1.to_string());
        self.key(name, default, allowed.to_owned(), why, |kind| match kind {
            ValueKind::I64(value) => read(*value),
            _ => None,
        })
    }

    /// A number in a range.
    pub fn number(
        &mut self,
        name: &'static str,
        default: f32,
        allowed: RangeInclusive<f32>,
        unit: &str,
        why: &'static str,
    ) -> f32 {
        let words = format!("a number from {} to {} {unit}", allowed.start(), allowed.end());
        self.key(name, (default, format!("{default:?}")), words.trim_end().to_owned(), why, |kind| {
            real(kind).filter(|value| allowed.contains(value))
        })
    }

    /// Text, taken as it is.
    pub fn text(&mut self, name: &'static str, default: &str, allowed: &str, why: &'static str) -> String {
        self.key(name, (default.to_owned(), quoted(default)), allowed.to_owned(), why, |kind| match kind {
            ValueKind::String(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// Text that stands for something else: `read` says for what, if anything.
    pub fn word<T>(
        &mut self,
        name: &'static str,
        default: (T, &str),
        allowed: &str,
        why: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> T {
        let default = (default.0, quoted(default.1));
        self.key(name, default, allowed.to_owned(), why, |kind| match kind {
            ValueKind::String(text) => read(text),
            _ => None,
        })
    }

    /// A list of different words, in the user's order.
    pub fn words<T>(
        &mut self,
        name: &'static str,
        default: Vec<T>,
        allowed: &str,
        why: &'static str,
    ) -> Vec<T>
    where
        T: FromStr + Display + PartialEq,
    {
        let texts: Vec<String> = default.iter().map(|word| quoted(&word.to_string())).collect();
        let default_toml = format!("[{}]", texts.join(", "));
        self.key(name, (default, default_toml), allowed.to_owned(), why, |kind| {
            let ValueKind::Array(values) = kind else { return None };
            let mut list = Vec::with_capacity(values.len());
            for value in values {
                let ValueKind::String(text) = &value.kind else { return None };
                let word = text.parse().ok().filter(|word| !list.contains(word))?;
                list.push(word);
            }
            (!list.is_empty()).then_some(list)
        })
    }

    /// Four numbers that `read` makes something of.
    pub fn four<T>(
        &mut self,
        name: &'static str,
        default: (T, [f32; 4]),
        allowed: &str,
        why: &'static str,
        read: impl Fn([f32; 4]) -> Option<T>,
    ) -> T {
        let default = (default.0, format!("{:?}", default.1));
        self.key(name, default, allowed.to_owned(), why, |kind| {
            let ValueKind::Array(values) = kind else { return None };
            let numbers: Option<Vec<f32>> = values.iter().map(|value| real(&value.kind)).collect();
            read(numbers?.try_into().ok()?)
        })
    }

    /// Notes that a key's value is impossible for a reason that its type does not tell.
    pub fn refuse(&mut self, name: &'static str, why: &str) {
        let entry = self.report.entries.iter().rfind(|e| e.section == self.name && e.name == name);
        if let Some(Entry { origin, value, .. }) = entry.cloned() {
            self.problem(origin, name, format!(" = {value}: {why}"));
        }
    }

    fn problem(&mut self, origin: String, name: &str, message: String) {
        self.report.problems.push(Problem { origin, key: format!("{}.{name}", self.name), message });
    }
}

impl Drop for Section<'_> {
    /// A key that nobody asked for is a typing error or of another version: it is refused, since
    /// what it was meant to change would silently stay as it is.
    fn drop(&mut self) {
        let entries = self.report.entries.iter().filter(|entry| entry.section == self.name);
        let known = entries.map(|entry| entry.name).collect::<Vec<_>>().join(", ");
        for (name, value) in std::mem::take(&mut self.given) {
            self.problem(origin(&value), &name, format!(": unknown key; [{}] has {known}", self.name));
        }
    }
}

fn real(kind: &ValueKind) -> Option<f32> {
    match kind {
        ValueKind::Float(value) => Some(*value as f32),
        ValueKind::I64(value) => Some(*value as f32),
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A value as a user would write it where numbers are identifiers.
fn hexadecimal_of(kind: &ValueKind) -> String {
    match kind {
        ValueKind::I64(number) if *number >= 0 => format!("{number:#X}"),
        _ => toml_of(kind),
    }
}

/// A value as a user would write it.
fn toml_of(kind: &ValueKind) -> String {
    match kind {
        ValueKind::String(text) => quoted(text),
        ValueKind::Float(number) => format!("{number:?}"),
        ValueKind::Array(values) => {
            format!("[{}]", values.iter().map(|value| toml_of(&value.kind)).collect::<Vec<_>>().join(", "))
        }
        ValueKind::Table(_) => "{…}".to_owned(),
        _ => kind.to_string(),
    }
}
