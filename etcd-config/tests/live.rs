//! What a configuration does that is kept current, over a store in memory.

#[path = "live/cache.rs"]
mod cache;
#[path = "live/cache_file.rs"]
mod cache_file;
#[path = "live/callbacks.rs"]
mod callbacks;
#[path = "live/changes.rs"]
mod changes;
#[path = "live/clocks.rs"]
mod clocks;
#[path = "live/crowds.rs"]
mod crowds;
#[path = "live/ends.rs"]
mod ends;
#[path = "live/exposure.rs"]
mod exposure;
#[path = "live/folder.rs"]
mod folder;
#[path = "live/hanging.rs"]
mod hanging;
#[path = "live/loading.rs"]
mod loading;
#[path = "live/outside.rs"]
mod outside;
#[path = "live/prefix.rs"]
mod prefix;
#[path = "live/random.rs"]
mod random;
#[path = "live/runtimes.rs"]
mod runtimes;
#[path = "live/secrets.rs"]
mod secrets;
#[path = "live/service.rs"]
mod service;
#[path = "live/slow_code.rs"]
mod slow_code;
#[path = "live/snapshots.rs"]
mod snapshots;
#[path = "live/status.rs"]
mod status;
#[path = "live/updates.rs"]
mod updates;
