//! People who type, and unfinished answers: the part of the public face for what is shown and never kept.

use std::time::Instant;

use crate::answer::UnfinishedAnswer;
use crate::chat::Chat;
use crate::event::{Author, Position, RoomName};
use crate::neighbours::StoppedAnswer;

/// # People and unfinished answers
impl Chat {
    /// Says that somebody is typing in a room; nothing happens when nobody is in it, at any node of a cluster, or when the
    /// author is banned.
    pub fn typing(&self, room: &RoomName, author: &Author) {
        if self.shared().log.moderation().is_banned(&author.id) {
            return;
        }
        if let Some(room) = self.shared().room_of_typing(room) {
            room.signals.type_now(author);
            self.shared().mark(&room);
        }
    }

    /// Shows the readers of a room an answer that is still being written, or its newer state. It is never logged.
    ///
    /// It is gone after ten seconds without another call, when its message is posted, when the message that it
    /// answers is deleted, and when the room is emptied or closed. A room shows [`crate::ANSWERS_PER_ROOM_MAX`]
    /// at most: others are not shown. Nothing happens when nobody is in the room, or when the author is banned.
    pub fn show_answer(&self, room: &RoomName, answer: UnfinishedAnswer) {
        if self.is_banned(&answer.author.id) || self.is_closed(room) {
            return;
        }
        if let Some(room) = self.shared().room_of_answer(room) {
            room.signals.show_answer(answer);
            self.shared().mark(&room);
        }
    }

    /// Takes an author's unfinished answer to a message away.
    pub fn remove_answer(&self, room: &RoomName, author_id: &str, reply_to: Position) {
        if let Some(room) = self.shared().rooms.get(room) {
            room.signals.remove_answer(author_id, reply_to);
        }
    }

    /// Takes an author's unfinished answer to a message away, at all nodes of a cluster. The others remember it: see
    /// [`Chat::is_stopped_in_cluster`].
    pub fn stop_answer(&self, stop: StoppedAnswer) {
        let shared = self.shared();
        self.remove_answer(&stop.room, &stop.author_id, stop.reply_to);
        if let Some(neighbours) = &shared.neighbours {
            neighbours.stop(stop, Instant::now());
        }
    }

    /// Returns the unfinished answers of a room at the other nodes of a cluster, as they were some moments ago.
    pub fn answers_elsewhere(&self, room: &RoomName) -> Vec<UnfinishedAnswer> {
        self.shared().neighbours.as_ref().map_or_else(Vec::new, |neighbours| neighbours.answers(room))
    }

    /// Returns true if an answer was stopped in the last ten minutes at a node of the cluster, if this is one of many and it
    /// has heard of it.
    pub fn is_stopped_in_cluster(&self, answer: &StoppedAnswer) -> bool {
        self.shared().neighbours.as_ref().is_some_and(|neighbours| neighbours.is_stopped(answer))
    }
}
