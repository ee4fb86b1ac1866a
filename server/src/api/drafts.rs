//! Unfinished answers: a bot shows its own, and whoever asked stops it.

use std::sync::Arc;

use hyper::StatusCode;
use millchat::{AnswerState, Position, RoomName};

use super::input;
use super::parameters;
use crate::body::MESSAGE_BYTES_MAX;
use crate::drafts;
use crate::http;
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::sanitize;
use crate::schema::NewDraft;

/// The reasons for which there will be no answer.
pub const REASONS: [&str; 8] = ["absent", "busy", "limit", "model", "late", "broke", "empty", "spent"];

/// Show your unfinished answer to a message.
pub async fn show(Call { w, req, allowed, .. }: Call<'_>, room: RoomName, reply_to: Position) -> Answer {
    let by = allowed.caller.author()?.clone();
    w.app.limits.draft(&by, &req)?;
    let NewDraft { state, content, reason } = input::read(w, req, MESSAGE_BYTES_MAX).await?;
    let state = checked(&state, reason.as_deref())?;
    let content = if content.trim().is_empty() { content } else { sanitize::content(&content)? };
    w.app.authority.confirm(&allowed, &room)?;
    drafts::show(&w.app, &room, &by, (reply_to, state, &content)).await?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}

fn checked(state: &str, reason: Option<&str>) -> Result<AnswerState, Problem> {
    let invalid = |detail: String| Problem::new(Kind::InvalidBody, detail);
    match (state, reason) {
        ("waiting", None) => Ok(AnswerState::Waiting),
        ("thinking", None) => Ok(AnswerState::Thinking),
        ("writing", None) => Ok(AnswerState::Writing),
        ("failed", reason) => {
            let reason = reason.unwrap_or("broke");
            if !REASONS.contains(&reason) {
                return Err(invalid(format!("`reason` is one of {}", REASONS.join(", "))));
            }
            Ok(AnswerState::Failed(Arc::from(reason)))
        }
        (_, Some(_)) => Err(invalid("`reason` is for the state `failed`".to_owned())),
        _ => Err(invalid("`state` is one of waiting, thinking, writing, failed".to_owned())),
    }
}

/// Stop an answer that is being written to your message; as a bot, give your own up.
#[allow(clippy::unused_async, reason = "the page's forms take handlers that wait")]
pub async fn end(Call { w, req, allowed, .. }: Call<'_>, room: RoomName, reply_to: Position) -> Answer {
    parameters::refuse_unknown(req.uri().query(), |name| name == "bot", "bot")?;
    let bot = http::query(&req, "bot");
    if allowed.caller.admin.is_none() {
        w.app.limits.message(allowed.caller.author()?, &req)?;
    }
    drafts::end(&w.app, &room, &allowed, (reply_to, bot.as_deref()))?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}
