//! The parts of which the bytes between nodes are made: numbers, texts, authors.

use std::sync::Arc;

use crate::event::Author;
use crate::log::record::{author_kind_number, author_kind_of};

/// Bytes that are written.
pub(crate) struct Out(pub Vec<u8>);

impl Out {
    pub fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.0.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
    }

    pub fn maybe<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }

    pub fn author(&mut self, Author { id, name, kind }: &Author) {
        self.byte(author_kind_number(*kind));
        self.text(id);
        self.text(name);
    }
}

/// The bytes are not those of what is read.
pub(crate) struct Unreadable;

/// The rest of some bytes. Whatever they say, no more is read than there is.
pub(crate) struct In<'a>(pub &'a [u8]);

impl<'a> In<'a> {
    pub fn byte(&mut self) -> Result<u8, Unreadable> {
        let (byte, rest) = self.0.split_first().ok_or(Unreadable)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub fn is_on(&mut self) -> Result<bool, Unreadable> {
        self.byte().map(|byte| byte != 0)
    }

    pub fn number(&mut self) -> Result<u64, Unreadable> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Unreadable)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*number))
    }

    pub fn text(&mut self) -> Result<&'a str, Unreadable> {
        let (length, rest) = self.0.split_first_chunk().ok_or(Unreadable)?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(Unreadable)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Unreadable)
    }

    pub fn maybe<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, Unreadable> {
        match self.byte()? {
            0 => Ok(None),
            1 => take(self).map(Some),
            _ => Err(Unreadable),
        }
    }

    pub fn author(&mut self) -> Result<Author, Unreadable> {
        let kind = author_kind_of(Some(self.byte()?));
        let (id, name) = (Arc::from(self.text()?), Arc::from(self.text()?));
        Ok(Author { id, name, kind })
    }
}
