//! Time limits as points in time.

use std::cell::Cell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Longer than any process lives.
const LONGEST: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// The end of a limit that begins now; however long it is, it does not overflow.
pub(crate) fn deadline(limit: Duration) -> Instant {
    Instant::now() + limit.min(LONGEST)
}

/// The same by the clock of the runtime, which need not be the machine's.
pub(crate) fn runtime_deadline(limit: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + limit.min(LONGEST)
}

thread_local! {
    static MOMENT_OF_THREAD: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// A moment that all configurations of the process have in common: what each does at intervals is counted from it, so
/// that they wake their thread together. On a thread that is one of a runtime's own it is the beginning of its clock.
pub(crate) fn common_moment() -> Instant {
    static MOMENT: OnceLock<Instant> = OnceLock::new();
    MOMENT_OF_THREAD.get().unwrap_or_else(|| *MOMENT.get_or_init(Instant::now))
}

/// On this thread the common moment is this one: just before the thread's only runtime was built.
pub(crate) fn count_from(moment: Instant) {
    MOMENT_OF_THREAD.set(Some(moment));
}
