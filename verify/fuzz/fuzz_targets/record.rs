//! Any bytes as a record: an error or an event, never a panic, and an event that reads back the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| millchat::fuzzing::record(bytes));
