//! Receivers that fail, hang, lie or are not there.

use std::collections::HashMap;
use std::time::Duration;

use millchat_testkit::process::resident_bytes;

use super::{Files, SECRET, receiver, server, texts};
use crate::clock::fake_clock;
use crate::support::receiver::{Received, Receiver, Reply};
use crate::support::{Api, Guest, Server, free_port, while_it_moves, within};

const ALL: &str = "rooms = [\"*\"]\nwhen = \"all\"";

async fn say_all(api: &Api, guest: &Guest, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    for number in 0..count {
        positions.push(api.say(&format!("room-{}", number % 7), guest, &format!("message {number}")).await);
    }
    positions
}

#[tokio::test]
async fn a_thousand_messages_arrive_in_order_at_a_receiver_that_fails_every_second_time() {
    let files = Files::new();
    let flaky = Receiver::start(|_, before| Reply::Status([500, 204][before % 2])).await;
    let server = server(&files.table("deploys", &flaky.url(), ALL)).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let positions = say_all(&api, &ada, 1_000).await;
    let last = positions[999];
    let is_there = async {
        flaky.until("the last", |came| came.iter().filter(|it| it.position() == last).count() == 2).await
    };
    let came = while_it_moves("messages arrive", || flaky.came().len(), is_there).await;
    assert_eq!(came.len(), 2_000, "each failed once and then arrived");
    let taken: Vec<u64> = came.iter().skip(1).step_by(2).map(Received::position).collect();
    assert_eq!(taken, positions, "each at least once, in order");
    let mut ids: HashMap<u64, String> = HashMap::new();
    for received in &came {
        let id = received.header("webhook-id").to_owned();
        assert_eq!(
            *ids.entry(received.position()).or_insert_with(|| id.clone()),
            id,
            "a repeat keeps its id"
        );
    }
}

#[tokio::test]
async fn a_slow_receiver_slows_nobody_and_loses_nothing() {
    let files = Files::new();
    let (hanging, quick) = (Receiver::start(|_, _| Reply::Silence).await, receiver().await);
    let tables =
        [files.table("hanging", &hanging.url(), ALL), files.table("quick", &quick.url(), ALL)].concat();
    let mut server = server(&tables).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let positions = say_all(&api, &ada, 300).await;
    // The other one gets them all while the first request hangs.
    let came = quick.until_count(300).await;
    assert_eq!(came.iter().map(Received::position).collect::<Vec<_>>(), positions);
    assert_eq!(hanging.came().len(), 1, "one request at a time");
    let metrics = api.get("/metrics").await.body;
    let behind =
        metrics.lines().find(|line| line.starts_with("millchat_webhook_behind{webhook=\"hanging\"}"));
    let behind: u64 = behind.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap();
    assert!(behind >= 300, "{behind}");
    // An hour of errors, and it hangs again: nothing is lost over a crash either.
    hanging.reply(|_, before| Reply::Status(if before < 10 { 500 } else { 204 }));
    server.kill().await;
    server.restart().await;
    let came =
        hanging.until("the last", |came| came.last().is_some_and(|it| it.position() == positions[299])).await;
    let mut taken: Vec<u64> = came.iter().map(Received::position).collect();
    taken.dedup();
    assert_eq!(taken, positions);
}

#[tokio::test]
async fn a_receiver_that_is_not_there_costs_neither_memory_nor_disk() {
    let files = Files::new();
    let nowhere = free_port([127, 0, 0, 1].into());
    let with = server(&files.table("deploys", &format!("http://{nowhere}/"), ALL)).await;
    let without = Server::start_with_settings("", &[]).await;
    let text = "x".repeat(8 * 1024);
    let mut figures = Vec::new();
    for server in [&with, &without] {
        let api = server.api();
        let ada = api.guest("Ada").await;
        let mut last = 0;
        for _ in 0..2_000 {
            last = api.say("lobby", &ada, &text).await;
        }
        figures.push((last, resident_bytes(server.pid()).unwrap()));
    }
    // The place is kept when the webhook is new, and not while it stands still.
    assert!(figures[0].0 <= figures[1].0 + 1, "{figures:?}");
    // 16 MiB of texts were written: none of them waits.
    assert!(figures[0].1 <= figures[1].1 + 8 * 1024 * 1024, "{figures:?}");
    with.said("a webhook's message is not sent", 1).await;
}

#[tokio::test]
async fn a_message_deleted_before_its_turn_is_not_sent_and_an_edited_one_goes_as_it_is() {
    let files = Files::new();
    let closed = Receiver::start(|_, _| Reply::Status(503)).await;
    let mut server = server(&files.table("deploys", &closed.url(), ALL)).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let first = api.say("lobby", &ada, "deleted while it is tried").await;
    let second = api.say("lobby", &ada, "deleted before its turn").await;
    let third = api.say("lobby", &ada, "as it was").await;
    api.say("emptied", &ada, "emptied").await;
    let last = api.say("lobby", &ada, "the last").await;
    // All of them are read at once, and the first is tried again.
    server.terminate().await;
    server.restart().await;
    let api = server.api();
    closed.until_count(closed.came().len() + 1).await;
    api.edit("lobby", &ada, third, "as it is").await.expect(200);
    for position in [second, first] {
        api.delete("lobby", &ada, position).await.expect(204);
    }
    let empty = api.request(reqwest::Method::DELETE, "/admin/rooms/emptied/messages");
    crate::support::client::answer(empty.bearer_auth(crate::support::ADMIN)).await.expect(200);
    let before = closed.came().len();
    closed.reply(|_, _| Reply::Status(204));
    let came = closed.until("the last", |came| came.iter().any(|it| it.position() == last)).await;
    assert!(came[..before].iter().all(|it| it.position() == first || it.position() == third));
    let taken: Vec<_> = came.iter().filter(|it| it.position() > second).cloned().collect();
    let mut said = texts(&taken);
    said.dedup();
    assert_eq!(said, ["as it is", "the last"]);
    assert!(came.iter().all(|it| it.position() != second), "{came:?}");
    assert!(texts(&came).iter().all(|text| !text.is_empty()), "{came:?}");
}

#[tokio::test]
async fn what_a_receiver_does_not_take_is_passed_over_after_three_tries_and_410_is_the_end_until_a_restart() {
    let files = Files::new();
    let inner = receiver().await;
    let elsewhere = inner.url();
    let refusing = Receiver::start(move |received, _| match received.json()["data"]["content"].as_str() {
        Some("redirect") => Reply::With(302, format!("location: {elsewhere}\r\n")),
        Some("not here") => Reply::Status(404),
        Some("gone") => Reply::Status(410),
        _ => Reply::Status(200),
    })
    .await;
    let mut server = server(&files.table("deploys", &refusing.url(), ALL)).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    for text in ["redirect", "not here", "fine", "gone", "after the end"] {
        api.say("lobby", &ada, text).await;
    }
    server.said("answers 410", 1).await;
    let came = texts(&refusing.came());
    let expected = ["redirect", "redirect", "redirect", "not here", "not here", "not here", "fine", "gone"];
    assert_eq!(came, expected);
    assert!(inner.came().is_empty(), "no redirect is followed");
    let metrics = api.get("/metrics").await.body;
    for (outcome, count) in [("refused", 2), ("failed", 4), ("delivered", 1), ("gone", 1)] {
        let line = format!(
            "millchat_webhook_deliveries_total{{webhook=\"deploys\",outcome=\"{outcome}\"}} {count}\n"
        );
        assert!(metrics.contains(&line), "{line} {metrics}");
    }
    refusing.reply(|_, _| Reply::Status(200));
    server.terminate().await;
    server.restart().await;
    let came = refusing.until_count(10).await;
    assert_eq!(texts(&came)[8..], ["gone", "after the end"]);
}

#[tokio::test]
async fn a_receiver_is_asked_again_when_it_says_and_no_secret_of_a_webhook_is_said_anywhere() {
    let files = Files::new();
    let busy = Receiver::start(|_, before| match before {
        0 => Reply::With(429, "retry-after: 1\r\n".to_owned()),
        _ => Reply::Status(204),
    })
    .await;
    let table = files.table("deploys", &busy.url(), ALL);
    let mut server = Server::start_with_settings(&table, &["--admin-token", crate::support::ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let started = std::time::Instant::now();
    api.say("lobby", &ada, "a-text-that-is-nobodys").await;
    busy.until_count(2).await;
    assert!(started.elapsed() >= Duration::from_secs(1), "it waited as long as it was told");
    let metrics = api.get("/metrics").await.body;
    within("an end", server.terminate()).await;
    let said = server.stderr();
    assert!(said.contains("429"), "{said}");
    for secret in ["a-secret-of-the-address", &SECRET["whsec_".len()..], "a-text-that-is-nobodys"] {
        assert!(!said.contains(secret) && !metrics.contains(secret), "{secret}: {said}");
    }
}

#[tokio::test]
async fn a_message_that_could_not_be_sent_for_a_day_is_given_up_and_the_next_ones_are_sent() {
    let (files, clock) = (Files::new(), fake_clock());
    let down = Receiver::start(|_, _| Reply::Status(503)).await;
    let table = files.table("deploys", &down.url(), ALL);
    let settings = files.secret().with_extension("toml");
    std::fs::write(&settings, table).unwrap();
    let server = Server::start_in(&clock.environment(), &["--config", settings.to_str().unwrap()]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let old = api.say("lobby", &ada, "of yesterday").await;
    down.until_count(2).await;
    clock.set(24 * 60 * 60 + 60);
    server.said("is given up after a day", 1).await;
    down.reply(|_, _| Reply::Status(204));
    let new = api.say("lobby", &ada, "of today").await;
    let came = down.until("the new one", |came| came.iter().any(|it| it.position() == new)).await;
    assert_eq!(came.last().map(Received::position), Some(new));
    assert!(came[..came.len() - 1].iter().all(|it| it.position() == old), "{came:?}");
    let metrics = api.get("/metrics").await.body;
    let line = "millchat_webhook_deliveries_total{webhook=\"deploys\",outcome=\"expired\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn a_receiver_that_retention_overtakes_gets_what_is_still_there_in_order_and_the_rest_is_counted() {
    // More than one step of retention takes, and no more than the webhook reads at one time.
    const OVERTAKEN: usize = 240;
    let files = Files::new();
    let down = Receiver::start(|_, _| Reply::Status(503)).await;
    let arguments = ["--admin-token", crate::support::ADMIN, "--keep-bytes", "2MB"];
    let mut server = Server::start_with_settings(&files.table("deploys", &down.url(), ALL), &arguments).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut positions = say_all(&api, &ada, OVERTAKEN).await;
    // After a start the webhook has read all of them, and tries the first.
    server.terminate().await;
    server.restart().await;
    let api = server.api();
    down.until_count(down.came().len() + 1).await;
    // Retention takes a few of them, and the webhook goes on with the next; then the rest, and some that it has
    // not read. Where the webhook's next try is late, retention takes more of them before it.
    let floor = async || api.get("/api/v1/rooms/room-0").await.json()["floor"].as_u64().unwrap();
    let text = "x".repeat(8 * 1024);
    let read = positions[OVERTAKEN - 1];
    while floor().await <= positions[0] {
        positions.push(api.say("room-0", &ada, &text).await);
    }
    let tries_next = |came: &[Received]| came.last().is_some_and(|it| it.position() > positions[0]);
    down.until("the next", tries_next).await;
    while floor().await <= read + 1 {
        positions.push(api.say("room-0", &ada, &text).await);
    }
    let overtaken = floor().await;
    let before = down.came().len();
    down.reply(|_, _| Reply::Status(204));
    let newest = *positions.last().unwrap();
    let came = down.until("the last", |came| came.last().is_some_and(|it| it.position() == newest)).await;
    let (tried, came) = came.split_at(before);
    assert!(tried.is_sorted_by_key(Received::position), "{tried:?}");
    // Another step of retention may have come before the webhook went on.
    let (first, kept) = (came[0].position(), floor().await);
    assert!((overtaken..=kept).contains(&first), "{overtaken} to {kept}: {first}");
    let missed = positions.iter().filter(|position| **position < first).count() as u64;
    positions.retain(|position| *position >= first);
    assert_eq!(came.iter().map(Received::position).collect::<Vec<_>>(), positions);
    let deliveries = |metrics: &str, outcome: &str| -> u64 {
        let name = format!("millchat_webhook_deliveries_total{{webhook=\"deploys\",outcome=\"{outcome}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
    };
    let metrics = async {
        loop {
            let metrics = api.get("/metrics").await.body;
            if deliveries(&metrics, "delivered") == came.len() as u64 {
                return metrics;
            }
            tokio::time::sleep(crate::support::LOOK_EVERY).await;
        }
    };
    let metrics = within("all is counted", metrics).await;
    // Each once. What is before the first message may have gone before the webhook read it.
    let lost = deliveries(&metrics, "lost");
    assert!((missed..first).contains(&lost), "{missed} to {first}: {lost}");
    assert_eq!(deliveries(&metrics, "withdrawn"), 0, "{metrics}");
    let said = server.stderr();
    let said = said.lines().filter(|line| line.contains("missed what is no longer kept"));
    let said = said.map(|line| {
        let (_, count) = line.split_once("lost=").expect("the line says how many");
        count.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    assert_eq!(said.sum::<u64>(), lost);
}
