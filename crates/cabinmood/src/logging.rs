//! Where diagnostics go: to standard error, so that standard output carries results only.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What the tools log: faults only, since their results are on standard output.
pub const TOOLS: &str = "warn";

/// ONNX Runtime's own logger prints hundreds of lines at info.
const QUIET: &str = "ort=warn,ort::logging=warn";

/// Starts logging at `level`; the variable `RUST_LOG` overrides it. Spans report how long a stage
/// took at level trace. A second call changes nothing.
pub fn start(level: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("{level},{QUIET}")));
    // The call fails only where logging was started already.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(if level == "trace" { FmtSpan::CLOSE } else { FmtSpan::NONE })
        .try_init();
}
