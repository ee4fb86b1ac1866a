//! The redirect from plain HTTP, and the header by which browsers come by TLS from then on.

use std::net::Ipv4Addr;

use super::exchange;
use crate::support::free_port;
use crate::support::raw::{self, Head};
use crate::support::tls::Secure;

fn head(answer: &str) -> Head {
    Head::parse(answer.split_once("\r\n\r\n").expect("a head").0)
}

#[tokio::test]
async fn plain_http_is_led_to_the_public_url_and_takes_no_message() {
    let redirect = free_port(Ipv4Addr::LOCALHOST.into());
    let at = redirect.to_string();
    let _secure = Secure::start(&["--redirect", &at, "--public-url", "https://chat.example:8443"]).await;
    for (method, target, status, location) in [
        ("GET", "/", 308, Some("https://chat.example:8443/")),
        ("HEAD", "/lobby?at=7", 308, Some("https://chat.example:8443/lobby?at=7")),
        ("GET", "//evil.example", 308, Some("https://chat.example:8443//evil.example")),
        ("GET", "http://evil.example/x", 308, Some("https://chat.example:8443/x")),
        ("POST", "/lobby/messages", 403, None),
        ("DELETE", "/api/v1/rooms/lobby/messages/1", 403, None),
        ("OPTIONS", "*", 403, None),
        ("GET", "/admin/backup", 308, Some("https://chat.example:8443/admin/backup")),
    ] {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: chat.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let answer = raw::exchange(redirect, request.as_bytes()).await;
        let head = head(&answer);
        assert_eq!((head.status, head.header("location")), (status, location), "{method} {target}: {answer}");
        assert_eq!(head.header("set-cookie"), None);
        assert_eq!(head.header("strict-transport-security"), None, "by plain HTTP it means nothing");
    }
}

#[tokio::test]
async fn browsers_are_told_to_come_by_tls_where_the_site_has_a_name() {
    for (arguments, expected) in [
        (&["--public-url", "https://chat.example"][..], Some("max-age=31536000")),
        (&["--hsts", "30d"], Some("max-age=2592000")),
        (&["--public-url", "https://chat.example", "--hsts", "off"], None),
        (&[], None),
    ] {
        let secure = Secure::start(arguments).await;
        for path in ["/lobby", "/api/v1/rooms/lobby", "/no/such/page", "/healthz"] {
            let mut socket = secure.connect(&["http/1.1"]).await;
            let request = format!("GET {path} HTTP/1.1\r\nHost: chat.example\r\nConnection: close\r\n\r\n");
            let answer = exchange(&mut socket, &request).await;
            assert_eq!(head(&answer).header("strict-transport-security"), expected, "{path} {arguments:?}");
        }
        let plain = secure.api().get("/healthz").await;
        assert_eq!(plain.header("strict-transport-security"), None, "the admin listener has no TLS");
    }
}

#[tokio::test]
async fn with_tls_cookies_are_secure_and_bound_to_the_host() {
    let secure = Secure::start(&[]).await;
    let mut socket = secure.connect(&["http/1.1"]).await;
    let request = "POST /lobby/name HTTP/1.1\r\nHost: chat.example\r\nOrigin: https://chat.example\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\nConnection: close\r\n\r\nname=Ada";
    let answer = exchange(&mut socket, request).await;
    let head = head(&answer);
    let cookie = head.header("set-cookie").unwrap_or_else(|| panic!("{answer}"));
    assert!(cookie.starts_with("__Host-millchat=") && cookie.contains("; Secure"), "{cookie}");
}
