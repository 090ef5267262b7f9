//! What the library keeps of its own beside a prefix, so that no field reads it.

use etcd_client_core::Prefix;

/// What the name of a prefix is continued with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The instances that run: `/payments.fleet/` of `/payments`.
    Fleet,
    /// The rollouts that have begun and not ended: `/payments.rollout/`.
    Rollouts,
}

impl Beside {
    const ALL: [Self; 2] = [Self::Fleet, Self::Rollouts];

    /// Where they are; of a prefix with layers beside the lowest one.
    pub(crate) fn of(self, prefix: &Prefix) -> Prefix {
        Prefix::new(&format!("{}{}", prefix.path(), self.suffix()))
    }

    /// Whether the name of a directory is that of such a place, of whatever prefix.
    pub(crate) fn has(name: &str) -> bool {
        Self::ALL.into_iter().any(|place| name.ends_with(place.suffix()))
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Fleet => ".fleet",
            Self::Rollouts => ".rollout",
        }
    }
}
