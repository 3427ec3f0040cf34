//! From figures to the text that Prometheus reads (OpenMetrics 1.0).

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::Octaves;

/// What all names begin with.
const PREFIX: &str = "cabinmood";

/// A label with its value; `None` where there is but one.
pub type Label = Option<(&'static str, &'static str)>;

/// One metric: its name, what it tells, and where in `S` it is read.
#[derive(Debug)]
pub struct Metric<S: 'static> {
    /// Its name, without the prefix, and without what [`Self::full_name`] adds.
    pub name: &'static str,
    /// What it tells, as a sentence without its full stop.
    pub doc: &'static str,
    /// Where it is read.
    pub figure: Figure<S>,
}

/// What kind of number a metric is, and how it is read.
#[derive(Debug)]
pub enum Figure<S: 'static> {
    /// A count that only goes up; its name ends in `_total`.
    Counts(fn(&S) -> Vec<(Label, u64)>),
    /// A number that goes up and down; its name ends in its unit.
    Levels(fn(&S) -> Vec<(Label, f64)>),
    /// Times, as a histogram; its name ends in `_seconds`.
    Times(fn(&S) -> Vec<(Label, Octaves)>),
    /// Words that do not change; its name ends in `_info`.
    Words(fn(&S) -> Vec<(&'static str, String)>),
}

impl<S> Metric<S> {
    /// The name as it is scraped; a histogram's has `_bucket`, `_sum` and `_count` after it.
    #[must_use]
    pub fn full_name(&self) -> String {
        let end = match self.figure {
            Figure::Counts(_) => "_total",
            Figure::Levels(_) => "",
            Figure::Times(_) => "_seconds",
            Figure::Words(_) => "_info",
        };
        format!("{PREFIX}_{}{end}", self.name)
    }

    /// The kind in Prometheus's word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.figure {
            Figure::Counts(_) => "counter",
            Figure::Levels(_) => "gauge",
            Figure::Times(_) => "histogram",
            Figure::Words(_) => "info",
        }
    }

    fn encode(&self, source: &S, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (kind, unit) = match self.figure {
            Figure::Counts(_) => (MetricType::Counter, None),
            Figure::Levels(_) => (MetricType::Gauge, None),
            Figure::Times(_) => (MetricType::Histogram, Some(&Unit::Seconds)),
            Figure::Words(_) => (MetricType::Info, None),
        };
        let mut encoder = encoder.encode_descriptor(self.name, self.doc, unit, kind)?;
        match self.figure {
            Figure::Counts(read) => each(&mut encoder, read(source), |encoder, value| {
                encoder.encode_counter::<NoLabelSet, _, u64>(value, None)
            }),
            Figure::Levels(read) => {
                each(&mut encoder, read(source), |encoder, value| encoder.encode_gauge(value))
            }
            Figure::Times(read) => each(&mut encoder, read(source), |encoder, times| {
                let count = times.counts.iter().map(|(_, count)| count).sum();
                encoder.encode_histogram::<NoLabelSet>(times.sum_s, count, &times.counts, None)
            }),
            Figure::Words(read) => encoder.encode_info(&read(source)),
        }
    }
}

fn each<T>(
    encoder: &mut MetricEncoder<'_>,
    values: Vec<(Label, T)>,
    encode: impl Fn(&mut MetricEncoder<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (label, value) in &values {
        match label {
            Some(label) => encode(&mut encoder.encode_family(&[*label])?, value)?,
            None => encode(encoder, value)?,
        }
    }
    Ok(())
}

/// All metrics on one page.
#[derive(Debug)]
pub struct MetricsPage(Registry);

impl MetricsPage {
    /// What a scraper is told that the text is.
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// A page of these metrics, read from `source` anew with each scrape.
    #[must_use]
    pub fn new<S: fmt::Debug + Send + Sync>(metrics: &'static [Metric<S>], source: S) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Table { metrics, source }));
        Self(registry)
    }

    /// The text as of now.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into memory cannot fail.
        let _ = encode(&mut text, &self.0);
        text
    }
}

#[derive(Debug)]
struct Table<S: 'static> {
    metrics: &'static [Metric<S>],
    source: S,
}

impl<S: fmt::Debug + Send + Sync> Collector for Table<S> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.metrics.iter().try_for_each(|metric| metric.encode(&self.source, &mut encoder))
    }
}
