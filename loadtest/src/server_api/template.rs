//! A chat described by templates: the requests that join a room and send a message.
//!
//! `{room}`, `{content}` and `{sequence}` are replaced by the room, the content, and the number of the
//! message. None of the three ever holds a character that a path, a form, JSON or HTML would have to escape.

use crate::client::websocket;

/// The values of the placeholders.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// The room.
    pub room: &'a str,
    /// The content of the message.
    pub content: &'a str,
    /// The number of the message in the run.
    pub sequence: u64,
}

impl Values<'_> {
    fn fill(&self, template: &str) -> String {
        template
            .replace("{room}", self.room)
            .replace("{sequence}", &self.sequence.to_string())
            .replace("{content}", self.content)
    }
}

/// The way in which a reader that resumes gives its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResumeBy {
    /// By the header Last-Event-ID, with the last `id` that the stream sent, if it sends any.
    LastEventId,
    /// By epoch and offset in the connect command, as Centrifugo requires.
    Centrifugo,
}

/// The transport of a room's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Server-sent events.
    Sse,
    /// Packets of Socket.IO, each a message of a WebSocket.
    SocketIo,
}

/// The templates of the requests.
#[derive(Debug, Clone)]
pub struct Template {
    /// The transport of a room's events.
    pub transport: Transport,
    /// The path of a room's stream.
    pub sse_path: String,
    /// Headers of the request that joins, `Name: value`.
    pub read_headers: Vec<String>,
    /// The method that sends.
    pub send_method: String,
    /// The path that sends.
    pub send_path: String,
    /// Headers of the request that sends.
    pub send_headers: Vec<String>,
    /// The body that sends.
    pub send_body: String,
    /// The way in which a reader resumes.
    pub resume_by: ResumeBy,
}

impl Template {
    /// Checks that the templates can work; the error says what is wrong.
    pub fn check(&self, rooms: u64) -> Result<(), String> {
        for (flag, path) in [("--sse-path", &self.sse_path), ("--send-path", &self.send_path)] {
            if !path.starts_with('/') || path.contains(|c: char| c.is_ascii_whitespace() || c.is_control()) {
                return Err(format!("{flag} {path:?}: a path begins with / and has no spaces"));
            }
        }
        for header in self.read_headers.iter().chain(&self.send_headers) {
            if !header.contains(':') || header.contains(char::is_control) {
                return Err(format!("header {header:?}: give it as 'Name: value'"));
            }
        }
        if self.send_method.is_empty() || !self.send_method.chars().all(|c| c.is_ascii_uppercase()) {
            return Err(format!("--send-method {:?}: a method is upper-case letters", self.send_method));
        }
        let sends = || [&self.send_path, &self.send_body].into_iter().chain(&self.send_headers);
        if !sends().any(|part| part.contains("{content}")) {
            return Err("{content} is nowhere in --send-path, --send-header or --send-body".to_owned());
        }
        let mut reads = [&self.sse_path].into_iter().chain(&self.read_headers);
        let names_room = |part: &String| part.contains("{room}");
        if rooms > 1 && !(sends().any(names_room) && reads.any(names_room)) {
            return Err(
                "with more than one room, {room} must stand in what joins and in what sends".to_owned()
            );
        }
        Ok(())
    }

    /// Returns the request that joins a room, after `last_id` where there is one.
    pub fn join_request(&self, host: &str, room: &str, last_id: Option<&str>) -> String {
        let values = Values { room, content: "", sequence: 0 };
        let mut path = values.fill(&self.sse_path);
        let mut request = String::new();
        match (self.resume_by, last_id) {
            (ResumeBy::LastEventId, Some(id)) => request = format!("Last-Event-ID: {id}\r\n"),
            (ResumeBy::Centrifugo, Some(id)) => {
                let (epoch, offset) = id.rsplit_once(':').unwrap_or((id, "0"));
                let place = format!("\"recover\":true,\"epoch\":\"{epoch}\",\"offset\":{offset}");
                path = path.replace("%7B%7D", &escape(&format!("{{{place}}}")));
            }
            (_, None) => {}
        }
        for header in &self.read_headers {
            request += &values.fill(header);
            request += "\r\n";
        }
        request += &match self.transport {
            Transport::Sse => "Accept: text/event-stream\r\n".to_owned(),
            Transport::SocketIo => websocket::upgrade_headers(),
        };
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{request}\r\n")
    }

    /// Returns the request that sends a message.
    pub fn send_request(&self, host: &str, values: &Values<'_>) -> Vec<u8> {
        let (path, body) = (values.fill(&self.send_path), values.fill(&self.send_body));
        let mut request = format!(
            "{} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n",
            self.send_method,
            body.len()
        );
        for header in &self.send_headers {
            request += &values.fill(header);
            request += "\r\n";
        }
        request += "\r\n";
        request += &body;
        request.into_bytes()
    }

    /// Returns the last id after an event, by which a reader would resume: `id` is the event's own, `data`
    /// its data, `before` the last id until now.
    pub fn place(&self, id: Option<&[u8]>, data: &[u8], before: Option<&str>) -> Option<Box<str>> {
        match self.resume_by {
            ResumeBy::LastEventId => std::str::from_utf8(id?).ok().map(Into::into),
            ResumeBy::Centrifugo => {
                let data = std::str::from_utf8(data).ok()?;
                let offset = data.rsplit_once("\"offset\":").map_or("0", |(_, rest)| {
                    rest.split_once(|c: char| !c.is_ascii_digit()).map_or(rest, |(digits, _)| digits)
                });
                let stated = data.rsplit_once("\"epoch\":\"").and_then(|(_, rest)| rest.split_once('"'));
                let known = before.and_then(|place| place.rsplit_once(':'));
                let epoch = stated.or(known).map(|(epoch, _)| epoch)?;
                Some(format!("{epoch}:{offset}").into())
            }
        }
    }
}

/// Escapes text for a query: all but letters and digits.
pub fn escape(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            // Writing into a String does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Template {
        Template {
            transport: Transport::Sse,
            sse_path: "/chat/{room}/live".to_owned(),
            read_headers: vec!["Cookie: room={room}".to_owned()],
            send_method: "PUT".to_owned(),
            send_path: "/chat/{room}/{sequence}".to_owned(),
            send_headers: vec!["X-Room: {room}".to_owned()],
            send_body: "say={content}".to_owned(),
            resume_by: ResumeBy::LastEventId,
        }
    }

    #[test]
    fn placeholders_are_filled_in_path_headers_and_body() {
        let join = template().join_request("h:1", "r", Some("7"));
        assert_eq!(
            join,
            "GET /chat/r/live HTTP/1.1\r\nHost: h:1\r\nLast-Event-ID: 7\r\nCookie: room=r\r\n\
             Accept: text/event-stream\r\n\r\n"
        );
        let values = Values { room: "r", content: "hi", sequence: 9 };
        let send = String::from_utf8(template().send_request("h:1", &values)).unwrap();
        assert_eq!(
            send,
            "PUT /chat/r/9 HTTP/1.1\r\nHost: h:1\r\nContent-Length: 6\r\nX-Room: r\r\n\r\nsay=hi"
        );
    }

    #[test]
    fn a_template_that_cannot_work_is_refused_with_the_reason() {
        assert_eq!(template().check(2), Ok(()));
        let refused = |change: fn(&mut Template)| {
            let mut template = template();
            change(&mut template);
            template.check(2).unwrap_err()
        };
        assert!(refused(|template| template.send_body = "say=".to_owned()).contains("{content}"));
        assert!(refused(|template| template.sse_path = "chat".to_owned()).contains("--sse-path"));
        assert!(refused(|template| template.read_headers = vec!["x\r\ny: z".to_owned()]).contains("header"));
        assert!(refused(|template| template.send_method = "put it".to_owned()).contains("--send-method"));
        let one_room = |template: &mut Template| {
            template.sse_path = "/live".to_owned();
            template.read_headers.clear();
        };
        assert!(refused(one_room).contains("{room}"));
    }
}
