//! The chats that this tester knows by name, as templates.

use clap::ValueEnum;

use crate::server_api::jwt;
use crate::server_api::protocol::Protocol;
use crate::server_api::template::{ResumeBy, Template, Transport, escape};

/// The default key of a Mercure hub.
const MERCURE_KEY: &str = "!ChangeThisMercureHubJWTSecretKey!";
/// Headers that mark a body as a form, as JSON, or as text.
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";
const TEXT: &str = "Content-Type: text/plain";

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServerKind {
    /// Our own: checked by positions, acknowledgements and the log
    Millchat,
    /// A Mercure hub that lets anonymous subscribers in; --key: its publishers' JWT key
    Mercure,
    /// Centrifugo 6 with unidirectional SSE; --key: its HTTP API key
    Centrifugo,
    /// nginx with nchan at /sub/{room} and /pub/{room}
    Nchan,
    /// Socket.IO 4 over a WebSocket, with ?room={room} as the room to join and POST /rooms/{room} to send
    #[value(name = "socket.io")]
    SocketIo,
    /// The chat that ours replaces
    Watermillchat,
    /// Any other, by --sse-path, --send-path and --send-body
    GenericSse,
}

/// A stream of our own server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OwnStream {
    /// The API's: JSON, checked by positions and links
    Api,
    /// The page's: patches in HTML, checked by places and by what was acknowledged
    Page,
}

/// The kind of server, and the flags that describe its protocol.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Other chats ({room}, {content} and {sequence} are filled in)")]
pub struct TargetFlags {
    /// The kind of server
    #[arg(long, value_enum, default_value = "millchat", value_name = "KIND")]
    pub target: ServerKind,

    /// With our own: which stream its readers read
    #[arg(long, value_enum, default_value = "api", value_name = "STREAM")]
    pub stream: OwnStream,

    /// The key that the server wants of its publishers (mercure, centrifugo)
    #[arg(long, env = "MILLCHAT_LOADTEST_KEY", hide_env_values = true)]
    pub key: Option<String>,

    /// The path of a room's stream
    #[arg(long, value_name = "PATH")]
    pub sse_path: Option<String>,

    /// A header of the request that joins, 'Name: value'; may be given again
    #[arg(long, value_name = "HEADER")]
    pub read_header: Vec<String>,

    /// The path that sends a message
    #[arg(long, value_name = "PATH")]
    pub send_path: Option<String>,

    /// The method that sends a message
    #[arg(long, value_name = "METHOD")]
    pub send_method: Option<String>,

    /// A header of the request that sends; may be given again
    #[arg(long, value_name = "HEADER")]
    pub send_header: Vec<String>,

    /// The body that sends a message
    #[arg(long, value_name = "BODY")]
    pub send_body: Option<String>,
}

impl TargetFlags {
    /// Returns the protocol of this server. `rooms` is the number of rooms of the load.
    pub fn protocol(&self, rooms: u64) -> Result<Protocol, String> {
        match (self.target, self.stream) {
            (ServerKind::Millchat, OwnStream::Api) => return Ok(Protocol::Millchat),
            (ServerKind::Millchat, OwnStream::Page) => return Ok(Protocol::Page),
            (_, OwnStream::Api) => {}
            (_, OwnStream::Page) => return Err("--stream page: only our own server has a page".to_owned()),
        }
        let mut template = self.preset();
        for (mine, flag) in [
            (&mut template.sse_path, &self.sse_path),
            (&mut template.send_path, &self.send_path),
            (&mut template.send_method, &self.send_method),
            (&mut template.send_body, &self.send_body),
        ] {
            if let Some(said) = flag {
                mine.clone_from(said);
            }
        }
        template.read_headers.extend(self.read_header.iter().cloned());
        template.send_headers.extend(self.send_header.iter().cloned());
        template.check(rooms)?;
        Ok(Protocol::Template(Box::new(template)))
    }

    fn preset(&self) -> Template {
        let template = |sse_path: &str, send_path: &str, send_headers: &[&str], send_body: &str| Template {
            transport: Transport::Sse,
            sse_path: sse_path.to_owned(),
            read_headers: Vec::new(),
            send_method: "POST".to_owned(),
            send_path: send_path.to_owned(),
            send_headers: send_headers.iter().map(|&header| header.to_owned()).collect(),
            send_body: send_body.to_owned(),
            resume_by: ResumeBy::LastEventId,
        };
        match self.target {
            ServerKind::Mercure => {
                let token = jwt::publisher(self.key.as_deref().unwrap_or(MERCURE_KEY));
                let bearer = format!("Authorization: Bearer {token}");
                let hub = "/.well-known/mercure";
                template(
                    &format!("{hub}?topic={{room}}"),
                    hub,
                    &[FORM, &bearer],
                    "topic={room}&data={content}",
                )
            }
            ServerKind::Centrifugo => {
                // A reader that resumes puts its last id into the empty object after the room.
                let connect = format!("{}{{room}}{}", escape("{\"subs\":{\""), escape("\":{}}}"));
                let key = format!("X-API-Key: {}", self.key.as_deref().unwrap_or_default());
                let body = r#"{"channel":"{room}","data":{"content":"{content}"}}"#;
                let path = format!("/connection/uni_sse?cf_connect={connect}");
                Template {
                    resume_by: ResumeBy::Centrifugo,
                    ..template(&path, "/api/publish", &[JSON, &key], body)
                }
            }
            ServerKind::Watermillchat => template(
                "/{room}/messages",
                "/send",
                &[FORM, "Authorization: Bearer load:Load"],
                "roomName={room}&content={content}",
            ),
            ServerKind::Nchan => template("/sub/{room}", "/pub/{room}", &[TEXT], "{content}"),
            ServerKind::SocketIo => {
                let path = "/socket.io/?EIO=4&transport=websocket&room={room}";
                Template {
                    transport: Transport::SocketIo,
                    ..template(path, "/rooms/{room}", &[TEXT], "{content}")
                }
            }
            ServerKind::GenericSse | ServerKind::Millchat => template("", "", &[], "{content}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_api::template::Values;
    use clap::Parser;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        flags: TargetFlags,
    }

    fn template(arguments: &[&str]) -> Result<Template, String> {
        let arguments = ["tester"].iter().chain(arguments);
        match Only::try_parse_from(arguments).unwrap().flags.protocol(2)? {
            Protocol::Template(template) => Ok(*template),
            Protocol::Millchat | Protocol::Page => Err("it is millchat".to_owned()),
        }
    }

    #[test]
    fn every_known_chat_has_templates_that_hold() {
        for kind in ["mercure", "centrifugo", "nchan", "socket.io", "watermillchat"] {
            template(&["--target", kind]).unwrap();
        }
        assert!(template(&["--target", "generic-sse"]).unwrap_err().contains("--sse-path"));
    }

    #[test]
    fn a_reader_comes_back_to_centrifugo_with_epoch_and_offset() {
        let template = template(&["--target", "centrifugo"]).unwrap();
        let join = template.join_request("h", "r", None);
        assert!(join.contains("cf_connect=%7B%22subs%22%3A%7B%22r%22%3A%7B%7D%7D%7D "), "{join}");
        let connect = br#"{"connect":{"client":"x","subs":{"r":{"recoverable":true,"epoch":"abcd"}}}}"#;
        let place = template.place(None, connect, None);
        let place =
            template.place(None, br#"{"channel":"r","pub":{"data":{},"offset":7}}"#, place.as_deref());
        assert_eq!(place.as_deref(), Some("abcd:7"));
        let back = template.join_request("h", "r", place.as_deref());
        let asked = escape(r#"{"subs":{"r":{"recover":true,"epoch":"abcd","offset":7}}}"#);
        assert!(back.contains(&asked), "{back}");
    }

    #[test]
    fn what_a_flag_says_goes_before_what_is_known() {
        let changed = template(&["--target", "nchan", "--sse-path", "/s?id={room}", "--send-header", "X: y"]);
        let changed = changed.unwrap();
        assert_eq!(changed.sse_path, "/s?id={room}");
        let sent = changed.send_request("h", &Values { room: "r", content: "c", sequence: 0 });
        let sent = String::from_utf8(sent).unwrap();
        assert!(sent.starts_with("POST /pub/r ") && sent.contains("X: y\r\n"), "{sent}");
    }
}
