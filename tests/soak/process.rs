//! What this process uses.

use std::fs;

/// Memory and open descriptors; zero where the system does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) kibibytes: u64,
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
}

impl Usage {
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        let count = |folder| fs::read_dir(folder).map_or(0, Iterator::count);
        Self {
            kibibytes: kibibytes.unwrap_or(0),
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }
}
