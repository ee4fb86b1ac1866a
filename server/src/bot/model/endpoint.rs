//! The address of a server of models, and the API that it speaks.

use hyper::Uri;
use hyper::header::HeaderValue;
use serde::Deserialize;

use crate::outgoing::{Host, HostError};

/// The API that a server of models speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// Ollama's own: `/api/chat`, a line of JSON for each piece.
    Ollama,
    /// The one of OpenAI, which llama.cpp, vLLM, LM Studio and others speak: `/v1/chat/completions`,
    /// server-sent events.
    OpenAi,
}

/// The address to which prompts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The API.
    pub api: Api,
    /// The server.
    pub host: Host,
    /// The header `Host`.
    pub(super) host_header: HeaderValue,
    /// The path of its chat.
    pub path: Uri,
}

/// An address that is not one of a server of models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no address, or has more than scheme, host, port and path.
    #[error("`{0}` is not the address of a server of models; write it like http://127.0.0.1:11434")]
    Malformed(String),
    /// A server of OpenAI's API has its version in its address.
    #[error("`{0}` does not end in /v1, as the address of a server of OpenAI's API does")]
    NoVersion(String),
    /// Ollama's API begins at the root of its server.
    #[error("`{0}` ends in /v1, which is OpenAI's API: say so by api = \"openai\", or leave /v1 out")]
    Version(String),
}

impl Endpoint {
    /// Reads an address: `http` or `https`, no user, no query. A slash at its end does not count.
    pub fn parse(text: &str, api: Api) -> Result<Self, EndpointError> {
        let malformed = || EndpointError::Malformed(without_user(text));
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let host = Host::of_any(&uri).map_err(|_: HostError| malformed())?;
        if uri.query().is_some() || text.contains('#') {
            return Err(malformed());
        }
        let base = uri.path().trim_end_matches('/');
        let path = match (api, base.ends_with("/v1")) {
            (Api::Ollama, false) => format!("{base}/api/chat"),
            (Api::OpenAi, true) => format!("{base}/chat/completions"),
            (Api::Ollama, true) => return Err(EndpointError::Version(text.to_owned())),
            (Api::OpenAi, false) => return Err(EndpointError::NoVersion(text.to_owned())),
        };
        let path = path.parse().map_err(|_| malformed())?;
        let host_header = HeaderValue::try_from(host.header()).map_err(|_| malformed())?;
        Ok(Self { api, host, host_header, path })
    }
}

/// Returns an address as an error may show it: a user in it can be a secret.
fn without_user(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}…{}", &text[..scheme + 3], &text[at..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_scheme_host_port_and_path_and_no_more() {
        use Api::{Ollama, OpenAi};
        for (text, api, host, path) in [
            ("http://127.0.0.1:11434", Ollama, "127.0.0.1:11434", "/api/chat"),
            ("http://ollama", Ollama, "ollama:80", "/api/chat"),
            ("https://models.example.org/ollama/", Ollama, "models.example.org:443", "/ollama/api/chat"),
            ("http://[::1]:8080/v1", OpenAi, "[::1]:8080", "/v1/chat/completions"),
            ("https://api.example.org/v1/", OpenAi, "api.example.org:443", "/v1/chat/completions"),
            ("http://10.1.2.3/x/v1", OpenAi, "10.1.2.3:80", "/x/v1/chat/completions"),
        ] {
            let endpoint = Endpoint::parse(text, api).unwrap();
            assert_eq!((&*endpoint.host.with_port(), endpoint.path.path()), (host, path), "{text}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_and_its_user_not_repeated() {
        for text in [
            "",
            "127.0.0.1:11434",
            "ftp://127.0.0.1",
            "http://",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:11434/?a=b",
            "http://127.0.0.1:11434/#a",
            "http://ada:secret@127.0.0.1",
        ] {
            let error = Endpoint::parse(text, Api::Ollama).unwrap_err();
            assert!(matches!(error, EndpointError::Malformed(_)), "{text}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let version = Endpoint::parse("http://h/v1", Api::Ollama).unwrap_err();
        assert!(version.to_string().contains("api = \"openai\""), "{version}");
        let none = Endpoint::parse("http://h/v2", Api::OpenAi).unwrap_err();
        assert!(none.to_string().contains("/v1"), "{none}");
    }
}
