//! The place that the certificate comes from: two files, or an authority.

use std::sync::Arc;

use super::acme::Acme;
use super::files::CertificateFiles;

/// The place that the certificate comes from.
#[derive(Clone)]
pub enum CertificateSource {
    /// Two files, which some other program renews.
    Files(Arc<CertificateFiles>),
    /// An authority, which is asked for each.
    Authority(Arc<Acme>),
}

impl CertificateSource {
    /// Looks now whether there is another certificate. It may read files, so it may wait.
    pub fn look(&self) {
        match self {
            Self::Files(files) => files.look(),
            Self::Authority(acme) => acme.look(),
        }
    }

    /// Looks for ever.
    pub async fn follow(self) {
        match self {
            Self::Files(files) => files.follow().await,
            Self::Authority(acme) => acme.run().await,
        }
    }
}
