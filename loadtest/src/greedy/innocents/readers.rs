//! Readers: each follows the room of one sender, and comes back when its stream ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use millchat_testkit::sse::{Blocks, Fields};

use crate::greedy::innocents::people::{Shared, room, source};
use crate::greedy::innocents::senders::message_number;
use crate::greedy::requests;
use crate::greedy::wire::{OpenStream, StreamError, connect};

/// The readers' group of source addresses.
const GROUP: u8 = 0;
/// Time until a reader comes back.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// Bytes that are read at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// Follows a room for ever.
pub async fn read(shared: Arc<Shared>, number: usize) {
    let mut reader = Reader { number, last_id: None, last_message: 0 };
    loop {
        let ended = reader.follow(&shared).await;
        shared.book.stream_ended(&ended);
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

struct Reader {
    number: usize,
    last_id: Option<String>,
    last_message: u64,
}

impl Reader {
    /// Follows the room over one connection. Returns the reason of its end.
    async fn follow(&mut self, shared: &Shared) -> String {
        let socket = match connect(source(GROUP, self.number), shared.server, None).await {
            Ok(socket) => socket,
            Err(error) => return error.kind().to_string(),
        };
        // Two neighbours read the same room in different dialects.
        let (room, id) = (room(self.number / 2), self.last_id.as_deref());
        let request = if self.number.is_multiple_of(2) {
            requests::events(&room, id, 0)
        } else {
            requests::patches(&room, id, 0)
        };
        let mut stream = match OpenStream::open(socket, &request, BUFFER_BYTES).await {
            Ok(stream) => stream,
            Err(StreamError::Status(status, _)) => return status.to_string(),
            Err(StreamError::Io(error)) => return error.kind().to_string(),
        };
        shared.open.fetch_add(1, Ordering::Relaxed);
        let mut blocks = Blocks::default();
        let end = loop {
            let mut malformed = None;
            let next = stream.next(|data| {
                malformed = blocks.feed(data, |block| self.on_block(block, shared)).err();
            });
            match next.await {
                Ok(_) if malformed.is_some() => break "malformed".to_owned(),
                Ok(true) => {}
                Ok(false) => break "closed".to_owned(),
                Err(error) => break error.kind().to_string(),
            }
        };
        shared.open.fetch_sub(1, Ordering::Relaxed);
        end
    }

    fn on_block(&mut self, block: &[u8], shared: &Shared) {
        if let Some(id) = Fields::parse(block).id {
            self.last_id = Some(String::from_utf8_lossy(id).into_owned());
        }
        let mut rest = block;
        while let Some((number, behind)) = message_number(rest) {
            rest = behind;
            // The numbers of a room ascend; a message may be named twice in one patch.
            if number > self.last_message {
                self.last_message = number;
                shared.book.delivered(number);
            }
        }
    }
}
