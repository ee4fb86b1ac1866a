//! Addresses: the operator learns from where an author wrote, bans it for a time, and sees in the log who was refused.

use reqwest::Method;
use serde_json::json;

use crate::support::Server;
use crate::support::client::answer;

const ADMIN: &str = "a-token-for-tests-only";

#[tokio::test]
async fn the_operator_finds_the_address_of_an_author_and_bans_it_for_a_time() {
    let limits = ["--admin-token", ADMIN, "--trusted-proxies", "127.0.0.1", "--rate-limit", "author=1/1"];
    let server = Server::start_with(&limits).await;
    let api = server.api();
    let eve = api.guest("Eve").await;
    let from = |request: reqwest::RequestBuilder, address: &str| request.header("x-forwarded-for", address);
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
