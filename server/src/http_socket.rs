//! A connection as HTTP sees it: plain, or by TLS.

use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::peer_socket::PeerSocket;
use crate::write_timeout::{WriteState, WriteTimeout};

/// A connection as HTTP sees it.
pub trait HttpSocket: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Returns the state that is shared while somebody else has the socket.
    fn state(&self) -> Rc<WriteState>;
    /// Returns true if an end in words could still arrive, and is of use.
    fn can_linger(&self) -> bool;
}

impl<T: AsyncRead + AsyncWrite + PeerSocket + Unpin + 'static> HttpSocket for WriteTimeout<T> {
    fn state(&self) -> Rc<WriteState> {
        self.state()
    }

    fn can_linger(&self) -> bool {
        self.can_linger()
    }
}
