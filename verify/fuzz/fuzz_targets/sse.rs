//! Any text as an event's frames: one event each, whatever the text is.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: (u8, &str, &str)| {
    let (kind, name, content) = input;
    millchat_server::fuzzing::sse(kind, name, content);
});
