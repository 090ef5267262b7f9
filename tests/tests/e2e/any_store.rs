//! What a configuration does, whatever store it is in: the same tests over v2, v3 and memory.

#[path = "any_store/interruptions.rs"]
mod interruptions;
#[path = "any_store/stores.rs"]
mod stores;
#[path = "any_store/updates.rs"]
mod updates;
