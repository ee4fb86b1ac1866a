//! Host names to addresses, without the C library: its own way loads libraries at run time, which a static
//! program may not have, or have of another version.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_resolver::TokioResolver;
use tokio::net::TcpStream;

/// An error of any kind; it can cross threads.
pub type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Returns the addresses of a host: an address itself, this machine, or a name in the hosts file or the DNS.
pub async fn addresses(host: &str) -> Result<Vec<IpAddr>, AnyError> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    // Where there are neither files to read nor servers to ask.
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let found = TokioResolver::builder_tokio()?.build()?.lookup_ip(host).await?;
    Ok(found.iter().collect())
}

/// Connects to a host, at the first of its addresses that takes the connection.
pub async fn connect(host: &str, port: u16) -> Result<TcpStream, AnyError> {
    let addresses = addresses(host).await?;
    let addresses: Vec<SocketAddr> = addresses.into_iter().map(|address| (address, port).into()).collect();
    Ok(TcpStream::connect(&addresses[..]).await?)
}
