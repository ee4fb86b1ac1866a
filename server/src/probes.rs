//! The probes: `/metrics`, `/healthz`, `/readyz`.

use hyper::StatusCode;

use crate::app::Worker;
use crate::http::{self, Response};

/// `GET /metrics`.
pub fn metrics(w: &Worker) -> Response {
    w.app.metrics.certificate_expires(w.app.tls.as_ref().and_then(|tls| tls.not_after()));
    let node = w.app.chat.cluster();
    let ready = why_not_ready(w).is_none();
    let text = w.app.metrics.text(&w.app.chat.stats(), &w.app.identity.counts(), ready, node.as_ref());
    http::bytes(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", text)
}

/// `GET /healthz`: the process answers.
pub fn healthz() -> Response {
    http::text(StatusCode::OK, "ok\n")
}

/// `GET /readyz`: whether it takes writes, and if not, why.
pub fn readyz(w: &Worker) -> Response {
    match why_not_ready(w) {
        None => http::text(StatusCode::OK, "ready\n"),
        Some(why) => http::text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

fn why_not_ready(w: &Worker) -> Option<String> {
    if w.app.drain.is_announced() {
        return Some("the server is closing".to_owned());
    }
    if w.app.tls.as_ref().is_some_and(|tls| !tls.has_certificate()) {
        return Some("no-certificate".to_owned());
    }
    w.app.chat.ready().err()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::watch::RightsWatch;
    use crate::config::Settings;
    use crate::sign_in::Logins;
    use crate::start;

    #[tokio::test]
    async fn a_server_that_takes_no_writes_says_why() {
        let settings = Settings { log: "memory:".to_owned(), ..Settings::default() };
        let app = Arc::new(start::open(&settings, Logins::default(), None).unwrap());
        let watch = RightsWatch::new(Arc::clone(&app.authority));
        let w = Worker { dispatcher: app.chat.dispatcher(), app, watch, detached: None };
        assert_eq!(readyz(&w).status(), StatusCode::OK);
        w.app.chat.close().await.unwrap();
        assert_eq!(readyz(&w).status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(why_not_ready(&w).unwrap().contains("closed"), "{:?}", why_not_ready(&w));
        w.app.drain.announce();
        assert_eq!(why_not_ready(&w).as_deref(), Some("the server is closing"));
    }
}
