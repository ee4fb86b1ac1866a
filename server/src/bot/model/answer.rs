//! An answer on its way.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, sleep_until};

use super::exchange::Exchange;
use super::failure::{Break, Failure};
use super::piece::Piece;
use super::reading::Reading;
use super::times::Times;

/// An answer on its way. Dropping it closes the connection, by which the server stops writing.
pub struct Answer {
    host: String,
    exchange: Exchange,
    body: Incoming,
    reading: Reading,
    times: Times,
    /// The time at which the next piece is late.
    piece_by: Instant,
    /// The time at which the answer is late.
    end_by: Instant,
    has_begun: bool,
}

impl Answer {
    /// Makes the answer to a question that was asked at this time.
    pub(super) fn new(
        host: String,
        exchange: Exchange,
        body: Incoming,
        reading: Reading,
        times: Times,
        asked: Instant,
    ) -> Self {
        Self {
            host,
            exchange,
            body,
            reading,
            times,
            piece_by: asked + times.first_piece,
            end_by: asked + times.answer,
            has_begun: false,
        }
    }

    /// Waits for the next piece. A call that is dropped loses nothing. After [`Piece::Finished`] or a failure
    /// there is nothing to call it for.
    pub async fn next(&mut self) -> Result<Piece, Failure> {
        loop {
            let piece = self.reading.next().map_err(|source| self.broken(source))?;
            if self.reading.has_moved() {
                self.piece_by = Instant::now() + self.times.between_pieces;
            }
            match piece {
                Some(piece) => {
                    self.has_begun |= !matches!(piece, Piece::Finished(_));
                    return Ok(piece);
                }
                None => self.read().await?,
            }
        }
    }

    /// Waits for more bytes.
    async fn read(&mut self) -> Result<(), Failure> {
        let by = self.piece_by.min(self.end_by);
        // Time first: who sends without a pause, but nothing of an answer, is late as well.
        let frame = tokio::select! {
            biased;
            () = sleep_until(by) => return Err(self.late()),
            frame = self.exchange.beside(self.body.frame()) => frame,
        };
        match frame {
            Some(Ok(frame)) => {
                // Trailers say nothing.
                self.reading.push(frame.data_ref().map_or(&[], |data| data));
                Ok(())
            }
            Some(Err(error)) => Err(self.broken(Break::Connection(error))),
            None => self.reading.end().map_err(|source| self.broken(source)),
        }
    }

    fn late(&self) -> Failure {
        let late = |what, limit: Duration| Failure::Late { host: self.host.clone(), what, limit };
        if self.end_by <= self.piece_by {
            late("the end of the answer", self.times.answer)
        } else if self.has_begun {
            self.broken(Break::Silence(self.times.between_pieces))
        } else {
            late("the first piece of the answer", self.times.first_piece)
        }
    }

    fn broken(&self, source: Break) -> Failure {
        let host = self.host.clone();
        if self.has_begun { Failure::Broken { host, source } } else { Failure::Cut { host, source } }
    }
}
