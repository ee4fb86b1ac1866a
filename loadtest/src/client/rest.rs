//! Single requests to the server's API, outside of the load.

use std::time::Duration;

use millchat::{Position, RoomName};
use serde::Deserialize;

use crate::server_api::target::Target;

/// How long a single request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// A room at a glance.
#[derive(Debug, Deserialize)]
pub struct Overview {
    /// Its newest position.
    pub head: Position,
    /// The log's floor.
    pub floor: Position,
}

/// Who asks what is asked once: no request hangs for ever, and none takes a connection that was idle for so
/// long that a server or a proxy may be closing it just now.
pub fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(REQUEST_TIMEOUT).pool_max_idle_per_host(0).build()
}

/// Looks at a room.
pub async fn room_overview(
    client: &reqwest::Client,
    target: &Target,
    room: &RoomName,
) -> reqwest::Result<Overview> {
    let url = format!("{}{}", target.base, Target::room_path(room.as_str()));
    client.get(url).send().await?.error_for_status()?.json().await
}
