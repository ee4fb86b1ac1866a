//! Tokens of sites: those that are good, and every attack of the contract.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use millchat::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::key::SiteKey;
use super::settings::Site;
use super::verify::Sites;
use crate::identity::{Person, TokenError, Via};

const ISSUER: &str = "https://shop.example";
const AUDIENCE: &str = "https://chat.example";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const ID_SECRET: [u8; 32] = [7; 32];
const NOW: u64 = 1_800_000_000;

/// Signs a text.
type Sign = dyn Fn(&[u8]) -> Vec<u8>;

/// A key of a site: how it signs, and how its server shows it.
struct Signer {
    algorithm: &'static str,
    sign: Box<Sign>,
    public: String,
    jwk: Value,
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der))
}

fn hs256(secret: &[u8]) -> Signer {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
    let sign = Box::new(move |text: &[u8]| aws_lc_rs::hmac::sign(&key, text).as_ref().to_vec());
    let jwk = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret) });
    Signer { algorithm: "HS256", sign, public: String::new(), jwk }
}

fn eddsa() -> Signer {
    let key = Ed25519KeyPair::generate().unwrap();
    let public = pem(key.public_key().as_der().unwrap().as_ref());
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public_key()) });
    Signer { algorithm: "EdDSA", sign: Box::new(move |text| key.sign(text).as_ref().to_vec()), public, jwk }
}

fn es256() -> Signer {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let public = pem(key.public_key().as_der().unwrap().as_ref());
    let point = key.public_key().as_ref();
    let [x, y] = [&point[1..33], &point[33..]].map(|part| URL_SAFE_NO_PAD.encode(part));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig", "alg": "ES256" });
    let sign = move |text: &[u8]| key.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec();
    Signer { algorithm: "ES256", sign: Box::new(sign), public, jwk }
}

fn rs256(size: KeySize) -> Signer {
    let key = RsaKeyPair::generate(size).unwrap();
    let public = pem(key.public_key().as_der().unwrap().as_ref());
    let n = URL_SAFE_NO_PAD.encode(key.public_key().modulus().big_endian_without_leading_zero());
    let e = URL_SAFE_NO_PAD.encode(key.public_key().exponent().big_endian_without_leading_zero());
    let jwk = json!({ "kty": "RSA", "n": n, "e": e, "alg": "RS256" });
    let sign = move |text: &[u8]| {
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
        signature
    };
    Signer { algorithm: "RS256", sign: Box::new(sign), public, jwk }
}

impl Signer {
    fn token(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode((self.sign)(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn sign(&self, claims: &Value) -> String {
        self.token(&json!({ "alg": self.algorithm, "typ": "JWT" }).to_string(), &claims.to_string())
    }

    fn with_kid(&self, kid: &str, claims: &Value) -> String {
        self.token(&json!({ "alg": self.algorithm, "kid": kid }).to_string(), &claims.to_string())
    }
}

fn site(key: SiteKey) -> Site {
    Site {
        name: "shop".to_owned(),
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        rooms: vec!["support-*".to_owned(), "lobby".to_owned()],
        grants: "writer",
        key,
        ca_file: None,
    }
}

fn sites(key: SiteKey) -> Sites {
    Sites::new(&[site(key)], &Arc::default(), |_| Box::new(|_| {})).unwrap()
}

fn good() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "7", "exp": NOW + 600, "iat": NOW, "name": "Ada" })
}

fn with(more: &Value) -> Value {
    let mut claims = good();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

fn verify(sites: &Sites, token: &str) -> Result<Person, TokenError> {
    verify_at(sites, token, NOW)
}

fn verify_at(sites: &Sites, token: &str, now: u64) -> Result<Person, TokenError> {
    sites.verify(token, &ID_SECRET, Timestamp(now * 1_000))
}

#[test]
fn each_kind_of_key_checks_the_tokens_of_its_own_algorithm_and_no_other() {
    let (hs, ed, es, rs) = (hs256(SECRET), eddsa(), es256(), rs256(KeySize::Rsa2048));
    let of_pem = |signer: &Signer| SiteKey::of_pem(&signer.public).unwrap();
    let keys = [SiteKey::Secret(SECRET.into()), of_pem(&ed), of_pem(&es), of_pem(&rs)];
    let signers = [&hs, &ed, &es, &rs];
    for (at, key) in keys.into_iter().enumerate() {
        let sites = sites(key);
        for (other, signer) in signers.iter().enumerate() {
            let verified = verify(&sites, &signer.sign(&good()));
            assert_eq!(verified.is_ok(), at == other, "{} {}", signers[at].algorithm, signer.algorithm);
            if other != at {
                assert!(matches!(verified, Err(TokenError::Forged(_))));
                // Nor when the header says what is wanted.
                let lied = json!({ "alg": signers[at].algorithm }).to_string();
                let lied = verify(&sites, &signer.token(&lied, &good().to_string()));
                assert!(matches!(lied, Err(TokenError::Forged(_))));
            }
        }
        // Another key of the same kind.
        let other = [hs256(&[9; 32]), eddsa(), es256(), rs256(KeySize::Rsa2048)];
        assert!(matches!(verify(&sites, &other[at].sign(&good())), Err(TokenError::Forged(_))));
    }
}

#[test]
fn a_user_of_a_site_is_somebody_with_a_name_groups_and_rights() {
    let (signer, sites) = (hs256(SECRET), sites(SiteKey::Secret(SECRET.into())));
    let rooms = json!({ "support-7": "moderator", "lobby": "reader", "*": "reader", "secret": "owner" });
    let claims = with(&json!({ "groups": ["vip"], "rooms": rooms }));
    let ada = verify(&sites, &signer.sign(&claims)).unwrap();
    assert!(ada.author.id.starts_with("u_") && ada.author.id.len() == 22);
    assert_eq!((&*ada.author.name, ada.author.kind.as_str()), ("Ada", "user"));
    assert_eq!((&ada.via, ada.sub.as_deref()), (&Via::Site("shop".into()), Some("7")));
    assert_eq!(&*ada.groups, &["vip".into()]);
    // No more than the role and the rooms that the settings allow the site.
    let grants: Vec<_> = ada.grants.iter().flat_map(|grants| grants.iter()).cloned().collect();
    let expected = [("lobby", "reader"), ("support-*", "reader"), ("support-7", "writer")];
    assert_eq!(grants, expected.map(|(room, role)| (room.into(), role.into())));
    assert_eq!(ada.expires_at, Some(Timestamp((NOW + 660) * 1_000)));
    assert_eq!(ada.session.as_ref().unwrap().auth, Timestamp(NOW * 1_000));
    let later = with(&json!({ "exp": NOW + 700, "name": "Ada L." }));
    let again = verify(&sites, &signer.sign(&later)).unwrap();
    assert_eq!(again.author.id, ada.author.id);
    assert_eq!(again.grants, None, "the same rights as any user");
    let other = verify(&sites, &signer.sign(&with(&json!({ "sub": "8" })))).unwrap();
    assert_ne!(other.author.id, ada.author.id);
    // One that does not say when it was made may be as old as any.
    let unsaid = verify(&sites, &signer.sign(&with(&json!({ "iat": null })))).unwrap();
    assert_eq!(unsaid.session.unwrap().auth, Timestamp((NOW + 600 - 24 * 3_600) * 1_000));
    for taken in [
        json!({ "aud": ["https://other.example", AUDIENCE] }),
        json!({ "exp": NOW - 59 }),
        json!({ "exp": NOW + 24 * 3_600 }),
        json!({ "iat": NOW + 59, "nbf": NOW + 59 }),
        json!({ "sub": "x".repeat(255) }),
        json!({ "exp": f64::from(u32::try_from(NOW).unwrap()) + 10.5 }),
        json!({ "groups": vec!["g"; 32] }),
        json!({ "name": null }),
        json!({ "picture": "https://x.example/a.png", "anything": [1, 2, {}] }),
    ] {
        assert!(verify(&sites, &signer.sign(&with(&taken))).is_ok(), "{taken}");
    }
}

/// The attacks by the token's text alone, and the name of the error and a word of it that each must get.
#[test]
#[allow(clippy::too_many_lines, reason = "it is one table")]
fn every_attack_on_a_sites_token_is_refused_with_its_reason() {
    let signer = eddsa();
    let sites = sites(SiteKey::of_pem(&signer.public).unwrap());
    let claims = good().to_string();
    let head = |header: Value| signer.token(&header.to_string(), &claims);
    let claiming = |more: Value| signer.sign(&with(&more));
    let good_token = signer.sign(&good());
    assert!(verify(&sites, &good_token).is_ok());
    let unsigned = |alg: &str| {
        let header = json!({ "alg": alg }).to_string();
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&claims))
    };
    let over_public_key = |alg: &str| {
        let thief = hs256(signer.public.as_bytes());
        thief.token(&json!({ "alg": alg }).to_string(), &claims)
    };
    let (content, signature) = good_token.rsplit_once('.').unwrap();
    let other_claims = URL_SAFE_NO_PAD.encode(with(&json!({ "sub": "8" })).to_string());
    let changed = format!("{}.{other_claims}.{signature}", content.split('.').next().unwrap());
    let twice = |claim: &str, value: &str| {
        signer.token(r#"{"alg":"EdDSA"}"#, &claims.replacen('{', &format!("{{\"{claim}\":{value},"), 1))
    };
    let attacks = [
        ("none", unsigned("none"), "forged", "alg"),
        ("NoNe", unsigned("NoNe"), "forged", "alg"),
        ("no alg at all", head(json!({ "typ": "JWT" })), "malformed", "alg"),
        ("an empty signature", format!("{content}."), "forged", "signature"),
        ("HS256 over the public key", over_public_key("HS256"), "forged", "alg"),
        ("HS256 that says EdDSA", over_public_key("EdDSA"), "forged", "signature"),
        ("HS512", head(json!({ "alg": "HS512" })), "forged", "alg"),
        ("eddsa in small letters", head(json!({ "alg": "eddsa" })), "forged", "alg"),
        ("other claims under the signature", changed, "forged", "signature"),
        ("another key", eddsa().sign(&good()), "forged", "signature"),
        ("another aud", claiming(json!({ "aud": "https://other.example" })), "audience", "aud"),
        ("others in aud", claiming(json!({ "aud": ["https://other.example"] })), "audience", "aud"),
        ("nobody in aud", claiming(json!({ "aud": [] })), "audience", "aud"),
        ("aud with a slash more", claiming(json!({ "aud": format!("{AUDIENCE}/") })), "audience", "aud"),
        ("another iss", claiming(json!({ "iss": "https://evil.example" })), "forged", "iss"),
        ("no iss", claiming(json!({ "iss": null })), "malformed", "iss"),
        ("no aud", claiming(json!({ "aud": null })), "malformed", "aud"),
        ("no sub", claiming(json!({ "sub": null })), "malformed", "sub"),
        ("no exp", claiming(json!({ "exp": null })), "malformed", "exp"),
        ("61 s too late", claiming(json!({ "exp": NOW - 61 })), "expired", "exp"),
        ("60 s too late", claiming(json!({ "exp": NOW - 60 })), "expired", "exp"),
        ("a lifetime of ten years", claiming(json!({ "exp": NOW + 315_360_000 })), "malformed", "exp"),
        ("a lifetime of 25 h", claiming(json!({ "exp": NOW + 25 * 3_600 })), "malformed", "exp"),
        ("iat in the future", claiming(json!({ "iat": NOW + 61 })), "malformed", "iat"),
        ("nbf in the future", claiming(json!({ "nbf": NOW + 61 })), "malformed", "nbf"),
        ("an empty sub", claiming(json!({ "sub": "" })), "malformed", "sub"),
        ("a long sub", claiming(json!({ "sub": "x".repeat(256) })), "malformed", "sub"),
        ("a sub that is a number", claiming(json!({ "sub": 7 })), "malformed", "claims"),
        ("an exp that is a text", claiming(json!({ "exp": "2100-01-01" })), "malformed", "claims"),
        ("a negative exp", claiming(json!({ "exp": -1 })), "malformed", "claims"),
        ("33 groups", claiming(json!({ "groups": vec!["g"; 33] })), "malformed", "groups"),
        ("a role that there is not", claiming(json!({ "rooms": { "lobby": "king" } })), "malformed", "rooms"),
        ("crit", head(json!({ "alg": "EdDSA", "crit": ["exp"] })), "malformed", "crit"),
        ("crit that is null", head(json!({ "alg": "EdDSA", "crit": null })), "malformed", "crit"),
        ("sub twice", twice("sub", "\"8\""), "malformed", "once"),
        ("exp twice", twice("exp", "1"), "malformed", "once"),
        ("aud twice", twice("aud", "\"x\""), "malformed", "once"),
        ("alg twice", signer.token(r#"{"alg":"EdDSA","alg":"none"}"#, &claims), "malformed", "once"),
        ("a header that is a list", signer.token(r#"["EdDSA"]"#, &claims), "malformed", "header"),
        ("claims that are a list", signer.token(r#"{"alg":"EdDSA"}"#, "[1]"), "malformed", "claims"),
        ("claims that are no JSON", signer.token(r#"{"alg":"EdDSA"}"#, "x"), "malformed", "claims"),
        ("padding", format!("{content}.{signature}="), "forged", "signature"),
        ("four parts", format!("{good_token}.x"), "malformed", ""),
        ("nothing in it", "..".to_owned(), "malformed", "header"),
        ("too long", claiming(json!({ "more": "x".repeat(4_096) })), "malformed", "4,096"),
    ];
    for (attack, token, name, word) in attacks {
        let refused = verify(&sites, &token).expect_err(attack);
        let found = match refused {
            TokenError::Forged(_) => "forged",
            TokenError::Malformed(_) => "malformed",
            TokenError::Expired(_) => "expired",
            TokenError::WrongAudience => "audience",
            TokenError::Missing | TokenError::Revoked(_) | TokenError::WrongRoom => "other",
        };
        assert!(found == name && refused.to_string().contains(word), "{attack}: {refused}");
    }
    let nobody = Sites::default();
    assert!(matches!(verify(&nobody, &good_token), Err(TokenError::Forged(_))));
}

#[test]
fn a_public_key_is_one_of_three_kinds_and_strong_enough() {
    for signer in [eddsa(), es256(), rs256(KeySize::Rsa2048), rs256(KeySize::Rsa3072)] {
        assert!(SiteKey::of_pem(&signer.public).is_ok(), "{}", signer.algorithm);
    }
    let p384 = EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let p384 = pem(p384.public_key().as_der().unwrap().as_ref());
    let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQA=\n-----END PRIVATE KEY-----\n";
    for wrong in ["", "x", &p384, private, &eddsa().public.replace("MCowBQYDK2Vw", "MCowBQYDK2Vv")] {
        assert!(SiteKey::of_pem(wrong).is_err(), "{wrong}");
    }
}

/// A site's server: gives its keys, and counts how often it was asked.
#[derive(Clone)]
struct KeyServer {
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    url: String,
}

impl KeyServer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let server = Self { answer: Arc::default(), asked: Arc::default(), url };
        let shared = server.clone();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                shared.asked.fetch_add(1, Ordering::Relaxed);
                let answer = shared.answer.lock().clone();
                tokio::spawn(async move {
                    let _ = socket.read(&mut [0; 4_096]).await;
                    let _ = socket.write_all(answer.as_bytes()).await;
                    if answer.is_empty() {
                        // One that hangs.
                        let _ = socket.read(&mut [0; 1]).await;
                    }
                });
            }
        });
        server
    }

    fn has(&self, keys: &[(&str, &Signer)], headers: &str) {
        let keys: Vec<_> = keys
            .iter()
            .map(|(kid, signer)| {
                let mut jwk = signer.jwk.clone();
                jwk["kid"] = json!(kid);
                jwk
            })
            .collect();
        self.says("200 OK", headers, &json!({ "keys": keys }).to_string());
    }

    fn says(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        *self.answer.lock() = format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn sites(&self) -> Sites {
        sites(SiteKey::Jwks(self.url.parse().unwrap()))
    }
}

/// Verifies as a request does: the keys are fetched before if need be.
async fn asked(sites: &Sites, token: &str, now: u64) -> Result<Person, TokenError> {
    sites.prepare(token, Timestamp(now * 1_000)).await;
    verify_at(sites, token, now)
}

#[tokio::test]
async fn ten_thousand_made_up_kids_fetch_the_keys_once_in_thirty_seconds() {
    let server = KeyServer::start().await;
    let (signer, thief) = (eddsa(), eddsa());
    server.has(&[("k1", &signer)], "");
    let sites = server.sites();
    let good_token = signer.with_kid("k1", &good());
    assert!(asked(&sites, &good_token, NOW).await.is_ok());
    assert_eq!(server.asked(), 1);
    for at in 0..10_000 {
        let forged = thief.with_kid(&format!("kid{at}"), &good());
        assert!(matches!(asked(&sites, &forged, NOW + 29).await, Err(TokenError::Forged(_))));
    }
    assert_eq!(server.asked(), 1);
    assert!(asked(&sites, &good_token, NOW + 29).await.is_ok());
    for at in 0..100 {
        let forged = thief.with_kid(&format!("kid{at}"), &good());
        assert!(asked(&sites, &forged, NOW + 31).await.is_err());
    }
    assert_eq!(server.asked(), 2);
    // Many at once start one fetch.
    let forged = thief.with_kid("x", &good());
    let many = (0..50).map(|_| asked(&sites, &forged, NOW + 62));
    let many = futures_util::future::join_all(many).await;
    assert!(many.iter().all(Result::is_err));
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn a_rotated_key_of_a_site_counts_without_a_restart_and_the_old_one_no_more() {
    let server = KeyServer::start().await;
    let (one, other) = (es256(), rs256(KeySize::Rsa2048));
    server.has(&[("k1", &one)], "cache-control: public, max-age=3600\r\n");
    let sites = server.sites();
    assert!(asked(&sites, &one.with_kid("k1", &good()), NOW).await.is_ok());
    server.has(&[("k1", &one), ("k2", &other)], "");
    let new = other.with_kid("k2", &good());
    assert!(asked(&sites, &new, NOW + 20).await.is_err(), "not before 30 seconds");
    assert!(asked(&sites, &new, NOW + 30).await.is_ok());
    assert!(asked(&sites, &one.with_kid("k1", &good()), NOW + 30).await.is_ok());
    // A key that the site has taken away counts until the keys are looked at again.
    server.has(&[("k2", &other)], "cache-control: max-age=1\r\n");
    let late = |signer: &Signer, kid: &str| signer.with_kid(kid, &with(&json!({ "exp": NOW + 3_600 })));
    assert!(asked(&sites, &late(&one, "k1"), NOW + 300).await.is_ok());
    let asked_before = server.asked();
    let looked_again = async {
        while asked(&sites, &late(&one, "k1"), NOW + 331).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), looked_again).await.unwrap();
    assert!(server.asked() > asked_before);
    assert!(asked(&sites, &late(&other, "k2"), NOW + 332).await.is_ok());
    // The name of one key does not make it another one.
    assert!(asked(&sites, &late(&one, "k2"), NOW + 333).await.is_err());
}

#[tokio::test]
async fn keys_stay_good_for_a_day_while_their_address_is_down_or_lies() {
    let server = KeyServer::start().await;
    let signer = eddsa();
    let sites = server.sites();
    let token = |now: u64| signer.with_kid("k1", &with(&json!({ "exp": now + 600, "iat": now })));
    server.says("500 Internal Server Error", "", "");
    assert!(asked(&sites, &token(NOW), NOW).await.is_err());
    server.has(&[("k1", &signer)], "");
    assert!(asked(&sites, &token(NOW), NOW + 10).await.is_err(), "30 seconds between two tries");
    let began = NOW + 30;
    assert!(asked(&sites, &token(began), began).await.is_ok());
    let too_many = json!({ "keys": vec![&signer.jwk; 33] }).to_string();
    let large = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(70_000));
    let elsewhere = format!("location: {}\r\n", server.url);
    let lies = [
        ("500 Internal Server Error", "", "{}"),
        ("302 Found", elsewhere.as_str(), "{}"),
        ("200 OK", "", "{"),
        ("200 OK", "", "{\"keys\":[]}"),
        ("200 OK", "", too_many.as_str()),
        ("200 OK", "", large.as_str()),
    ];
    for (at, (status, headers, body)) in lies.into_iter().enumerate() {
        server.says(status, headers, body);
        let now = began + 400 + 100 * at as u64;
        let before = server.asked();
        assert!(asked(&sites, &token(now), now).await.is_ok(), "{status} {body:.40}");
        // The look before may not have ended: then this one begins with a later request.
        while server.asked() == before {
            assert!(asked(&sites, &token(now), now).await.is_ok(), "{status} {body:.40}");
            tokio::task::yield_now().await;
        }
        assert!(asked(&sites, &token(now), now + 1).await.is_ok(), "{status} {body:.40}");
    }
    let end = began + 5 * 60 + 24 * 3_600;
    assert!(asked(&sites, &token(end - 1), end - 1).await.is_ok());
    assert!(asked(&sites, &token(end), end).await.is_err());
}

#[tokio::test]
async fn a_token_without_a_kid_is_checked_by_the_only_key_and_no_secret_is_taken_from_an_address() {
    let server = KeyServer::start().await;
    let (one, other, public_secret) = (eddsa(), eddsa(), hs256(SECRET));
    server.has(&[("k1", &one)], "");
    let sites = server.sites();
    assert!(asked(&sites, &one.sign(&good()), NOW).await.is_ok());
    server.has(&[("k1", &one), ("k2", &other), ("k3", &public_secret)], "");
    let forged = public_secret.with_kid("k3", &good());
    assert!(matches!(asked(&sites, &forged, NOW + 40).await, Err(TokenError::Forged(_))));
    assert!(asked(&sites, &other.with_kid("k2", &good()), NOW + 41).await.is_ok());
    assert!(asked(&sites, &one.sign(&good()), NOW + 42).await.is_err(), "there are two");
}

#[tokio::test]
async fn what_a_token_says_about_addresses_and_keys_is_not_looked_at() {
    let listener = KeyServer::start().await;
    let (signer, thief) = (eddsa(), eddsa());
    listener.has(&[("k1", &thief)], "");
    let server = KeyServer::start().await;
    server.has(&[("k1", &signer)], "");
    for sites in [server.sites(), sites(SiteKey::of_pem(&signer.public).unwrap())] {
        for (name, value) in [
            ("jku", json!(listener.url)),
            ("x5u", json!(listener.url)),
            ("jwk", thief.jwk.clone()),
            ("x5c", json!(["MIIB"])),
        ] {
            let header = json!({ "alg": "EdDSA", "kid": "k1", name: value }).to_string();
            let forged = asked(&sites, &thief.token(&header, &good().to_string()), NOW).await;
            assert!(matches!(forged, Err(TokenError::Forged(_))), "{name}");
            assert!(asked(&sites, &signer.token(&header, &good().to_string()), NOW).await.is_ok(), "{name}");
        }
    }
    assert_eq!(listener.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_some_seconds_for_keys_that_do_not_come() {
    let server = KeyServer::start().await;
    let sites = server.sites();
    let signer = eddsa();
    let began = tokio::time::Instant::now();
    assert!(asked(&sites, &signer.with_kid("k1", &good()), NOW).await.is_err());
    assert_eq!(began.elapsed().as_secs(), 5);
}
