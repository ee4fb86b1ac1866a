//! The support of the tests: the server's process, clients of its API and streams, and the glue to the
//! oracle.

pub mod browser;
pub mod client;
pub mod disk;
pub mod documented;
pub mod engine;
pub mod host;
pub mod http2;
pub mod journal;
pub mod journaled;
pub mod load;
pub mod lying_provider;
pub mod machine;
pub mod machines;
pub mod nats;
pub mod network;
pub mod nginx;
pub mod node;
pub mod nodes;
pub mod ollama;
pub mod oracle;
pub mod pebble;
pub mod postgres;
pub mod provider;
pub mod python;
pub mod raw;
pub mod receiver;
pub mod refusal;
pub mod server;
pub mod site;
pub mod sse;
pub mod stderr;
pub mod tls;
pub mod turn;
pub mod visitor;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use millchat_testkit::free_ports;
use tokio::net::TcpStream;

pub use browser::Browser;
pub use client::{Answer, Api, Guest};
pub use millchat_testkit::FlakyProxy;
pub use nginx::Nginx;
pub use server::Server;
pub use sse::Stream;
pub use visitor::Visitor;

/// Time that anything may take before the test gives up. Not a promise of the product: generous, for a slow
/// and busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Interval between two looks.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A token of the operator.
pub const ADMIN: &str = "a-token-for-tests-only";

/// A number that the environment may set.
pub fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Returns `true` for `make prove`, which tries everything where a part will do.
pub fn is_proof() -> bool {
    std::env::var_os("MILLCHAT_PROVE").is_some()
}

/// Returns an address with a port that nobody has.
pub fn free_port(address: IpAddr) -> SocketAddr {
    free_ports(address, 1).unwrap()[0]
}

/// Waits until somebody listens at this address.
pub async fn listens(what: &str, address: SocketAddr) {
    let listens = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within(what, listens).await;
}

/// Waits for a thing that takes as long as the machine takes for it: as long as this figure of its progress
/// moves.
pub async fn while_it_moves<T>(what: &str, figure: impl Fn() -> usize, thing: impl Future<Output = T>) -> T {
    let (mut thing, mut last) = (std::pin::pin!(thing), figure());
    loop {
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut thing).await {
            return done;
        }
        let now = figure();
        assert_ne!(now, last, "nothing moved for {PATIENCE:?}: {what}");
        last = now;
    }
}

/// Waits for a thing, and says what it waited for when it does not come.
pub async fn within<T>(what: &str, thing: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(PATIENCE, thing).await;
    in_time.unwrap_or_else(|_elapsed| panic!("waited {PATIENCE:?} in vain: {what}"))
}
