//! The housekeeping thread: publishes collected signals, and tells them to the other nodes of a cluster; forgets idle
//! rooms, keeps the memory of the others within its bounds, and ends the subscriptions of a node that is not current any
//! more.

use std::sync::Weak;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};

use crate::neighbours::Telling;
use crate::room::table::{RINGS_BYTES_MAX, ROOM_IDLE_MAX};
use crate::shared::Shared;

/// Interval between two looks at the rooms whose signals changed, and at the bytes that all hold.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Interval between two looks for idle rooms, and for what the others need not hold any more.
const FORGET_EVERY: Duration = Duration::from_secs(5);

/// Runs until `stop` is dropped or the chat is gone.
pub(crate) fn start(shared: Weak<Shared>, stop: Receiver<()>) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name("millchat-housekeeping".into()).spawn(move || {
        let (mut forgot, mut was_current) = (Instant::now(), false);
        let mut telling = Telling::default();
        while stop.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            let Some(shared) = shared.upgrade() else { return };
            let now = Instant::now();
            look_at_signals(&shared, &mut telling, now);
            let is_current = shared.currentness.is_current();
            if was_current && !is_current {
                // Not by the thread of the protocol: it may be the one that waits.
                shared.fanout.wake_all();
            }
            was_current = is_current;
            shared.rooms.enforce_bytes(now, RINGS_BYTES_MAX);
            if now.duration_since(forgot) >= FORGET_EVERY {
                shared.rooms.forget_idle(now, ROOM_IDLE_MAX);
                shared.rooms.settle(now);
                forgot = now;
            }
        }
    })
}

fn look_at_signals(shared: &Shared, telling: &mut Telling, now: Instant) {
    if let Some(neighbours) = &shared.neighbours {
        neighbours.expire(&shared.rooms, now).iter().for_each(|room| shared.mark(room));
    }
    let marked = std::mem::take(&mut *shared.marked.lock());
    let mut to_wake = Vec::new();
    for (number, room) in marked {
        let look = room.signals.look(now, || room.head_now());
        if shared.neighbours.is_some() {
            telling.touch(&room);
        }
        if look.wake {
            to_wake.push(room.clone());
        }
        if look.again {
            shared.marked.lock().insert(number, room);
        }
    }
    shared.fanout.notify(&to_wake);
    if let Some(neighbours) = &shared.neighbours {
        neighbours.tell(telling, now);
    }
}
