//! Ports that nobody has, and addresses where nobody takes one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Returns this number of addresses with ports that nobody has, each another one.
///
/// # Errors
///
/// When the address is not one of this machine, or all its ports are taken.
pub fn free_ports(address: impl Into<IpAddr>, count: usize) -> io::Result<Vec<SocketAddr>> {
    let address = address.into();
    // All are held until the last is known: the system may give a port that is free again at once.
    let held = (0..count).map(|_| TcpListener::bind((address, 0))).collect::<io::Result<Vec<_>>>()?;
    held.iter().map(TcpListener::local_addr).collect()
}

/// Returns an address of this machine that nothing else of this process has, for a server that is killed and started
/// again at its port. At 127.0.0.1 a connection that goes out may have taken the port meanwhile.
pub fn own_address() -> Ipv4Addr {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let [high, low] = GIVEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ipv4Addr::new(127, 64 + (std::process::id() % 128) as u8, high, low)
}
