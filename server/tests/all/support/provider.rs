//! npm's oidc-provider: a real provider of OpenID Connect, with some people who have an account.

use std::net::SocketAddr;
use std::process::Stdio;

use reqwest::header::LOCATION;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{node, within};

/// The secret of the client `millchat`.
pub const CLIENT_SECRET: &str = "a-secret-of-the-tests/with+signs";

/// A running provider.
pub struct Provider {
    /// Its issuer.
    pub issuer: String,
    _child: Child,
}

impl Provider {
    /// Starts one for a Millchat at this address.
    pub async fn start(millchat: SocketAddr) -> Self {
        node::install().await;
        let mut command = Command::new("node");
        command
            .args(["--no-warnings", "checks/provider.mjs", &format!("http://{millchat}")])
            .current_dir(node::PACKAGE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("node is not there; `make test` installs it");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut issuer = None;
        while issuer.is_none() {
            let line = within("the provider says its issuer", lines.next_line()).await.unwrap();
            issuer = Some(line.expect("the provider runs")).filter(|line| line.starts_with("http://"));
        }
        Self { issuer: issuer.unwrap(), _child: child }
    }

    /// Signs in as one of its people, as a browser would that begins at this address. Returns the address to
    /// which it is sent back.
    pub async fn sign_in(&self, begin: &str, account: &str) -> String {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.build().unwrap();
        let mut jar: Vec<(String, String)> = Vec::new();
        let mut address = begin.to_owned();
        let mut form: Option<&str> = None;
        let login = format!("prompt=login&login={account}&password=x");
        for _ in 0..10 {
            let cookies: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = match form.take() {
                Some(body) => http
                    .post(&address)
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body.to_owned()),
                None => http.get(&address),
            };
            let answer = request.header("cookie", cookies.join("; ")).send().await.unwrap();
            for set in answer.headers().get_all("set-cookie") {
                let (name, value) = set.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
                jar.retain(|(known, _)| known != name);
                if !value.is_empty() {
                    jar.push((name.to_owned(), value.to_owned()));
                }
            }
            let status = answer.status();
            let location = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().to_owned());
            if let Some(to) = location.filter(|_| status.is_redirection()) {
                let to = reqwest::Url::parse(&address).unwrap().join(&to).unwrap().to_string();
                if !to.starts_with(&self.issuer) {
                    return to;
                }
                address = to;
                continue;
            }
            let page = answer.text().await.unwrap();
            let action = page.split_once("action=\"").and_then(|(_, rest)| rest.split_once('"'));
            let (action, _) = action.unwrap_or_else(|| panic!("{status} without a form: {page}"));
            address = reqwest::Url::parse(&address).unwrap().join(action).unwrap().to_string();
            form = Some(&login);
        }
        panic!("the provider goes round in circles at {address}");
    }
}
