//! What a person who runs the tests should see even where all pass.

use std::io::Write;

/// Prints a line on standard error, past the test runner, which keeps back what tests print.
pub(crate) fn announce(line: &str) {
    let _ = writeln!(std::io::stderr(), "etcd-config-tests: {line}");
}
