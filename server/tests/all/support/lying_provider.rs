//! A provider of OpenID Connect that answers as a test says, right or wrong.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::within;

/// The way in which an answer goes wrong that is no JSON.
#[derive(Debug, Clone)]
pub enum Wire {
    /// This head and this body.
    Raw(String),
    /// A connection on which nothing comes.
    Silence,
}

/// The words of the provider. `Default` is the truth.
#[derive(Debug, Clone, Default)]
pub struct Lies {
    /// The nonce of the sign-in.
    pub nonce: String,
    /// Claims of the ID token that are other than they should be; `null` leaves one out.
    pub claims: Value,
    /// The header of the ID token.
    pub header: Option<Header>,
    /// Signed by a key that the provider does not publish.
    pub foreign_key: bool,
    /// The ID token, whole.
    pub id_token: Option<String>,
    /// The answer about the user.
    pub user: Option<Value>,
    /// Fields of the discovery document that are other than they should be; `null` leaves one out.
    pub metadata: Value,
    /// The answer to a path goes wrong on the wire.
    pub wire: Option<(&'static str, Wire)>,
    /// The name of the key in the header and among the published keys.
    pub kid: String,
}

/// A key, as the signer and as everybody has it.
pub struct Key {
    pub private: EncodingKey,
    pub public: Value,
}

/// Makes a key of P-256.
pub fn key(kid: &str) -> Key {
    let pair = KeyPair::generate().unwrap();
    let point = pair.der_bytes();
    let (x, y) = point[point.len() - 64..].split_at(32);
    let public = json!({
        "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid,
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    });
    Key { private: EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(), public }
}

struct State {
    issuer: String,
    own: Key,
    foreign: Key,
    lies: Lies,
}

/// A running provider.
#[derive(Clone)]
pub struct LyingProvider {
    /// Its address.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// The paths that were asked for.
    asked: watch::Sender<Vec<String>>,
}

impl LyingProvider {
    /// Starts one that tells the truth.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = format!("http://{address}");
        let (own, foreign) = (key("k1"), key("k1"));
        let lies = Lies { kid: "k1".into(), ..Lies::default() };
        let state = State { issuer, own, foreign, lies };
        let provider = Self { address, state: Arc::new(Mutex::new(state)), asked: watch::Sender::default() };
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(socket));
            }
        });
        provider
    }

    /// Its issuer.
    pub fn issuer(&self) -> String {
        self.state.lock().unwrap().issuer.clone()
    }

    /// Lies like this from now on.
    pub fn lie(&self, lies: Lies) {
        let kid = if lies.kid.is_empty() { "k1".into() } else { lies.kid.clone() };
        self.state.lock().unwrap().lies = Lies { kid, ..lies };
    }

    /// Signs by another key from now on.
    pub fn rotate(&self, kid: &str) {
        self.state.lock().unwrap().own = key(kid);
    }

    /// The public key, for those who take it for a secret.
    pub fn public_key(&self) -> Value {
        self.state.lock().unwrap().own.public.clone()
    }

    /// Returns the paths that were asked for, and forgets them.
    pub fn asked(&self) -> Vec<String> {
        self.asked.send_replace(Vec::new())
    }

    /// Waits until a path was asked for so often.
    pub async fn until_asked(&self, path: &str, times: usize) {
        let mut asked = self.asked.subscribe();
        let often = |asked: &Vec<String>| asked.iter().filter(|one| *one == path).count() >= times;
        within(path, asked.wait_for(often)).await.unwrap();
    }

    async fn serve(self, mut socket: TcpStream) {
        let mut request = Vec::new();
        let path = loop {
            let Ok(byte) = socket.read_u8().await else { return };
            request.push(byte);
            if request.ends_with(b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&request).into_owned();
                break head.split(' ').nth(1).unwrap_or_default().to_owned();
            }
        };
        let answer = {
            self.asked.send_modify(|asked| asked.push(path.clone()));
            let state = self.state.lock().unwrap();
            match &state.lies.wire {
                Some((at, wire)) if *at == path => wire.clone(),
                _ => Wire::Raw(state.answer(&path)),
            }
        };
        match answer {
            Wire::Raw(text) => {
                let _ = socket.write_all(text.as_bytes()).await;
                let _ = socket.shutdown().await;
                // Until the other side has read it.
                let _ = socket.read_to_end(&mut Vec::new()).await;
            }
            Wire::Silence => std::future::pending().await,
        }
    }
}

impl State {
    fn answer(&self, path: &str) -> String {
        let Self { issuer, lies, .. } = self;
        let json = match path {
            "/.well-known/openid-configuration" => with(
                json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/keys"),
                    "userinfo_endpoint": format!("{issuer}/user"),
                    "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
                    "authorization_response_iss_parameter_supported": true,
                }),
                &lies.metadata,
            ),
            "/keys" => json!({ "keys": [
                { "kty": "unknown-kind", "kid": "k0" },
                self.own.public,
            ] }),
            "/token" => json!({
                "access_token": "an-access-token", "token_type": "Bearer", "id_token": self.id_token(),
            }),
            "/user" => lies.user.clone().unwrap_or(json!({ "sub": "ada", "name": "Ada" })),
            _ => return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".into(),
        };
        let body = json.to_string();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn id_token(&self) -> String {
        let Lies { claims, header, foreign_key, id_token, nonce, kid, .. } = &self.lies;
        if let Some(whole) = id_token {
            return whole.clone();
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let claims = with(
            json!({
                "iss": self.issuer, "aud": "millchat", "sub": "ada", "nonce": nonce, "iat": now,
                "exp": now + 60,
            }),
            claims,
        );
        let header = header.clone().unwrap_or_else(|| {
            let mut header = Header::new(Algorithm::ES256);
            header.kid = Some(kid.clone());
            header
        });
        let key = if *foreign_key { &self.foreign } else { &self.own };
        encode(&header, &claims, &key.private).unwrap()
    }
}

/// An object with these fields replaced, or left out where they are `null`.
fn with(mut object: Value, other: &Value) -> Value {
    for (name, value) in other.as_object().into_iter().flatten() {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}
