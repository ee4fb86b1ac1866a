//! Addresses: the operator learns from where an author wrote, bans it for a time, and sees in the log who was
//! refused.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::client::answer;
use crate::support::{ADMIN, Server};

#[tokio::test]
async fn the_operator_finds_the_address_of_an_author_and_bans_it_for_a_time() {
    let limits = ["--admin-token", ADMIN, "--trusted-proxies", "127.0.0.1", "--rate-limit", "author=1/1"];
    let server = Server::start_with(&limits).await;
    let api = server.api();
    let eve = api.guest("Eve").await;
    let from = |request: RequestBuilder, address: &str| request.header("x-forwarded-for", address);
    let admin = |method, path: &str| api.request(method, path).bearer_auth(ADMIN);
    answer(from(api.post("lobby", &eve, "hello"), "203.0.113.7")).await.expect(201);
    let seen = answer(admin(Method::GET, &format!("/admin/authors/{}", eve.id))).await.expect(200).json();
    assert_eq!(seen["author_id"], eve.id);
    assert_eq!(seen["addresses"][0]["address"], "203.0.113.7");

    let networks = [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.99"),
        ("2001:db8::/48", "2001:db8::9"),
    ];
    for (network, address) in networks {
        let path = format!("/admin/bans/addresses/{network}");
        let ban = |time: &str| admin(Method::PUT, &path).json(&json!({ "for": time }));
        answer(from(api.request(Method::GET, "/lobby"), address)).await.expect(200);
        answer(ban("1h")).await.expect(204);
        for asked in ["/lobby", "/healthz", "/api/v1/rooms/lobby"] {
            let refused = answer(from(api.request(Method::GET, asked), address)).await.expect(429);
            let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
            assert!((3_500..=3_600).contains(&wait), "{wait} s");
        }
        answer(from(api.request(Method::GET, "/lobby"), "198.51.100.1")).await.expect(200);
        let listed = answer(admin(Method::GET, "/admin/bans/addresses")).await.expect(200).json();
        assert!(listed["bans"][0]["network"].as_str().unwrap().starts_with(network), "{listed}");
        answer(admin(Method::DELETE, &path)).await.expect(204);
        answer(from(api.request(Method::GET, "/lobby"), address)).await.expect(200);
        for wrong in ["31d", "0s", "soon"] {
            assert!(answer(ban(wrong)).await.expect_problem(422).contains("30days"), "{wrong}");
        }
    }
    let nowhere = admin(Method::PUT, "/admin/bans/addresses/nowhere").json(&json!({ "for": "1h" }));
    assert!(answer(nowhere).await.expect_problem(400).contains("203.0.113.0/24"));
}

#[tokio::test]
async fn the_log_names_the_addresses_that_were_refused_and_why_in_one_line() {
    let limits = ["--admin-token", ADMIN, "--trusted-proxies", "127.0.0.1", "--rate-limit", "guests=1"];
    let mut server = Server::start_with(&limits).await;
    let api = server.api();
    let from = |request: RequestBuilder, address: &str| request.header("x-forwarded-for", address);
    let guest = |name: &str| api.request(Method::POST, "/api/v1/guests").json(&json!({ "name": name }));
    answer(from(guest("Eve"), "203.0.113.7")).await.expect(201);
    for _ in 0..3 {
        answer(from(guest("Eve"), "203.0.113.7")).await.expect(429);
    }
    answer(from(guest(&"x".repeat(5_000)), "203.0.113.8")).await.expect(413);
    let guessed = api.request(Method::GET, "/admin/bans").bearer_auth("a-token-for-tests-onlx");
    answer(from(guessed, "203.0.113.9")).await.expect(401);
    // Somebody who is refused for another reason is not named.
    answer(from(api.request(Method::GET, "/api/v1/nowhere"), "203.0.113.10")).await.expect(404);
    server.terminate().await;
    let stderr = server.stderr();
    let line = stderr.lines().find(|line| line.contains("requests were refused")).expect(&stderr);
    for said in ["203.0.113.7: 3 rate-limited", "203.0.113.8: 1 too-large", "203.0.113.9: 1 admin-token"] {
        assert!(line.contains(said), "{line}");
    }
    assert!(!stderr.contains("203.0.113.10"), "{stderr}");
}
