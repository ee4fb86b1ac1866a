//! The thread that prepares the search index. It only reads: what it prepares goes along with the writer's
//! commits.

use std::sync::Weak;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};

use crate::shared::Shared;

/// Interval between two looks for something to prepare.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// For each part of its time that it works it rests so many: the index gives way to senders and readers.
const RESTS_PER_WORK: u32 = 3;
/// It works at most this long before it rests.
const WORK_MAX: Duration = Duration::from_millis(5);

/// Runs until `stop` is dropped, the chat is gone, or the log cannot be read.
pub(crate) fn start(shared: Weak<Shared>, stop: Receiver<()>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("millchat-packer".into()).spawn(move || {
        let mut rest = LOOK_EVERY;
        while stop.recv_timeout(rest) == Err(RecvTimeoutError::Timeout) {
            let Some(shared) = shared.upgrade() else { return };
            let started = Instant::now();
            rest = loop {
                match shared.log.prepare_index() {
                    Ok(true) if started.elapsed() < WORK_MAX => {}
                    Ok(true) => break started.elapsed() * RESTS_PER_WORK,
                    Ok(false) => break LOOK_EVERY,
                    // Searches read the texts, and report what they meet.
                    Err(_) => return,
                }
            };
        }
    })
}
