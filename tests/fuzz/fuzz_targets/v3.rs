//! What a v3 server sends: watch frames become batches, and pages a listing, or an error.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (what, message) = input;
    match what % 3 {
        0 => etcd_client_core::v3::fuzzing::watch(message, true),
        1 => etcd_client_core::v3::fuzzing::watch(message, false),
        _ => etcd_client_core::v3::fuzzing::page(message),
    }
});
