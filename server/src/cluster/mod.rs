//! Many nodes: the engines that keep the journal which they share.

mod jetstream;

pub use jetstream::{JetStream, JetStreamError, JetStreamSettings};
