//! Drafts of several authors, and what a reader gets.

use std::time::Duration;

use futures_util::StreamExt as _;
use millchat::{
    Action, Author, AuthorKind, Body, Delivery, Draft, Event, Opened, Position, Received, Subscription,
};

pub fn author(id: &str) -> Author {
    Author { id: id.into(), name: id.to_uppercase().into(), kind: AuthorKind::Guest }
}

pub fn draft(id: &str, action: Action) -> Draft {
    Draft { author: Some(author(id)), action, key: None }
}

pub fn edit(id: &str, target: Position, content: &str) -> Draft {
    draft(id, Action::Edit { target, content: content.into(), moderator: false })
}

pub fn delete(id: &str, target: Position) -> Draft {
    draft(id, Action::Delete { target, moderator: false })
}

/// The longest that a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub async fn next(reader: &mut Subscription) -> Delivery<Received> {
    tokio::time::timeout(PATIENCE, reader.next()).await.expect("nothing came").unwrap().unwrap()
}

pub async fn opening(reader: &mut Subscription) -> Opened {
    match next(reader).await {
        Delivery::Opening(opened) => opened,
        other => panic!("opened with {other:?}"),
    }
}

/// The next logged event, past signals.
pub async fn event(reader: &mut Subscription) -> std::sync::Arc<Event> {
    loop {
        match next(reader).await {
            Delivery::Item(Received::Event(event)) => return event,
            Delivery::Item(Received::Signal(_)) => {}
            other => panic!("{other:?} instead of an event"),
        }
    }
}

pub fn content(event: &Event) -> Option<&str> {
    match &event.body {
        Body::Message { content, .. } | Body::Edit { content, .. } => content.as_deref(),
        _ => None,
    }
}
