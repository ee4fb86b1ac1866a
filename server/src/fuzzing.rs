//! Properties that hold for any input: run by property tests here, and by the fuzz targets.
//!
//! [`sse`] holds the frames against a parser that shares nothing with their encoders: it ends a line wherever
//! the standard lets a client end one. [`http`] hands bytes to all that is ours of reading a request,
//! [`answer`] to the reader of what a language model says.

use hyper::Request;
use hyper::header::HeaderValue;
use millchat::{
    Author, AuthorKind, Body, CONTENT_BYTES_MAX, Encoder, Epoch, Event, EventId, HISTORY_MAX, Item, Reaction,
    RoomName, StartFrom, Timestamp,
};

use crate::bot::model::{Api, Piece, Reading};
use crate::headers::{content_type, cookies};
use crate::http::{clamped, query, refuse_malformed};
use crate::schema::Content;
use crate::sse::{frame, start};
use crate::{api, cross_site, page, paths, sanitize};

const PLACE: EventId = EventId { epoch: Epoch(0x5f3c_9a2e), position: 1207 };

/// An event as a client has it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parsed {
    id: Option<String>,
    event: String,
    data: Vec<String>,
}

/// Parses as the standard says: a line ends at CR LF, LF or CR; an event at an empty line.
fn parse(bytes: &[u8]) -> Vec<Parsed> {
    let stream = std::str::from_utf8(bytes).expect("a stream is UTF-8");
    assert!(stream.ends_with("\n\n"), "an event that does not end would swallow the next: {stream:?}");
    let (mut all, mut now, mut empty) = (Vec::new(), Parsed::default(), true);
    for line in stream.replace("\r\n", "\n").split(['\n', '\r']) {
        if line.is_empty() {
            if !empty {
                all.push(std::mem::take(&mut now));
            }
            empty = true;
            continue;
        }
        empty = false;
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => assert_eq!(now.id.replace(value.to_owned()), None, "two ids in {stream:?}"),
            "event" => value.clone_into(&mut now.event),
            "data" => now.data.push(value.to_owned()),
            other => panic!("a field that no frame has: {other:?} in {stream:?}"),
        }
    }
    all
}

fn event(kind: u8, name: &str, content: &str) -> Event {
    let said = Some(content.into());
    Event {
        position: PLACE.position,
        prev: 1188,
        room: RoomName::new("lobby").expect("a name within the rule"),
        author: (kind < 250).then(|| Author {
            id: "g_4kq7".into(),
            name: name.into(),
            kind: AuthorKind::Guest,
        }),
        created_at: Timestamp(1_795_426_200_123),
        body: match kind % 8 {
            0 | 1 => Body::Message { content: said, reply_to: None },
            2 => Body::Message { content: None, reply_to: None },
            3 => Body::Edit { target: 7, content: said },
            4 => Body::Delete { target: 7 },
            5 => Body::Message { content: said, reply_to: Some(7) },
            6 => Body::Reaction {
                target: 7,
                reaction: Reaction::Heart,
                on: kind % 16 == 6,
                count: u64::from(kind / 16),
            },
            _ => Body::Unknown { kind },
        },
    }
}

/// Somebody of this name says this: either frame is one event of its kind at its place, says it to the
/// letter, and nothing in it is another event.
pub fn sse(kind: u8, name: &str, content: &str) {
    let event = event(kind, name, content);
    let (expected, said) = match &event.body {
        Body::Message { content, .. } => ("message".to_owned(), content.as_deref()),
        Body::Edit { content, .. } => ("edit".to_owned(), content.as_deref()),
        Body::Delete { .. } => ("delete".to_owned(), None),
        Body::Reaction { .. } => ("reaction".to_owned(), None),
        _ => (format!("kind-{kind}"), None),
    };
    let mut out = Vec::new();
    frame::encode(PLACE.epoch, Item::Event(&event), &mut out);
    let [json] = &parse(&out)[..] else { panic!("one event: {:?}", String::from_utf8_lossy(&out)) };
    assert_eq!((json.id.as_deref(), &json.event), (Some(&*PLACE.to_string()), &expected));
    let [data] = &json.data[..] else { panic!("one line of data: {json:?}") };
    let data: serde_json::Value = serde_json::from_str(data).expect("data is JSON");
    assert_eq!((data["position"].as_u64(), data["prev"].as_u64()), (Some(1207), Some(1188)));
    assert_eq!(data["content"].as_str(), said);
    assert_eq!(data["author"]["name"].as_str(), event.author.as_ref().map(|author| &*author.name));

    out.clear();
    page::encoder().encode(PLACE.epoch, Item::Event(&event), &mut out);
    let mut patches = parse(&out);
    let place = patches.pop().expect("whatever an event is, the place moves");
    let moved = format!("signals {{\"_place\":\"{PLACE}\"}}");
    let moved =
        Parsed { id: Some(PLACE.to_string()), event: "datastar-patch-signals".to_owned(), data: vec![moved] };
    assert_eq!(place, moved);
    let changes = match event.body {
        Body::Unknown { .. } => 0,
        Body::Reaction { .. } if event.author.is_none() => 0,
        Body::Reaction { count: 0, .. } | Body::Reaction { on: true, count: 1, .. } => 1,
        Body::Reaction { .. } => 3,
        Body::Delete { .. } => 2,
        _ => 1,
    };
    assert_eq!(patches.len(), changes, "{patches:?}");
    let mut markup = Vec::new();
    for patch in &patches {
        assert_eq!((&patch.id, &*patch.event), (&None, "datastar-patch-elements"));
        let (elements, rest): (Vec<_>, Vec<_>) =
            patch.data.iter().partition(|line| line.starts_with("elements "));
        let aims =
            |line: &str| ["selector #messages", "selector #r-7"].iter().any(|aim| line.starts_with(aim));
        let own = ["mode append", "mode remove", "position 1207", "target 7"];
        assert!(rest.iter().all(|line| aims(line) || own.contains(&line.as_str())), "{rest:?}");
        assert!(elements.len() <= 1, "one line of elements: {elements:?}");
        markup.extend(elements);
    }
    let said = said.zip(markup.first());
    if let Some((said, html)) = said {
        // A text that is shown otherwise than it was typed says so beside it. Nobody's text has such a
        // quotation mark.
        let typed = html.split_once(" data-source=\"").and_then(|(_, rest)| rest.split_once('"'));
        let shown = typed.map_or_else(|| shown(html), |(typed, _)| shown(typed));
        assert!(shown.contains(&said.replace('\r', "\n")), "{shown:?} does not say {said:?}");
    }
}

/// Returns the text of our markup: all that is between tags, its entities resolved.
fn shown(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        text.push_str(piece.split_once('>').map_or(piece, |(_tag, text)| text));
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#10;", "\n"), ("&amp;", "&")]
        .iter()
        .fold(text, |text, (entity, character)| text.replace(entity, character))
}

/// Somebody asks for this, with this in every header that is read here, and this as the body.
pub fn http(uri: &str, value: &[u8], body: &[u8]) {
    if let (Ok(request), Ok(value)) = (Request::get(uri).body(()), HeaderValue::from_bytes(value)) {
        let mut request = request;
        for name in ["last-event-id", "cookie", "content-type", "host", "origin", "expect"] {
            request.headers_mut().insert(name, value.clone());
        }
        match start::place(&request, Epoch(0x5f3c_9a2e)) {
            StartFrom::Last(count) => assert!(count <= HISTORY_MAX),
            StartFrom::After(place) => assert_eq!(place.to_string().parse(), Ok(place)),
            StartFrom::Malformed => {}
        }
        for name in ["history", "limit", "before", "after", "last_event_id"] {
            if let Some(count) = query(&request, name).and_then(|text| clamped(&text, 1, 1_000)) {
                assert!((1..=1_000).contains(&count));
            }
        }
        let headers = request.headers();
        let _ = (content_type(headers), cookies(headers, "millchat").count());
        let _ = (refuse_malformed(&request).is_ok(), cross_site::refuse(headers, None).is_ok());
        if let Some(room) = paths::room(request.uri().path().get(1..)) {
            assert!(room.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'));
        }
    }
    let Ok(Content { content }) = api::input::object(body) else { return };
    if let Ok(kept) = sanitize::content(&content) {
        assert!(kept.len() <= CONTENT_BYTES_MAX && !kept.contains('\r'), "{kept:?}");
        assert_eq!(sanitize::content(&kept).as_ref(), Ok(&kept), "what was cleaned once is clean");
    }
    if let Ok(kept) = sanitize::name(&content) {
        assert_eq!(sanitize::name(&kept).as_ref(), Ok(&kept), "what was cleaned once is clean");
    }
}

/// A server of a language model says this: the answer is the same if it comes in pieces of this size, and no
/// text begins with thinking.
pub fn answer(api: bool, bytes: &[u8], size: usize) {
    let api = if api { Api::OpenAi } else { Api::Ollama };
    let whole = answered(api, bytes, bytes.len().max(1));
    assert_eq!(answered(api, bytes, size.max(1)), whole);
    assert!(!whole.0.trim_start().starts_with("<think>"), "{}", whole.0);
}

/// Returns the text of an answer, and its end or the reason for which it breaks.
fn answered(api: Api, bytes: &[u8], size: usize) -> (String, String) {
    let (mut reading, mut text) = (Reading::new(api), String::new());
    for part in bytes.chunks(size) {
        reading.push(part);
        loop {
            match reading.next() {
                Ok(Some(Piece::Text(said))) => {
                    assert!(!said.is_empty(), "a piece of text has some");
                    text += &said;
                }
                Ok(Some(Piece::Thinking)) => {}
                Ok(Some(Piece::Finished(finished))) => return (text, format!("{finished:?}")),
                Ok(None) => break,
                Err(broken) => return (text, format!("{broken:?}")),
            }
        }
    }
    let end = reading.end();
    while let Ok(Some(Piece::Text(said))) = reading.next() {
        text += &said;
    }
    (text, format!("{end:?}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Texts made of what lines, tags, entities, fields and directions are made of, and of anything else.
    fn texts() -> impl Strategy<Value = String> {
        let pieces = prop_oneof![
            Just("\r".to_owned()),
            Just("\n".to_owned()),
            Just("\r\n\r\n".to_owned()),
            Just("\0".to_owned()),
            Just("\u{85}\u{2028}\u{2029}\u{feff}".to_owned()),
            Just("\u{202e}\u{2066}\u{200d}".to_owned()),
            Just("data: {}\n\n".to_owned()),
            Just("\rid: 5f3c9a2e-9999\revent: delete\rdata: {}\r\r".to_owned()),
            Just("\nelements <svg onload=alert(1)>".to_owned()),
            Just("</div></li><script>".to_owned()),
            Just("&#10;&lt;&amp;amp;\"'".to_owned()),
            Just("https://example.org/a?b=<c>&d=\"e\"".to_owned()),
            "(?s).{0,20}",
            Just("long ".repeat(4_000)),
        ];
        proptest::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
    }

    fn uris() -> impl Strategy<Value = String> {
        let parts = prop_oneof![
            Just("/api/v1/rooms/lobby/events?".to_owned()),
            Just("/lobby".to_owned()),
            Just("/..%2f".to_owned()),
            Just("&history=".to_owned()),
            Just("&last_event_id=5f3c9a2e-".to_owned()),
            Just("&limit=".to_owned()),
            Just("%FF%00%".to_owned()),
            "-?[0-9]{0,30}",
            "[!-~]{0,12}",
        ];
        proptest::collection::vec(parts, 1..6).prop_map(|parts| parts.concat())
    }

    fn bodies() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            texts().prop_map(|text| serde_json::json!({ "content": text }).to_string().into_bytes()),
            texts().prop_map(String::into_bytes),
            "\\{\"content\":\"(\\\\u[dD][89a-f][0-9a-f]{2}|\\\\[a-z]|[a-z]){0,9}\"\\}"
                .prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..64),
        ]
    }

    /// Lines as servers of models write them, some broken, and anything between them.
    fn bodies_of_models() -> impl Strategy<Value = Vec<u8>> {
        let texts =
            proptest::sample::select(vec!["<think>", "</think>", "<thi", " nk>", "\\n", "β🙂", "x", ""]);
        let lines = (texts, 0..6).prop_map(|(text, kind)| match kind {
            0 | 1 => format!("{{\"message\":{{\"content\":\"{text}\"}},\"done\":{}}}\n", kind == 1),
            2 => format!("{{\"message\":{{\"content\":\"{text}\",\"thinking\":\"{text}\"}}}}\r\n"),
            3 => format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"),
            4 => format!(": {text}\r\n\r\ndata: {{\"choices\":[]}}\n"),
            _ => "data: [DONE]\n\n".to_owned(),
        });
        let pieces = prop_oneof![
            9 => lines.prop_map(String::into_bytes),
            1 => proptest::collection::vec(any::<u8>(), 0..20),
        ];
        proptest::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn an_answer_is_the_same_however_it_is_cut_and_no_thinking_is_text(
            api: bool,
            body in bodies_of_models(),
            size in 1_usize..40,
        ) {
            super::answer(api, &body, size);
        }

        #[test]
        fn no_event_forges_another_and_each_says_what_was_said(
            kind: u8,
            name in texts(),
            content in texts(),
        ) {
            super::sse(kind, &name, &content);
        }

        #[test]
        fn no_request_is_misread(
            uri in uris(),
            value in "[ -~\\xff]{0,40}|5f3c9a2e-[0-9]{1,25}",
            body in bodies(),
        ) {
            super::http(&uri, value.as_bytes(), &body);
        }
    }
}
