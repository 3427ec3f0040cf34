//! A file that is no library, in a process that has loaded none yet.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use classify::Classifier;
use common::{on_cpu, tiny};

#[test]
fn a_file_that_is_no_library_is_refused_and_the_right_one_still_loads() {
    let mut options = on_cpu(tiny("right"));
    options.runtime = tiny("right");
    let message = Classifier::open(&options).unwrap_err().to_string();
    assert!(message.contains("right.toml: not a usable ONNX Runtime"), "{message}");
    assert!(!message.contains('\n'), "{message}");
    assert!(Classifier::open(&on_cpu(tiny("right"))).is_ok());
}
