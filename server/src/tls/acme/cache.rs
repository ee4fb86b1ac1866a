//! The directory of the account and the certificate. Nobody but the user of the server may look into it.
//!
//! An authority has a folder of its own in it, so that what was tried at one is not taken for another's.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::AcmeError;
use super::setting::{AcmeSettings, Domain};
use crate::tls::certificate::{Certificate, Texts};

/// The mode of directories.
const DIRECTORY_MODE: u32 = 0o700;
/// The mode of files.
const FILE_MODE: u32 = 0o600;
/// Characters of an authority's hash that name its folder.
const FOLDER_CHARS: usize = 16;

/// The cache of one authority.
pub struct Cache {
    account: PathBuf,
    certificate: PathBuf,
}

impl Cache {
    /// Opens the cache, and makes it when it is not there.
    pub fn open(settings: &AcmeSettings) -> Result<Self, AcmeError> {
        let hash = blake3::hash(settings.directory.as_str().as_bytes()).to_hex();
        let folder = settings.cache.join(&hash[..FOLDER_CHARS]);
        for path in [&settings.cache, &folder] {
            let failed = |source| AcmeError::Cache { path: path.clone(), source };
            DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path).map_err(failed)?;
            fs::set_permissions(path, Permissions::from_mode(DIRECTORY_MODE)).map_err(failed)?;
        }
        Ok(Self { account: folder.join("account.json"), certificate: folder.join("certificate.pem") })
    }

    /// Returns the account, if there is one.
    pub fn account(&self) -> Result<Option<AccountCredentials>, AcmeError> {
        let Some(text) = read(&self.account)? else { return Ok(None) };
        let parsed = serde_json::from_slice(&text);
        parsed.map(Some).map_err(|source| AcmeError::Account { path: self.account.clone(), source })
    }

    /// Keeps an account.
    pub fn store_account(&self, account: &AccountCredentials) -> Result<(), AcmeError> {
        let path = self.account.clone();
        let text = serde_json::to_vec(account).map_err(|source| AcmeError::Account { path, source })?;
        let path = &self.account;
        write(path, &text).map_err(|source| AcmeError::Cache { path: path.clone(), source })
    }

    /// Returns the certificate that is kept, if it is for these names and has not expired.
    pub fn certificate(&self, domains: &[Domain]) -> Option<Certificate> {
        let text = read(&self.certificate).ok()??;
        let made = self.of(text);
        let certificate =
            made.inspect_err(|error| tracing::warn!(%error, "the certificate that was kept")).ok()?;
        let is_for_all = domains.iter().all(|domain| names(&certificate).contains(&domain.to_string()));
        (is_for_all && !certificate.is_expired()).then_some(certificate)
    }

    /// Keeps the text of a certificate with its key.
    pub fn store_certificate(&self, text: &[u8]) -> Result<(), AcmeError> {
        let path = &self.certificate;
        write(path, text).map_err(|source| AcmeError::NotKept { path: path.clone(), source })
    }

    /// Returns the certificate of a text.
    pub fn of(&self, text: Vec<u8>) -> Result<Certificate, AcmeError> {
        Ok(Certificate::of(&Texts::both(text), &self.certificate, &self.certificate)?)
    }
}

/// Returns the names that a certificate is for.
fn names(certificate: &Certificate) -> Vec<String> {
    let Some(first) = certificate.key.cert.first() else { return Vec::new() };
    let Ok((_, first)) = X509Certificate::from_der(first) else { return Vec::new() };
    let Ok(Some(names)) = first.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(name).collect()
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, AcmeError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AcmeError::Cache { path: path.to_owned(), source }),
    }
}

/// Writes beside the file, and puts it in its place when all of it is on the disk.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
