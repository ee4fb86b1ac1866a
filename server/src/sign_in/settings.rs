//! The tables `[[login]]` of the settings file.

use std::path::PathBuf;

use hyper::Uri;
use serde::Deserialize;

use crate::outgoing::check_address;
use crate::source_name::{SOURCE_NAME_LEN_MAX, is_source_name};

/// Longest label, in bytes.
const LABEL_BYTES_MAX: usize = 64;
/// Names that are something else in the paths of sign-ins.
const NAMES_TAKEN: [&str; 2] = ["logout", "done"];
/// Most logins.
pub const LOGINS_MAX: usize = 16;
/// The scopes of OpenID Connect, unless others are set.
const SCOPES_OIDC: [&str; 2] = ["openid", "profile"];
/// GitHub's own addresses.
const GITHUB: [&str; 3] = [
    "https://github.com/login/oauth/authorize",
    "https://github.com/login/oauth/access_token",
    "https://api.github.com/user",
];

/// A login: a provider at which people sign in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct LoginSettings {
    /// Its name, in paths and in the ids of users.
    pub name: String,
    /// Its name on the button.
    pub label: String,
    /// The provider.
    pub kind: ProviderSettings,
    /// Our name there.
    pub client_id: String,
    /// The file with our secret there; without one, PKCE alone proves that it is us.
    pub client_secret_file: Option<PathBuf>,
    /// The scopes that are asked for.
    pub scopes: Vec<String>,
    /// The claim that lists the groups.
    pub groups_claim: Option<String>,
    /// The hosts from which pictures are taken.
    pub avatar_hosts: Vec<String>,
    /// The file with the certificates of the authorities; without one, the system's are believed.
    pub ca_file: Option<PathBuf>,
    /// The reach of a sign-out.
    pub logout: Logout,
    /// Those who may sign in, as `@GROUP` or a `sub`; `None`: everybody whom the provider knows.
    pub only: Option<Vec<String>>,
}

/// A provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderSettings {
    /// OpenID Connect, found by its issuer.
    Oidc {
        /// The issuer, as its tokens write it.
        issuer: String,
    },
    /// OAuth 2, and an address that says who the user is.
    OAuth2 {
        /// The addresses.
        endpoints: Endpoints,
        /// The fields of the answer about the user.
        fields: Fields,
    },
}

/// The addresses of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// The page at which people sign in.
    pub authorize: String,
    /// The address at which a code is exchanged.
    pub token: String,
    /// The address at which it says who the user is.
    pub user: String,
}

/// The fields of an answer about the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// An id that never changes, a text or a whole number.
    pub id: String,
    /// True if the id must be a number: a name that somebody else can have later is none.
    pub is_id_number: bool,
    /// The name.
    pub name: String,
    /// The address of the picture.
    pub avatar: Option<String>,
}

/// The reach of a sign-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Logout {
    /// The session here ends.
    #[default]
    Here,
    /// The one at the provider too.
    Provider,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Oidc,
    Github,
    Oauth2,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Oidc => "oidc",
            Self::Github => "github",
            Self::Oauth2 => "oauth2",
        }
    }
}

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    name: String,
    label: Option<String>,
    kind: Kind,
    issuer: Option<String>,
    authorize_url: Option<String>,
    token_url: Option<String>,
    user_url: Option<String>,
    id_field: Option<String>,
    name_field: Option<String>,
    avatar_field: Option<String>,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    scopes: Option<Vec<String>>,
    groups_claim: Option<String>,
    #[serde(default)]
    avatar_hosts: Vec<String>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    logout: Logout,
    only: Option<Vec<String>>,
}

impl TryFrom<Table> for LoginSettings {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let name = table.name.clone();
        if NAMES_TAKEN.contains(&name.as_str()) {
            return Err(format!("no login can have the name `{name}`: /auth/{name} is something else"));
        }
        if !is_source_name(&name) {
            return Err(format!(
                "`{name}` is no name of a login; it is 1 to {SOURCE_NAME_LEN_MAX} of a-z 0-9 -, and never \
                 changes"
            ));
        }
        read(table).map_err(|why| format!("the login `{name}`: {why}"))
    }
}

fn read(mut table: Table) -> Result<LoginSettings, String> {
    let kind = provider(&mut table)?;
    let is_oidc = matches!(kind, ProviderSettings::Oidc { .. });
    if table.client_id.is_empty() || !table.client_id.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("client-id is some visible characters of ASCII".to_owned());
    }
    let label = table.label.unwrap_or_else(|| table.name.clone());
    if label.trim().is_empty() || label.len() > LABEL_BYTES_MAX || label.contains(char::is_control) {
        return Err(format!("label is 1 to {LABEL_BYTES_MAX} bytes in one line"));
    }
    let default_scopes = || if is_oidc { SCOPES_OIDC.map(str::to_owned).to_vec() } else { Vec::new() };
    let scopes = table.scopes.unwrap_or_else(default_scopes);
    let is_scope =
        |scope: &String| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if let Some(wrong) = scopes.iter().find(|scope| !is_scope(scope)) {
        return Err(format!("`{wrong}` is no scope; each is a word, such as \"email\""));
    }
    if is_oidc && !scopes.iter().any(|scope| scope == "openid") {
        return Err("scopes must have \"openid\", without which there is no ID token".to_owned());
    }
    if let Some(wrong) = table.avatar_hosts.iter().find(|host| !is_host(host)) {
        return Err(format!("`{wrong}` in avatar-hosts is no host; write it like avatars.example.org"));
    }
    let groups = table.only.iter().flatten().any(|who| who.starts_with('@'));
    if groups && table.groups_claim.is_none() {
        return Err("only names a group, and there is no groups-claim that would list them".to_owned());
    }
    if table.only.as_ref().is_some_and(Vec::is_empty) {
        return Err("only is empty, so nobody could sign in; leave it out to let everybody".to_owned());
    }
    if table.logout == Logout::Provider && !is_oidc {
        return Err("logout = \"provider\" is for kind = \"oidc\"".to_owned());
    }
    Ok(LoginSettings {
        name: table.name,
        label,
        kind,
        client_id: table.client_id,
        client_secret_file: table.client_secret_file,
        scopes,
        groups_claim: table.groups_claim,
        avatar_hosts: table.avatar_hosts,
        ca_file: table.ca_file,
        logout: table.logout,
        only: table.only,
    })
}

fn provider(table: &mut Table) -> Result<ProviderSettings, String> {
    let kind = table.kind;
    let issuer = table.issuer.take();
    let urls = [
        ("authorize-url", table.authorize_url.take()),
        ("token-url", table.token_url.take()),
        ("user-url", table.user_url.take()),
    ];
    let fields = [
        ("id-field", table.id_field.take()),
        ("name-field", table.name_field.take()),
        ("avatar-field", table.avatar_field.take()),
    ];
    let foreign = |keys: &[(&'static str, Option<String>)]| {
        let key = keys.iter().find(|(_, value)| value.is_some()).map(|(key, _)| *key);
        key.map_or(Ok(()), |key| Err(format!("{key} does not belong to kind = \"{}\"", kind.name())))
    };
    if kind == Kind::Oidc {
        foreign(&urls)?;
        foreign(&fields)?;
        let issuer = issuer.ok_or("kind = \"oidc\" needs issuer, such as \"https://login.example.org\"")?;
        address("issuer", &issuer)?;
        if issuer.contains(['?', '#']) {
            return Err("issuer has no query and no fragment".to_owned());
        }
        return Ok(ProviderSettings::Oidc { issuer });
    }
    foreign(&[("issuer", issuer)])?;
    let is_github = kind == Kind::Github;
    if is_github {
        foreign(&fields)?;
    }
    let mut found = Vec::new();
    for ((key, url), known) in urls.into_iter().zip(GITHUB) {
        let url = url.or(is_github.then(|| known.to_owned()));
        let url = url.ok_or_else(|| format!("kind = \"oauth2\" needs {key}"))?;
        address(key, &url)?;
        found.push(url);
    }
    let [authorize, token, user] = <[String; 3]>::try_from(found).expect("there are three addresses");
    let endpoints = Endpoints { authorize, token, user };
    let fields = if is_github {
        Fields { id: "id".into(), is_id_number: true, name: "name".into(), avatar: Some("avatar_url".into()) }
    } else {
        let [(_, id), (_, name), (_, avatar)] = fields;
        let id = id.ok_or("kind = \"oauth2\" needs id-field: an id that never changes")?;
        Fields { id, is_id_number: false, name: name.unwrap_or_else(|| "name".into()), avatar }
    };
    Ok(ProviderSettings::OAuth2 { endpoints, fields })
}

fn address(key: &str, text: &str) -> Result<(), String> {
    let uri: Uri = text.parse().map_err(|_| format!("{key}: `{text}` is not an address"))?;
    check_address(&uri).map_err(|error| format!("{key}: {error}"))
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(text: &str) -> Result<LoginSettings, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    const OIDC: &str = "name = \"corp\"\nkind = \"oidc\"\nissuer = \"https://login.example.org\"\n\
        client-id = \"millchat\"\n";

    #[test]
    fn each_kind_is_read_with_its_defaults() {
        let oidc = login(OIDC).unwrap();
        assert_eq!(
            (oidc.label.as_str(), oidc.scopes.as_slice()),
            ("corp", &["openid".into(), "profile".into()][..])
        );
        let github = login("name = \"github\"\nkind = \"github\"\nclient-id = \"x\"").unwrap();
        let ProviderSettings::OAuth2 { endpoints, fields } = github.kind else { panic!() };
        assert!(endpoints.user == "https://api.github.com/user" && fields.id == "id" && fields.is_id_number);
        let other = "name = \"x\"\nkind = \"oauth2\"\nclient-id = \"x\"\nauthorize-url = \"https://a.example/1\"\n\
            token-url = \"http://127.0.0.1:1/2\"\nuser-url = \"https://a.example/3\"\nid-field = \"uid\"";
        let ProviderSettings::OAuth2 { endpoints, fields } = login(other).unwrap().kind else { panic!() };
        assert_eq!((endpoints.token.as_str(), fields.name.as_str()), ("http://127.0.0.1:1/2", "name"));
    }

    #[test]
    fn a_wrong_login_says_what_is_wrong() {
        let github = "name = \"g\"\nkind = \"github\"\nclient-id = \"x\"\n";
        for (text, words) in [
            (format!("{OIDC}colour = 1"), &["colour"][..]),
            (OIDC.replace("corp", "Corp"), &["Corp", "a-z"]),
            (OIDC.replace("corp", "a-name-of-17-bytes"), &["1 to 16"]),
            (OIDC.replace("corp", "logout"), &["logout", "/auth/logout"]),
            (OIDC.replace("oidc", "saml"), &["saml", "oidc"]),
            (OIDC.replace("https", "http"), &["corp", "issuer", "https only"]),
            (OIDC.replace("issuer", "token-url"), &["corp", "token-url", "does not belong"]),
            (OIDC.replace("client-id = \"millchat\"", "client-id = \"\""), &["client-id"]),
            (OIDC.replace("name", "nam"), &["nam"]),
            (format!("{OIDC}client-secret = \"x\""), &["client-secret"]),
            (format!("{OIDC}scopes = [\"email\"]"), &["openid"]),
            (format!("{OIDC}scopes = [\"openid e\"]"), &["openid e", "scope"]),
            (format!("{OIDC}only = [\"@staff\"]"), &["groups-claim"]),
            (format!("{OIDC}only = []"), &["nobody"]),
            (format!("{OIDC}logout = \"everywhere\""), &["everywhere", "provider"]),
            (format!("{OIDC}avatar-hosts = [\"https://a.example\"]"), &["avatars.example.org"]),
            (format!("{github}issuer = \"https://a.example\""), &["issuer", "github"]),
            (format!("{github}id-field = \"login\""), &["id-field", "github"]),
            (format!("{github}logout = \"provider\""), &["oidc"]),
            (github.replace("github", "oauth2"), &["authorize-url"]),
        ] {
            let error = login(&text).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{text}: {error}");
            }
        }
    }
}
