//! How something stands that is made of the settings.

use std::fmt;
use std::time::SystemTime;

use etcd_client_core::Printable;

use super::HumanDuration;

/// How a [`resource`](crate::Live::resource) or a [`prepare`](crate::Live::prepare) stands, in
/// [`Status::resources`](crate::Status::resources) and [`Explanation::resources`](crate::Explanation::resources). It is
/// well when there is no [`error`](Self::error), and [`hanging`](Self::hanging) is 0.
///
/// ```
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: usize }
/// let settings = Settings::watch(MemoryStore::new())?;
/// let pool = settings.building().name("pool").resource(
///     |s| &s.workers,
///     |workers| Ok::<_, std::io::Error>(Vec::<u8>::with_capacity(*workers)),
/// )?;
/// let status = settings.status();
/// assert_eq!((status.resources[0].name.as_str(), &status.resources[0].error), ("pool", &None));
/// # drop(pool);
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceStatus {
    /// Its [name](crate::Building::name).
    pub name: String,
    /// Whether it is the step of a [`prepare`](crate::Live::prepare), which has no product.
    pub is_prepare: bool,
    /// The revision of the snapshot that the one in force was made of.
    pub revision: u64,
    /// When that was put into force.
    pub since: SystemTime,
    /// Since when another is being built for an update, if it is.
    pub building_since: Option<SystemTime>,
    /// Why the last build has failed, without secrets; `None` once the update that it was for is in force, or is gone.
    pub error: Option<String>,
    /// How many builds for it have failed in a row.
    pub failures: u64,
    /// How many builds have passed their limit and not returned: each occupies a thread.
    pub hanging: usize,
}

/// How many builds there were.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BuildCounts {
    pub(crate) builds: u64,
    pub(crate) failures: u64,
    /// That have passed their limit and not returned.
    pub(crate) hanging: u64,
}

impl ResourceStatus {
    /// What it is called where the kind is to be said.
    pub(crate) fn label(name: &str, is_prepare: bool) -> String {
        match (is_prepare, name) {
            (true, "prepare") => name.to_owned(),
            (true, _) => format!("prepare {name}"),
            (false, _) => format!("resource {name}"),
        }
    }
}

/// ```text
/// resource pool: of revision 48121 for 3m 2s; 2 builds in a row failed, the last: cannot be built: connection refused
/// ```
impl fmt::Display for ResourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, is_prepare, revision, since, building_since, error, failures, hanging } = self;
        let ago = |time: &SystemTime| HumanDuration(time.elapsed().unwrap_or_default());
        let label = Self::label(name, *is_prepare);
        write!(f, "{}: of revision {revision} for {}", Printable::line(&label), ago(since))?;
        if let Some(since) = building_since {
            write!(f, "; another is being built for {}", ago(since))?;
        }
        if let Some(error) = error {
            match failures {
                0 | 1 => f.write_str("; the last build failed: ")?,
                several => write!(f, "; {several} builds in a row failed, the last: ")?,
            }
            write!(f, "{}", Printable::line(error))?;
        }
        match hanging {
            0 => Ok(()),
            1 => f.write_str("; 1 build has not returned"),
            more => write!(f, "; {more} builds have not returned"),
        }
    }
}
