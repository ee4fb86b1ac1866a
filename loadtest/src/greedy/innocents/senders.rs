//! Senders: a message every quarter of a second, whatever became of the one before.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::exchange::{Answer, exchange};
use crate::greedy::book::Kind;
use crate::greedy::innocents::people::{READERS, SENDERS, SENDS_PER_S, Shared, room, source};
use crate::greedy::requests;
use crate::greedy::wire::connect;

/// The senders' group of source addresses.
const GROUP: u8 = 1;
/// Time after which a sender gives up.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// Largest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The words before a message's number.
const MARK: &[u8] = b"greedy-message-";
/// The digits of a message's number.
const DIGITS: usize = 12;

/// Numbers of the messages.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Finds the first message in these bytes. Returns its number and the bytes behind it.
pub fn message_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let from = memchr::memmem::find(bytes, MARK)? + MARK.len();
    let digits = bytes.get(from..from + DIGITS)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, &bytes[from + DIGITS..]))
}

fn content(number: u64) -> String {
    let mark = std::str::from_utf8(MARK).expect("the mark is text");
    format!("{mark}{number:012} and some *words* as people write them, not too long and not too short.")
}

/// Sends on schedule for ever. Every other sender gives its messages keys, as the page does.
pub async fn send(shared: Arc<Shared>, number: usize, token: String) {
    let period = Duration::from_secs_f64(1.0 / SENDS_PER_S);
    let mut due = Instant::now() + period.mul_f64(number as f64 / SENDERS as f64);
    let mut sender = Sender { number, token, socket: None };
    loop {
        tokio::time::sleep_until(due.into()).await;
        sender.send(&shared, due).await;
        due += period;
        // One who waits for an answer sends nothing meanwhile; the others of the schedule wait as long.
        while due < Instant::now() {
            shared.book.delayed(due);
            due += period;
        }
    }
}

struct Sender {
    number: usize,
    token: String,
    socket: Option<TcpStream>,
}

impl Sender {
    async fn send(&mut self, shared: &Shared, due: Instant) {
        let message = NEXT.fetch_add(1, Ordering::Relaxed);
        let key = self.number.is_multiple_of(2).then(|| format!("key-{message}"));
        let request =
            requests::post(&room(self.number), &self.token, &content(message), None, key.as_deref());
        let id = shared.book.begin(Kind::Send, due);
        shared.book.sent(message, due, u32::try_from(READERS / SENDERS).expect("they are few"));
        let result = match timeout(ANSWER_MAX, self.exchange(shared, &request)).await {
            Ok(Ok(Answer { status: 201, .. })) => Ok(()),
            Ok(Ok(answer)) => Err(answer.status.to_string()),
            Ok(Err(error)) => Err(error.kind().to_string()),
            Err(_elapsed) => {
                self.socket = None;
                Err("no answer".to_owned())
            }
        };
        if result.is_err() {
            shared.book.not_sent(message);
        }
        shared.book.end(id, result);
    }

    async fn exchange(&mut self, shared: &Shared, request: &[u8]) -> io::Result<Answer> {
        if let Some(mut socket) = self.socket.take()
            && let Ok(answer) = exchange(&mut socket, request, ANSWER_BYTES_MAX).await
        {
            self.socket = answer.keep_alive.then_some(socket);
            return Ok(answer);
        }
        // A kept connection may have ended meanwhile, as any HTTP client knows.
        let mut socket = connect(source(GROUP, self.number), shared.server, None).await?;
        let answer = exchange(&mut socket, request, ANSWER_BYTES_MAX).await?;
        self.socket = answer.keep_alive.then_some(socket);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_message_is_found_in_what_a_reader_gets() {
        let text = format!("data: x {} {}", content(7), content(8));
        let (first, rest) = message_number(text.as_bytes()).unwrap();
        let (second, rest) = message_number(rest).unwrap();
        assert_eq!((first, second), (7, 8));
        assert!(message_number(rest).is_none());
    }
}
