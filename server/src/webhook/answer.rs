//! The answer that a receiver gives: a message by the webhook, posted once.

use std::sync::Arc;
use std::time::Duration;

use millchat::{Action, Author, AuthorKind, Draft, Message, SendError};

use super::settings::Webhook;
use crate::access::decide::Caller;
use crate::access::denial::Denial;
use crate::access::role::Role;
use crate::access::table::Action as Right;
use crate::app::App;
use crate::identity::{Person, Via};
use crate::program_id;
use crate::sanitize::{self, TextError};

/// Most tries to post an answer while too much is waiting.
const TRIES_MAX: u32 = 5;
/// The wait between two of them.
const BUSY_WAIT: Duration = Duration::from_secs(1);

/// An answer that was not posted.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It is no message.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The webhook may not write there.
    #[error("it may not write there: {}", .0.kind().name())]
    Denied(Denial),
    /// It was not stored.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Posts an answer to a message. Sent again, the message may be answered again: the first answer counts.
pub async fn post(app: &App, webhook: &Webhook, to: &Message, text: &str) -> Result<(), AnswerError> {
    let content = sanitize::content(text)?;
    let author = Author {
        id: program_id::author_id(&webhook.id).into(),
        name: webhook.name.as_str().into(),
        kind: AuthorKind::Bot,
    };
    // The settings give it the right to answer in the rooms of which it hears. It has no session that could end.
    let grants = [(Arc::from(to.room.as_str()), Arc::from(Role::Writer.as_str()))].into();
    let person = Person::new(author.clone(), Via::ApiToken(webhook.id.as_str().into()), None);
    let caller = Caller::of(Ok(Person { grants: Some(grants), ..person }));
    let allowed = app.authority.decide(caller, &to.room, Right::Post);
    let allowed = allowed.map_err(|(_, denial)| AnswerError::Denied(denial))?;
    let draft = Draft {
        author: Some(author),
        action: Action::Post { content, reply_to: Some(to.position) },
        key: Some(format!("answer-{}", to.position)),
    };
    for _ in 1..TRIES_MAX {
        match app.send(&to.room, draft.clone(), (&allowed, Right::Post)).await {
            Err(SendError::QueueFull { .. }) => tokio::time::sleep(BUSY_WAIT).await,
            // It was answered when the message was sent before.
            Err(SendError::KeyReused) => return Ok(()),
            sent => return Ok(sent.map(|_| ())?),
        }
    }
    app.send(&to.room, draft, (&allowed, Right::Post)).await?;
    Ok(())
}
