//! The exchange of the code that a sign-in came back with, by the library of OAuth 2 over our own client.

use bytes::Bytes;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AuthType, AuthorizationCode, Client, ClientId, ClientSecret, ExtraTokenFields, HttpRequest, HttpResponse,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, StandardRevocableToken, StandardTokenResponse,
    TokenResponse as _, TokenUrl,
};
use serde::{Deserialize, Serialize};

use crate::outgoing::{Bounds, Outgoing, Trust};
use crate::sign_in::error::SignInError;
use crate::sign_in::hidden;
use crate::sign_in::id_token::error_word;

/// Beside what the library knows, the ID token of OpenID Connect. It is `Debug` by the library's wish, and
/// shows nothing.
#[derive(Clone, Default, Deserialize, Serialize)]
struct IdToken {
    id_token: Option<String>,
}

impl std::fmt::Debug for IdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdToken(…)")
    }
}

impl ExtraTokenFields for IdToken {}

type Tokens = StandardTokenResponse<IdToken, BasicTokenType>;
type OurClient = Client<
    BasicErrorResponse,
    Tokens,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// A code to exchange, and who exchanges it.
pub struct Exchange<'a> {
    /// The provider's address.
    pub token_endpoint: &'a str,
    /// Our name there.
    pub client_id: &'a str,
    /// Our secret there.
    pub secret: Option<&'a hidden::ClientSecret>,
    /// The secret goes into the body.
    pub is_secret_in_body: bool,
    /// The address that the sign-in came back to.
    pub redirect_uri: &'a str,
    /// The code.
    pub code: &'a str,
    /// The verifier of PKCE.
    pub verifier: &'a str,
}

/// Returns the access token, and the ID token if there is one.
pub async fn exchange(
    outgoing: &Outgoing,
    trust: &Trust,
    what: Exchange<'_>,
) -> Result<(String, Option<String>), SignInError> {
    let no_address = |_| SignInError::Unreachable("the provider's token endpoint is no address".to_owned());
    let token_url = TokenUrl::new(what.token_endpoint.to_owned()).map_err(no_address)?;
    let redirect = RedirectUrl::new(what.redirect_uri.to_owned()).map_err(no_address)?;
    let mut client = OurClient::new(ClientId::new(what.client_id.to_owned()))
        .set_auth_type(if what.is_secret_in_body { AuthType::RequestBody } else { AuthType::BasicAuth });
    if let Some(secret) = what.secret {
        client = client.set_client_secret(ClientSecret::new(secret.reveal().to_owned()));
    }
    let client = client.set_token_uri(token_url).set_redirect_uri(redirect);
    let send = |request: HttpRequest| async move {
        let answer = outgoing.call(trust, request.map(Bytes::from), Bounds::default()).await?;
        if answer.status().is_server_error() {
            let status = answer.status();
            return Err(SignInError::Unreachable(format!("the provider answers {status} to the code")));
        }
        Ok::<HttpResponse, SignInError>(answer.map(Vec::from))
    };
    let tokens = client
        .exchange_code(AuthorizationCode::new(what.code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(what.verifier.to_owned()))
        .request_async(&send)
        .await
        .map_err(not_exchanged)?;
    let access = tokens.access_token().secret().clone();
    Ok((access, tokens.extra_fields().id_token.clone()))
}

/// Returns the error without what the provider wrote, but for the code of its error.
fn not_exchanged(error: RequestTokenError<SignInError, BasicErrorResponse>) -> SignInError {
    let refused =
        |code: &str| SignInError::invalid(format!("the provider refuses the code: {}", error_word(code)));
    match error {
        RequestTokenError::Request(error) => error,
        RequestTokenError::ServerResponse(answer) => refused(answer.error().as_ref()),
        // GitHub says an error with the status 200.
        RequestTokenError::Parse(_, body) => match serde_json::from_slice::<OnlyError>(&body) {
            Ok(OnlyError { error }) => refused(&error),
            Err(_) => SignInError::Unreachable("the provider's answer to the code has no token".to_owned()),
        },
        RequestTokenError::Other(_) => {
            SignInError::Unreachable("the provider's answer to the code is empty".to_owned())
        }
    }
}

#[derive(Deserialize)]
struct OnlyError {
    error: String,
}
