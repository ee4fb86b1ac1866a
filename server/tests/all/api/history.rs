//! Pages of history: whole, in order, linked.

use serde_json::Value;

use crate::support::client::positions;
use crate::support::oracle::{acknowledge, assert_clean, read_history, recover};
use crate::support::{Api, Guest, Server};
use millchat::RoomName;
use millchat_oracle::Oracle;

const NONE: [u64; 0] = [];

/// Says `count` things in turn, with something in another room between each two.
async fn chatter(api: &Api, guest: &Guest, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    for number in 0..count {
        positions.push(api.say("lobby", guest, &format!("message {number}")).await);
        api.say("kitchen", guest, &format!("elsewhere {number}")).await;
    }
    positions
}

#[tokio::test]
async fn before_and_after_are_exclusive_and_the_newest_is_last() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let all = chatter(&api, &ada, 12).await;
    let page = async |query: String| positions(&api.history("lobby", &query).await);
    assert_eq!(page(String::new()).await, all);
    assert_eq!(page("?limit=5".into()).await, all[7..]);
    assert_eq!(page(format!("?before={}&limit=5", all[7])).await, all[2..7]);
    assert_eq!(page(format!("?before={}", all[0])).await, NONE);
    assert_eq!(page("?after=0&limit=5".into()).await, all[..5]);
    assert_eq!(page(format!("?after={}&limit=5", all[4])).await, all[5..10]);
    assert_eq!(page(format!("?after={}", all[11])).await, NONE, "past the head: 200 and an empty list");
    assert_eq!(page("?after=18446744073709551615".into()).await, NONE);
    // A place in another room's chain is a place too.
    assert_eq!(page(format!("?after={}&limit=2", all[4] + 1)).await, all[5..7]);
}

#[tokio::test]
async fn limits_are_clamped_and_what_is_no_number_is_refused() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let all = chatter(&api, &ada, 130).await;
    let page = async |query: &str| positions(&api.history("lobby", query).await);
    assert_eq!(page("").await, all[30..], "the default is 100");
    assert_eq!(page("?limit=99999999999999999999999").await, all);
    assert_eq!(page("?limit=5000").await, all);
    assert_eq!(page("?limit=0").await, all[129..]);
    assert_eq!(page("?limit=-7").await, all[129..]);
    for query in ["?limit=many", "?limit=", "?before=x", "?after=-5", "?after=1.5"] {
        let answer = api.get(&format!("/api/v1/rooms/lobby/messages{query}")).await;
        let detail = answer.expect_problem(400);
        let name = query.trim_start_matches('?').split('=').next().unwrap();
        assert!(detail.contains(name), "{query}: {detail}");
    }
}

/// The relative path that a page links to by this name.
fn link(page: &Value, name: &str) -> Option<String> {
    page["links"][name].as_str().map(str::to_owned)
}

#[tokio::test]
async fn pages_link_to_their_neighbours_in_both_directions() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let all = chatter(&api, &ada, 25).await;

    let mut back = Vec::new();
    let mut path = Some("/api/v1/rooms/lobby/messages?limit=10".to_owned());
    while let Some(current) = path {
        let page = api.get(&current).await.expect(200).json();
        back.splice(0..0, positions(&page));
        path = link(&page, "older");
        assert!(back.len() <= all.len(), "the pages do not end");
    }
    assert_eq!(back, all);

    let mut forth = Vec::new();
    let mut path = Some("/api/v1/rooms/lobby/messages?after=0&limit=10".to_owned());
    while let Some(current) = path {
        let page = api.get(&current).await.expect(200).json();
        forth.extend(positions(&page));
        path = link(&page, "newer");
        assert!(forth.len() <= all.len(), "the pages do not end");
    }
    assert_eq!(forth, all);
}

#[tokio::test]
async fn history_is_the_same_after_kill_9() {
    let mut server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let oracle = Oracle::new();
    let sender = oracle.sender(&RoomName::new("lobby").unwrap(), "ada");
    for number in 0..150 {
        let content = format!("message {number}");
        let receipt = api.send("lobby", &ada, &content).await;
        acknowledge(&sender, number, &ada, &content, &receipt);
    }
    let before = read_history(&api, "lobby", &oracle).await;
    server.kill().await;
    server.restart().await;
    let api = server.api();
    let after = read_history(&api, "lobby", &oracle).await;
    assert_eq!(before, after);
    assert_eq!(after.len(), 150);
    assert_clean(&oracle, &[recover(&api, "lobby").await]);
    // The token outlives the restart too.
    api.say("lobby", &ada, "still me").await;
}
