//! Single requests to the server's API, outside of the load.

use std::time::Duration;

use millchat::{Position, RoomName};
use serde::Deserialize;

use crate::server_api::target::Target;

/// Timeout of a single request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The overview of a room.
#[derive(Debug, Deserialize)]
pub struct RoomOverview {
    /// Its newest position.
    pub head: Position,
    /// The log's floor.
    pub floor: Position,
}

/// Creates the client for single requests. No request waits for ever. No connection is reused: a server or a
/// proxy may be closing an idle one.
pub fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(REQUEST_TIMEOUT).pool_max_idle_per_host(0).build()
}

/// Requests the overview of a room from the server at this base.
pub async fn room_overview(
    client: &reqwest::Client,
    base: &str,
    room: &RoomName,
) -> reqwest::Result<RoomOverview> {
    let url = format!("{base}{}", Target::room_path(room.as_str()));
    client.get(url).send().await?.error_for_status()?.json().await
}
