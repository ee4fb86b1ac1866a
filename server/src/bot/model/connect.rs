//! The connection to a server of models.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::outgoing::{Host, Trust};
use crate::resolve::{self, AnyError};

/// The prefix of IPv6 in which a network may keep the addresses of IPv4 (NAT64).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// A connection, plain or by TLS.
pub trait Socket: AsyncRead + AsyncWrite + Send {}

impl<S: AsyncRead + AsyncWrite + Send> Socket for S {}

/// A name leads to an address that no server of models has.
#[derive(Debug, thiserror::Error)]
#[error(
    "its name leads to {0}, a link-local address, where clouds keep their secrets; write the address itself"
)]
struct LinkLocal(IpAddr);

/// Connects to a server. An address is used as given, a name leads anywhere but to link-local addresses.
pub async fn connect(host: &Host, trust: Option<&Trust>) -> Result<Pin<Box<dyn Socket>>, AnyError> {
    let addresses = resolve::addresses(&host.name).await?;
    check(&host.name, &addresses)?;
    // To these very addresses: a name that leads elsewhere at the next question gains nothing.
    let sockets: Vec<SocketAddr> = addresses.into_iter().map(|address| (address, host.port).into()).collect();
    let socket = TcpStream::connect(&sockets[..]).await?;
    if !host.is_tls {
        return Ok(Box::pin(socket));
    }
    let name = ServerName::try_from(host.name.clone())?;
    let connector = trust.map_or_else(|| Trust::system().connector(), Trust::connector);
    let socket: Result<_, io::Error> = connector.connect(name, socket).await;
    Ok(Box::pin(socket?))
}

/// Checks the addresses to which a name leads.
fn check(name: &str, addresses: &[IpAddr]) -> Result<(), LinkLocal> {
    if name.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    match addresses.iter().find(|address| is_link_local(**address)) {
        Some(address) => Err(LinkLocal(*address)),
        None => Ok(()),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => {
            let [.., high, low] = address.segments();
            let inner = Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
            address.is_unicast_link_local() || address.segments().starts_with(&NAT64) && inner.is_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_private_addresses_but_to_no_link_local_one() {
        for (name, address, expected) in [
            ("ollama", "172.18.0.2", true),
            ("ollama", "10.0.0.1", true),
            ("ollama", "127.0.0.1", true),
            ("ollama", "fd00::1", true),
            ("ollama", "64:ff9b::a00:1", true),
            ("ollama", "169.254.169.254", false),
            ("ollama", "::ffff:169.254.169.254", false),
            ("ollama", "64:ff9b::a9fe:a9fe", false),
            ("ollama", "fe80::1", false),
            ("169.254.0.7", "169.254.0.7", true),
            ("fe80::1", "fe80::1", true),
        ] {
            let addresses = ["8.8.8.8".parse().unwrap(), address.parse().unwrap()];
            assert_eq!(check(name, &addresses).is_ok(), expected, "{name} {address}");
        }
    }
}
