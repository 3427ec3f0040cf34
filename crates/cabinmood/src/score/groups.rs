//! Accuracy by group: by what alignment measures, and by the columns that a customer brings.
//!
//! Nothing here guesses who somebody is. The brightness of the cheeks is that of skin and light
//! together.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::counts::{Counts, share};
use super::{Bootstrap, Case, Interval, Measures};

/// A column of numbers with more different values than this is cut into bands.
const MOST_VALUES: usize = 12;
/// Bands of equal counts.
const BANDS: usize = 5;
/// The group of pictures without landmarks.
const NOT_MEASURED: &str = "not measured";

/// A column of a customer's table: a value for each picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// The pictures' values; `None` for one that the table does not list.
    pub values: Vec<Option<String>>,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupScore {
    /// What its pictures have in common.
    pub group: String,
    /// How many there are.
    pub images: u64,
    /// Those that the gate rejected, and files that are no pictures.
    pub rejected: u64,
    /// Right answers over all pictures.
    pub accuracy: f64,
    /// Right answers over judged pictures; null where none was judged.
    pub accuracy_judged: Option<f64>,
    /// The interval of `accuracy`, its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// The pictures, parted by one property.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// Which.
    pub by: String,
    /// What it is, for people.
    pub title: String,
    /// Its groups in order.
    pub groups: Vec<GroupScore>,
}

/// All groupings, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Groupings(pub Vec<Grouping>);

impl Serialize for Groupings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|g| (&g.by, &g.groups)))
    }
}

/// A measure, and where its bands end.
struct Banded {
    by: &'static str,
    title: &'static str,
    of: fn(&Measures) -> Option<f32>,
    /// `None`: bands of equal counts.
    edges: Option<&'static [f64]>,
}

/// Fixed bands where data sets shall be comparable; the size of faces differs too much between them.
const MEASURED: [Banded; 5] = [
    Banded {
        by: "skin_brightness",
        title: "Brightness of the cheeks (0 to 255; skin and light together)",
        of: |m| m.skin_brightness,
        edges: Some(&[60.0, 100.0, 140.0, 180.0]),
    },
    Banded {
        by: "frame_edges",
        title: "Edges as of the frame of glasses (0.7 and more: mostly glasses)",
        of: |m| m.frame_edges,
        edges: Some(&[0.3, 0.5, 0.7]),
    },
    Banded {
        by: "yaw_deg",
        title: "Turn of the head in degrees (positive: to its left)",
        of: |m| m.yaw_deg,
        edges: Some(&[-30.0, -10.0, 10.0, 30.0]),
    },
    Banded {
        by: "quality",
        title: "Quality of the alignment (0 to 1)",
        of: |m| m.quality,
        edges: Some(&[0.25, 0.5, 0.75, 0.9]),
    },
    Banded {
        by: "eyes_px",
        title: "Size of the face (pixels between the eyes)",
        of: |m| m.eyes_px,
        edges: None,
    },
];

/// The groupings by what alignment measures.
pub(super) fn measured(cases: &[Case], bootstrap: Bootstrap) -> Groupings {
    let by = |banded: &Banded| {
        let values: Vec<Option<f64>> =
            cases.iter().map(|c| (banded.of)(&c.measures).map(f64::from)).collect();
        let edges = banded.edges.map_or_else(|| quantiles(&values), <[f64]>::to_vec);
        let named = values.iter().map(|value| match value {
            Some(value) => band(*value, &edges),
            None => (edges.len() + 1, NOT_MEASURED.to_owned()),
        });
        grouping(banded.by, banded.title, cases, named, bootstrap)
    };
    Groupings(MEASURED.iter().map(by).collect())
}

impl Groupings {
    /// The same and those by a customer's columns.
    pub(super) fn with(mut self, columns: &[Column], cases: &[Case], bootstrap: Bootstrap) -> Self {
        self.0.extend(columns.iter().map(|column| by_column(column, cases, bootstrap)));
        self
    }

    /// Whether this is the name of a measured one.
    #[must_use]
    pub fn has_measured(name: &str) -> bool {
        MEASURED.iter().any(|banded| banded.by == name)
    }
}

fn by_column(column: &Column, cases: &[Case], bootstrap: Bootstrap) -> Grouping {
    let given = || column.values.iter().flatten().filter(|value| !value.is_empty());
    let number = |value: &str| value.parse::<f64>().ok().filter(|number| number.is_finite());
    let numeric = given().all(|value| number(value).is_some());
    let distinct: BTreeMap<&String, usize> = given().map(|value| (value, 0)).collect();
    let numbers: Vec<Option<f64>> = column.values.iter().map(|v| number(v.as_ref()?)).collect();
    let edges = quantiles(&numbers);
    let mut order: Vec<&String> = distinct.into_keys().collect();
    if numeric {
        order.sort_by(|a, b| number(a).partial_cmp(&number(b)).unwrap_or(std::cmp::Ordering::Equal));
    }
    let banded = numeric && order.len() > MOST_VALUES;
    let places: BTreeMap<&String, usize> = order.iter().enumerate().map(|(i, value)| (*value, i)).collect();
    let named = column.values.iter().zip(&numbers).map(|(value, number)| match (value, number) {
        (None, _) => (usize::MAX, "not listed".to_owned()),
        (Some(value), _) if value.is_empty() => (usize::MAX - 1, "(empty)".to_owned()),
        (Some(_), Some(number)) if banded => band(*number, &edges),
        (Some(value), _) => (places[value], value.clone()),
    });
    grouping(&column.name, &column.name, cases, named, bootstrap)
}

/// Parts the pictures by (order, name of the group).
fn grouping(
    by: &str,
    title: &str,
    cases: &[Case],
    named: impl Iterator<Item = (usize, String)>,
    bootstrap: Bootstrap,
) -> Grouping {
    let mut parts: BTreeMap<(usize, String), Vec<Case>> = BTreeMap::new();
    for (case, name) in cases.iter().zip(named) {
        parts.entry(name).or_default().push(*case);
    }
    let groups = parts.into_iter().map(|((_, group), cases)| score(group, &cases, bootstrap)).collect();
    Grouping { by: by.to_owned(), title: title.to_owned(), groups }
}

fn score(group: String, cases: &[Case], bootstrap: Bootstrap) -> GroupScore {
    let counts = Counts::of(cases, None);
    let (images, judged, correct) = (counts.pictures(), counts.judged(), counts.correct());
    let right: Vec<bool> = cases.iter().map(|case| case.answer.is(case.label)).collect();
    let accuracy = share(correct, images);
    let interval = bootstrap.intervals(right.len(), |times| vec![Some(share_right(&right, times))]);
    let Interval(low, high) = interval[0].unwrap_or(Interval(accuracy, accuracy));
    GroupScore {
        group,
        images,
        rejected: images - judged,
        accuracy,
        accuracy_judged: (judged > 0).then(|| share(correct, judged)),
        low,
        high,
    }
}

/// The share that is right when each is there so many times.
pub(super) fn share_right(right: &[bool], times: &[u32]) -> f64 {
    let counted = right.iter().zip(times).filter(|(right, _)| **right).map(|(_, times)| u64::from(*times));
    share(counted.sum(), times.iter().map(|times| u64::from(*times)).sum())
}

/// Values that part the given ones into bands of about equal counts.
fn quantiles(values: &[Option<f64>]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut edges: Vec<f64> =
        (1..BANDS).filter_map(|n| sorted.get(n * sorted.len() / BANDS).copied()).collect();
    // Where many values are equal, one band holds them all.
    edges.retain(|edge| sorted.first().is_some_and(|least| edge > least));
    edges.dedup();
    edges
}

/// The place and the name of the band that a value lies in; an edge belongs to the band above it.
fn band(value: f64, edges: &[f64]) -> (usize, String) {
    let place = edges.partition_point(|edge| *edge <= value);
    let short = |edge: f64| {
        let digits = if edge == edge.round() {
            0
        } else if edge.abs() < 10.0 {
            2
        } else {
            1
        };
        format!("{edge:.digits$}")
    };
    let name = match (place.checked_sub(1).map(|below| edges[below]), edges.get(place)) {
        (None, None) => "all".to_owned(),
        (None, Some(high)) => format!("below {}", short(*high)),
        (Some(low), None) => format!("{} and more", short(low)),
        (Some(low), Some(high)) => format!("{} to {}", short(low), short(*high)),
    };
    (place, name)
}
