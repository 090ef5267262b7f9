//! Which process this is. After a `fork` the child has everything of its parent's except the threads: what needs
//! one is started anew there, or, if that cannot be, says that it has ended.

use std::process;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A process, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u32);

/// Something that each process has one of, with locks of its own: those of the parent may have been locked when it
/// forked, and would never be released.
pub(crate) struct PerProcess<V>(ArcSwapOption<(Process, V)>);

impl Process {
    pub(crate) fn this() -> Self {
        Self(process::id())
    }

    pub(crate) fn is_this(self) -> bool {
        self == Self::this()
    }
}

impl<V: Default> PerProcess<V> {
    pub(crate) const fn new() -> Self {
        Self(ArcSwapOption::const_empty())
    }

    /// Does something with this process's own.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&V) -> R) -> R {
        let held = self.0.load_full();
        if let Some(own) = held.as_ref().filter(|held| held.0.is_this()) {
            return work(&own.1);
        }
        let new = Arc::new((Process::this(), V::default()));
        let before = self.0.compare_and_swap(&held, Some(Arc::clone(&new)));
        // Another thread of this process may have been faster.
        match before.as_ref().filter(|before| before.0.is_this()) {
            Some(own) => work(&own.1),
            None => work(&new.1),
        }
    }
}
