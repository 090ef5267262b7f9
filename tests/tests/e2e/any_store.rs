//! What a configuration does, whatever store it is in: the same tests over v2, v3 and memory.

mod interruptions;
mod stores;
mod updates;
