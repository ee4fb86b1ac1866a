//! Reading JSON from a provider.

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use serde::de::DeserializeOwned;

use crate::outgoing::{Bounds, Outgoing, Trust};
use crate::sign_in::error::SignInError;

/// Asks for a JSON document. `what` names it in the log.
pub async fn get_json<T: DeserializeOwned>(
    (outgoing, trust): (&Outgoing, &Trust),
    (what, address): (&str, &str),
    bearer: Option<&str>,
    bounds: Bounds,
) -> Result<T, SignInError> {
    let uri: Uri = address
        .parse()
        .map_err(|_| SignInError::Unreachable(format!("the provider's address for {what} is none")))?;
    let mut request = Request::get(uri).body(Bytes::new()).expect("a request with an address");
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(bearer) = bearer {
        let value = HeaderValue::try_from(format!("Bearer {bearer}"));
        let mut value = value.map_err(|_| SignInError::invalid("the access token is no token"))?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    let answer = outgoing.call(trust, request, bounds).await?;
    if answer.status() != StatusCode::OK {
        let status = answer.status();
        return Err(SignInError::Unreachable(format!(
            "the provider answers {status} to the request for {what}"
        )));
    }
    // The library's error may quote the answer.
    serde_json::from_slice(answer.body())
        .map_err(|_| SignInError::Unreachable(format!("the provider's answer about {what} is not such JSON")))
}
