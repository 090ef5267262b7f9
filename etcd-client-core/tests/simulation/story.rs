//! What has happened in a schedule, put into words only if it fails.

use std::fmt;
use std::time::Duration;

use etcd_client_core::watcher::{Cause, Event};

#[derive(Debug, Default)]
pub(crate) struct Story(Vec<(Duration, Line)>);

#[derive(Debug)]
enum Line {
    Step(String),
    Listed(usize, u64),
    Changed(Cause, usize, u64),
    Other(Event),
}

impl Story {
    pub(crate) fn step(&mut self, at: Duration, what: String) {
        self.0.push((at, Line::Step(what)));
    }

    pub(crate) fn event(&mut self, at: Duration, event: &Event) {
        let line = match event {
            Event::Listed(listing) => Line::Listed(listing.entries.len(), listing.revision),
            Event::Changed { batch, cause } => Line::Changed(*cause, batch.changes.len(), batch.revision),
            other => Line::Other(other.clone()),
        };
        self.0.push((at, line));
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, line) in &self.0 {
            write!(f, "{at:>9.3?}  ")?;
            match line {
                Line::Step(what) => f.write_str(what),
                Line::Listed(keys, revision) => write!(f, "    listed {keys} keys at {revision}"),
                Line::Changed(cause, keys, revision) => write!(f, "    {cause:?} {keys} keys at {revision}"),
                Line::Other(event) => write!(f, "    {event:?}"),
            }?;
            writeln!(f)?;
        }
        Ok(())
    }
}
