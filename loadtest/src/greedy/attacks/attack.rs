//! The shape of an attack.

use std::io;
use std::pin::Pin;
use std::sync::Arc;

use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::Prepared;

/// The preparation or the run of an attack.
pub type Step<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An attack.
pub struct Attack {
    /// The name in the table and on the command line.
    pub name: &'static str,
    /// Source addresses that it has when the server has limits. Without limits it has one.
    pub sources: u8,
    /// The records without keys with which the server is restarted when the attack begins, if it is.
    pub restarted_with: Option<u64>,
    /// Makes guests, rooms and messages, on a server without limits.
    pub prepare: fn(Arc<Client>) -> Step<io::Result<Prepared>>,
    /// Attacks until it is dropped.
    pub run: fn(Arc<Client>, Arc<Prepared>) -> Step<()>,
}
