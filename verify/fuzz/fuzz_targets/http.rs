//! Any bytes as the parts of a request that are ours to read: an answer or a refusal, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (&str, &[u8], &[u8])| {
    let (uri, header, body) = input;
    millchat_server::fuzzing::http(uri, header, body);
});
