//! The sentence about a panic: a log line like any other. The standard library's own writes to stderr itself,
//! and would wait for one that takes nothing.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;
use std::thread;

use crate::stderr;

/// Has every panic of the process written as a log line; before the log has started, as a sentence.
pub fn set() {
    panic::set_hook(Box::new(|info| {
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let at = info.location().map(ToString::to_string).unwrap_or_default();
        let why = info.payload_as_str().unwrap_or("for a reason that is no text");
        if tracing::dispatcher::has_been_set() {
            tracing::error!(thread, at, "panicked: {why}");
        } else {
            stderr::say(format_args!("thread {thread} panicked at {at}: {why}"));
        }
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            stderr::write(format!("{backtrace}\n").as_bytes());
        }
    }));
}
