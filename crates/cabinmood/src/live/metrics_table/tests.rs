//! The table against its rules, docs/metrics.md against the table, and the dashboard against both.
//! `BLESS=1 cargo test -p cabinmood metrics` writes the page anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use publish::MetricsPage;
use serde_json::Value;
use types::Expression;

use super::*;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const PAGE: &str = "docs/metrics.md";
const DASHBOARD: &str = "docs/grafana-dashboard.json";

const PAGE_HEAD: &str = "\
# Metrics

With `metrics.enabled = true` the daemon serves its figures over HTTP at `/metrics`, in the text that Prometheus scrapes (OpenMetrics 1.0), on a Unix socket or, with `metrics.port`, on a port of 127.0.0.1. It is off by default. They tell how the daemon is, and neither expression nor attention. One thing of the driver they cannot hide: how many frames were accepted and classified shows whether a face was in view.

```sh
cabinmood run --set metrics.enabled=true --set metrics.path=/tmp/metrics.sock
curl --unix-socket /tmp/metrics.sock http://localhost/metrics
```

```yaml
scrape_configs:                   # with metrics.port = 9464
  - job_name: cabinmood
    static_configs: [{ targets: [\"127.0.0.1:9464\"] }]
```

Under systemd a port needs a drop-in with `RestrictAddressFamilies=AF_INET` and `IPAddressAllow=localhost`; the socket needs nothing. [grafana-dashboard.json](grafana-dashboard.json) is a dashboard for Grafana: import it and choose the data source.

Scraping costs the pipeline nothing that can be measured (`make bench-load`): figures are atomic counters, the text is made when it is asked for, and a scraper that does not read is broken off after 5 s; eight may be connected at once. Histograms have a bucket an octave, from 32 us to 8 s.

This page is made from the program's own table; a test compares the two.

| Metric | Kind | Label | What it tells |
|---|---|---|---|
";

fn source() -> Source {
    Source { metrics: Arc::default(), published: Arc::default(), policy: Policy::default() }
}

/// The values of the metric's one label, with its name.
fn labels(metric: &Metric<Source>) -> String {
    fn told<T>(values: Vec<(Label, T)>) -> String {
        let labels: Vec<_> = values.iter().filter_map(|(label, _)| *label).collect();
        let words: Vec<_> = labels.iter().map(|(_, word)| format!("`{word}`")).collect();
        labels.first().map_or_else(String::new, |(name, _)| format!("{name}: {}", words.join(", ")))
    }
    match metric.figure {
        _ if metric.name.starts_with("sink_") => "sink: `socket`, `can`, `telematics`, `kuksa`".to_owned(),
        Figure::Counts(read) => told(read(&source())),
        Figure::Levels(read) => told(read(&source())),
        Figure::Times(read) => told(read(&source())),
        Figure::Words(read) => read(&source()).iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    }
}

#[test]
fn the_page_lists_every_metric() {
    let made = METRICS.iter().fold(PAGE_HEAD.to_owned(), |mut page, metric| {
        let (name, kind) = (metric.full_name(), metric.kind());
        writeln!(page, "| `{name}` | {kind} | {} | {}. |", labels(metric), metric.doc).unwrap();
        page
    });
    let path = Path::new(ROOT).join(PAGE);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == made, "{PAGE}: BLESS=1 cargo test -p cabinmood metrics");
}

#[test]
fn names_are_one_each_and_end_in_their_unit_or_in_total() {
    let units = [
        "_total",
        "_seconds",
        "_frames",
        "_events",
        "_episodes",
        "_bytes",
        "_subscribers",
        "_signals",
        "_code",
        "_info",
    ];
    let names: BTreeSet<_> = METRICS.iter().map(Metric::full_name).collect();
    assert_eq!(names.len(), METRICS.len());
    for name in names {
        assert!(units.iter().any(|unit| name.ends_with(unit)), "{name}");
    }
}

#[test]
fn a_scrape_has_every_metric_and_no_expression() {
    let source = source();
    let metrics = Arc::clone(&source.metrics);
    let page = MetricsPage::new(METRICS, source);
    let line = |text: &str, start: &str| {
        text.lines().find_map(|line| line.strip_prefix(start)).unwrap_or_else(|| panic!("{start}")).to_owned()
    };
    assert_eq!(line(&page.text(), "cabinmood_frames_captured_total "), "0");
    metrics.frames_captured_total.add(3);
    metrics.frames_processed_total.one();
    metrics.align_time.add(Duration::from_millis(2));
    let text = page.text();
    assert_eq!(line(&text, "cabinmood_frames_captured_total "), "3");
    assert_eq!(line(&text, "cabinmood_waiting_frames "), "2.0");
    assert_eq!(line(&text, "cabinmood_stage_time_seconds_sum{stage=\"align\"} "), "0.002");
    assert_eq!(line(&text, "cabinmood_stage_time_seconds_bucket{le=\"+Inf\",stage=\"align\"} "), "1");
    for metric in METRICS.iter().filter(|metric| !metric.name.starts_with("sink_")) {
        assert!(text.contains(&metric.full_name()), "{} is missing", metric.full_name());
    }
    for expression in Expression::ALL {
        assert!(!text.contains(expression.name()), "{expression}");
    }
}

/// The names of metrics that a query uses.
fn names_in(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("cabinmood_"))
}

fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match value {
            Value::String(query) if key == "expr" => found.push(query.clone()),
            other => queries(other, found),
        }),
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_uses_metrics_that_exist_and_shows_every_output() {
    let text = fs::read_to_string(Path::new(ROOT).join(DASHBOARD)).unwrap();
    let mut found = Vec::new();
    queries(&serde_json::from_str(&text).unwrap(), &mut found);
    let known: BTreeSet<String> = METRICS
        .iter()
        .flat_map(|metric| {
            let name = metric.full_name();
            let parts = if metric.kind() == "histogram" { &["_bucket", "_sum", "_count"][..] } else { &[""] };
            parts.iter().map(move |part| format!("{name}{part}"))
        })
        .collect();
    let used: BTreeSet<&str> = found.iter().flat_map(|query| names_in(query)).collect();
    assert!(used.len() > 15, "a dashboard of nothing: {used:?}");
    for name in &used {
        assert!(known.contains(*name), "{DASHBOARD} uses {name}, which there is not");
    }
    // Of what reaches outward, everything.
    let outward = ["can_", "connection", "episodes", "kuksa_", "store_"];
    for metric in METRICS.iter().filter(|metric| outward.iter().any(|start| metric.name.starts_with(start))) {
        let name = metric.full_name();
        assert!(used.contains(&*name), "{DASHBOARD} does not show {name}");
    }
}
