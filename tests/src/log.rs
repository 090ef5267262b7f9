//! What this process has logged, for tests of what an operator reads.

use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The log of a test process from now on: a process has one. Tests run side by side, so a test looks for its
/// own [prefix or endpoint](about).
pub fn keep() {
    // Another test may have begun it.
    let _ = tracing::subscriber::set_global_default(Log(Level::INFO));
}

/// The same of warnings only, for a process that runs for long.
pub fn keep_warnings() {
    let _ = tracing::subscriber::set_global_default(Log(Level::WARN));
}

/// The records that hold `text`, such as `WARN a message field=value`: what an operator sees, INFO and above.
pub fn about(text: &str) -> Vec<String> {
    lines().iter().filter(|line| line.contains(text)).cloned().collect()
}

/// The same without INFO: what an operator is warned of.
pub fn warnings_about(text: &str) -> Vec<String> {
    about(text).into_iter().filter(|line| !line.starts_with("INFO")).collect()
}

/// Down to this level.
struct Log(Level);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.0
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        lines().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn lines() -> MutexGuard<'static, Vec<String>> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}
