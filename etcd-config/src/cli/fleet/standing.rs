//! How an instance stands, in a word.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::style::Style;
use crate::fleet::following::FleetView;
use crate::fleet::instance::Instance;

/// How an instance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has in force what was written last.
    UpToDate,
    /// It does not have it yet.
    Behind,
    /// It has refused it.
    Refuses,
    /// Some of it is read when it is started again.
    WaitsForRestart,
    Unreadable,
}

/// All instances, with how they stand.
pub(super) fn all(view: &FleetView) -> impl Iterator<Item = (&Instance, Standing)> {
    let lagging: BTreeSet<&str> = view.lagging.iter().map(|lagging| lagging.name.as_str()).collect();
    let instances = view.fleet.instances().iter();
    instances
        .map(move |instance| (instance, Standing::of(instance, lagging.contains(instance.name.as_str()))))
}

impl Standing {
    fn of(instance: &Instance, is_lagging: bool) -> Self {
        match &instance.report {
            Err(_) => Self::Unreadable,
            Ok(report) if report.refused.is_some() => Self::Refuses,
            Ok(report) if !report.restart.is_empty() => Self::WaitsForRestart,
            Ok(_) if is_lagging => Self::Behind,
            Ok(_) => Self::UpToDate,
        }
    }

    /// For a person.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::UpToDate => "up to date",
            Self::Behind => "behind",
            Self::Refuses => "refuses",
            Self::WaitsForRestart => "waits for a restart",
            Self::Unreadable => "unreadable",
        }
    }

    /// The same of so many.
    pub(super) fn words_of(self, count: usize) -> &'static str {
        match self {
            Self::Refuses if count > 1 => "refuse",
            Self::WaitsForRestart if count > 1 => "wait for a restart",
            _ => self.words(),
        }
    }

    pub(super) fn style(self) -> Style {
        match self {
            Self::UpToDate => Style::Good,
            Self::Behind | Self::WaitsForRestart => Style::Odd,
            Self::Refuses | Self::Unreadable => Style::Bad,
        }
    }

    /// The instance for a program.
    pub(super) fn to_json(self, instance: &Instance) -> Value {
        let mut value = json!(instance);
        value["standing"] = json!(match self {
            Self::UpToDate => "up_to_date",
            Self::Behind => "not_yet",
            Self::Refuses => "refused",
            Self::WaitsForRestart => "waits_for_restart",
            Self::Unreadable => "unreadable",
        });
        value
    }
}
