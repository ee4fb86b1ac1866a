//! Messages at the page: people send, edit and delete them, react to them, and signal that they type.
//!
//! The script sends JSON and gets a bare status; a form of a browser without script is sent back to the room.
//! Either way a success is answered once it is durable, and everybody gets to see it from the stream. All of
//! it needs the cookie of somebody who may write, and is refused to pages of other sites: by the router.

use bytes::Bytes;
use hyper::header::{HeaderValue, LOCATION};
use hyper::{Method, StatusCode};
use millchat::{Position, Receipt, RoomName, UnknownReaction};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::error::{self, Localize};
use super::i18n::{Language, LocalizedMessage};
use super::moderation::act_at;
use crate::actions::{self, ActError, NewMessage};
use crate::admin::moderate;
use crate::app::Worker;
use crate::body;
use crate::client_ip::client;
use crate::headers::{self, ContentType};
use crate::http::{self, Request, Response};
use crate::problem::Problem;
use crate::room_address::RoomAddress;
use crate::route_table::Call;
use crate::sanitize;

/// A refusal is a whole page, so it is kept out of line.
type Answer = Result<Response, Box<Response>>;

/// A message as the page sends it.
#[derive(Deserialize)]
struct Sent {
    content: String,
    /// By which a send that is repeated is recognised.
    key: Option<String>,
    /// The position of the message that it answers.
    reply_to: Option<Position>,
}

/// `POST /{room}/messages`: once the message is durable, 204 and where it is to be found.
pub async fn send(call: Call<'_>, room: RoomName) -> Response {
    answered(post(call, &room).await)
}

/// `PATCH /{room}/messages/{position}`: a new text for one's own message.
pub async fn edit(call: Call<'_>, room: RoomName, target: Position) -> Response {
    answered(replace(call, &room, target).await)
}

/// `DELETE /{room}/messages/{position}`: takes a message away, one's own or as a moderator.
pub async fn delete(call: Call<'_>, room: RoomName, target: Position) -> Response {
    match moderate::is_of_others(&call, &room, target).await {
        Ok(false) => answered(remove(&call, &room, target).await),
        Ok(true) => {
            let at = async |call: Call<'_>, room, target| moderate::delete(&call, &room, target).await;
            act_at(call, room, target, at).await
        }
        Err(problem) => error::of(call.language, problem),
    }
}

/// `PUT` and `DELETE /{room}/messages/{position}/reactions/{emoji}`: adds one's reaction, or takes it back.
pub async fn react(call: Call<'_>, room: RoomName, target: Position) -> Response {
    answered(set(&call, &room, target).await)
}

/// `POST /{room}/typing`: 204, a signal to the readers of the room.
pub fn typing(call: &Call<'_>, room: &RoomName) -> Response {
    let author = call.allowed.caller.author();
    answered(author.map_err(|e| refused(call.language, e)).map(|author| {
        call.w.app.chat.typing(room, author);
        http::empty(StatusCode::NO_CONTENT)
    }))
}

fn answered(answer: Answer) -> Response {
    answer.unwrap_or_else(|refusal| *refusal)
}

async fn post(call: Call<'_>, room: &RoomName) -> Answer {
    limited(&call)?;
    let Call { w, req, language, allowed, surface, .. } = call;
    let client = client(&req);
    let by_form = headers::content_type(req.headers()) == ContentType::Form;
    let message = sent(w, language, req).await?;
    let receipt =
        actions::post(w, client, room, &allowed, message).await.map_err(|e| refused(language, e))?;
    let status = if by_form { StatusCode::SEE_OTHER } else { StatusCode::NO_CONTENT };
    let mut response = http::empty(status);
    let place = HeaderValue::from_str(&format!("{}#m-{}", RoomAddress::new(surface, room), receipt.position));
    http::set(&mut response, LOCATION, place.expect("a room's name is visible ASCII"));
    Ok(response)
}

async fn replace(call: Call<'_>, room: &RoomName, target: Position) -> Answer {
    limited(&call)?;
    let Call { w, req, language, allowed, .. } = call;
    let client = client(&req);
    let content = sent(w, language, req).await?.content;
    done(language, actions::edit(w, client, room, &allowed, target, content).await)
}

async fn remove(call: &Call<'_>, room: &RoomName, target: Position) -> Answer {
    limited(call)?;
    done(call.language, actions::delete(call.w, room, &call.allowed, target).await)
}

async fn set(call: &Call<'_>, room: &RoomName, target: Position) -> Answer {
    limited(call)?;
    let language = call.language;
    let on = call.req.method() == Method::PUT;
    let decoded = percent_decode_str(call.param("reaction")).decode_utf8().unwrap_or_default();
    let reaction = decoded.parse().map_err(|unknown: UnknownReaction| {
        Box::new(error::page(language, StatusCode::BAD_REQUEST, &unknown.localize()))
    })?;
    done(language, actions::react(call.w, room, &call.allowed, target, (reaction, on)).await)
}

fn done(language: &Language, outcome: Result<Receipt, ActError>) -> Answer {
    outcome.map_err(|e| refused(language, e))?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// Reads the message of a request, its text by the written rule. The body is gone then: while a send waits
/// for the disk it holds no more than the queue counts.
async fn sent(w: &Worker, language: &Language, req: Request) -> Result<NewMessage, Box<Response>> {
    let kind = headers::content_type(req.headers());
    if kind == ContentType::Other {
        return Err(Box::new(error::page(
            language,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &LocalizedMessage::of("wrong-type"),
        )));
    }
    let body = body::read(&w.app.reading, req, body::MESSAGE_BYTES_MAX).await;
    let body = body.map_err(|e| refused(language, e))?;
    let sent = if kind == ContentType::Form { from_form(&body) } else { from_json(language, &body)? };
    let content = sanitize::content(&sent.content).map_err(|e| refused(language, e))?;
    Ok(NewMessage { content, reply_to: sent.reply_to, key: sent.key })
}

fn from_json(language: &Language, body: &Bytes) -> Result<Sent, Box<Response>> {
    serde_json::from_slice(body).map_err(|wrong| {
        let status = if wrong.is_data() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
        Box::new(error::page(language, status, &LocalizedMessage::of("malformed")))
    })
}

fn from_form(body: &Bytes) -> Sent {
    let field = |name| {
        let mut fields = form_urlencoded::parse(body);
        fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
    };
    Sent { content: field("content").unwrap_or_default(), key: field("key"), reply_to: None }
}

/// Refuses a request whose author writes more than their limits let them.
fn limited(call: &Call<'_>) -> Result<(), Box<Response>> {
    let author = call.allowed.caller.author().map_err(|e| refused(call.language, e))?;
    call.w.app.limits.message(author, &call.req).map_err(|e| refused(call.language, e))
}

fn refused<E: Localize + Into<Problem>>(language: &Language, error: E) -> Box<Response> {
    Box::new(error::of(language, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english() -> &'static Language {
        Language::by_code("en").unwrap()
    }

    #[test]
    fn a_form_and_json_say_the_same() {
        let form = from_form(&Bytes::from_static(b"key=k&content=a+%3Cb%3E%0D%0A&content=other"));
        assert_eq!((form.content.as_str(), form.key.as_deref()), ("a <b>\r\n", Some("k")));
        let json = Bytes::from_static(br#"{"content":"a","key":null}"#);
        let json = from_json(english(), &json).unwrap_or_else(|_| panic!());
        assert_eq!((json.content.as_str(), json.key), ("a", None));
        assert_eq!(from_form(&Bytes::new()).content, "");
    }

    #[test]
    fn json_that_is_wrong_has_its_own_status() {
        for (body, status) in [("{", StatusCode::BAD_REQUEST), ("{}", StatusCode::UNPROCESSABLE_ENTITY)] {
            assert_eq!(
                from_json(english(), &Bytes::from(body)).err().map(|page| page.status()),
                Some(status)
            );
        }
    }
}
