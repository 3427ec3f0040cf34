//! Where diagnostics go: to standard error, so that standard output carries results only.

use std::io::IsTerminal as _;

use tracing::warn;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::format::FmtSpan;

/// What the tools log: faults only, since their results are on standard output.
pub const TOOLS: &str = "warn";

/// ONNX Runtime's own logger prints hundreds of lines at info.
const QUIET: &str = "ort=warn,ort::logging=warn";

/// The variable that goes before the configured level.
const VARIABLE: &str = "RUST_LOG";

/// Starts logging at `level`; the variable `RUST_LOG` goes before it, and what it says of ONNX
/// Runtime before the quiet that is kept otherwise. Spans, which exist at level trace, report how
/// long a stage took. A second call changes nothing.
pub fn start(level: &str) {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let (filter, fault) = match filter(&wanted, level) {
        Ok(filter) => (filter, None),
        Err(fault) => (filter("", level).unwrap_or_default(), Some(fault)),
    };
    // The call fails only where logging was started already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(FmtSpan::CLOSE)
        .try_init();
    if let Some(fault) = fault {
        warn!("{VARIABLE}={wanted}: {fault}; logging at {level} instead");
    }
}

/// What is logged where the variable holds `wanted`.
fn filter(wanted: &str, level: &str) -> Result<EnvFilter, ParseError> {
    let wanted = if wanted.trim().is_empty() { level } else { wanted };
    // Of two words on the same target the later counts.
    EnvFilter::builder().parse(format!("{QUIET},{wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn onnx_runtime_is_quiet_unless_the_variable_names_it() {
        let told = |wanted| {
            let mut words: Vec<String> =
                filter(wanted, "info").unwrap().to_string().split(',').map(str::to_owned).collect();
            words.sort();
            words
        };
        assert_eq!(told(""), ["info", "ort::logging=warn", "ort=warn"]);
        assert_eq!(told("trace"), ["ort::logging=warn", "ort=warn", "trace"]);
        assert_eq!(told("ort=debug"), ["ort::logging=warn", "ort=debug"]);
        assert!(filter("cabinmood=loud", "info").is_err());
    }
}
