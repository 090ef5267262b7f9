//! The lines of the files in `results/`.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::table::Spread;

/// One metric of one subject, as one call has measured it.
pub(super) struct Record {
    pub(super) row: String,
    pub(super) metric: String,
    pub(super) unit: String,
    pub(super) of: String,
    pub(super) values: Vec<f64>,
    at: String,
    commit: String,
    etcd: String,
    machine: String,
}

impl Record {
    fn parse(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| Some(line.get(name)?.as_str()?.to_owned());
        let values = line.get("values")?.as_array()?.iter().filter_map(Value::as_f64).collect();
        Some(Self {
            row: text("row")?,
            metric: text("metric")?,
            unit: text("unit")?,
            of: text("of")?,
            values,
            at: text("at")?,
            commit: text("commit")?,
            etcd: text("etcd")?,
            machine: text("machine")?,
        })
    }

    pub(super) fn at(&self) -> &str {
        &self.at
    }

    pub(super) fn spread(&self) -> Spread {
        Spread::of(&self.values)
    }

    /// When and where it was measured; the later one is the greater.
    pub(super) fn session(&self) -> String {
        format!("{}, commit {}, etcd {}, {}", self.at, self.commit, self.etcd, self.machine)
    }
}

/// All results there are, the oldest first.
pub(super) fn read_all(folder: &Path) -> io::Result<Vec<Record>> {
    let mut records = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            records.extend(fs::read_to_string(path)?.lines().filter_map(Record::parse));
        }
    }
    records.sort_by(|one, other| one.at.cmp(&other.at));
    Ok(records)
}
