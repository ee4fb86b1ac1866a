//! The part of WebSocket that a reader needs: it splits the bytes of a server into messages, and writes small
//! frames.
//!
//! Nothing here does I/O. As with server-sent events, thousands of readers share one buffer; a client that
//! owns its socket would not allow that. tungstenite parses the heads of frames and writes ours.

use std::io::Cursor;

use millchat_testkit::Malformed;
use tungstenite::handshake::client::generate_key;
use tungstenite::protocol::frame::coding::{Control, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};

/// Largest message that is read, in bytes.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Returns the headers that ask a server to upgrade to WebSocket. No extension is offered: messages come
/// uncompressed.
pub fn upgrade_headers() -> String {
    let key = generate_key();
    format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n"
    )
}

/// A message or a control frame that arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A message.
    Message(&'a [u8]),
    /// A ping; the answer has the same bytes.
    Ping(&'a [u8]),
    /// The server will send nothing more.
    Close,
}

/// Cuts a stream into messages.
#[derive(Debug, Default)]
pub struct Messages {
    /// The beginning of a frame whose end was not read yet.
    partial: Vec<u8>,
    /// The frames so far of a message that has several.
    begun: Vec<u8>,
}

impl Messages {
    /// Takes the next bytes of the stream and hands what they finish to `on`.
    pub fn feed(&mut self, bytes: &[u8], mut on: impl FnMut(Incoming<'_>)) -> Result<(), Malformed> {
        // Mostly whole frames arrive, and nothing is copied.
        if self.partial.is_empty() {
            let taken = self.whole(bytes, &mut on)?;
            self.partial.extend_from_slice(&bytes[taken..]);
            return Ok(());
        }
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let taken = self.whole(&partial, &mut on)?;
        partial.drain(..taken);
        self.partial = partial;
        Ok(())
    }

    /// Decodes all whole frames; returns the number of their bytes.
    fn whole(&mut self, bytes: &[u8], on: &mut impl FnMut(Incoming<'_>)) -> Result<usize, Malformed> {
        let mut taken = 0;
        loop {
            let mut cursor = Cursor::new(&bytes[taken..]);
            let head = FrameHeader::parse(&mut cursor).map_err(|_| Malformed("not a WebSocket's frame"))?;
            let Some((header, length)) = head else { return Ok(taken) };
            let begin = taken + usize::try_from(cursor.position()).expect("it is within the bytes");
            let end = usize::try_from(length).ok().filter(|&length| length <= MESSAGE_BYTES_MAX);
            let end = begin + end.ok_or(TOO_LARGE)?;
            let Some(payload) = bytes.get(begin..end) else { return Ok(taken) };
            self.frame(&header, payload, on)?;
            taken = end;
        }
    }

    fn frame(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        on: &mut impl FnMut(Incoming<'_>),
    ) -> Result<(), Malformed> {
        if header.mask.is_some() || header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Malformed("a frame is masked or packed, which nobody asked for"));
        }
        match header.opcode {
            OpCode::Data(_) if header.is_final && self.begun.is_empty() => on(Incoming::Message(payload)),
            OpCode::Data(_) => {
                self.begun.extend_from_slice(payload);
                if self.begun.len() > MESSAGE_BYTES_MAX {
                    return Err(TOO_LARGE);
                }
                if header.is_final {
                    on(Incoming::Message(&self.begun));
                    self.begun.clear();
                }
            }
            OpCode::Control(Control::Ping) => on(Incoming::Ping(payload)),
            OpCode::Control(Control::Close) => on(Incoming::Close),
            OpCode::Control(_) => {}
        }
        Ok(())
    }
}

const TOO_LARGE: Malformed = Malformed("a message is larger than this tester reads");

/// Writes a frame as a client must: masked.
pub fn write(mut frame: Frame, out: &mut Vec<u8>) {
    frame.header_mut().mask = Some(rand::random());
    frame.format(out).expect("writing to memory does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use tungstenite::protocol::frame::coding::Data;

    fn wire(frames: &[Frame]) -> Vec<u8> {
        let mut wire = Vec::new();
        for frame in frames {
            frame.clone().format(&mut wire).unwrap();
        }
        wire
    }

    #[test]
    fn messages_are_the_same_however_the_stream_is_cut() {
        let text = |text: &'static str, data, is_final| Frame::message(text, OpCode::Data(data), is_final);
        let wire = wire(&[
            text("one", Data::Text, true),
            text("in ", Data::Text, false),
            Frame::ping("between"),
            text("two", Data::Continue, true),
            Frame::close(None),
        ]);
        for step in 1..=wire.len() {
            let (mut messages, mut came) = (Messages::default(), Vec::new());
            for bytes in wire.chunks(step) {
                messages.feed(bytes, |incoming| came.push(format!("{incoming:?}"))).unwrap();
            }
            let expected = [
                Incoming::Message(b"one"),
                Incoming::Ping(b"between"),
                Incoming::Message(b"in two"),
                Incoming::Close,
            ];
            assert_eq!(came, expected.map(|incoming| format!("{incoming:?}")), "step {step}");
        }
    }

    #[test]
    fn a_frame_that_a_server_must_not_send_is_malformed() {
        let mut masked = Vec::new();
        write(Frame::ping("x"), &mut masked);
        assert!(Messages::default().feed(&masked, |_| ()).is_err());
        let mut packed = wire(&[Frame::ping("x")]);
        packed[0] |= 0x40;
        assert!(Messages::default().feed(&packed, |_| ()).is_err());
        let huge = [0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(Messages::default().feed(&huge, |_| ()), Err(TOO_LARGE));
    }
}
