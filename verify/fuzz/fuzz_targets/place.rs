//! Any text as a place of a stream or the name of a room: refused, or written again as it was.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| millchat::fuzzing::names(text));
