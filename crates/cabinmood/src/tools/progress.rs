//! Progress on a terminal; in a pipe nothing at all.

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error, which indicatif hides where that is no terminal. `total` counts what
/// `unit` names; where it is not known the bar only counts up.
pub fn bar(total: Option<u64>, unit: &str) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            format!("{{wide_bar:.cyan/238}} {{pos}}/{{len}} {unit} · {{per_sec}} · {{eta}} left"),
        ),
        None => (ProgressBar::new_spinner(), format!("{{spinner:.cyan}} {{pos}} {unit} · {{per_sec}}")),
    };
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style.progress_chars("━╸━")),
        Err(_) => bar,
    }
}

/// Says something on standard error without tearing the bar apart.
pub fn say(bar: &ProgressBar, message: &str) {
    // Where even standard error is closed there is nobody to tell.
    bar.suspend(|| _ = writeln!(std::io::stderr(), "cabinmood: {message}"));
}
