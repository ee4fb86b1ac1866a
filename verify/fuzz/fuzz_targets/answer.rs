//! Any bytes as what a server of a language model says: the same answer however it is cut, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (bool, u8, &[u8])| {
    let (api, size, bytes) = input;
    millchat_server::fuzzing::answer(api, bytes, size.into());
});
