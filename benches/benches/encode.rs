//! Encoding: one message as the frame of the API's stream and of the page's.
//!
//! The alternatives are what a program would do by hand: `serde_json` for a struct of the same fields, and
//! `format!` for markup of about the same bytes that escapes nothing.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Throughput;
use millchat::{Body, Encoder, Epoch, Event, Item, Timestamp};
use millchat_benches::fixtures::{author, room};
use millchat_benches::{Results, criterion_config};
use millchat_server::frames;
use serde::Serialize;

const ABOUT: &str = "One message of 20, 200 or 2,000 bytes, with quotes, angle brackets and letters beyond \
    ASCII as people type them, as the frame of the API's stream (JSON) and of the page's (HTML); each into a \
    fresh buffer. Beside them: serde_json for a struct of the same fields, and format! for markup of the \
    same kind that escapes nothing. A frame is encoded once and shared by all its readers.";
const OURS: &str = "millchat";
/// Bytes of a message.
const SIZES: [usize; 3] = [20, 200, 2_000];
const EPOCH: Epoch = Epoch(0x5f3c_9a2e);

fn main() {
    let mut criterion = criterion_config::criterion();
    let results = Results::new("encode", "one message as a frame", ABOUT, OURS);
    let mut group = criterion.benchmark_group("encode");
    for bytes in SIZES {
        group.throughput(Throughput::Bytes(bytes as u64));
        let event = event(&text(bytes));
        let mut bench = |case: &str, name: &str, encode: &dyn Fn(&Event) -> Vec<u8>| {
            let case = format!("{case}, {bytes} bytes");
            group.bench_function(format!("{case}/{name}"), |bencher| {
                bencher.iter_custom(|times| {
                    let elapsed = often(times, || encode(black_box(&event)));
                    results.time(&case, "a frame", name, times, elapsed);
                    elapsed
                });
            });
        };
        let (json, html) = (frames::json(), frames::html());
        bench("JSON", OURS, &|event| frame(&json, event));
        bench("JSON", "serde_json", &with_serde_json);
        bench("HTML", OURS, &|event| frame(&html, event));
        bench("HTML", "format!", &with_format);
    }
    group.finish();
    results.finish();
}

fn often(times: u64, encode: impl Fn() -> Vec<u8>) -> Duration {
    let begun = Instant::now();
    for _ in 0..times {
        black_box(encode());
    }
    begun.elapsed()
}

fn frame(encoder: &impl Encoder, event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.encode(EPOCH, Item::Event(event), &mut out);
    out
}

/// The fields of a message in the API.
#[derive(Serialize)]
struct Fields<'a> {
    position: u64,
    prev: u64,
    room: &'a str,
    author: By<'a>,
    content: &'a str,
    created_at: &'a str,
}

#[derive(Serialize)]
struct By<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'a str,
}

fn with_serde_json(event: &Event) -> Vec<u8> {
    let (author, content) = parts(event);
    let by = By { id: &author.id, name: &author.name, kind: author.kind.as_str() };
    let fields = Fields {
        position: event.position,
        prev: event.prev,
        room: event.room.as_str(),
        author: by,
        content,
        created_at: "2026-11-23T09:30:00.123Z",
    };
    let mut out = format!("id: 5f3c9a2e-{}\nevent: message\ndata: ", event.position).into_bytes();
    serde_json::to_writer(&mut out, &fields).expect("fields of strings and numbers are JSON");
    out.extend_from_slice(b"\n\n");
    out
}

fn with_format(event: &Event) -> Vec<u8> {
    let ((author, content), position) = (parts(event), event.position);
    let name = &author.name;
    format!(
        "event: datastar-patch-elements\ndata: selector #messages:not(:has(#m-{position}))\ndata: mode append\n\
         data: elements <li id=\"m-{position}\" class=\"message\"><header><b>{name}</b><time \
         datetime=\"2026-11-23T09:30:00.123Z\">09:30</time></header><p id=\"t-{position}\">{content}</p></li>\n\n\
         event: datastar-patch-signals\nid: 5f3c9a2e-{position}\n\
         data: signals {{\"_place\":\"5f3c9a2e-{position}\"}}\n\n"
    )
    .into_bytes()
}

fn parts(event: &Event) -> (&millchat::Author, &str) {
    let Body::Message { content: Some(content), .. } = &event.body else { unreachable!("it is a message") };
    (event.author.as_ref().expect("it has an author"), content)
}

fn event(content: &str) -> Event {
    Event {
        position: 123_456,
        prev: 123_450,
        room: room(0),
        author: Some(author("g_4kq7x2mzn5bd3w8t")),
        created_at: Timestamp(1_795_426_200_123),
        body: Body::Message { content: Some(content.into()), reply_to: None },
    }
}

/// Returns text as people type it, repeated up to this number of bytes.
fn text(bytes: usize) -> String {
    const TYPED: &str =
        "Is \"a < b\" & 'b > a' the same? Wörter, слова… see https://example.org/x?a=1&b=2 \u{1f642} ";
    let mut text = String::new();
    for letter in TYPED.chars().cycle() {
        if text.len() + letter.len_utf8() > bytes {
            return text;
        }
        text.push(letter);
    }
    text
}
