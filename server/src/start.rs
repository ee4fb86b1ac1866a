//! The chat of the settings, put together from its parts.

use std::sync::Arc;

use arc_swap::ArcSwap;
use millchat::{Chat, Connections};
use tokio::sync::Semaphore;

use crate::access::authority::Authority;
use crate::access::{bans, flags, invitations};
use crate::app::{App, Frames};
use crate::avatars::Avatars;
use crate::body::READING_BYTES_MAX;
use crate::byte_budget::ByteBudget;
use crate::config::Settings;
use crate::drafts::Drafts;
use crate::drain::Drain;
use crate::framing::Framing;
use crate::identity::site::{Count, Sites};
use crate::identity::{API_TOKENS, Identity, KEYS, Lifetimes, REVOCATIONS};
use crate::limit::Limits;
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;
use crate::public_url::PublicUrl;
use crate::refusal_log::RefusalLog;
use crate::sign_in::{LoginError, Logins};
use crate::sse::frame;
use crate::start_error::StartError;
use crate::tls::{Acme, CertificateFiles, CertificateSource, Tls};
use crate::turns::Turns;
use crate::unsent::UNSENT_BYTES_MAX;
use crate::{page, retention, webhook};

/// Kinds of values that have a part of the memory to themselves: revocations, keys, API tokens, bans from all rooms.
const VITAL: [&str; 4] = [REVOCATIONS, KEYS, API_TOKENS, bans::KIND];

/// Opens the log of the settings, with an encoder for either kind of reader.
pub fn open(
    settings: &Settings,
    logins: Logins,
    connections: Option<Connections>,
) -> Result<App, StartError> {
    let mut builder = Chat::builder();
    let frames = Frames { json: builder.encoder(frame::encode), html: builder.encoder(page::encoder()) };
    let keep = retention::policy(settings.keep, settings.keep_bytes);
    let quiet = [flags::KIND, invitations::KIND, webhook::KIND];
    let builder = quiet.iter().fold(builder, |builder, kind| builder.quiet_values(kind));
    // A sign-out, a rotation of keys and a ban must not fail for what people have filled.
    let builder = VITAL.iter().fold(builder, |builder, kind| builder.vital_values(kind));
    let builder = builder.retention(keep).search_index(true);
    let builder = match connections {
        Some(connections) => builder.connect(connections),
        None => builder,
    };
    let chat = builder.open(&settings.log)?;
    let keep_bytes = settings.keep_bytes.map_or_else(|| "no limit".to_owned(), |bytes| bytes.to_string());
    tracing::info!(log = %settings.log, keep = %settings.keep, keep_bytes, "the log is open");
    let metrics = Arc::new(Metrics::default());
    let count = |site: &str| {
        let (metrics, site) = (Arc::clone(&metrics), site.to_owned());
        Box::new(move |fetched| metrics.jwks_fetched(&site, fetched)) as Count
    };
    let sites = Sites::new(&settings.sites, &Arc::new(Outgoing::default()), count)?;
    let lifetimes = Lifetimes { idle: settings.session.0, sign_in_again: settings.sign_in_again.0 };
    let identity = Identity::new(chat.clone(), sites, settings.is_reached_by_tls()).with_lifetimes(lifetimes);
    let identity = Arc::new(identity);
    let authority = Arc::new(Authority::new(chat.clone(), Arc::clone(&identity), settings.rules()));
    authority.set_admin_token(settings.admin_token.clone());
    let drain = Arc::new(Drain::default());
    let limits = Limits::new(settings.limits(), settings.proxies(), metrics.refusals.clone());
    let budget = |name, max, held| ByteBudget::new(name, max, held, metrics.refusals.clone());
    let reading = budget("bodies", READING_BYTES_MAX, metrics.reading_bytes.clone());
    let unsent = budget("answers", UNSENT_BYTES_MAX, metrics.unsent_bytes.clone());
    let public_url = settings.public_url.clone();
    let turns = Turns::new(std::thread::available_parallelism().map_or(1, usize::from));
    Ok(App {
        chat,
        frames,
        identity,
        authority,
        beginnings: Arc::default(),
        bots: settings.bots()?,
        drafts: Drafts::default(),
        drain,
        metrics,
        limits,
        refused: RefusalLog::default(),
        turns,
        reading,
        unsent,
        has_admin_listener: settings.admin_address.is_some(),
        public_url,
        framing: ArcSwap::from_pointee(Framing::new(&settings.embed_origins, &settings.site)),
        has_demo: settings.demo.is_on(),
        logins,
        avatars: Avatars::default(),
        tls: None,
        certificate_source: None,
        connections: Arc::new(Semaphore::new(0)),
        hsts: settings.hsts().header(),
    })
}

/// Sets TLS up, if the settings have it, with the certificate that there is.
pub fn tls(settings: &Settings) -> Result<Option<(Arc<Tls>, CertificateSource)>, StartError> {
    if !settings.has_tls() {
        return Ok(None);
    }
    let tls = Arc::new(Tls::new(settings.http2.is_on())?);
    let source = match (&settings.tls_certificate, &settings.tls_key, settings.acme()) {
        (Some(certificate), Some(key), _) => {
            let files = CertificateFiles::open(Arc::clone(&tls), certificate.clone(), key.clone())?;
            CertificateSource::Files(Arc::new(files))
        }
        (_, _, Some(acme)) => CertificateSource::Authority(Arc::new(Acme::open(acme, Arc::clone(&tls))?)),
        _ => return Ok(None),
    };
    Ok(Some((tls, source)))
}

/// Reads what the logins of the settings name.
pub fn logins(settings: &Settings) -> Result<Logins, LoginError> {
    let origin = settings.public_url.as_ref().map(PublicUrl::origin).unwrap_or_default();
    Logins::new(&settings.login, origin, settings.named_groups())
}
