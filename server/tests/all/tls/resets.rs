//! Requests that are taken back as fast as they are made.

use h2::Reason;

use super::http2::WINDOW;
use crate::support::http2::{Http2, get};
use crate::support::tls::Secure;
use crate::support::{turn, within};

/// Requests of one client.
const REQUESTS: usize = 20_000;
/// Clients that do so.
const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_taken_back_at_once_harm_nobody_and_leave_nothing() {
    let _turn = turn::load().await;
    let mut secure = Secure::start(&[]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    let mut reader = Http2::connect(&secure, WINDOW).await;
    let mut stream = reader.get("/api/v1/rooms/lobby/events?history=0").await;
    stream.until("event: start").await;
    let mut attackers = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Http2::connect(&secure, WINDOW).await;
        attackers.push(tokio::spawn(async move {
            for number in 0..REQUESTS {
                let Ok(requests) = client.requests.clone().ready().await else { break };
                client.requests = requests;
                let path = ["/api/v1/rooms/lobby/events", "/lobby"][number % 2];
                let Ok((response, mut body)) = client.requests.send_request(get(path), true) else { break };
                body.send_reset(Reason::CANCEL);
                drop(response);
            }
            client
        }));
    }
    for number in 0..50 {
        api.say("lobby", &ada, &format!("meanwhile {number}.")).await;
        stream.until(&format!("meanwhile {number}.")).await;
    }
    let mut clients = Vec::new();
    for attacker in attackers {
        clients.push(within("an attack ends", attacker).await.unwrap());
    }
    for client in clients {
        // By the server, at the bound on what it has not looked at, or as one on which nothing is open.
        let error = client.ended().await;
        assert!(error.is_none_or(|error| error.is_go_away() || error.is_io()));
    }
    api.until_present("lobby", 1).await;
    api.say("lobby", &ada, "after it").await;
    stream.until("after it").await;
    secure.server.assert_alive();
}
