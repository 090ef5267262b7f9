//! Any text is a document, or a fault with its place; what is read is written, and read again as the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| etcd_config::fuzzing::document(text, etcd_config::Format::Json));
