//! One message on its way to the receiver, until it has arrived or is given up.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request};
use millchat::{EventId, Message, Position, RoomName, Timestamp};

use super::answer;
use super::body;
use super::exchange;
use super::filter::Filter;
use super::outcome::{self, Outcome};
use super::settings::Webhook;
use crate::app::App;
use crate::log_throttle::LogThrottle;
use crate::outgoing::{CallError, Trust};
use crate::standard_webhooks as standard;
use crate::waits::Waits;

/// Most tries of a message that the receiver does not take.
const REFUSED_TRIES_MAX: u32 = 3;
/// Age from which a message is given up when a try fails.
const GIVEN_UP_AFTER_MS: u64 = 24 * 60 * 60 * 1_000;
/// Longest wait before another try, unless the receiver asks for a longer one.
const WAIT_MAX: Duration = Duration::from_mins(5);
/// The wait after a read of the log that failed.
pub const READ_WAIT: Duration = Duration::from_secs(1);

/// The end of a message's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has arrived.
    Delivered,
    /// It was deleted before, or edited so that it is not for the receiver.
    Withdrawn,
    /// The receiver does not take it.
    Refused,
    /// It could not be sent for a day.
    Expired,
    /// The receiver wants no message any more.
    Gone,
}

impl End {
    /// Returns its name in the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Withdrawn => "withdrawn",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Gone => "gone",
        }
    }
}

/// Sends the messages of one webhook.
pub struct Sender {
    pub app: Arc<App>,
    pub webhook: Webhook,
    pub filter: Filter,
    trust: Trust,
    /// The public address, or empty.
    origin: String,
    /// Limits the log lines about tries that failed.
    told: LogThrottle,
}

impl Sender {
    /// Puts it together. `others` are the names of the other programs.
    pub fn new<'a>(app: Arc<App>, webhook: Webhook, others: impl IntoIterator<Item = &'a str>) -> Self {
        let filter = Filter::new(&webhook, others);
        let origin = app.public_url.as_ref().map(|url| url.origin().to_owned()).unwrap_or_default();
        Self { app, webhook, filter, trust: Trust::system(), origin, told: LogThrottle::new() }
    }

    /// Says why a try failed, now and then. No error has more of the address than the host, and none a text.
    pub fn tell(&self, position: Position, error: &dyn Display) {
        if self.told.is_due() {
            tracing::warn!(webhook = self.webhook.id, position, %error, "a webhook's message is not sent");
        }
    }

    /// Sends a message until that has an end. What is sent is its text as it is then. `None` if retention took it
    /// before its turn.
    pub async fn deliver(&self, room: &RoomName, position: Position) -> Option<End> {
        let mut waits = Waits::new(self.webhook.first_wait, WAIT_MAX);
        let mut refused = 0;
        loop {
            let message = match self.app.chat.message(room, position).await {
                Ok(message) => message.filter(|message| self.filter.takes_message(message)),
                Err(error) => {
                    self.tell(position, &error);
                    tokio::time::sleep(READ_WAIT).await;
                    continue;
                }
            };
            let Some(message) = message else {
                // A trim raises the floor before it takes records.
                let is_kept = position >= self.app.chat.floor();
                return is_kept.then_some(End::Withdrawn);
            };
            let asked = match self.send(&message).await {
                Ok(Outcome::Done(answer)) => {
                    if let Some(text) = answer
                        && let Err(error) = answer::post(&self.app, &self.webhook, &message, &text).await
                    {
                        self.tell(position, &error);
                    }
                    return Some(End::Delivered);
                }
                Ok(Outcome::Gone) => return Some(End::Gone),
                Ok(Outcome::Refused(asked)) => {
                    refused += 1;
                    if refused == REFUSED_TRIES_MAX {
                        return Some(End::Refused);
                    }
                    asked
                }
                Ok(Outcome::Failed(asked)) => asked,
                Err(error) => {
                    self.tell(position, &error);
                    None
                }
            };
            self.app.metrics.webhook_delivered(&self.webhook.id, "failed");
            if Timestamp::now().0.saturating_sub(message.created_at.0) > GIVEN_UP_AFTER_MS {
                return Some(End::Expired);
            }
            tokio::time::sleep(waits.next(asked)).await;
        }
    }

    async fn send(&self, message: &Message) -> Result<Outcome, CallError> {
        let answered = exchange::send(&self.webhook.address, &self.trust, self.request(message)).await?;
        let outcome = outcome::of(&answered);
        if matches!(outcome, Outcome::Refused(_) | Outcome::Failed(_)) {
            self.tell(message.position, &format_args!("the receiver answers {}", answered.status));
        }
        Ok(outcome)
    }

    fn request(&self, message: &Message) -> Request<Bytes> {
        let id = EventId { epoch: self.app.chat.epoch(), position: message.position }.to_string();
        let (body, at) = (body::of(message, &self.origin), Timestamp::now().0 / 1_000);
        let signatures: Vec<String> =
            self.webhook.secrets.iter().map(|secret| secret.sign(&id, at, &body)).collect();
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        let mut set = |name: HeaderName, value: &str| {
            let value = HeaderValue::from_str(value).expect("ids, numbers and base64 are visible ASCII");
            request.headers_mut().insert(name, value);
        };
        // As the receivers of others expect it, without a parameter.
        set(header::CONTENT_TYPE, "application/json");
        set(standard::ID, &id);
        set(standard::TIMESTAMP, &at.to_string());
        set(standard::SIGNATURE, &signatures.join(" "));
        request
    }
}
