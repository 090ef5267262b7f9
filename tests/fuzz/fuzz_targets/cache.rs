//! A cache file is read as it was written, or refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| etcd_config::fuzzing::cache(bytes));
