//! Sign-ins at a provider that lies: each is refused with its reason in the log, and sets no cookie.

use std::time::{Duration, Instant};

use super::{file, local};
use crate::support::client::Answer;
use crate::support::lying_provider::{Lies, LyingProvider, Wire};
use crate::support::{Server, Visitor};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// A server with the login `corp` at the liar, and another login at another liar.
async fn start() -> (Server, LyingProvider, LyingProvider) {
    let (liar, other) = (LyingProvider::start().await, LyingProvider::start().await);
    let address = local();
    let login = |name: &str, liar: &LyingProvider| {
        format!(
            "[[login]]\nname = \"{name}\"\nkind = \"oidc\"\nissuer = \"{}\"\nclient-id = \"millchat\"\n",
            liar.issuer()
        )
    };
    let settings = format!(
        "public-url = \"http://{address}\"\nrate-limit = \"off\"\n{}{}",
        login("corp", &liar),
        login("other", &other)
    );
    let settings = file(&settings);
    let server = Server::start_on(address, &["--config", settings.path().to_str().unwrap()]).await;
    (server, liar, other)
}

/// A sign-in that has begun: its visitor, state and nonce.
pub async fn begin(server: &Server, login: &str) -> (Visitor, String, String) {
    let mut visitor = Visitor::new(server);
    let begun = visitor.get(&format!("/auth/{login}?to=/lobby")).await.expect(303);
    let address = reqwest::Url::parse(begun.header("location").unwrap()).unwrap();
    let query = |name: &str| address.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    (visitor, query("state"), query("nonce"))
}

pub async fn come_back(visitor: &mut Visitor, state: &str, issuer: Option<&str>) -> Answer {
    let iss = issuer.map(|issuer| format!("&iss={issuer}")).unwrap_or_default();
    visitor.get(&format!("/auth/corp/callback?state={state}&code=c0de{iss}")).await
}

/// Signs in while the provider lies like this.
async fn signs_in(server: &Server, liar: &LyingProvider, lies: Lies) -> Answer {
    let (mut visitor, state, nonce) = begin(server, "corp").await;
    liar.lie(Lies { nonce, ..lies });
    let answer = come_back(&mut visitor, &state, Some(&liar.issuer())).await;
    let session = visitor.cookie("millchat").is_some();
    assert_eq!(session, answer.status == 303, "a cookie, or a refusal: {answer:?}");
    answer
}

/// A token signed by the public key as if it were a secret, or by nothing.
fn signed_by(alg: Algorithm, public: &Value, claims: &Value) -> String {
    let mut header = Header::new(alg);
    header.kid = Some("k1".into());
    encode(&header, claims, &EncodingKey::from_secret(public.to_string().as_bytes())).unwrap()
}

#[tokio::test]
async fn an_id_token_that_fails_any_check_signs_nobody_in() {
    let (server, liar, other) = start().await;
    assert_eq!(signs_in(&server, &liar, Lies::default()).await.header("location"), Some("/lobby"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = |claims: Value| Lies { claims, ..Lies::default() };
    let header = |change: fn(&mut Header)| {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("k1".into());
        change(&mut header);
        Lies { header: Some(header), ..Lies::default() }
    };
    // What is not wrong.
    for lies in [
        claims(json!({ "aud": ["millchat", "x"], "azp": "millchat" })),
        claims(json!({ "exp": now - 50 })),
        claims(json!({ "iat": now + 50 })),
        header(|header| header.kid = None),
        header(|header| header.typ = None),
    ] {
        let said = format!("{lies:?}");
        assert_eq!(signs_in(&server, &liar, lies).await.status, 303, "{said}");
    }
    let unsigned = |alg: &str| {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims =
            json!({ "iss": liar.issuer(), "aud": "millchat", "sub": "ada", "iat": now, "exp": now + 60 });
        let token = format!("{}.{}.", part(json!({ "alg": alg, "kid": "k1" })), part(claims));
        Lies { id_token: Some(token), ..Lies::default() }
    };
    let by_secret = |alg| {
        let claims =
            json!({ "iss": liar.issuer(), "aud": "millchat", "sub": "ada", "iat": now, "exp": now + 60 });
        Lies { id_token: Some(signed_by(alg, &liar.public_key(), &claims)), ..Lies::default() }
    };
    for (lies, words) in vec![
        (claims(json!({ "nonce": "another" })), "nonce"),
        (claims(json!({ "nonce": null })), "nonce"),
        (claims(json!({ "iss": other.issuer() })), "iss"),
        (claims(json!({ "iss": null })), "iss"),
        (claims(json!({ "iss": format!("{}/", liar.issuer()) })), "iss"),
        (claims(json!({ "aud": "another" })), "aud"),
        (claims(json!({ "aud": null })), "aud"),
        (claims(json!({ "aud": ["millchat", "x"] })), "azp"),
        (claims(json!({ "azp": "x" })), "azp"),
        (claims(json!({ "exp": now - 61 - 10 })), "exp"),
        (claims(json!({ "exp": null })), "exp"),
        (claims(json!({ "iat": now + 61 + 60 })), "iat"),
        (claims(json!({ "iat": null })), "iat"),
        (claims(json!({ "nbf": now + 600 })), "nbf"),
        (claims(json!({ "sub": "" })), "sub"),
        (claims(json!({ "sub": null })), "sub"),
        (claims(json!({ "sub": 7 })), ""),
        (claims(json!({ "sub": "x".repeat(256) })), "sub"),
        (header(|header| header.kid = Some("k2".into())), "no key"),
        (Lies { foreign_key: true, ..Lies::default() }, "signature"),
        (unsigned("none"), "header"),
        (unsigned("NoNe"), "header"),
        (by_secret(Algorithm::HS256), "alg"),
        (by_secret(Algorithm::HS512), "alg"),
        (Lies { id_token: Some("a.b.c".into()), ..Lies::default() }, "header"),
        (Lies { id_token: Some(String::new()), ..Lies::default() }, "header"),
        (Lies { user: Some(json!({ "sub": "bob", "name": "Bob" })), ..Lies::default() }, "another sub"),
        (Lies { user: Some(json!({ "name": "Bob" })), ..Lies::default() }, "another sub"),
    ] {
        let said = format!("{lies:?}");
        // One line a second names a reason.
        let mut answer = signs_in(&server, &liar, lies.clone()).await;
        let before = server.stderr().len();
        let told = async {
            loop {
                let log = server.stderr();
                if log[before.min(log.len())..].contains("a sign-in came to nothing") {
                    return log[before..].to_owned();
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
                answer = signs_in(&server, &liar, lies.clone()).await;
            }
        };
        let log = crate::support::within("the reason is in the log", told).await;
        assert_eq!(answer.status, 403, "{said}");
        assert!(answer.body.contains("data-kind=\"sign-in-invalid\""), "{said}: {}", answer.body);
        assert!(log.contains(words), "{said}: {log}");
        for secret in ["c0de", "an-access-token", "eyJ"] {
            assert!(!log.contains(secret), "{log}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_another_provider_is_not_taken_for_ours() {
    let (server, liar, other) = start().await;
    for (issuer, status) in [(Some(other.issuer()), 403), (None, 403), (Some(liar.issuer()), 303)] {
        let (mut visitor, state, nonce) = begin(&server, "corp").await;
        liar.lie(Lies { nonce, ..Lies::default() });
        liar.asked();
        let answer = come_back(&mut visitor, &state, issuer.as_deref()).await;
        assert_eq!(answer.status, status, "{issuer:?}");
        assert_eq!(liar.asked().iter().any(|path| path == "/token"), status == 303, "no code is sent");
    }
    // The state of one login at the address of another.
    let (mut visitor, state, _) = begin(&server, "other").await;
    come_back(&mut visitor, &state, Some(&liar.issuer())).await.expect(400);
    // The provider says no.
    for (error, status) in [("access_denied", 403), ("server_error", 502), ("%3Cscript%3E", 403)] {
        let (mut visitor, state, _) = begin(&server, "corp").await;
        let path = format!("/auth/corp/callback?state={state}&error={error}&iss={}", liar.issuer());
        let answer = visitor.get(&path).await.expect(status);
        assert!(!answer.body.contains("<script"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_provider_that_goes_wrong_is_a_page_within_ten_seconds_and_harms_nobody_else() {
    let (server, liar, other) = start().await;
    let location = format!("http://{}/inner", other.address);
    let raw = |text: String| Wire::Raw(text.replace('\n', "\r\n"));
    for path in ["/token", "/user"] {
        for wire in [
            raw(format!("HTTP/1.1 302 Found\nLocation: {location}\nContent-Length: 0\n\n")),
            raw(format!("HTTP/1.1 307 Temporary Redirect\nLocation: {location}\nContent-Length: 0\n\n")),
            raw(format!(
                "HTTP/1.1 200 OK\nContent-Type: application/json\n\n{{\"x\":\"{}\"}}",
                "x".repeat(1_000_000)
            )),
            raw("HTTP/1.1 500 Oh\nContent-Length: 2\n\n{}".into()),
            raw("HTTP/1.1 200 OK\nContent-Type: application/json\nContent-Length: 9\n\n{\"x\": ".into()),
            raw("HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 6\n\n<html>".into()),
            raw("this is no HTTP\n\n".into()),
        ] {
            let said = format!("{path} {wire:?}").chars().take(90).collect::<String>();
            let answer = signs_in(&server, &liar, Lies { wire: Some((path, wire)), ..Lies::default() }).await;
            assert_eq!(answer.status, 502, "{said}");
            assert!(answer.body.contains("data-kind=\"provider-unreachable\""), "{said}");
        }
    }
    assert!(!other.asked().contains(&"/inner".to_owned()), "nobody follows");
    // A code that the provider refuses is not the provider's fault.
    let refused = raw("HTTP/1.1 400 Bad\nContent-Type: application/json\nContent-Length: 25\n\n{\"error\":\"invalid_grant\"}".into());
    assert_eq!(
        signs_in(&server, &liar, Lies { wire: Some(("/token", refused)), ..Lies::default() }).await.status,
        403
    );
    let started = Instant::now();
    let silent = Lies { wire: Some(("/token", Wire::Silence)), ..Lies::default() };
    let (slow, talk) = tokio::join!(signs_in(&server, &liar, silent), async {
        let api = server.api();
        let guest = api.guest("Ada").await;
        for number in 0..20 {
            api.say("lobby", &guest, &number.to_string()).await;
        }
    });
    assert_eq!((slow.status, talk), (502, ()));
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
    assert_eq!(signs_in(&server, &liar, Lies::default()).await.status, 303, "and all is well again");
}

#[tokio::test]
async fn keys_that_were_rotated_are_read_again() {
    let (server, liar, _) = start().await;
    assert_eq!(signs_in(&server, &liar, Lies::default()).await.status, 303);
    liar.rotate("k2");
    liar.asked();
    let rotated = || Lies { kid: "k2".into(), ..Lies::default() };
    assert_eq!(signs_in(&server, &liar, rotated()).await.status, 303);
    assert_eq!(liar.asked().iter().filter(|path| *path == "/keys").count(), 1);
    assert_eq!(signs_in(&server, &liar, rotated()).await.status, 303);
    assert_eq!(liar.asked().iter().filter(|path| *path == "/keys").count(), 0, "they are kept");
}

#[tokio::test]
async fn a_provider_with_another_name_or_without_encryption_is_not_one() {
    let (server, liar, other) = start().await;
    for metadata in [
        json!({ "issuer": other.issuer() }),
        json!({ "issuer": format!("{}/", liar.issuer()) }),
        json!({ "issuer": null }),
        json!({ "authorization_endpoint": "http://login.example.org/authorize" }),
        json!({ "authorization_endpoint": "javascript:alert(1)" }),
        json!({ "jwks_uri": "http://login.example.org/keys" }),
        json!({ "jwks_uri": null }),
    ] {
        liar.lie(Lies { metadata: metadata.clone(), ..Lies::default() });
        let answer = Visitor::new(&server).get("/auth/corp").await;
        assert_eq!(answer.status, 502, "{metadata}: {answer:?}");
    }
    liar.lie(Lies {
        metadata: json!({ "id_token_signing_alg_values_supported": ["RS256"] }),
        ..Lies::default()
    });
    let (mut visitor, state, nonce) = begin(&server, "corp").await;
    liar.lie(Lies { nonce, ..Lies::default() });
    let answer = come_back(&mut visitor, &state, Some(&liar.issuer())).await;
    assert_eq!(answer.status, 403, "ES256 was not announced");
}

#[tokio::test]
async fn more_sign_ins_at_once_than_can_be_are_told_to_come_back() {
    let (server, liar, _) = start().await;
    let mut begun = Vec::new();
    for _ in 0..17 {
        begun.push(begin(&server, "corp").await);
    }
    liar.lie(Lies { wire: Some(("/token", Wire::Silence)), ..Lies::default() });
    let issuer = liar.issuer();
    let last = begun.pop().unwrap();
    let waiting: Vec<_> = begun
        .into_iter()
        .map(|(mut visitor, state, _)| {
            let issuer = issuer.clone();
            tokio::spawn(async move { come_back(&mut visitor, &state, Some(&issuer)).await.status })
        })
        .collect();
    liar.until_asked("/token", 16).await;
    let (mut visitor, state, _) = last;
    let busy = come_back(&mut visitor, &state, Some(&issuer)).await.expect(503);
    assert!(busy.header("retry-after").is_some() && busy.body.contains("data-kind=\"sign-in-busy\""));
    for one in waiting {
        assert_eq!(one.await.unwrap(), 502);
    }
}
