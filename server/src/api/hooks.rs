//! Incoming webhooks: a program that can send an HTTP request and nothing else posts in a room. Its address is its
//! credential, and each request may have to be signed besides.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::HeaderMap;
use millchat::{RoomName, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{input, key, messages};
use crate::access::decide::Caller;
use crate::access::table::Action;
use crate::actions::{self, NewMessage};
use crate::body::{self, MESSAGE_BYTES_MAX};
use crate::client_ip::client;
use crate::headers::{self, ContentType};
use crate::identity::HookHolder;
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::standard_webhooks::{self as standard, Secret, SignatureError};

/// A message by an incoming webhook. Other fields are passed over.
#[derive(Deserialize, ToSchema)]
pub struct HookPost {
    /// The text, by the rule for messages.
    #[schema(example = "deployed")]
    content: Option<String>,
    /// The same, as senders for other chats write it. It counts where there is no `content`.
    text: Option<String>,
}

impl From<SignatureError> for Problem {
    fn from(error: SignatureError) -> Self {
        let kind = match error {
            SignatureError::Forged(_) => Kind::ForgedSignature,
            SignatureError::Stale => Kind::StaleSignature,
        };
        Self::new(kind, error.to_string())
    }
}

/// Post a message.
pub async fn post(call: Call<'_>) -> Answer {
    let unknown = || Problem::new(Kind::UnknownHook, "there is no such incoming webhook, or no longer");
    let HookHolder { person, room, secret } =
        call.w.app.identity.hook(call.param("token")).ok_or_else(unknown)?;
    let room = RoomName::new(&room).map_err(|_| unknown())?;
    let author = person.author.clone();
    let (w, req) = (call.w, call.req);
    let allowed = w.app.authority.decide(Caller::of(Ok(person)), &room, Action::Post);
    let allowed = allowed.map_err(|(_, denial)| denial)?;
    let is_text = headers::is_plain_text(req.headers());
    if !is_text && !matches!(headers::content_type(req.headers()), ContentType::Json | ContentType::Absent) {
        let detail = "send the body as application/json or as text/plain";
        return Err(Problem::new(Kind::UnsupportedType, detail));
    }
    let client = client(&req);
    let (head, body) = req.into_parts();
    let req = Request::from_parts(head.clone(), body);
    let bytes = body::read(&w.app.reading, req, MESSAGE_BYTES_MAX).await?;
    let key = accepted_key(&head.headers, secret.map(Secret::of).as_ref(), &bytes)?;
    // Behind the signature: whoever has the address alone does not use up the allowance of a signed one.
    w.app.limits.message(&author, &Request::from_parts(head, Full::new(bytes.clone())))?;
    let content = sanitize::content(&if is_text { of_text(&bytes)? } else { of_json(&bytes)? })?;
    // What was typed is gone while the send waits for the disk: it holds no more than the queue counts.
    drop(bytes);
    let message = NewMessage { content, reply_to: None, key };
    let receipt = actions::post(w, client, &room, &allowed, message).await?;
    Ok(messages::posted(&room, &receipt))
}

/// The key of a request; of one that must be signed its id, which the signature covers, and nothing that it does not.
fn accepted_key(
    headers: &HeaderMap,
    secret: Option<&Secret>,
    body: &Bytes,
) -> Result<Option<String>, Problem> {
    let Some(secret) = secret else {
        let own = key::of(headers, &key::IDEMPOTENCY_KEY)?;
        return own.map_or_else(|| key::of(headers, &standard::ID), |own| Ok(Some(own)));
    };
    let id = secret.verify(headers, body, Timestamp::now())?;
    if headers.contains_key(key::IDEMPOTENCY_KEY) {
        let detail =
            "the signature does not cover Idempotency-Key; the key of a signed request is its webhook-id";
        return Err(Problem::new(Kind::InvalidKey, detail));
    }
    Ok(Some(id.to_owned()))
}

fn of_text(body: &Bytes) -> Result<String, Problem> {
    let text = std::str::from_utf8(body);
    let text = text.map_err(|e| Problem::new(Kind::MalformedBody, format!("the body is not UTF-8: {e}")))?;
    Ok(text.to_owned())
}

fn of_json(body: &Bytes) -> Result<String, Problem> {
    let HookPost { content, text } = input::object(body)?;
    let none = || Problem::new(Kind::InvalidBody, "the body has neither `content` nor `text`");
    content.or(text).ok_or_else(none)
}
