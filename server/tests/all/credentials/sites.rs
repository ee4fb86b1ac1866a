//! Tokens that an embedding site signs for its own users, as programs and browsers of that site send them.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, assert_refused, now, write, write_at_page};
use crate::clock::fake_clock;
use crate::support::browser::Browser;
use crate::support::client::answer;
use crate::support::server::run;
use crate::support::{ADMIN, Api, Server};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const PUBLIC_URL: &str = "http://chat.example";
const ISSUER: &str = "https://shop.example";

/// Settings with one site, and files beside them.
pub struct Settings {
    directory: tempfile::TempDir,
}

impl Settings {
    fn with(key: &str) -> Self {
        Self::at(PUBLIC_URL, key)
    }

    /// With another public address.
    pub fn at(public_url: &str, key: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, SECRET).unwrap();
        let key = key.replace("SECRET", path.to_str().unwrap());
        let toml = format!(
            "public-url = \"{public_url}\"\nrate-limit = \"off\"\n[[site]]\nname = \"shop\"\nrooms = [\"support-*\", \
             \"lobby\"]\nissuer = \"{ISSUER}\"\n{key}\n"
        );
        std::fs::write(directory.path().join("millchat.toml"), toml).unwrap();
        Self { directory }
    }

    fn path(&self) -> String {
        self.directory.path().join("millchat.toml").display().to_string()
    }

    pub async fn server(&self, environment: &[(&str, &str)]) -> Server {
        Server::start_in(environment, &["--config", &self.path(), "--admin-token", ADMIN]).await
    }
}

fn good() -> Value {
    let now = now() / 1_000;
    json!({ "iss": ISSUER, "aud": PUBLIC_URL, "sub": "7", "exp": now + 600, "iat": now, "name": "Ada" })
}

fn with(more: &Value) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn signed(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn hs256(claims: &Value) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    signed(&json!({ "alg": "HS256", "typ": "JWT" }), claims, |text| {
        aws_lc_rs::hmac::sign(&key, text).as_ref().to_vec()
    })
}

async fn author_of(api: &Api, token: &str) -> Value {
    let position = write(api, token, "lobby").await.expect(201).json()["position"].clone();
    api.get(&format!("/api/v1/rooms/lobby/messages/{position}")).await.json()["author"].clone()
}

#[tokio::test]
async fn a_user_of_a_site_writes_under_the_name_that_the_site_gives_and_stays_the_same_over_a_kill() {
    let settings = Settings::with("secret-file = \"SECRET\"");
    let mut server = settings.server(&[]).await;
    let api = server.api();
    let ada = author_of(&api, &hs256(&good())).await;
    assert_eq!((&ada["name"], &ada["kind"]), (&json!("Ada"), &json!("user")));
    assert!(ada["id"].as_str().unwrap().starts_with("u_"), "{ada}");
    server.kill().await;
    server.restart().await;
    let api = server.api();
    // Another name, and a rotation of our own keys, make nobody else of her.
    let path = "/admin/keys";
    answer(ask(&api, Method::POST, path).json(&json!({ "retire": "now" }))).await.expect(200);
    let renamed = author_of(&api, &hs256(&with(&json!({ "name": "Ada L." })))).await;
    assert_eq!(renamed["id"], ada["id"]);
    assert_eq!(renamed["name"], "Ada L.");
    let bob = author_of(&api, &hs256(&with(&json!({ "sub": "8" })))).await;
    assert_ne!(bob["id"], ada["id"]);
    // A page takes no bearer of a site, and no token of one as a cookie.
    write_at_page(&api, &hs256(&good())).await.expect(401);
    let rename = api.request(Method::PATCH, "/api/v1/guests/me").bearer_auth(hs256(&good()));
    assert_refused(&answer(rename.json(&json!({ "name": "Bob" }))).await, 403, "not-guest");
}

#[tokio::test]
async fn a_bad_token_of_a_site_is_refused_with_its_reason_and_no_line_of_the_log_has_it() {
    let settings = Settings::with("secret-file = \"SECRET\"");
    let server = settings.server(&[]).await;
    let api = server.api();
    let seconds = now() / 1_000;
    let none = signed(&json!({ "alg": "none" }), &good(), |_| Vec::new());
    let other_key = |claims: &Value| {
        let key =
            aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"another secret of 32 bytes or so");
        let sign = |text: &[u8]| aws_lc_rs::hmac::sign(&key, text).as_ref().to_vec();
        signed(&json!({ "alg": "HS256" }), claims, sign)
    };
    for (token, name, word) in [
        (none, "forged-token", "alg"),
        (other_key(&good()), "forged-token", "signature"),
        (hs256(&with(&json!({ "iss": "https://evil.example" }))), "forged-token", "iss"),
        (hs256(&with(&json!({ "aud": "https://other.example" }))), "wrong-audience", "aud"),
        (hs256(&with(&json!({ "exp": seconds - 61 }))), "expired-token", "exp"),
        (hs256(&with(&json!({ "exp": seconds + 90_000 }))), "malformed-token", "24 hours"),
        (hs256(&with(&json!({ "sub": "" }))), "malformed-token", "sub"),
        (hs256(&with(&json!({ "iat": seconds + 90 }))), "malformed-token", "iat"),
        ("a.b.c".to_owned(), "malformed-token", "header"),
    ] {
        let refused = write(&api, &token, "lobby").await;
        assert_refused(&refused, 401, name);
        assert!(refused.json()["detail"].as_str().unwrap().contains(word), "{refused:?}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
        assert!(!server.stderr().contains(&token[..token.len().min(40)]));
    }
    assert!(!server.stderr().contains(SECRET) && !api.get("/metrics").await.body.contains(SECRET));
}

#[tokio::test]
async fn the_operator_ends_the_sessions_of_a_sites_user_whose_old_tokens_are_void_then() {
    let clock = fake_clock();
    let settings = Settings::with("secret-file = \"SECRET\"");
    let server = settings.server(&clock.environment()).await;
    let api = server.api();
    let old = hs256(&good());
    let unsaid = {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove("iat");
        hs256(&claims)
    };
    let id = author_of(&api, &old).await["id"].as_str().unwrap().to_owned();
    author_of(&api, &unsaid).await;
    answer(ask(&api, Method::DELETE, &format!("/admin/sessions/{id}"))).await.expect(204);
    for token in [&old, &unsaid] {
        assert_refused(&write(&api, token, "lobby").await, 401, "revoked-token");
    }
    clock.set(5);
    let new = hs256(&with(&json!({ "iat": now() / 1_000 + 5 })));
    assert_eq!(author_of(&api, &new).await["id"], id);
}

/// The address of a page of the site, which has nothing but a list.
fn shop() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let _ = socket.read(&mut [0; 4_096]);
            let body = "<!doctype html><title>Shop</title><link rel=icon href=data:,><h1>Shop</h1><ul></ul>";
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = socket.write_all(format!("{head}{body}").as_bytes());
        }
    });
    url
}

#[tokio::test]
async fn a_page_of_the_site_writes_for_its_user_in_the_room_of_the_token_and_in_no_other() {
    const SCRIPT: &str = "const [chat, token] = arguments;
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
        const ask = (room, more) => fetch(`${chat}/api/v1/rooms/${room}/messages`, { headers, ...more });
        const body = JSON.stringify({ content: 'Where is my parcel?' });
        const say = async (room) => (await ask(room, { method: 'POST', body })).status;
        return (async () => {
          const said = [await say('support-7'), await say('support-8'), await say('lobby')];
          for (const { author, content } of (await (await ask('support-7')).json()).messages) {
            const row = document.createElement('li');
            row.textContent = `${author.name}: ${content}`;
            document.querySelector('ul').append(row);
          }
          return said;
        })();";
    let settings = Settings::with("secret-file = \"SECRET\"");
    let server = settings.server(&[]).await;
    let token = hs256(&with(&json!({ "rooms": { "support-7": "writer" } })));
    let page = Browser::open(&shop()).await;
    let chat = format!("http://{}", server.address());
    let said = page.js_with(SCRIPT, vec![json!(chat), json!(token)]).await;
    assert_eq!(said, json!([201, 403, 403]));
    assert!(page.is("document.querySelector('li').textContent === 'Ada: Where is my parcel?'").await);
    assert_eq!(page.cookies().await, json!([]));
}

/// A site's server: gives its keys, and counts how often it was asked.
struct KeyServer {
    keys: Arc<Mutex<Value>>,
    asked: Arc<AtomicUsize>,
    url: String,
}

impl KeyServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let server = Self { keys: Arc::default(), asked: Arc::default(), url };
        let (keys, asked) = (server.keys.clone(), server.asked.clone());
        std::thread::spawn(move || {
            while let Ok((mut socket, _)) = listener.accept() {
                asked.fetch_add(1, Ordering::Relaxed);
                let _ = socket.read(&mut [0; 4_096]);
                let body = json!({ "keys": *keys.lock() }).to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = socket.write_all(format!("{head}{body}").as_bytes());
            }
        });
        server
    }

    fn has(&self, keys: &[(&str, &Ed25519KeyPair)]) {
        let jwk = |(kid, key): &(&str, &Ed25519KeyPair)| {
            let x = URL_SAFE_NO_PAD.encode(key.public_key());
            json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x, "use": "sig", "alg": "EdDSA" })
        };
        *self.keys.lock() = keys.iter().map(jwk).collect();
    }
}

fn eddsa(key: &Ed25519KeyPair, kid: &str, claims: &Value) -> String {
    let header = json!({ "alg": "EdDSA", "kid": kid });
    signed(&header, claims, |text| key.sign(text).as_ref().to_vec())
}

#[tokio::test]
async fn a_site_rotates_its_keys_without_a_restart_and_made_up_kids_fetch_nothing() {
    let clock = fake_clock();
    let keys = KeyServer::start();
    let [one, other, thief] = std::array::from_fn(|_| Ed25519KeyPair::generate().unwrap());
    keys.has(&[("k1", &one)]);
    let settings = Settings::with(&format!("jwks-url = \"{}\"", keys.url));
    let server = settings.server(&clock.environment()).await;
    let api = server.api();
    author_of(&api, &eddsa(&one, "k1", &good())).await;
    assert_eq!(keys.asked.load(Ordering::Relaxed), 1);
    for at in 0..200 {
        let forged = eddsa(&thief, &format!("kid{at}"), &good());
        assert_refused(&write(&api, &forged, "lobby").await, 401, "forged-token");
    }
    assert_eq!(keys.asked.load(Ordering::Relaxed), 1);
    keys.has(&[("k1", &one), ("k2", &other)]);
    clock.set(31);
    author_of(&api, &eddsa(&other, "k2", &good())).await;
    author_of(&api, &eddsa(&one, "k1", &good())).await;
    assert_eq!(keys.asked.load(Ordering::Relaxed), 2);
    let metrics = api.get("/metrics").await.body;
    assert!(metrics.contains("\nmillchat_jwks_fetches_total{site=\"shop\",outcome=\"ok\"} 2\n"), "{metrics}");
}

#[tokio::test]
async fn a_wrong_table_of_a_site_ends_the_start_with_a_sentence() {
    for (key, words) in [
        ("secret-file = \"/no/such/file\"", &["[[site]] shop", "/no/such/file"][..]),
        (
            "secret-file = \"SECRET\"\n[[login]]\nname = \"shop\"\nkind = \"github\"\nclient-id = \"x\"",
            &["[[site]] shop", "a [[login]] has this name too", "rename one"],
        ),
        ("jwks-url = \"http://shop.example/jwks.json\"", &["[[site]] shop", "https"]),
        ("", &["[[site]] shop", "exactly one of", "MILLCHAT_SECRET_SHOP_SECRET"]),
        ("secret-file = \"SECRET\"\nsecret = \"x\"", &["line 3: site", "unknown field `secret`"]),
        ("jwks-url = \"https://shop.example/\"\nca-file = \"/no/ca.pem\"", &["ca-file", "cannot be read"]),
    ] {
        let settings = Settings::with(key);
        let (code, _, stderr) =
            run(&["--config", &settings.path(), "-a", "127.0.0.1:0", "-l", "temp:"]).await;
        assert_eq!(code, Some(2), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "{word}: {stderr}");
        }
    }
}
