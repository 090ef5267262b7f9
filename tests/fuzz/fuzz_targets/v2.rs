//! What a v2 server sends, or whoever answers in its place, is an answer or an error.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    etcd_client_core::v2::fuzzing::reply(status, body);
});
