//! `millchat probe`: asks a server whether it accepts messages, for health checks that have no HTTP client.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::{HeaderMap, StatusCode};
use tokio::time::timeout;

use super::failure::Failure;
use super::server_address::ServerAddress;
use crate::config::Listening;
use crate::listen_address::parse_tcp;
use crate::resolve::AnyError;
use crate::tls::Domain;

/// The path that is asked.
const READY_PATH: &str = "/readyz";
/// Longest time for all of it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes that are read of an answer, for its reason.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// Asks a server whether it accepts messages: exit code 0 if it does, 1 if not.
///
/// It asks for /readyz and says the answer. It needs no token, and gives up after 3 seconds. The certificate of
/// the server of the settings is not looked at: it is for the name that others know.
#[derive(clap::Args, Debug)]
pub struct Probe {
    /// The server: `http://127.0.0.1:8080`, `https://chat.example.org`, or `unix:/path` of its socket [default: the address of the
    /// settings]
    #[arg(value_name = "URL")]
    server: Option<ServerAddress>,
    /// The address of the settings; 0.0.0.0 and [::] are asked on this machine
    #[arg(short, long, env = "MILLCHAT_ADDRESS", value_name = "IP:PORT", value_parser = parse_tcp)]
    address: Option<SocketAddr>,
    /// The certificate of the settings: with it the server speaks TLS
    #[arg(long, env = "MILLCHAT_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The names of the settings for which the server obtains a certificate
    #[arg(long, env = "MILLCHAT_ACME", value_name = "DOMAINS", value_delimiter = ',')]
    acme: Option<Vec<Domain>>,
    /// The file of the settings
    #[arg(long, env = "MILLCHAT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Probe {
    pub fn run(&self) -> Result<(), Failure> {
        let server = if let Some(server) = &self.server {
            server.clone()
        } else {
            let listening = Listening {
                address: self.address,
                tls_certificate: self.tls_certificate.clone(),
                acme: self.acme.clone(),
            };
            let listening = listening.over(self.config.as_deref()).map_err(Failure::refused)?;
            listening_on(listening.address(), listening.has_tls())?
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let asked =
            runtime.map_err(Failure::refused)?.block_on(async { timeout(PROBE_TIMEOUT, ask(&server)).await });
        let (is_ready, said) = match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(Failure::failed(format!("{server} cannot be asked: {error}"))),
            Err(_elapsed) => {
                let seconds = PROBE_TIMEOUT.as_secs();
                return Err(Failure::failed(format!("{server} did not answer within {seconds} seconds")));
            }
        };
        if !is_ready {
            return Err(Failure::failed(format!("{server} is not ready: {said}")));
        }
        writeln!(io::stdout(), "{server} is ready").map_err(|error| Failure::stdout(&error))
    }
}

/// Returns the server that listens on an address, asked from its own machine.
fn listening_on(address: SocketAddr, has_tls: bool) -> Result<ServerAddress, Failure> {
    if address.port() == 0 {
        return Err(Failure::refused(
            "the settings let the server take a free port; say which, like millchat probe \
             http://127.0.0.1:8080",
        ));
    }
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        // [::] takes IPv4 too, and a container may have no address of IPv6.
        IpAddr::V6(ip) if ip.is_unspecified() => "localhost".to_owned(),
        ip => ip.to_string(),
    };
    let port = address.port();
    Ok(if has_tls { ServerAddress::OwnTls { host, port } } else { ServerAddress::Tcp { host, port } })
}

/// Returns true if the server is ready, and the first line of its answer.
async fn ask(server: &ServerAddress) -> Result<(bool, String), AnyError> {
    let response = server.get(READY_PATH, HeaderMap::new()).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let line = String::from_utf8_lossy(&body).lines().next().unwrap_or_default().trim().to_owned();
    let said = if line.is_empty() { status.to_string() } else { line };
    Ok((status == StatusCode::OK, said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_its_own_machine() {
        for (address, has_tls, shown) in [
            ("0.0.0.0:8080", false, "http://127.0.0.1:8080"),
            ("[::]:8080", false, "http://localhost:8080"),
            ("192.0.2.7:80", false, "http://192.0.2.7:80"),
            ("0.0.0.0:443", true, "https://127.0.0.1:443"),
        ] {
            assert_eq!(listening_on(address.parse().unwrap(), has_tls).unwrap().to_string(), shown);
        }
        assert!(listening_on("127.0.0.1:0".parse().unwrap(), false).is_err());
    }
}
