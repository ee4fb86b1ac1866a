//! Signing in: at a real provider, and at one that lies.

mod avatars;
mod browser;
mod denied;
mod in_panel;
mod lying;
mod oauth2;
mod panel;
mod settings;
mod visitors;
mod whole;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use tempfile::NamedTempFile;

use crate::support::provider::{CLIENT_SECRET, Provider};
use crate::support::{ADMIN, Server, Visitor, free_port};

/// A server, the file of its settings, and the provider of its login `corp`.
struct SignIns {
    server: Server,
    provider: Provider,
    /// Those that the settings name, and the settings.
    files: Vec<NamedTempFile>,
}

/// A file with this text.
fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn local() -> SocketAddr {
    free_port(Ipv4Addr::LOCALHOST.into())
}

impl SignIns {
    /// With these lines in the table of the login, and the other tables of the settings.
    async fn start(lines: &str, tables: &str) -> Self {
        Self::start_in(&[], lines, tables).await
    }

    /// The same, with this line before all tables.
    async fn start_with_first(first: &str, lines: &str, tables: &str) -> Self {
        Self::start_whole(&[], first, (lines, tables)).await
    }

    /// The same, with these variables in the server's environment.
    async fn start_in(environment: &[(&str, &str)], lines: &str, tables: &str) -> Self {
        Self::start_whole(environment, "", (lines, tables)).await
    }

    async fn start_whole(environment: &[(&str, &str)], first: &str, (lines, tables): (&str, &str)) -> Self {
        let address = local();
        let provider = Provider::start(address).await;
        let secret = file(CLIENT_SECRET);
        let issuer = &provider.issuer;
        let settings = file(&format!(
            "public-url = \"http://{address}\"\nrate-limit = \"off\"\n\
             admin-token = \"{ADMIN}\"\n{first}\n[[login]]\nname = \"corp\"\nlabel = \"Example Corp\"\nkind = \"oidc\"\nissuer = \"{issuer}\"\n\
             client-id = \"millchat\"\nclient-secret-file = \"{}\"\n{lines}\n{}",
            secret.path().display(),
            tables.replace("ISSUER", issuer),
        ));
        let arguments = ["--config", settings.path().to_str().unwrap()];
        let server = Server::start_on_in(address, environment, &arguments).await;
        Self { server, provider, files: vec![secret, settings] }
    }

    /// Lets a visitor sign in with an account at a login. Returns the place that they are led to.
    async fn sign_in_at(&self, login: &str, visitor: &mut Visitor, account: &str, to: &str) -> String {
        let begun = visitor.get(&format!("/auth/{login}?to={to}")).await.expect(303);
        let back = self.provider.sign_in(begun.header("location").unwrap(), account).await;
        let path = back.strip_prefix(&format!("http://{}", self.server.address())).unwrap().to_owned();
        visitor.get(&path).await.expect(303).header("location").unwrap().to_owned()
    }

    /// The same at the login `corp`.
    async fn sign_in(&self, visitor: &mut Visitor, account: &str, to: &str) -> String {
        self.sign_in_at("corp", visitor, account, to).await
    }
}

/// The value of an attribute of the page.
fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {page}"));
    rest.split_once('"').unwrap().0.to_owned()
}

/// The claims of a token of ours.
fn claims(token: &str) -> serde_json::Value {
    use base64::Engine as _;
    let (claims, _) = token.split_once('.').unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).unwrap();
    serde_json::from_slice(&json).unwrap()
}
