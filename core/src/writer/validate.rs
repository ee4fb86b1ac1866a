//! Validation of sends: the bounds of a draft, and its target.

use crate::error::SendError;
use crate::event::{Action, Author, Body, Draft, Position, Receipt, RoomName, Timestamp};
use crate::limits::{
    AUTHOR_ID_BYTES_MAX, AUTHOR_NAME_BYTES_MAX, CONTENT_BYTES_MAX, EDITS_PER_MESSAGE_MAX, KEY_BYTES_MAX,
};
use crate::log::{Hash, Log, LogError, Lookups, NewRecord, Payload, Record};
use crate::writer::batch::Batch;
use crate::writer::idempotency::{Hashes, Window};
use crate::writer::queue::{Gate, Permission, Request};
use crate::writer::verdict::{Verdict, unreadable};

/// Refuses what must not be stored, and cleans line ends.
pub(crate) fn check(draft: &mut Draft) -> Result<(), SendError> {
    if let Some(author) = &draft.author {
        check_author(&author.id, &author.name)?;
    } else if let Action::React { .. } = draft.action {
        return Err(SendError::InvalidAuthor("id"));
    }
    if let Some(key) = &draft.key
        && (key.is_empty() || key.len() > KEY_BYTES_MAX)
    {
        return Err(SendError::InvalidKey { bytes: key.len() });
    }
    if let Action::Post { content, .. } | Action::Edit { content, .. } = &mut draft.action {
        if content.contains('\r') {
            // SSE ends a line at CR: a text with one could forge a frame.
            *content = content.replace("\r\n", "\n").replace('\r', "\n");
        }
        if content.len() > CONTENT_BYTES_MAX {
            return Err(SendError::TooLarge { bytes: content.len() });
        }
        if content.chars().all(char::is_whitespace) {
            return Err(SendError::NoText);
        }
    }
    Ok(())
}

pub(crate) fn check_author(id: &str, name: &str) -> Result<(), SendError> {
    let fits = |text: &str, max| !text.is_empty() && text.len() <= max && !text.contains(char::is_control);
    if !fits(id, AUTHOR_ID_BYTES_MAX) {
        return Err(SendError::InvalidAuthor("id"));
    }
    if !fits(name, AUTHOR_NAME_BYTES_MAX) {
        return Err(SendError::InvalidAuthor("name"));
    }
    Ok(())
}

/// Asks for a permission. It is an embedder's: one that panics does not hold, and does not end the writer.
fn holds(is_allowed: Permission) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(is_allowed)).unwrap_or(false)
}

/// The state against which a request is validated, beside the batch's records before it.
pub(super) struct Validator<'a> {
    pub gate: &'a Gate,
    pub log: &'a dyn Log,
    pub lookups: &'a dyn Lookups,
    pub window: &'a Window,
}

impl Validator<'_> {
    /// The record that a request makes, if it makes one; else what becomes of it.
    pub fn validate(
        &self,
        batch: &Batch,
        (request, hashes): (Request, Option<Hashes>),
        now: Timestamp,
    ) -> Result<NewRecord, Verdict> {
        if let Some(why) = self.gate.broken() {
            return Err(SendError::Unavailable(why.into()).into());
        }
        let append = match request {
            Request::Send(room, draft, permission) => {
                self.validate_draft(batch, (room, draft, permission), hashes, now)?
            }
            Request::Ban(ban) => {
                let payload =
                    if ban.banned { Payload::Ban(ban.author_id) } else { Payload::Unban(ban.author_id) };
                NewRecord { payload, author: ban.by, created_at: now, key: None, content_hash: None }
            }
            // What has expired is decided as readers do: by the time of day, and not by the log's.
            Request::SetValue(key, new) => {
                batch.values.set(self.log.values(), (key, new), (now, Timestamp::now()))?
            }
            Request::RemoveValue(key, by) => {
                batch.values.remove(self.log.values(), (key, by), (now, Timestamp::now()))?
            }
        };
        batch.moderation.validate(self.log.moderation(), &append.payload, self.log.epoch())?;
        Ok(append)
    }

    /// The record of a draft that may become one.
    fn validate_draft(
        &self,
        batch: &Batch,
        (room, draft, permission): (RoomName, Draft, Option<Permission>),
        hashes: Option<Hashes>,
        now: Timestamp,
    ) -> Result<NewRecord, Verdict> {
        let (mut key, mut content_hash) = (None, None);
        if let Some(Hashes { key: hash, content }) = hashes {
            if let Some(&earlier) = batch.keys.get(&hash) {
                let same = batch.records[earlier].content_hash == Some(content);
                return Err(if same {
                    Verdict::Event(earlier)
                } else {
                    Verdict::RejectedByBatch(SendError::KeyReused)
                });
            }
            // Before it is asked who may send: what was sent when they might keeps its receipt.
            if let Some(receipt) = self.find_receipt(&hash, &content)? {
                return Err(Verdict::Replay(receipt));
            }
            (key, content_hash) = (Some(hash), Some(content));
        }
        if permission.is_some_and(|is_allowed| !holds(is_allowed)) {
            return Err(SendError::NotAllowed.into());
        }
        batch.moderation.may_send(self.log.moderation(), &room, &draft)?;
        let body = match &draft.action {
            Action::Post { content, reply_to } => {
                if let Some(target) = *reply_to {
                    self.validate_target(batch, &room, &draft, target, true)?;
                }
                Body::Message { content: Some(content.as_str().into()), reply_to: *reply_to }
            }
            Action::Edit { target, content, moderator } => {
                self.validate_target(batch, &room, &draft, *target, *moderator)?;
                let stored = self.lookups.counts(*target).map_err(unreadable)?.edits;
                let more = batch.edits.get(target).copied().unwrap_or(0);
                if stored + more >= EDITS_PER_MESSAGE_MAX {
                    let why = SendError::TooManyEdits(*target);
                    return Err(if more > 0 { Verdict::RejectedByBatch(why) } else { why.into() });
                }
                Body::Edit { target: *target, content: Some(content.as_str().into()) }
            }
            Action::Delete { target, moderator } => {
                self.validate_target(batch, &room, &draft, *target, *moderator)?;
                Body::Delete { target: *target }
            }
            Action::React { target, reaction, on } => {
                self.validate_target(batch, &room, &draft, *target, true)?;
                let Some(author) = &draft.author else { return Err(SendError::NotAuthor(*target).into()) };
                let asked = (*target, *reaction, *on);
                let count = batch.reactions.validate(self.lookups, asked, (&author.id, self.log.epoch()))?;
                Body::Reaction { target: *target, reaction: *reaction, on: *on, count: count as u64 }
            }
            Action::Close => Body::Close,
            Action::Open => Body::Open,
            Action::Purge => Body::Purge,
        };
        let payload = Payload::Event { room, body };
        Ok(NewRecord { payload, author: draft.author, created_at: now, key, content_hash })
    }

    /// Fails unless the draft may be about the message at `target`: it exists, and is its author's or
    /// `anybody`'s.
    fn validate_target(
        &self,
        batch: &Batch,
        room: &RoomName,
        draft: &Draft,
        target: Position,
        anybody: bool,
    ) -> Result<(), Verdict> {
        let unknown = SendError::UnknownTarget(target);
        let mut record = readable(self.lookups, target)?;
        if record.is_none() && matches!(draft.action, Action::Delete { .. }) {
            // The message itself is below the floor or damaged; an edit of it that is not can still be taken
            // away.
            record = self.lookups.last_edit(target).map_err(unreadable)?;
        }
        let Some(event) = record.and_then(|record| record.event) else { return Err(unknown.into()) };
        let content = match &event.body {
            Body::Message { content, .. } => content,
            Body::Edit { target: of, content } if *of == target && event.position != target => content,
            _ => return Err(unknown.into()),
        };
        if event.room != *room {
            return Err(unknown.into());
        }
        let id = |author: &Option<Author>| author.as_ref().map(|author| author.id.clone());
        if !anybody && (draft.author.is_none() || id(&event.author) != id(&draft.author)) {
            return Err(SendError::NotAuthor(target).into());
        }
        if content.is_none() {
            return Err(SendError::TargetDeleted(target).into());
        }
        if batch.deletes.contains(&target) || batch.moderation.is_purged(room) {
            return Err(Verdict::RejectedByBatch(SendError::TargetDeleted(target)));
        }
        Ok(())
    }

    /// The receipt of the event that a key has made, if it has.
    fn find_receipt(&self, key: &Hash, content: &Hash) -> Result<Option<Receipt>, SendError> {
        let Some(position) = self.window.get(key) else { return Ok(None) };
        // Below the floor the promise ends, and where the record is damaged.
        let Some(record) = readable(self.lookups, position)? else { return Ok(None) };
        // A delete cleared the hash: what the content was is not known any more, and need not be.
        if record.content_hash.is_some_and(|known| known != *content) {
            return Err(SendError::KeyReused);
        }
        let prev = record.event.map_or(0, |event| event.prev);
        Ok(Some(Receipt { position, prev, epoch: self.log.epoch(), created_at: record.created_at }))
    }
}

/// Returns the record at a position; `None` if it is not kept, or damaged: then it is there for nobody.
fn readable(log: &dyn Lookups, position: Position) -> Result<Option<Record>, SendError> {
    match log.record(position) {
        Err(LogError::Damaged { .. }) => Ok(None),
        record => record.map_err(unreadable),
    }
}
