//! The pieces of an answer, read from the bytes of its body. Does no I/O and knows no time.

use std::collections::VecDeque;

use super::decoder::Decoder;
use super::endpoint::Api;
use super::failure::Break;
use super::lines::Lines;
use super::piece::Piece;
use super::spoken::Spoken;

/// An answer that is being read.
#[derive(Debug)]
pub struct Reading {
    lines: Lines,
    decoder: Decoder,
    spoken: Spoken,
    /// Pieces of the last line that was read: three at most.
    pending: VecDeque<Piece>,
    is_finished: bool,
    has_moved: bool,
}

impl Reading {
    /// Begins to read an answer of this API.
    pub fn new(api: Api) -> Self {
        Self {
            lines: Lines::default(),
            decoder: Decoder::new(api),
            spoken: Spoken::default(),
            pending: VecDeque::new(),
            is_finished: false,
            has_moved: false,
        }
    }

    /// Takes the next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// Returns the next piece, or `None` until more bytes are there. Takes all pieces before the next bytes.
    pub fn next(&mut self) -> Result<Option<Piece>, Break> {
        loop {
            if let Some(piece) = self.pending.pop_front() {
                return Ok(Some(piece));
            }
            // What follows the end is not an answer.
            if self.is_finished {
                return Ok(None);
            }
            match self.lines.next() {
                Ok(Some(line)) => self.take(&line)?,
                Ok(None) => return Ok(None),
                Err(_) => return Err(Break::LongLine),
            }
        }
    }

    /// Takes the end of the body. The last line may lack its end, but must be there.
    pub fn end(&mut self) -> Result<(), Break> {
        let rest = self.lines.rest();
        if !self.is_finished && !rest.is_empty() {
            self.take(&rest)?;
        }
        if self.is_finished { Ok(()) } else { Err(Break::NoEnd) }
    }

    /// Returns true if something of the answer came since the last call: text, thinking or a call of a tool,
    /// and not what a server says to keep a connection.
    pub fn has_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Takes a line apart.
    fn take(&mut self, line: &[u8]) -> Result<(), Break> {
        let chunk = self.decoder.read(line)?;
        self.has_moved |= chunk.is_thinking || !chunk.text.is_empty();
        self.is_finished = chunk.finished.is_some();
        let mut told = self.spoken.push(&chunk.text);
        if self.is_finished {
            told.text += &self.spoken.end();
        }
        if chunk.is_thinking || told.is_thinking {
            self.pending.push_back(Piece::Thinking);
        }
        if !told.text.is_empty() {
            self.pending.push_back(Piece::Text(told.text));
        }
        self.pending.extend(chunk.finished.map(Piece::Finished));
        Ok(())
    }
}
