//! The addresses and keys of a provider of OpenID Connect, by its discovery document.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::JwkSet;
use parking_lot::Mutex;
use serde::Deserialize;

use super::ask::get_json;
use crate::outgoing::{Bounds, Outgoing, Trust, check_address};
use crate::sign_in::error::SignInError;

/// Time for which a discovery document and the keys are used again.
const KEPT: Duration = Duration::from_mins(10);
/// Most characters of an issuer that the log shows.
const ISSUER_SHOWN_CHARS_MAX: usize = 200;
/// Largest set of keys, in bytes.
const KEYS_BYTES_MAX: usize = 64 * 1024;

/// The discovery document, as far as it is used.
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub end_session_endpoint: Option<String>,
    #[serde(default = "rs256")]
    pub id_token_signing_alg_values_supported: Vec<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

fn rs256() -> Vec<String> {
    vec!["RS256".to_owned()]
}

impl Metadata {
    /// Returns true if the secret goes into the body and not into a header.
    pub fn wants_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_deref().unwrap_or_default();
        let has = |name: &str| methods.iter().any(|method| method == name);
        has("client_secret_post") && !has("client_secret_basic")
    }
}

/// A provider of OpenID Connect, as it is known now.
pub struct Provider {
    /// Its addresses.
    pub metadata: Metadata,
    /// Its keys.
    pub keys: JwkSet,
}

/// The facts about a provider, kept for a while.
#[derive(Default)]
pub struct ProviderCache(
    /// Held to look, or to store: never while a provider is asked.
    Mutex<Option<(Instant, Arc<Provider>)>>,
);

impl ProviderCache {
    /// Returns the provider, asked again if that is some time ago.
    pub async fn get(&self, client: (&Outgoing, &Trust), issuer: &str) -> Result<Arc<Provider>, SignInError> {
        let kept =
            self.0.lock().as_ref().filter(|(read, _)| read.elapsed() < KEPT).map(|kept| kept.1.clone());
        match kept {
            Some(provider) => Ok(provider),
            None => self.read(client, issuer).await,
        }
    }

    /// Asks the provider now, whatever is kept.
    pub async fn read(
        &self,
        client: (&Outgoing, &Trust),
        issuer: &str,
    ) -> Result<Arc<Provider>, SignInError> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata =
            get_json(client, ("its configuration", &address), None, Bounds::default()).await?;
        if metadata.issuer != issuer {
            let theirs: String = metadata.issuer.chars().take(ISSUER_SHOWN_CHARS_MAX).collect();
            return Err(SignInError::Unreachable(format!(
                "the provider's configuration says that its issuer is {theirs:?}, and the settings say \
                 {issuer:?}: they must be equal, letter by letter"
            )));
        }
        for (name, address) in [
            ("authorization_endpoint", Some(&metadata.authorization_endpoint)),
            ("end_session_endpoint", metadata.end_session_endpoint.as_ref()),
        ] {
            // Browsers are sent there, so nothing else looks at it.
            let is_good = address.is_none_or(|a| a.parse().is_ok_and(|uri| check_address(&uri).is_ok()));
            if !is_good {
                return Err(SignInError::Unreachable(format!(
                    "the provider's {name} is not an https address"
                )));
            }
        }
        let bounds = Bounds { bytes_max: KEYS_BYTES_MAX, ..Bounds::default() };
        let keys = get_json(client, ("its keys", &metadata.jwks_uri), None, bounds).await?;
        let provider = Arc::new(Provider { metadata, keys });
        *self.0.lock() = Some((Instant::now(), provider.clone()));
        Ok(provider)
    }
}
