//! Helpers that several of these tests share. Each test file is a program of its own, and none needs all.
#![allow(dead_code, unused_imports)]

mod counting_disk;
mod meddled;
mod parked;
pub mod people;

use std::time::Duration;

use millchat::{Action, Author, AuthorKind, Draft, RoomName};

pub use counting_disk::CountingDisk;
pub use meddled::Meddled;
pub use parked::Parking;

pub fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

pub fn ada() -> Author {
    Author { id: "ada".into(), name: "Ada".into(), kind: AuthorKind::Guest }
}

/// A draft of Ada's.
pub fn act(action: Action) -> Draft {
    Draft { author: Some(ada()), action, key: None }
}

/// Waits for what the writer does when nobody sends.
pub async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..1_200 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("it does not come to this: {what}");
}
