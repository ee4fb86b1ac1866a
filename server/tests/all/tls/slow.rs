//! A reader by HTTP/2 that takes nothing on one of its streams: that stream ends, and nothing else.

use h2::Reason;

use super::http2::WINDOW;
use crate::support::http2::Http2;
use crate::support::tls::Secure;

const STREAM: &str = "/api/v1/rooms/lobby/events?history=0";
/// Far more than a window and the server's share for a stream together.
const MESSAGES: usize = 200;

#[tokio::test]
async fn a_stream_whose_window_stays_shut_is_ended_and_the_others_of_its_connection_go_on() {
    let secure = Secure::start(&[]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    let mut client = Http2::connect(&secure, 64 * 1024).await;
    let mut stalled = client.get(STREAM).await;
    let mut healthy = client.get(STREAM).await;
    api.until_present("lobby", 2).await;
    for number in 0..MESSAGES {
        api.say("lobby", &ada, &format!("{number:>4000}.")).await;
        healthy.until(&format!("{number}.")).await;
    }
    // It alone is given up, and counted.
    api.until_present("lobby", 1).await;
    assert_eq!(secure.metric("millchat_readers_dropped_total").await, 1);
    assert_eq!(secure.metric("millchat_readers_slow").await, 0);
    assert_eq!(stalled.whole().await, Some(Reason::CANCEL));
    assert!(stalled.text.len() < MESSAGES * 4_000, "it was cut off in the middle");
    api.say("lobby", &ada, "to those who are left").await;
    healthy.until("to those who are left").await;
    // It comes back by its place and has missed nothing.
    let last = stalled.text.rsplit("\nid: ").next().unwrap().lines().next().unwrap().to_owned();
    let mut again = client.get(&format!("/api/v1/rooms/lobby/events?last_event_id={last}")).await;
    again.until("to those who are left").await;
}

#[tokio::test]
async fn an_answer_that_is_not_taken_ends_and_its_memory_is_free_again() {
    let secure = Secure::start(&[]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    for number in 0..40 {
        api.say("lobby", &ada, &format!("{number:>60000}")).await;
    }
    // Windows of no byte, of less than the answer, and of one byte less than it.
    let path = "/api/v1/rooms/lobby/messages?limit=1000";
    let bytes = api.get(path).await.expect(200).body.len() as u32;
    let mut held = Vec::new();
    for window in [0, 64 * 1024, bytes - 1] {
        let mut client = Http2::connect(&secure, window).await;
        let answer = client.get(path).await;
        assert_eq!(answer.status, 200);
        held.push((window, client, answer));
    }
    assert_eq!(secure.metric("millchat_unsent_bytes").await, 3 * u64::from(bytes));
    secure.until_metric("millchat_readers_dropped_total", held.len() as u64).await;
    assert_eq!(secure.metric("millchat_unsent_bytes").await, 0);
    for (window, mut client, mut answer) in held {
        assert_eq!(answer.whole().await, Some(Reason::CANCEL), "a window of {window}");
        // The connection is as good as before.
        let mut again = client.get("/healthz").await;
        assert_eq!(again.status, 200);
        if window > 0 {
            assert_eq!(again.whole().await, None);
        }
    }
    let mut client = Http2::connect(&secure, WINDOW).await;
    let mut answer = client.get(path).await;
    assert_eq!((answer.whole().await, answer.text.len()), (None, bytes as usize));
}
