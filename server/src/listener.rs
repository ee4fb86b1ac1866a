//! Listening sockets: the public one, and the operator's, which may be a socket in the file system.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};

use socket2::{Domain, Protocol, Socket, Type};

use crate::client_ip::{ListenerKind, Peer};
use crate::listen_address::AdminAddress;
use crate::start_error::StartError;
use crate::unix_socket::{self, SocketFile};

/// Number of connections that the kernel holds for us before they are accepted.
const BACKLOG: i32 = 4_096;

/// A socket that listens, before a runtime has it.
pub struct Bound {
    socket: BoundSocket,
    kind: ListenerKind,
}

enum BoundSocket {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// A socket that listens.
pub struct Listener {
    socket: ListenerSocket,
    kind: ListenerKind,
}

enum ListenerSocket {
    Tcp(tokio::net::TcpListener),
    Unix {
        socket: tokio::net::UnixListener,
        /// Goes with it.
        _file: SocketFile,
    },
}

/// An accepted connection, before the runtime of its thread has it.
pub enum Accepted {
    /// Of an address and a port.
    Tcp(TcpStream),
    /// Of a socket in the file system.
    Unix(UnixStream),
}

impl Bound {
    /// Takes the public address.
    pub fn public(address: SocketAddr) -> Result<Self, StartError> {
        let socket = tcp(address).map_err(|source| StartError::Listen { address, source })?;
        Ok(Self { socket: BoundSocket::Tcp(socket), kind: ListenerKind::Public })
    }

    /// Takes the public socket that the service manager holds.
    pub fn passed(socket: TcpListener) -> Self {
        Self { socket: BoundSocket::Tcp(socket), kind: ListenerKind::Public }
    }

    /// Takes the address of the admin listener.
    pub fn admin(address: &AdminAddress) -> Result<Self, StartError> {
        let socket = match address {
            AdminAddress::Tcp(address) => tcp(*address).map(BoundSocket::Tcp),
            AdminAddress::Unix(path) => {
                unix_socket::bind(path).map(|(socket, file)| BoundSocket::Unix(socket, file))
            }
        };
        let socket = socket.map_err(|source| StartError::AdminListen { address: address.clone(), source })?;
        Ok(Self { socket, kind: ListenerKind::Admin })
    }

    /// Takes the address of the redirect.
    pub fn redirect(address: SocketAddr) -> Result<Self, StartError> {
        let socket = tcp(address).map_err(|source| StartError::RedirectListen { address, source })?;
        Ok(Self { socket: BoundSocket::Tcp(socket), kind: ListenerKind::Redirect })
    }

    /// Hands it to the runtime.
    pub fn listen(self) -> io::Result<Listener> {
        let socket = match self.socket {
            BoundSocket::Tcp(socket) => ListenerSocket::Tcp(tokio::net::TcpListener::from_std(socket)?),
            BoundSocket::Unix(socket, file) => {
                ListenerSocket::Unix { socket: tokio::net::UnixListener::from_std(socket)?, _file: file }
            }
        };
        Ok(Listener { socket, kind: self.kind })
    }
}

impl fmt::Display for Bound {
    /// The address, with the port that was taken.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            BoundSocket::Tcp(socket) => match socket.local_addr() {
                Ok(address) => address.fmt(f),
                Err(error) => error.fmt(f),
            },
            BoundSocket::Unix(_, file) => write!(f, "unix:{}", file.path().display()),
        }
    }
}

impl Listener {
    /// Accepts a connection. It leaves this thread's runtime, which had to register it, for another's.
    pub async fn accept(&self) -> io::Result<(Accepted, Peer)> {
        let (accepted, address) = match &self.socket {
            ListenerSocket::Tcp(socket) => {
                let (accepted, peer) = socket.accept().await?;
                (Accepted::Tcp(accepted.into_std()?), peer.ip())
            }
            ListenerSocket::Unix { socket, .. } => {
                let (accepted, _) = socket.accept().await?;
                (Accepted::Unix(accepted.into_std()?), IpAddr::from(Ipv4Addr::LOCALHOST))
            }
        };
        Ok((accepted, Peer { address, listener: self.kind }))
    }
}

fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // So that a restart is not held up by old connections; it lets nobody share a live port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from(socket))
}
