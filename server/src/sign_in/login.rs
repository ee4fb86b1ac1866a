//! A login: it sends browsers to its provider, and finds out who came back.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use millchat::Timestamp;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use url::Url;

use super::error::SignInError;
use super::hidden::ClientSecret;
use super::id_token::{self, Claims, Expected, error_word};
use super::pending::Pending;
use super::provider::{self, Exchange, Provider, ProviderCache, exchange, get_json};
use super::settings::{Endpoints, Fields, LoginSettings, Logout, ProviderSettings};
use crate::log_throttle::LogThrottle;
use crate::outgoing::{Bounds, Outgoing, Trust, TrustError};

/// Longest time of all calls of one sign-in together.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(9);
/// Longest code that is exchanged, in bytes.
const CODE_BYTES_MAX: usize = 4_096;
/// Most groups that a session holds.
const GROUPS_MAX: usize = 32;
/// Longest group, and most bytes of all groups of a session, as the token has to hold them.
const GROUPS_BYTES_MAX: usize = 1_024;
/// The claims that may be the name, the best first. Never the e-mail.
const NAMES: [&str; 3] = ["name", "preferred_username", "login"];

/// A login that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Its secret cannot be read.
    #[error("the login `{login}`: {why}")]
    Secret {
        /// The login.
        login: String,
        /// The reason.
        why: String,
    },
    /// Its certificates cannot be read.
    #[error("the login `{login}`: ca-file: {source}")]
    Trust {
        /// The login.
        login: String,
        /// The reason.
        #[source]
        source: TrustError,
    },
}

/// Somebody who has signed in at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The name of the login.
    pub login: Arc<str>,
    /// The id of the user at the provider.
    pub sub: Arc<str>,
    /// The name, by the rule of names.
    pub name: String,
    /// Those of the groups that the settings name.
    pub groups: Vec<Arc<str>>,
    /// The address of the picture.
    pub picture: Option<String>,
}

/// The parameters that a browser brings back from a provider.
#[derive(Debug, Default)]
pub struct Answer {
    /// The code.
    pub code: Option<String>,
    /// The issuer, if the provider names itself.
    pub iss: Option<String>,
    /// The error.
    pub error: Option<String>,
}

/// The groups that any setting names. A reload may name others.
pub type NamedGroups = Arc<ArcSwap<Vec<String>>>;

/// A login, ready for use.
pub struct Login {
    /// Its settings.
    pub settings: LoginSettings,
    name: Arc<str>,
    secret: Option<ClientSecret>,
    trust: Trust,
    redirect_uri: String,
    /// The groups that the settings name, wherever they do.
    named_groups: NamedGroups,
    cache: ProviderCache,
    /// The line about sign-ins without the claim of the groups.
    no_groups_told: LogThrottle,
}

impl Login {
    /// Reads what the settings name. `origin` is the public address.
    pub fn new(settings: LoginSettings, origin: &str, named_groups: NamedGroups) -> Result<Self, LoginError> {
        let login = || settings.name.clone();
        let secret = secret(&settings).map_err(|why| LoginError::Secret { login: login(), why })?;
        let trust = settings.ca_file.as_deref().map(Trust::file).transpose();
        let trust = trust.map_err(|source| LoginError::Trust { login: login(), source })?;
        Ok(Self {
            name: settings.name.as_str().into(),
            secret,
            trust: trust.unwrap_or_else(Trust::system),
            redirect_uri: format!("{origin}/auth/{}/callback", settings.name),
            named_groups,
            cache: ProviderCache::default(),
            no_groups_told: LogThrottle::new(),
            settings,
        })
    }

    /// Returns the address to which a browser goes to sign in.
    pub async fn address(&self, outgoing: &Outgoing, pending: &Pending) -> Result<String, SignInError> {
        let (endpoint, nonce) = match &self.settings.kind {
            ProviderSettings::Oidc { issuer } => {
                let provider = in_time(self.cache.get((outgoing, &self.trust), issuer)).await?;
                (provider.metadata.authorization_endpoint.clone(), Some(&pending.nonce))
            }
            ProviderSettings::OAuth2 { endpoints, .. } => (endpoints.authorize.clone(), None),
        };
        let mut address = Url::parse(&endpoint)
            .map_err(|_| SignInError::Unreachable("the provider's address is none".to_owned()))?;
        let verifier = PkceCodeVerifier::new(pending.verifier.clone());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        {
            let mut query = address.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.settings.client_id)
                .append_pair("redirect_uri", &self.redirect_uri)
                .append_pair("state", &pending.state)
                .append_pair("code_challenge", challenge.as_str())
                .append_pair("code_challenge_method", challenge.method().as_str());
            if !self.settings.scopes.is_empty() {
                query.append_pair("scope", &self.settings.scopes.join(" "));
            }
            if let Some(nonce) = nonce {
                query.append_pair("nonce", nonce);
            }
        }
        Ok(address.into())
    }

    /// Returns who came back with this answer.
    pub async fn finish(
        &self,
        outgoing: &Outgoing,
        pending: &Pending,
        answer: &Answer,
    ) -> Result<SignedIn, SignInError> {
        in_time(self.finish_in_any_time(outgoing, pending, answer)).await
    }

    async fn finish_in_any_time(
        &self,
        outgoing: &Outgoing,
        pending: &Pending,
        answer: &Answer,
    ) -> Result<SignedIn, SignInError> {
        match &self.settings.kind {
            ProviderSettings::Oidc { issuer } => {
                let provider = self.cache.get((outgoing, &self.trust), issuer).await?;
                let must_name = provider.metadata.authorization_response_iss_parameter_supported;
                // Of two providers, one may send the browser back to the place of the other.
                if answer.iss.as_ref().map_or(must_name, |iss| iss != issuer) {
                    return Err(SignInError::invalid("the parameter iss is not the issuer of the settings"));
                }
                let code = code(answer)?;
                self.by_id_token(outgoing, (issuer, provider), pending, code).await
            }
            ProviderSettings::OAuth2 { endpoints, fields } => {
                let code = code(answer)?;
                self.by_user(outgoing, (endpoints, fields), pending, code).await
            }
        }
    }

    async fn by_id_token(
        &self,
        outgoing: &Outgoing,
        (issuer, mut provider): (&str, Arc<Provider>),
        pending: &Pending,
        code: &str,
    ) -> Result<SignedIn, SignInError> {
        let in_body = provider.metadata.wants_secret_in_body();
        let endpoint = provider.metadata.token_endpoint.clone();
        let (access, id_token) = self.exchange(outgoing, (&endpoint, in_body), pending, code).await?;
        let id_token = id_token.ok_or_else(|| SignInError::invalid("the provider gives no ID token"))?;
        let header = id_token::header(&id_token, &provider.metadata.id_token_signing_alg_values_supported)?;
        if !id_token::has_key(&provider.keys, &header) {
            // The keys have been rotated since they were read.
            provider = self.cache.read((outgoing, &self.trust), issuer).await?;
        }
        let expected = Expected {
            issuer,
            client_id: &self.settings.client_id,
            nonce: &pending.nonce,
            algorithms: &provider.metadata.id_token_signing_alg_values_supported,
        };
        let now = Timestamp::now().0 / 1_000;
        let mut claims = id_token::verify(&id_token, &provider.keys, &expected, now)?;
        if let Some(endpoint) = &provider.metadata.userinfo_endpoint {
            let user: Claims = self.user(outgoing, endpoint, &access).await?;
            if user.get("sub") != claims.get("sub") {
                return Err(SignInError::invalid("userinfo is about another sub than the ID token"));
            }
            claims.extend(user);
        }
        let sub = provider::user_id(&claims, "sub", false);
        self.signed_in(sub, &claims, (&NAMES, Some("picture")))
    }

    async fn by_user(
        &self,
        outgoing: &Outgoing,
        (endpoints, fields): (&Endpoints, &Fields),
        pending: &Pending,
        code: &str,
    ) -> Result<SignedIn, SignInError> {
        let (access, _) = self.exchange(outgoing, (&endpoints.token, true), pending, code).await?;
        let user = self.user(outgoing, &endpoints.user, &access).await?;
        let sub = provider::user_id(&user, &fields.id, fields.is_id_number);
        let names = [fields.name.as_str(), "preferred_username", "login"];
        self.signed_in(sub, &user, (&names, fields.avatar.as_deref()))
    }

    async fn exchange(
        &self,
        outgoing: &Outgoing,
        (token_endpoint, is_secret_in_body): (&str, bool),
        pending: &Pending,
        code: &str,
    ) -> Result<(String, Option<String>), SignInError> {
        let what = Exchange {
            token_endpoint,
            client_id: &self.settings.client_id,
            secret: self.secret.as_ref(),
            is_secret_in_body,
            redirect_uri: &self.redirect_uri,
            code,
            verifier: &pending.verifier,
        };
        exchange(outgoing, &self.trust, what).await
    }

    async fn user(&self, outgoing: &Outgoing, endpoint: &str, access: &str) -> Result<Claims, SignInError> {
        let client = (outgoing, &self.trust);
        get_json(client, ("the user", endpoint), Some(access), Bounds::default()).await
    }

    fn signed_in(
        &self,
        sub: Option<String>,
        claims: &Claims,
        (names, picture): (&[&str], Option<&str>),
    ) -> Result<SignedIn, SignInError> {
        let sub =
            sub.ok_or_else(|| SignInError::invalid("the provider names no id of the user that is taken"))?;
        let claim = self.settings.groups_claim.as_deref();
        if let Some(claim) = claim.filter(|claim| !claims.contains_key(*claim))
            && self.no_groups_told.is_due()
        {
            tracing::warn!(
                login = %self.name,
                claim,
                "a sign-in has no such claim, so the person is in no group; most providers list the groups \
                 only if `scopes` asks for them"
            );
        }
        let named_groups = self.named_groups.load();
        let is_named = |group: &str| named_groups.iter().any(|named| named == group);
        let mut groups = claim.map(|claim| provider::groups(claims, claim, is_named)).unwrap_or_default();
        if !self.lets_in(&sub, &groups) {
            return Err(SignInError::Refused("`only` of the settings does not name this person".to_owned()));
        }
        let mut bytes = 0;
        groups.retain(|group| {
            bytes += group.len();
            bytes <= GROUPS_BYTES_MAX
        });
        groups.truncate(GROUPS_MAX);
        Ok(SignedIn {
            login: self.name.clone(),
            name: provider::name(claims, names).unwrap_or_else(|| self.settings.label.clone()),
            sub: sub.into(),
            groups: groups.into_iter().map(Arc::from).collect(),
            picture: picture.and_then(|key| provider::picture(claims, key)),
        })
    }

    fn lets_in(&self, sub: &str, groups: &[String]) -> bool {
        let Some(only) = &self.settings.only else { return true };
        only.iter().any(|who| match who.strip_prefix('@') {
            Some(group) => groups.iter().any(|theirs| theirs == group),
            None => who == sub,
        })
    }

    /// Returns the address at which a sign-out goes on at the provider, if the settings want that and the
    /// provider has one.
    pub async fn end_address(&self, outgoing: &Outgoing, back_to: &str) -> Option<String> {
        let ProviderSettings::Oidc { issuer } = &self.settings.kind else { return None };
        if self.settings.logout != Logout::Provider {
            return None;
        }
        let provider = in_time(self.cache.get((outgoing, &self.trust), issuer)).await;
        let provider = provider.inspect_err(|error| {
            tracing::warn!(login = %self.name, %error, "a sign-out does not reach the provider");
        });
        let mut address = Url::parse(provider.ok()?.metadata.end_session_endpoint.as_deref()?).ok()?;
        address
            .query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("post_logout_redirect_uri", back_to);
        Some(address.into())
    }

    /// Asks the provider as a sign-in does, as far as that goes without a person. Returns what it found.
    pub async fn check(&self, outgoing: &Outgoing) -> Result<String, SignInError> {
        match &self.settings.kind {
            ProviderSettings::Oidc { issuer } => {
                let provider = in_time(self.cache.read((outgoing, &self.trust), issuer)).await?;
                let algorithms = provider.metadata.id_token_signing_alg_values_supported.join(", ");
                let keys = provider.keys.keys.len();
                Ok(format!("the provider answers as {issuer}, with {keys} keys, and signs by {algorithms}"))
            }
            ProviderSettings::OAuth2 { endpoints, .. } => {
                // Without a token it must refuse, and answer.
                match self.user(outgoing, &endpoints.user, "none").await {
                    Ok(_) => Ok("the address of the user answers without a token".to_owned()),
                    Err(SignInError::Unreachable(said)) => Ok(said),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// Takes the secret from its file or its variable.
fn secret(settings: &LoginSettings) -> Result<Option<ClientSecret>, String> {
    let login = settings.name.to_ascii_uppercase().replace('-', "_");
    let variable = format!("MILLCHAT_SECRET_{login}_CLIENT_SECRET");
    let set = std::env::var(&variable).ok().filter(|text| !text.is_empty());
    match (&settings.client_secret_file, set) {
        (Some(_), Some(_)) => Err(format!("client-secret-file and {variable} are both set: leave one out")),
        (Some(file), None) => ClientSecret::read(file).map(Some),
        (None, Some(text)) => {
            let secret = ClientSecret::of(&text);
            secret.map(Some).ok_or_else(|| format!("{variable} is some visible characters of ASCII"))
        }
        (None, None) => Ok(None),
    }
}

fn code(answer: &Answer) -> Result<&str, SignInError> {
    match answer.error.as_deref() {
        Some(error @ ("server_error" | "temporarily_unavailable")) => {
            Err(SignInError::Unreachable(format!("the provider says {error}")))
        }
        Some(error) => Err(SignInError::Refused(format!("the provider says {}", error_word(error)))),
        None => {
            let code = answer.code.as_deref().filter(|code| (1..=CODE_BYTES_MAX).contains(&code.len()));
            code.ok_or_else(|| SignInError::invalid("the provider brings no code"))
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, SignInError>>) -> Result<T, SignInError> {
    let slow = || {
        let seconds = SIGN_IN_TIMEOUT.as_secs();
        Err(SignInError::Unreachable(format!("the provider did not answer within {seconds} seconds")))
    };
    tokio::time::timeout(SIGN_IN_TIMEOUT, work).await.unwrap_or_else(|_| slow())
}
