//! An endpoint that a person has written is an address, or refused without repeating a password.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| etcd_client_core::fuzzing::endpoint(text));
