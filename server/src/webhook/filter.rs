//! The messages that are for a receiver: of people, in its rooms, and those that mention it or all.

use millchat::{Body, Event, Message};

use super::settings::Webhook;
use crate::mention::MentionedName;
use crate::program_rooms::{ProgramRooms, When};

/// The messages of one webhook.
pub struct Filter {
    rooms: ProgramRooms,
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
        event.author.as_ref().is_some_and(|author| author.kind.is_person())
            && self.rooms.contains(&event.room)
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
