//! The sites that sign tokens for their own users, and the check of such a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Uri;
use millchat::{Author, AuthorKind, Timestamp};

use super::super::error::TokenError;
use super::super::grants::{self, Grant};
use super::super::person::{Person, SID_LETTERS, Session, Via};
use super::super::{letters, names, user_id};
use super::claims::{self, Parts};
use super::jwks::{Count, Jwks};
use super::key::{SiteKey, VerifyingKey};
use super::settings::Site;
use crate::outgoing::{Outgoing, Trust, TrustError};

/// The sites that sign tokens.
#[derive(Default)]
pub struct Sites(Vec<SigningSite>);

struct SigningSite {
    site: Site,
    keys: Keys,
}

enum Keys {
    One(VerifyingKey),
    AtAddress(Arc<Jwks>),
}

impl Sites {
    /// Takes the sites of the settings. Fails when the authorities of one cannot be read. `count` makes what
    /// counts the fetches of a site's keys.
    pub fn new(
        sites: &[Site],
        outgoing: &Arc<Outgoing>,
        count: impl Fn(&str) -> Count,
    ) -> Result<Self, TrustError> {
        let signing = |site: &Site| {
            let at_address = |url: &Uri| {
                let trust = site.ca_file.as_deref().map_or_else(|| Ok(Trust::system()), Trust::file)?;
                let calls = (Arc::clone(outgoing), trust);
                Ok(Keys::AtAddress(Arc::new(Jwks::new(&site.name, url.clone(), calls, count(&site.name)))))
            };
            let keys = match &site.key {
                SiteKey::Jwks(url) => at_address(url)?,
                SiteKey::Secret(secret) => Keys::One(VerifyingKey::of_secret(secret)),
                SiteKey::Pem(pem) => Keys::One(pem.verifying()),
            };
            Ok(SigningSite { site: site.clone(), keys })
        };
        sites.iter().map(signing).collect::<Result<_, _>>().map(Self)
    }

    /// Fetches the key that a token names, if it is not there and may be fetched. It waits some seconds at
    /// most.
    pub async fn prepare(&self, token: &str, now: Timestamp) {
        if !self.0.iter().any(|site| matches!(site.keys, Keys::AtAddress(_))) {
            return;
        }
        let Ok(parts) = claims::read(token) else { return };
        if let Ok(SigningSite { keys: Keys::AtAddress(jwks), .. }) = self.of(&parts) {
            jwks.prepare(parts.header.kid.as_deref(), now).await;
        }
    }

    /// Returns true if there is a site of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|site| site.site.name == *name)
    }

    fn of(&self, parts: &Parts<'_>) -> Result<&SigningSite, TokenError> {
        let issuer = parts.claims.iss.as_deref().ok_or(TokenError::Malformed("it has no `iss`"))?;
        let found = self.0.iter().find(|site| site.site.issuer == issuer);
        found.ok_or(TokenError::Forged("its `iss` is no site that may sign tokens here"))
    }

    /// Returns the user for whom a site vouches.
    pub fn verify(&self, token: &str, id_secret: &[u8; 32], now: Timestamp) -> Result<Person, TokenError> {
        let mut parts = claims::read(token)?;
        let SigningSite { site, keys } = self.of(&parts)?;
        match keys {
            Keys::One(key) => check_signature(key, &parts)?,
            Keys::AtAddress(jwks) => {
                let key = jwks.key(parts.header.kid.as_deref(), now);
                check_signature(&*key.ok_or(TokenError::Forged("its `kid` is no key of its site"))?, &parts)?;
            }
        }
        let checked = claims::check(&mut parts.claims, &site.audience, now.0 / 1_000)?;
        let id = user_id::of(id_secret, ("site", &site.name), &checked.sub);
        let given = [parts.claims.name.as_deref(), parts.claims.preferred_username.as_deref()];
        let name = names::of_user(given, &id);
        let author = Author { id: id.into(), name: name.into(), kind: AuthorKind::User };
        let sid = letters::of(&blake3::hash(token.as_bytes()).as_bytes()[..SID_LETTERS]);
        let auth = Timestamp(checked.made.saturating_mul(1_000));
        let grants = parts.claims.rooms.as_ref().map(|rooms| granted(site, rooms));
        let expires_at = Some(Timestamp(checked.void_from.saturating_mul(1_000)));
        Ok(Person {
            session: Some(Session { sid: sid.into(), auth, key: 0 }),
            groups: parts.claims.groups.iter().map(|group| group.as_str().into()).collect(),
            sub: Some(checked.sub.into()),
            grants,
            ..Person::new(author, Via::Site(site.name.as_str().into()), expires_at)
        })
    }
}

fn check_signature(key: &VerifyingKey, parts: &Parts<'_>) -> Result<(), TokenError> {
    if !key.is_for(&parts.header.alg) {
        return Err(TokenError::Forged("its `alg` is not the algorithm of its site's key"));
    }
    if !key.verifies(parts.signed, parts.signature) {
        return Err(TokenError::Forged("its signature is not one of its site's key"));
    }
    Ok(())
}

/// The rights of claims, within the rooms and the role that the settings allow the site.
fn granted(site: &Site, rooms: &BTreeMap<String, String>) -> Arc<[Grant]> {
    let rank = |role: &str| grants::ROLES.iter().position(|known| *known == role);
    let mut granted = BTreeMap::new();
    for (claimed, role) in rooms {
        let role = if rank(role) > rank(site.grants) { site.grants } else { role };
        for allowed in &site.rooms {
            let pattern = match (grants::covers(allowed, claimed), grants::covers(claimed, allowed)) {
                (true, _) => claimed,
                (false, true) => allowed,
                (false, false) => continue,
            };
            let entry = granted.entry(pattern.as_str()).or_insert(role);
            if rank(role) > rank(entry) {
                *entry = role;
            }
        }
    }
    granted.into_iter().map(|(pattern, role)| (pattern.into(), role.into())).collect()
}
