//! Every answer that a test gets is held against the OpenAPI document: it says which statuses there are.

use serde_json::Value;
use tokio::sync::OnceCell;

use super::Server;
use super::raw::exchange;

/// The document of the binary under test.
async fn document() -> &'static Value {
    static DOCUMENT: OnceCell<Value> = OnceCell::const_new();
    let read = async || {
        let server = Server::start_with(&["--log", "memory:"]).await;
        let request = b"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let answer = exchange(server.address(), request).await;
        serde_json::from_str(answer.split_once("\r\n\r\n").expect("a head").1).expect("a document")
    };
    DOCUMENT.get_or_init(read).await
}

/// Returns the statuses that the document has for a method at a path; `None` for one that it does not
/// describe.
fn statuses<'d>(document: &'d Value, method: &str, path: &str) -> Option<Vec<&'d str>> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_parameter = |part: &str| part.starts_with('{');
    let matches = |template: &str| {
        let template: Vec<&str> = template.split('/').collect();
        // A network is the rest of its path.
        let is_rest = template.last() == Some(&"{network}") && parts.len() > template.len();
        (parts.len() == template.len() || is_rest)
            && template.iter().zip(&parts).all(|(wanted, part)| is_parameter(wanted) || wanted == part)
    };
    let paths = document["paths"].as_object().expect("the document has paths");
    let found = paths.iter().filter(|(template, _)| matches(template));
    let (_, item) = found.min_by_key(|(template, _)| template.matches('{').count())?;
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
    let responses = item.get(&method)?["responses"].as_object().expect("an operation has responses");
    Some(responses.keys().map(String::as_str).collect())
}

/// Fails if the document describes the operation and not this status of it.
pub async fn assert_documented(method: &str, path: &str, status: u16) {
    if let Some(statuses) = statuses(document().await, method, path) {
        let is_documented = statuses.contains(&status.to_string().as_str());
        assert!(is_documented, "{method} {path} answers {status}; the document has {statuses:?}");
    }
}

#[tokio::test]
async fn a_status_that_is_not_in_the_document_is_noticed() {
    let document = document().await;
    let of = |method, path| statuses(document, method, path);
    assert!(of("GET", "/api/v1/rooms/lobby").is_some_and(|found| !found.contains(&"418")));
    assert!(of("GET", "/api/v1/rooms/lobby").unwrap().contains(&"429"));
    assert!(!of("GET", "/api/v1/rooms/lobby/events").unwrap().contains(&"429"), "it would end a stream");
    assert!(of("HEAD", "/healthz").is_some());
    assert!(of("PUT", "/admin/bans/addresses/2001:db8::/48").unwrap().contains(&"204"));
    assert!(of("GET", "/admin/bans/addresses").unwrap().contains(&"200"));
    assert_eq!((of("PUT", "/api/v1/guests"), of("GET", "/lobby")), (None, None));
}
