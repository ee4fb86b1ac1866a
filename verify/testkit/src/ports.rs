//! Ports that nobody has, and addresses where nobody takes one.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};

/// The ports that are given out: below those that the system gives to whoever names none, or connections that go out
/// would take them before the program that they are for.
const PORTS: Range<u16> = 20_000..32_000;

/// Returns this number of addresses with ports that nobody has, each another one. No other call of this process gets
/// them, until all have been given once.
///
/// # Errors
///
/// When the address is not one of this machine, or all its ports are taken.
pub fn free_ports(address: impl Into<IpAddr>, count: usize) -> io::Result<Vec<SocketAddr>> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let (address, span) = (address.into(), u32::from(PORTS.end - PORTS.start));
    // Processes that run at the same time begin far from each other.
    let first = std::process::id().wrapping_mul(7_919);
    let mut taken = 0;
    let mut next = || loop {
        let nth = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % span;
        let port = SocketAddr::new(address, PORTS.start + u16::try_from(nth).expect("it is below the span"));
        match TcpListener::bind(port) {
            Ok(_free) => break Ok(port),
            Err(error) if error.kind() == ErrorKind::AddrInUse && taken < span => taken += 1,
            Err(error) => break Err(error),
        }
    };
    (0..count).map(|_| next()).collect()
}

/// Returns an address of this machine that nothing else of this process has, for a server that is killed and started
/// again at the port that the system gave it. At 127.0.0.1 a connection that goes out may take the port meanwhile.
pub fn own_address() -> Ipv4Addr {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let [high, low] = GIVEN.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    Ipv4Addr::new(127, 64 + (std::process::id() % 128) as u8, high, low)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;

    use super::*;

    #[test]
    fn ports_that_are_given_are_free_different_and_none_that_the_system_gives() {
        let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let range: Vec<u16> = range.split_whitespace().map(|end| end.parse().unwrap()).collect();
        let _taken: Vec<_> = free_ports(Ipv4Addr::LOCALHOST, 2)
            .unwrap()
            .into_iter()
            .map(TcpListener::bind)
            .collect::<Result<_, _>>()
            .unwrap();
        let mut given = HashSet::new();
        // All of them twice.
        for _ in 0..2 * PORTS.len() {
            let address = free_ports(Ipv4Addr::LOCALHOST, 1).unwrap()[0];
            assert!(address.port() < range[0] || address.port() > range[1], "{address}");
            given.insert(address);
        }
        assert!(given.len() <= PORTS.len() - 2, "a port that is taken was given");
        assert!(free_ports(Ipv4Addr::new(192, 0, 2, 77), 1).is_err(), "not an address of this machine");
    }
}
