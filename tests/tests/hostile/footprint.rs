//! How much memory this process takes at most, one test at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

static ALONE: Mutex<()> = Mutex::new(());

/// Measures from when it was made; other tests wait for that.
pub(crate) struct Footprint {
    before: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Footprint {
    pub(crate) fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        // Linux: the peak begins anew. Where that cannot be, it is that of the tests before, too.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Self { before: peak(), _alone: alone }
    }

    /// The most bytes that were in use since, beyond those at the beginning.
    pub(crate) fn peak(&self) -> usize {
        peak().saturating_sub(self.before)
    }
}

fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|text| text.trim().parse().ok());
    kilobytes.unwrap_or(0) * 1024
}
