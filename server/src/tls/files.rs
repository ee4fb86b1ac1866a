//! A certificate and its key in two files, which some other program renews.
//!
//! The files are looked at every [`LOOK_EVERY`] and at SIGHUP. A pair that cannot be served is named in the
//! log, once, and the one before stays in use: a program that writes one file after the other has none for a
//! moment.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::certificate::{Certificate, CertificateError, Texts};
use super::server::Tls;

/// Time between two looks at the files.
pub const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The permission of everybody to read a file.
const OTHERS_READ: u32 = 0o004;

/// The two files.
pub struct CertificateFiles {
    tls: Arc<Tls>,
    certificate: PathBuf,
    key: PathBuf,
    /// The state of the files that was seen last. Held while they are read.
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The texts that were read last, in use or not.
    texts: Option<Texts>,
    /// The reason why they could not be read, which the log has named.
    unreadable: Option<String>,
}

impl CertificateFiles {
    /// Reads the files for the first time.
    pub fn open(tls: Arc<Tls>, certificate: PathBuf, key: PathBuf) -> Result<Self, CertificateError> {
        let texts = Texts::read(&certificate, &key)?;
        let first = Certificate::of(&texts, &certificate, &key)?;
        if first.is_expired() {
            tracing::warn!(not_after = %first.not_after, "THE CERTIFICATE HAS EXPIRED: no browser takes it");
        }
        tracing::info!(certificate = %certificate.display(), not_after = %first.not_after, "TLS is on");
        tls.set(first);
        let seen = Mutex::new(Seen { texts: Some(texts), unreadable: None });
        let files = Self { tls, certificate, key, seen };
        files.tell_permissions();
        Ok(files)
    }

    /// Looks at the files, and takes what is new in them. It reads files, so it may wait.
    pub fn look(&self) {
        let mut seen = self.seen.lock();
        match Texts::read(&self.certificate, &self.key) {
            Ok(texts) if seen.texts.as_ref() == Some(&texts) => {}
            Ok(texts) => {
                match Certificate::of(&texts, &self.certificate, &self.key) {
                    Ok(new) => self.take(new),
                    Err(error) => tracing::error!("the certificate stays as it was: {error}"),
                }
                *seen = Seen { texts: Some(texts), unreadable: None };
            }
            Err(error) => {
                let unreadable = error.to_string();
                if seen.unreadable.as_ref() != Some(&unreadable) {
                    tracing::error!("the certificate stays as it was: {unreadable}");
                }
                // The same texts count as new when they can be read again.
                *seen = Seen { texts: None, unreadable: Some(unreadable) };
            }
        }
    }

    fn take(&self, new: Certificate) {
        let usable_until = self.tls.not_after();
        if new.is_expired() && usable_until.is_some_and(|until| until > new.not_after) {
            tracing::error!(not_after = %new.not_after, "the certificate stays as it was: the new one has expired");
            return;
        }
        let not_after = new.not_after;
        self.tls.set(new);
        tracing::info!(%not_after, "a new certificate is in use");
        self.tell_permissions();
    }

    /// Looks for ever.
    pub async fn follow(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let files = Arc::clone(&self);
            if let Err(error) = tokio::task::spawn_blocking(move || files.look()).await {
                tracing::error!(%error, "the certificate's files were not looked at");
            }
        }
    }

    /// Warns of a key that everybody on the machine can read.
    fn tell_permissions(&self) {
        let mode = std::fs::metadata(&self.key).map(|metadata| metadata.permissions().mode());
        if mode.is_ok_and(|mode| mode & OTHERS_READ != 0) {
            let name = self.key.display();
            tracing::warn!("everybody on this machine can read the key in {name}; run: chmod o= {name}");
        }
    }
}
