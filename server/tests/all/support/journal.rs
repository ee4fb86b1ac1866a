//! An engine of the journal, as the tests of both see it: its servers, and the ways to harm them.

use millchat::cluster::Journal;
use rustix::process::Signal;

/// The cluster whose journal the tests of the engines keep.
pub const CLUSTER: [u8; 16] = [7; 16];

/// The servers of an engine.
pub trait JournalEngine: Sized + 'static {
    type Journal: Journal + Clone;

    /// Starts as many servers as a cluster of nodes is to have.
    async fn cluster() -> Self;

    /// Starts one.
    async fn single() -> Self;

    /// The number of servers.
    fn len(&self) -> usize;

    /// Connects as a node does, to this server first.
    async fn connect(&self, first: usize) -> Self::Journal;

    /// The arguments by which `millchat` does the same.
    fn arguments(&self, first: usize) -> Vec<String>;

    /// Starts a server, again if it was killed, on the files that it left.
    async fn run(&mut self, nth: usize);

    /// Kills a server by SIGKILL.
    fn kill(&mut self, nth: usize);

    /// Stops a server in its tracks, or lets it go on.
    fn signal(&self, nth: usize, signal: Signal);

    /// The server that leads.
    async fn leader(&self) -> usize;

    /// Deletes the journal of the tests, as an operator may.
    async fn delete(&self);
}
