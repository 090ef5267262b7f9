//! What a configuration does that is kept current, over a store in memory.

mod cache;
mod cache_file;
mod callbacks;
mod changes;
mod clocks;
mod crowds;
mod ends;
mod exposure;
mod folder;
mod guide;
mod hanging;
mod last_good;
mod layers;
mod loading;
mod looks;
mod outside;
mod prefix;
mod random;
mod runtimes;
mod secrets;
mod service;
mod slow_code;
mod snapshots;
mod status;
mod updates;
mod warnings;
