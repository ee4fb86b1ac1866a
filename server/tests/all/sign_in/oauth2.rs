//! GitHub, and other providers of OAuth 2 without OpenID Connect.

use super::{attribute, file, local};
use crate::support::lying_provider::{Lies, LyingProvider, Wire};
use crate::support::{Server, Visitor};
use serde_json::{Value, json};

async fn start(kind: &str, more: &str) -> (Server, LyingProvider) {
    let liar = LyingProvider::start().await;
    let (address, issuer) = (local(), liar.issuer());
    let settings = file(&format!(
        "public-url = \"http://{address}\"\nrate-limit = \"off\"\n[[login]]\nname = \"hub\"\nkind = \"{kind}\"\n\
         client-id = \"millchat\"\nauthorize-url = \"{issuer}/authorize\"\ntoken-url = \"{issuer}/token\"\n\
         user-url = \"{issuer}/user\"\n{more}\n"
    ));
    (Server::start_on(address, &["--config", settings.path().to_str().unwrap()]).await, liar)
}

/// Signs in as this user; gives the status, and the id and name of the author.
async fn sign_in(server: &Server, liar: &LyingProvider, user: Value) -> (u16, String, String) {
    let mut visitor = Visitor::new(server);
    let begun = visitor.get("/auth/hub?to=/lobby").await.expect(303);
    let address = reqwest::Url::parse(begun.header("location").unwrap()).unwrap();
    let query =
        |name: &str| address.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert!(query("code_challenge").is_some() && query("nonce").is_none(), "{address}");
    liar.lie(Lies { user: Some(user), ..Lies::default() });
    let path = format!("/auth/hub/callback?state={}&code=c0de", query("state").unwrap());
    let status = visitor.get(&path).await.status;
    assert_eq!(visitor.cookie("millchat").is_some(), status == 303);
    if status != 303 {
        return (status, String::new(), String::new());
    }
    let page = visitor.get("/lobby").await.expect(200).body;
    (status, attribute(&page, "data-author-id"), attribute(&page, "data-author-name"))
}

#[tokio::test]
async fn a_user_of_github_is_a_number_and_not_a_name_that_others_can_have() {
    let (server, liar) = start("github", "").await;
    let (_, ada, name) = sign_in(&server, &liar, json!({ "id": 7, "login": "ada", "name": "Ada" })).await;
    assert_eq!(name, "Ada");
    let renamed = sign_in(&server, &liar, json!({ "id": 7, "login": "lovelace", "name": null })).await;
    assert_eq!((renamed.1, renamed.2.as_str()), (ada.clone(), "lovelace"));
    let other = sign_in(&server, &liar, json!({ "id": 8, "login": "ada", "name": "Ada" })).await;
    assert_ne!(other.1, ada);
    for user in [
        json!({ "id": "7", "login": "ada" }),
        json!({ "id": 7.5, "login": "ada" }),
        json!({ "id": -7, "login": "ada" }),
        json!({ "id": null, "login": "ada" }),
        json!({ "login": "ada" }),
    ] {
        assert_eq!(sign_in(&server, &liar, user.clone()).await.0, 403, "{user}");
    }
    assert_eq!(sign_in(&server, &liar, json!([])).await.0, 502);
}

#[tokio::test]
async fn an_error_that_github_says_with_a_good_status_signs_nobody_in() {
    let (server, liar) = start("github", "").await;
    let mut visitor = Visitor::new(&server);
    let begun = visitor.get("/auth/hub").await.expect(303);
    let address = reqwest::Url::parse(begun.header("location").unwrap()).unwrap();
    let state = address.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    let body = "{\"error\":\"bad_verification_code\",\"error_description\":\"c0de is wrong\"}";
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    liar.lie(Lies { wire: Some(("/token", Wire::Raw(answer))), ..Lies::default() });
    visitor.get(&format!("/auth/hub/callback?state={state}&code=c0de")).await.expect(403);
    server.said("bad_verification_code", 1).await;
    let log = server.stderr();
    assert!(!log.contains("c0de is wrong"), "{log}");
}

#[tokio::test]
async fn another_provider_names_the_fields_of_its_users() {
    let (server, liar) = start("oauth2", "id-field = \"uid\"\nname-field = \"display\"").await;
    let long = "x".repeat(200);
    for (display, name) in [
        ("Ada\u{202e} <b>", "Ada &lt;b&gt;"),
        ("  Ada   King ", "Ada King"),
        (long.as_str(), &long[..40]),
        ("Ada #4kq7x2m9", "Ada"),
        ("\u{200b}", "hub"),
    ] {
        let (status, _, shown) = sign_in(&server, &liar, json!({ "uid": "a-1", "display": display })).await;
        assert_eq!((status, shown.as_str()), (303, name), "{display:?}");
    }
}
