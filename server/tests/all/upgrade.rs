//! Logs that earlier builds wrote, and were killed over, open. `server/tests/upgrade` makes them.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::Server;
use crate::support::server::command;

/// The logs kept in the repository: each with what its own build said of it.
const LOGS: [&str; 1] = ["first"];
/// The rooms of each log, in the order of what was said of them.
const ROOMS: [&str; 2] = ["lobby", "large"];

/// Unpacks a kept log.
async fn unpack(name: &str, to: &Path) {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/logs/{name}.redb.gz"));
    let file = std::fs::File::create(to).unwrap();
    let status =
        command("/usr/bin/gzip").arg("-dc").arg(packed).stdout(Stdio::from(file)).status().await.unwrap();
    assert!(status.success(), "gzip ended with {status}");
}

#[tokio::test]
async fn a_log_that_an_earlier_build_wrote_opens_and_goes_on() {
    for name in LOGS {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("old.redb");
        unpack(name, &log).await;
        // What is in it is older than any other setting would keep, some day.
        let server = Server::start_with(&["--log", log.to_str().unwrap(), "--keep", "forever"]).await;
        let api = server.api();
        let said = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/logs/{name}.json")),
        );
        let mut head = 0;
        for (room, said) in ROOMS.iter().zip(said.unwrap().lines()) {
            let said: Value = serde_json::from_str(said).unwrap();
            assert_eq!(api.history(room, "?limit=1000").await, said, "{room} of the log {name}");
            head = head.max(said["head"].as_u64().unwrap());
        }
        let guest = api.guest("Grace").await;
        assert_eq!(api.say("lobby", &guest, "after the upgrade").await, head + 1);
    }
}
