//! The part of the document for those who watch the server.

use utoipa::openapi::path::{HttpMethod, Operation};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content as Media, Response};

use super::parts::{operation, problems};

/// The paths and what they take.
pub(super) fn paths() -> Vec<(String, Vec<(HttpMethod, Operation)>)> {
    let alive = operation("isAlive", "The process answers").response("200", text("`ok`"));
    let ready = operation("isReady", "It takes writes")
        .response("200", text("`ready`"))
        .response("503", text("The reason why it takes none"));
    let metrics = operation("getMetrics", "Counters and gauges, as OpenMetrics");
    let openmetrics = "application/openmetrics-text";
    let elsewhere = "The server has an admin listener, and this is not it";
    let metrics = metrics
        .response("200", described("They all begin with `millchat_`", openmetrics))
        .response("404", described(elsewhere, "text/html"));
    vec![
        ("/healthz".to_owned(), vec![(HttpMethod::Get, problems(alive, &[]).build())]),
        ("/readyz".to_owned(), vec![(HttpMethod::Get, problems(ready, &[]).build())]),
        ("/metrics".to_owned(), vec![(HttpMethod::Get, problems(metrics, &[]).build())]),
    ]
}

fn text(description: &str) -> Response {
    described(description, "text/plain")
}

fn described(description: &str, content_type: &str) -> Response {
    let text = Media::builder().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
    ResponseBuilder::new().description(description).content(content_type, text).build()
}
