//! The meaning of what a receiver says.

use std::time::Duration;

use hyper::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use super::exchange::Answered;
use crate::retry_after::retry_after;

/// The meaning of a receiver's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The message has arrived. The receiver may have answered it.
    Done(Option<String>),
    /// The receiver wants no message any more.
    Gone,
    /// The receiver does not take this one, most likely whenever it is sent.
    Refused(Option<Duration>),
    /// It may go better later, after this wait if the receiver names one.
    Failed(Option<Duration>),
}

/// An answer by a receiver. Other fields are passed over.
#[derive(Deserialize)]
struct Said {
    content: Option<String>,
    text: Option<String>,
}

/// Returns the meaning of an answer.
pub fn of(answered: &Answered) -> Outcome {
    let Answered { status, headers, body } = answered;
    match *status {
        status if status.is_success() => {
            let said = body.as_ref().and_then(|body| serde_json::from_slice::<Said>(body).ok());
            Outcome::Done(said.and_then(|said| said.content.or(said.text)))
        }
        StatusCode::GONE => Outcome::Gone,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Outcome::Failed(retry_after(headers, Timestamp::now()))
        }
        status if status.is_redirection() || status.is_client_error() => {
            Outcome::Refused(retry_after(headers, Timestamp::now()))
        }
        _ => Outcome::Failed(retry_after(headers, Timestamp::now())),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{self, HeaderMap};

    use super::*;

    #[test]
    fn each_status_has_its_meaning() {
        let (refused, failed) = (Outcome::Refused(None), Outcome::Failed(None));
        for (status, meaning) in [
            (200, Outcome::Done(None)),
            (204, Outcome::Done(None)),
            (299, Outcome::Done(None)),
            (301, refused.clone()),
            (302, refused.clone()),
            (400, refused.clone()),
            (401, refused.clone()),
            (404, refused.clone()),
            (408, failed.clone()),
            (410, Outcome::Gone),
            (422, refused.clone()),
            (425, failed.clone()),
            (429, failed.clone()),
            (500, failed.clone()),
            (503, failed.clone()),
            (999, failed),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let answered = Answered { status, headers: HeaderMap::new(), body: None };
            assert_eq!(of(&answered), meaning, "{status}");
        }
    }

    #[test]
    fn a_receiver_names_its_wait_within_bounds_and_answers_by_json() {
        let answered = |status, after: &str, body: &'static str| Answered {
            status,
            headers: [(header::RETRY_AFTER, after.parse().unwrap())].into_iter().collect(),
            body: Some(body.into()),
        };
        for (after, wait) in [
            ("7", Some(Duration::from_secs(7))),
            ("0", Some(Duration::ZERO)),
            ("999999", Some(Duration::from_hours(1))),
            ("-1", None),
        ] {
            let busy = answered(StatusCode::SERVICE_UNAVAILABLE, after, "");
            assert_eq!(of(&busy), Outcome::Failed(wait), "{after}");
        }
        for (body, said) in [
            ("{\"content\":\"yes\"}", Some("yes")),
            ("{\"text\":\"yes\",\"more\":[1]}", Some("yes")),
            ("{\"content\":\"yes\",\"text\":\"no\"}", Some("yes")),
            ("{}", None),
            ("{\"content\":7}", None),
            ("\"yes\"", None),
            ("ok", None),
            ("", None),
        ] {
            let done = answered(StatusCode::OK, "1", body);
            assert_eq!(of(&done), Outcome::Done(said.map(str::to_owned)), "{body}");
        }
    }
}
