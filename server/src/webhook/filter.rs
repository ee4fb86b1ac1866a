//! The messages that are for a receiver: of people, in its rooms, and those that mention it or all.

use millchat::{Author, AuthorKind, Body, Event, Message, RoomName};

use super::settings::{Webhook, When};
use crate::mention::MentionedName;

/// The messages of one webhook.
pub struct Filter {
    rooms: Option<Vec<RoomName>>,
    when: When,
    name: MentionedName,
}

impl Filter {
    /// Puts it together. `others` are the names of the other programs.
    pub fn new<'a>(webhook: &Webhook, others: impl IntoIterator<Item = &'a str>) -> Self {
        let name = MentionedName::new(&webhook.name, others);
        Self { rooms: webhook.rooms.clone(), when: webhook.when, name }
    }

    /// Returns true if an event is a message for the receiver.
    pub fn takes(&self, event: &Event) -> bool {
        let Body::Message { content: Some(content), .. } = &event.body else { return false };
        let is_person = |author: &Author| matches!(author.kind, AuthorKind::Guest | AuthorKind::User);
        event.author.as_ref().is_some_and(is_person)
            && self.rooms.as_ref().is_none_or(|rooms| rooms.contains(&event.room))
            && self.takes_text(content)
    }

    /// Returns true if a message is still for the receiver.
    pub fn takes_message(&self, message: &Message) -> bool {
        message.content.as_ref().is_some_and(|content| self.takes_text(content))
    }

    fn takes_text(&self, content: &str) -> bool {
        self.when == When::All || self.name.is_in(content)
    }
}
