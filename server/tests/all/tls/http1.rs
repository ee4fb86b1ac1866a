//! HTTP/1.1 by TLS: streams that are live, half closed, and given up at once when their reader is gone.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{exchange, read_until};
use crate::support::raw::connect_from;
use crate::support::tls::{NAME, Secure, connect_over};
use crate::support::within;

const STREAM: &str = "GET /api/v1/rooms/lobby/events?history=0 HTTP/1.1\r\nHost: chat.example\r\n\r\n";

/// By hyper the body comes in chunks: a line of digits stands between two of them, also within a text.
fn text_of(bytes: &[u8]) -> String {
    let is_size = |piece: &&str| piece.bytes().all(|byte| byte.is_ascii_hexdigit());
    String::from_utf8_lossy(bytes).split("\r\n").filter(|piece| !is_size(piece)).collect()
}

#[tokio::test]
async fn a_stream_by_tls_is_live_until_its_reader_says_goodbye_or_is_gone() {
    let secure = Secure::start(&[]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    for (number, says_goodbye) in [true, false].into_iter().enumerate() {
        let mut socket = secure.connect(&["http/1.1"]).await;
        socket.write_all(STREAM.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        read_until(&mut socket, &mut bytes, "event: start").await;
        api.until_present("lobby", 1).await;
        let text = format!("message {number}");
        api.say("lobby", &ada, &text).await;
        read_until(&mut socket, &mut bytes, &text).await;
        if says_goodbye {
            // It says in a record that it sends no more, and can read still.
            socket.shutdown().await.unwrap();
            api.say("lobby", &ada, "to one who is half there").await;
            read_until(&mut socket, &mut bytes, "to one who is half there").await;
        }
        drop(socket);
        api.until_present("lobby", 0).await;
    }
    assert_eq!(secure.metric("millchat_readers_dropped_total").await, 0);
}

#[tokio::test]
async fn a_reader_by_tls_that_takes_little_at_a_time_gets_all_of_it_in_order() {
    const MESSAGES: usize = 400;
    let secure = Secure::start(&[]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    let socket = connect_from([127, 0, 0, 1], secure.address(), Some(8 * 1024)).await.unwrap();
    let mut slow = connect_over(socket, secure.authority.client(&["http/1.1"]), NAME).await.unwrap();
    slow.write_all(STREAM.as_bytes()).await.unwrap();
    api.until_present("lobby", 1).await;
    let text = |number: usize| format!("<{number}>{}", "x".repeat(5_000));
    let mut bytes = Vec::new();
    // More than the sockets' buffers hold, so that the kernel takes only parts. A little is taken all the
    // time: a reader that takes nothing for long is given up, and on a busy machine all of it takes long.
    for number in 0..MESSAGES {
        api.say("lobby", &ada, &text(number)).await;
        let mut little = [0; 1_000];
        let read = within("a little", slow.read(&mut little)).await.unwrap();
        bytes.extend_from_slice(&little[..read]);
    }
    let last = text(MESSAGES - 1);
    while !text_of(&bytes[bytes.len().saturating_sub(4 * last.len())..]).contains(&last) {
        let mut more = [0; 16 * 1_024];
        let read = within("more", slow.read(&mut more)).await.unwrap();
        assert_ne!(read, 0, "the stream ended");
        bytes.extend_from_slice(&more[..read]);
    }
    let read = text_of(&bytes);
    let places: Vec<_> = (0..MESSAGES).map(|number| read.find(&text(number)).expect("it is there")).collect();
    assert!(places.is_sorted(), "they are out of order");
}

#[tokio::test]
async fn many_readers_by_tls_get_each_message_once_in_order_whether_they_keep_up_or_not() {
    const MESSAGES: usize = 200;
    let secure = Secure::start(&[]).await;
    let api = secure.api();
    let ada = api.guest("Ada").await;
    let (sent, all_sent) = tokio::sync::watch::channel(false);
    let mut readers = Vec::new();
    for number in 0..8 {
        // Every fourth has hardly any buffers, and reads nothing before all is sent: more than they hold.
        let is_slow = number % 4 == 0;
        let buffer = is_slow.then_some(8 * 1024);
        let socket = connect_from([127, 0, 0, 1], secure.address(), buffer).await.unwrap();
        let mut socket = connect_over(socket, secure.authority.client(&["http/1.1"]), NAME).await.unwrap();
        socket.write_all(STREAM.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        read_until(&mut socket, &mut bytes, "event: start").await;
        let mut all_sent = all_sent.clone();
        readers.push(tokio::spawn(async move {
            all_sent.wait_for(|all_sent| *all_sent || !is_slow).await.unwrap();
            let mut piece = vec![0; if is_slow { 1_000 } else { 32 * 1024 }];
            while !String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(40_000)..]).contains("the last")
            {
                let read = within("more", socket.read(&mut piece)).await.unwrap();
                assert_ne!(read, 0, "the stream ended");
                bytes.extend_from_slice(&piece[..read]);
            }
            text_of(&bytes)
        }));
    }
    for number in 0..MESSAGES {
        api.say("lobby", &ada, &format!("<{number}>{}", "x".repeat(3_000))).await;
    }
    api.say("lobby", &ada, "the last").await;
    sent.send(true).unwrap();
    for reader in readers {
        let text = within("a reader gets all", reader).await.unwrap();
        let ids = text.lines().filter_map(|line| line.strip_prefix("id: ")?.split_once('-')?.1.parse().ok());
        let ids: Vec<u64> = ids.collect();
        // The place at which it begins, then each message.
        let first = ids[0];
        let expected: Vec<u64> = (first..=first + MESSAGES as u64 + 1).collect();
        assert_eq!(ids, expected);
    }
}

#[tokio::test]
async fn a_stream_by_tls_ends_in_words_and_not_by_a_cut() {
    let mut secure = Secure::start(&["--drain-delay", "0s"]).await;
    let mut socket = secure.connect(&["http/1.1"]).await;
    socket.write_all(STREAM.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    read_until(&mut socket, &mut bytes, "event: start").await;
    let (ended, rest) = tokio::join!(secure.server.terminate(), async {
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.map(|_| rest)
    });
    assert!(ended.0.success(), "{}", ended.0);
    rest.expect("the last record of TLS says that this is the end");
}

#[tokio::test]
async fn requests_that_are_sent_ahead_by_tls_are_answered_in_their_order() {
    let secure = Secure::start(&[]).await;
    let mut socket = secure.connect(&["http/1.1"]).await;
    let ahead = "GET /healthz HTTP/1.1\r\nHost: chat.example\r\n\r\n".repeat(20);
    let last = "GET /api/nothing HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n";
    let answers = exchange(&mut socket, &(ahead + last)).await;
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 20, "{answers}");
    assert!(answers.contains("HTTP/1.1 404 Not Found"), "{answers}");
}
