//! Threads, runtimes and panics: where work is done, and for whom.

pub(crate) mod background;
pub(crate) mod caller;
pub(crate) mod connections;
pub(crate) mod deadline;
pub(crate) mod panics;
pub(crate) mod process;
pub(crate) mod worker;
