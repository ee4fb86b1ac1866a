//! Nodes of a cluster as processes of `millchat`: what they must know of each other.

use std::fs::{self, Permissions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::ports::{free_ports, own_address};

const SECRET: &str = "a-secret-of-the-nodes-for-tests-only";

/// The addresses that the nodes have for each other, and the file with their secret.
#[derive(Debug)]
pub struct Members {
    addresses: Vec<SocketAddr>,
    folder: TempDir,
}

impl Members {
    /// Chooses addresses on loopback for this number of nodes.
    pub fn of(count: usize) -> io::Result<Self> {
        Self::at(free_ports(own_address(), count)?)
    }

    /// Lets the nodes have these addresses for each other.
    pub fn at(addresses: Vec<SocketAddr>) -> io::Result<Self> {
        let members = Self { addresses, folder: tempfile::tempdir()? };
        let secret = members.folder.path().join("secret");
        fs::write(&secret, SECRET)?;
        fs::set_permissions(&secret, Permissions::from_mode(0o600))?;
        Ok(members)
    }

    /// Returns the address at which a node listens for the others.
    pub fn address(&self, nth: usize) -> SocketAddr {
        self.addresses[nth]
    }

    /// Returns the arguments by which a node finds the others.
    pub fn arguments(&self, nth: usize) -> Vec<String> {
        let all: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        let flags = [
            ("--peer-address", all[nth].clone()),
            ("--peers", all.join(",")),
            ("--cluster-secret-file", self.folder.path().join("secret").display().to_string()),
        ];
        flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
    }
}

/// Makes a log the beginning of a cluster, as an operator does. `program` is `millchat`.
pub fn begin(program: &Path, log: &Path) -> io::Result<()> {
    let begun = Command::new(program).args(["cluster", "begin"]).arg(log).output()?;
    let said = String::from_utf8_lossy(&begun.stderr);
    if begun.status.success() { Ok(()) } else { Err(io::Error::other(said.into_owned())) }
}
