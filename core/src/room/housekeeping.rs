//! The thread that keeps house: publishes gathered signals, forgets idle rooms.

use std::sync::Weak;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};

use crate::room::table::ROOM_IDLE_MAX;
use crate::shared::Shared;

/// How often it looks at the rooms whose signals changed.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it looks for idle rooms.
const FORGET_EVERY: Duration = Duration::from_secs(5);

/// Runs until `stop` is dropped or the chat is gone.
pub(crate) fn start(shared: Weak<Shared>, stop: Receiver<()>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("millchat-keeper".into()).spawn(move || {
        let mut forgot = Instant::now();
        while stop.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            let Some(shared) = shared.upgrade() else { return };
            let now = Instant::now();
            look_at_signals(&shared, now);
            if now.duration_since(forgot) >= FORGET_EVERY {
                shared.rooms.forget_idle(now, ROOM_IDLE_MAX);
                forgot = now;
            }
        }
    })
}

fn look_at_signals(shared: &Shared, now: Instant) {
    let marked = std::mem::take(&mut *shared.marked.lock());
    let mut news = Vec::new();
    for (number, room) in marked {
        let look = room.signals.look(now, || room.head_now());
        if look.wake {
            news.push(room.clone());
        }
        if look.again {
            shared.marked.lock().insert(number, room);
        }
    }
    shared.fanout.tell(&news);
}
