//! The server process for callers that have no runtime.

use std::net::SocketAddr;

use tokio::process::Command;
use tokio::runtime::{Builder, Runtime};

use crate::server::{Server, StartError};

/// A running server; killed when it is dropped, which waits until the process is gone.
#[derive(Debug)]
pub struct BlockingServer {
    /// `None` only while it is dropped.
    server: Option<Server>,
    /// Starts and ends the process; in between nothing runs on it.
    runtime: Runtime,
}

impl BlockingServer {
    /// Starts a server and waits until it says that it listens.
    pub fn start(command: Command) -> Result<Self, StartError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(StartError::Spawn)?;
        let server = runtime.block_on(Server::start(command))?;
        Ok(Self { server: Some(server), runtime })
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs until it is dropped")
    }

    /// Returns the address at which it listens.
    pub fn address(&self) -> SocketAddr {
        self.server().address()
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.server().pid()
    }
}

impl Drop for BlockingServer {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            let _ = self.runtime.block_on(server.kill());
        }
    }
}
