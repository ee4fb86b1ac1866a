//! One order of a certificate, from the account to the chain.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use instant_acme::{
    Account, AuthorizationStatus, BodyWrapper, BytesResponse, CertificateIdentifier, ChallengeType, Error,
    HttpClient, Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::cache::Cache;
use super::error::AcmeError;
use super::setting::{AcmeSettings, Contact, Domain};
use crate::https_client::HttpsClient;
use crate::tls::server::{Challenge, Tls};

/// Longest time for the authority to look at the challenges, and again to make the certificate.
const AUTHORITY_TIMEOUT: Duration = Duration::from_mins(2);

/// Tries to ask for the reason of a refusal: the authority may refuse a nonce in between.
const REFUSAL_TRIES: usize = 5;

/// The client in the form that the library asks for.
struct Requests(HttpsClient);

impl HttpClient for Requests {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = Request::from_parts(head, body.to_bytes());
            let answer = client.request(request).await.map_err(|error| Error::Other(error.into()))?;
            Ok(BytesResponse::from(answer.map(Full::new)))
        })
    }
}

/// Returns the account at the authority, of the cache or a new one.
pub async fn account(
    client: &HttpsClient,
    settings: &AcmeSettings,
    cache: &Cache,
) -> Result<Account, AcmeError> {
    let builder = Account::builder_with_http(Box::new(Requests(client.clone())));
    if let Some(credentials) = cache.account()? {
        return Ok(builder.from_credentials(credentials).await?);
    }
    let terms = terms(client, settings).await.unwrap_or_else(|| "no address is given".to_owned());
    tracing::info!(
        directory = %settings.directory,
        %terms,
        "a new account at the authority: by --acme you agree to its terms of service"
    );
    let contact = settings.contact.iter().map(Contact::uri).collect::<Vec<_>>();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder.create(&new, settings.directory.to_string(), None).await?;
    cache.store_account(&credentials)?;
    Ok(account)
}

/// Returns the address of the authority's terms of service, if it gives one.
async fn terms(client: &HttpsClient, settings: &AcmeSettings) -> Option<String> {
    let request = Request::get(settings.directory.as_str()).body(Bytes::new()).ok()?;
    let answer = client.request(request).await.ok()?;
    let directory: serde_json::Value = serde_json::from_slice(answer.body()).ok()?;
    Some(directory.get("meta")?.get("termsOfService")?.as_str()?.to_owned())
}

/// Obtains a certificate for these names: the chain and its key, as PEM. `replaces` is the one before it.
pub async fn obtain(
    account: &Account,
    tls: &Arc<Tls>,
    domains: &[Domain],
    replaces: Option<CertificateIdentifier<'static>>,
) -> Result<(String, String), AcmeError> {
    let identifiers: Vec<_> = domains.iter().map(|domain| Identifier::Dns(domain.to_string())).collect();
    let new = NewOrder::new(&identifiers);
    let mut order = match replaces {
        // What it replaces is a hint, which the authority may not like: then without it.
        Some(before) => match account.new_order(&NewOrder::new(&identifiers).replaces(before)).await {
            Ok(order) => order,
            Err(_) => account.new_order(&new).await?,
        },
        None => account.new_order(&new).await?,
    };
    let policy = RetryPolicy::new().timeout(AUTHORITY_TIMEOUT);
    let status = match answer_and_wait(&mut order, tls, &policy).await {
        Ok(status) => status,
        Err(error) => return Err(refusal(&mut order).await.unwrap_or(error)),
    };
    if status != OrderStatus::Ready {
        return Err(refusal(&mut order).await.unwrap_or(AcmeError::Invalid));
    }
    let key = order.finalize().await?;
    Ok((order.poll_certificate(&policy).await?, key))
}

/// Answers the challenges until the authority has looked. One that looks at once already says what it found when
/// it is told that the answers are there.
async fn answer_and_wait(
    order: &mut Order,
    tls: &Arc<Tls>,
    policy: &RetryPolicy,
) -> Result<OrderStatus, AcmeError> {
    // Answered for as long as this is there.
    let _challenges = answer_challenges(order, tls).await?;
    Ok(order.poll_ready(policy).await?)
}

async fn answer_challenges(order: &mut Order, tls: &Arc<Tls>) -> Result<Vec<Challenge>, AcmeError> {
    let mut answered = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let domain = authorization.identifier().to_string();
        let challenge = authorization.challenge(ChallengeType::TlsAlpn01);
        let mut challenge = challenge.ok_or_else(|| AcmeError::NoChallenge(domain.clone()))?;
        let digest = challenge.key_authorization().digest();
        answered.push(tls.answer_challenge(&domain, digest.as_ref())?);
        challenge.set_ready().await?;
    }
    Ok(answered)
}

/// Returns the authority's reason for giving up an order, if it says one.
async fn refusal(order: &mut Order) -> Option<AcmeError> {
    for _ in 0..REFUSAL_TRIES {
        let mut authorizations = order.authorizations();
        let mut are_all_answered = true;
        while let Some(authorization) = authorizations.next().await {
            let Ok(mut authorization) = authorization else {
                are_all_answered = false;
                continue;
            };
            let domain = authorization.identifier().to_string();
            let Ok(state) = authorization.refresh().await else {
                are_all_answered = false;
                continue;
            };
            let mut problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
            if let Some(problem) = problems.next() {
                return Some(AcmeError::NotHere { domain, reason: problem.to_string() });
            }
        }
        if are_all_answered {
            break;
        }
    }
    None
}
