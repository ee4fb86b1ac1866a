//! The table `[[site]]` of the settings: a site that embeds the chat, and that may sign tokens for its own
//! users.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use hyper::Uri;
use serde::Deserialize;

use super::super::grants;
use super::key::SiteKey;
use crate::embed_origins::EmbedOrigins;
use crate::outgoing::{Trust, check_address};
use crate::source_name::{SOURCE_NAME_LEN_MAX, is_source_name};

/// Fewest bytes of a secret.
const SECRET_BYTES_MIN: usize = 32;
/// The role that a site's claims give at most, unless the settings say another.
const GRANTS_DEFAULT: &str = "writer";

/// A table as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SiteTable {
    name: String,
    /// The pages that may show these rooms in a frame.
    #[serde(default)]
    origins: EmbedOrigins,
    /// The rooms that the site may show, and give rights in.
    #[serde(default)]
    rooms: Vec<String>,
    grants: Option<String>,
    issuer: Option<String>,
    audience: Option<String>,
    secret_file: Option<PathBuf>,
    public_key_file: Option<PathBuf>,
    jwks_url: Option<String>,
    /// The authorities that the certificate of the JWKS is checked by, instead of the system's.
    ca_file: Option<PathBuf>,
}

/// A site that signs tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name, which is in the ids of its users.
    pub name: String,
    /// The value of `iss`.
    pub issuer: String,
    /// The value of `aud`.
    pub audience: String,
    /// The rooms that its tokens may give rights in, as patterns.
    pub rooms: Vec<String>,
    /// The highest role that they give.
    pub grants: &'static str,
    /// By which its signatures are checked.
    pub key: SiteKey,
    /// The authorities that the certificate of its JWKS is checked by; `None`: the system's.
    pub ca_file: Option<PathBuf>,
}

/// Without the key, which may be a secret.
impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("name", &self.name).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A table that cannot be used, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[[site]] {site}: {sentence}")]
pub struct SiteError {
    site: String,
    sentence: String,
}

/// Checks the tables, and reads the keys that they name. Returns the sites that sign tokens. `secret_of` gives
/// the secret of a variable of the environment; `public_url` is the audience, unless a table says another.
pub fn sites(
    tables: &[SiteTable],
    public_url: Option<&str>,
    secret_of: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Site>, SiteError> {
    let mut sites: Vec<Site> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for table in tables {
        let error = |sentence: String| SiteError { site: shown(&table.name), sentence };
        if !is_source_name(&table.name) {
            return Err(error(format!("`name` is 1 to {SOURCE_NAME_LEN_MAX} of a-z 0-9 -")));
        }
        if names.contains(&table.name.as_str()) {
            return Err(error("this name is there twice".to_owned()));
        }
        names.push(&table.name);
        let Some(site) = table.signing(public_url, secret_of).map_err(error)? else { continue };
        if sites.iter().any(|other| other.issuer == site.issuer) {
            return Err(error(format!("the issuer {} is there twice", site.issuer)));
        }
        sites.push(site);
    }
    Ok(sites)
}

/// Checks that no site has the name of a login: rights are given by the name, and would be both's.
pub fn check_names<'a>(
    tables: &[SiteTable],
    mut logins: impl Iterator<Item = &'a str>,
) -> Result<(), SiteError> {
    match logins.find(|login| tables.iter().any(|table| table.name == *login)) {
        Some(site) => Err(SiteError {
            site: site.to_owned(),
            sentence:
                "a [[login]] has this name too; lists such as `owners` give rights by it, so rename one"
                    .to_owned(),
        }),
        None => Ok(()),
    }
}

impl SiteTable {
    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the pages that may show its rooms in a frame.
    pub fn origins(&self) -> &EmbedOrigins {
        &self.origins
    }

    /// Returns the patterns of its rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.iter().map(String::as_str)
    }

    /// Returns the files that its settings name, by the setting.
    pub fn files(&self) -> [(&'static str, Option<&Path>); 3] {
        [
            ("secret-file", self.secret_file.as_deref()),
            ("public-key-file", self.public_key_file.as_deref()),
            ("ca-file", self.ca_file.as_deref()),
        ]
    }

    /// Returns the site if it signs tokens.
    fn signing(
        &self,
        public_url: Option<&str>,
        secret_of: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Site>, String> {
        let patterns: BTreeMap<_, _> =
            self.rooms.iter().map(|pattern| (pattern.clone(), GRANTS_DEFAULT.to_owned())).collect();
        grants::check(&patterns).map_err(|error| error.to_string())?;
        let role = self.grants.as_deref().unwrap_or(GRANTS_DEFAULT);
        let role = grants::ROLES.into_iter().find(|known| *known == role).ok_or_else(|| {
            format!("`grants`: `{role}` is no role; the roles are {}", grants::ROLES.join(", "))
        })?;
        let variable = format!("MILLCHAT_SECRET_{}_SECRET", self.name.to_uppercase().replace('-', "_"));
        let secret = secret_of(&variable);
        let keys = [
            secret.is_some() || self.secret_file.is_some(),
            self.public_key_file.is_some(),
            self.jwks_url.is_some(),
        ];
        let count = keys.into_iter().filter(|is_there| *is_there).count();
        let Some(issuer) = &self.issuer else {
            return if count == 0 {
                Ok(None)
            } else {
                Err("a key without `issuer` checks nothing".to_owned())
            };
        };
        if count != 1 || (secret.is_some() && self.secret_file.is_some()) {
            return Err(format!(
                "with `issuer` it needs exactly one of secret-file, public-key-file, jwks-url, and the variable \
                 {variable}"
            ));
        }
        let audience = self.audience.as_deref().or(public_url).ok_or(
            "`audience` must be set, or the setting public-url, which is the audience of tokens otherwise",
        )?;
        if issuer.is_empty() || audience.is_empty() {
            return Err("`issuer` and `audience` must not be empty".to_owned());
        }
        Ok(Some(Site {
            name: self.name.clone(),
            issuer: issuer.clone(),
            audience: audience.to_owned(),
            rooms: self.rooms.clone(),
            grants: role,
            key: self.key(secret, &variable)?,
            ca_file: self.ca_file.clone(),
        }))
    }

    fn key(&self, secret: Option<String>, variable: &str) -> Result<SiteKey, String> {
        if let Some(secret) = secret {
            return of_secret(secret.trim(), variable);
        }
        if let Some(file) = &self.secret_file {
            return of_secret(read(file)?.trim(), &file.display().to_string());
        }
        if let Some(file) = &self.public_key_file {
            let name = file.display();
            return SiteKey::of_pem(&read(file)?).map_err(|rule| format!("{name}: {rule}"));
        }
        let text = self.jwks_url.as_deref().unwrap_or_default();
        let url: Uri = text.parse().map_err(|_| format!("jwks-url: `{text}` is no address"))?;
        check_address(&url).map_err(|error| format!("jwks-url: {error}"))?;
        if let Some(file) = &self.ca_file {
            Trust::file(file).map_err(|error| format!("ca-file: {error}"))?;
        }
        Ok(SiteKey::Jwks(url))
    }
}

fn of_secret(secret: &str, origin: &str) -> Result<SiteKey, String> {
    if secret.len() < SECRET_BYTES_MIN {
        let rule = "`openssl rand -hex 32` makes one";
        return Err(format!("{origin}: a secret has {SECRET_BYTES_MIN} bytes or more; {rule}"));
    }
    Ok(SiteKey::Secret(secret.as_bytes().into()))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// A name as an error shows it.
fn shown(name: &str) -> String {
    name.chars().take(2 * SOURCE_NAME_LEN_MAX).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn read_with(
        toml: &str,
        public_url: Option<&str>,
        variable: Option<(&str, &str)>,
    ) -> Result<Vec<Site>, String> {
        #[derive(Deserialize)]
        struct Settings {
            site: Vec<SiteTable>,
        }
        let settings: Settings = toml::from_str(toml).map_err(|error| error.to_string())?;
        let secret_of =
            |name: &str| variable.filter(|(known, _)| *known == name).map(|(_, secret)| secret.to_owned());
        sites(&settings.site, public_url, &secret_of).map_err(|error| error.to_string())
    }

    #[test]
    fn a_site_has_a_name_an_issuer_an_audience_and_one_key() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (secret, short) = (file("secret", &format!("{SECRET}\n")), file("short", "0123456789abcdef"));
        let head = "[[site]]\nname = \"shop\"\n";
        let issuer = "issuer = \"https://shop.example\"\n";
        let with_secret = format!("{head}{issuer}secret-file = \"{secret}\"\n");
        let url = Some("https://chat.example");
        let site = read_with(&with_secret, url, None).unwrap().remove(0);
        assert_eq!((site.audience.as_str(), site.grants), ("https://chat.example", "writer"));
        assert_eq!(site.key, SiteKey::Secret(SECRET.as_bytes().into()));
        assert!(!format!("{site:?} {:?}", site.key).contains(SECRET));
        let variable = Some(("MILLCHAT_SECRET_SHOP_SECRET", SECRET));
        let by_variable = read_with(&format!("{head}{issuer}"), url, variable).unwrap();
        assert_eq!(by_variable, [site]);
        let more = "audience = \"a\"\ngrants = \"owner\"\nrooms = [\"support-*\"]\n\
                    origins = [\"https://shop.example\", \"http://localhost:3000\"]\n";
        let told = read_with(&format!("{with_secret}{more}"), None, None).unwrap().remove(0);
        assert_eq!((told.audience.as_str(), told.grants), ("a", "owner"));
        // One that signs nothing may still be there.
        assert_eq!(read_with(&format!("{head}rooms = [\"lobby\"]"), None, None), Ok(Vec::new()));
        for (toml, words) in [
            (format!("{with_secret}secret = \"x\""), &["unknown field", "secret"][..]),
            (format!("{head}{issuer}"), &["shop", "exactly one of", "MILLCHAT_SECRET_SHOP_SECRET"]),
            (format!("{with_secret}jwks-url = \"https://shop.example/\""), &["exactly one of"]),
            (format!("{head}secret-file = \"{secret}\""), &["issuer"]),
            (format!("{head}{issuer}secret-file = \"{short}\""), &["32 bytes", "openssl", &short]),
            (format!("{head}{issuer}secret-file = \"/no/such\""), &["/no/such", "cannot be read"]),
            (format!("{head}{issuer}public-key-file = \"{secret}\""), &["Ed25519", "2,048", &secret]),
            (format!("{head}{issuer}jwks-url = \"http://shop.example/\""), &["https", "this machine"]),
            (with_secret.replace("shop\"", "The Shop\""), &["The Shop", "a-z 0-9 -"]),
            (with_secret.replace("name = \"shop\"\n", ""), &["name"]),
            (format!("{with_secret}{with_secret}"), &["twice"]),
            (format!("{with_secret}{}", with_secret.replace("\"shop\"", "\"two\"")), &["issuer", "twice"]),
            (format!("{with_secret}grants = \"king\""), &["king", "reader, writer"]),
            (format!("{with_secret}rooms = [\"a b\"]"), &["a b", "pattern"]),
            (format!("{with_secret}origins = [\"https://shop.example/\"]"), &["origin"]),
            (format!("{with_secret}audience = \"\""), &["audience"]),
        ] {
            let error = read_with(&toml, url, None).expect_err(&toml);
            for word in words {
                assert!(error.contains(word), "{toml}: {error}");
            }
            assert!(!error.contains(SECRET), "{error}");
        }
        let error = read_with(&with_secret, None, None).unwrap_err();
        assert!(error.contains("audience") && error.contains("public-url"), "{error}");
    }
}
