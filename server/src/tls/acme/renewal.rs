//! The time of the next order: at once without a certificate, in the window that the authority proposes (ARI,
//! RFC 9773), else when two thirds of the certificate's time are over; and after a failure an hour later, then
//! two, up to a day.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{Account, CertificateIdentifier};
use jiff::Timestamp;
use parking_lot::Mutex;
use rand::RngExt as _;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::cache::Cache;
use super::error::AcmeError;
use super::order;
use super::setting::{AcmeSettings, Domain};
use crate::https_client::HttpsClient;
use crate::tls::certificate::Certificate;
use crate::tls::server::Tls;

/// Time after the first failure until the next try; doubled with each further one.
const RETRY_MIN: Duration = Duration::from_hours(1);
/// Longest such time.
const RETRY_MAX: Duration = Duration::from_hours(24);
/// Looks at which the authority refuses a nonce, one after the other, before that counts as a failure.
const NONCE_TRIES_MAX: usize = 16;
/// Longest time between two looks at the authority's window, and at the clock.
const LOOK_MAX: Duration = Duration::from_hours(6);
/// Shortest such time, whatever the authority says.
const LOOK_MIN: Duration = Duration::from_mins(1);

/// Keeps a certificate in use.
pub struct Acme {
    settings: AcmeSettings,
    client: HttpsClient,
    cache: Cache,
    tls: Arc<Tls>,
    /// The certificate that was kept; taken by whoever keeps one in use.
    kept: Mutex<Option<InUse>>,
    /// Ends the wait for the next look.
    wake: Notify,
}

/// The certificate in use, as far as its end is concerned.
struct InUse {
    /// As the authority knows it.
    id: Option<CertificateIdentifier<'static>>,
    /// Two thirds of its time are over then.
    two_thirds: Timestamp,
    /// The moment that was chosen in the authority's window, and that window.
    chosen: Option<(Timestamp, (Timestamp, Timestamp))>,
    /// Its text, until that is in the cache.
    unkept: Option<Vec<u8>>,
}

impl InUse {
    fn new(certificate: &Certificate) -> Self {
        let id = certificate.key.cert.first().and_then(|first| CertificateIdentifier::try_from(first).ok());
        let (from, to) = (certificate.not_before.as_second(), certificate.not_after.as_second());
        let two_thirds = Timestamp::from_second(from + (to - from) / 3 * 2).unwrap_or(certificate.not_after);
        Self { id: id.map(CertificateIdentifier::into_owned), two_thirds, chosen: None, unkept: None }
    }

    /// Returns the moment of the renewal. One that was chosen stays, for as long as the window does.
    fn due(&mut self, window: Option<(Timestamp, Timestamp)>) -> Timestamp {
        let Some((start, end)) = window.filter(|(start, end)| start <= end) else { return self.two_thirds };
        match self.chosen {
            Some((chosen, of)) if of == (start, end) => chosen,
            _ => {
                let second = rand::rng().random_range(start.as_second()..=end.as_second());
                let chosen = Timestamp::from_second(second).unwrap_or(start);
                self.chosen = Some((chosen, (start, end)));
                chosen
            }
        }
    }
}

/// Returns the time until the next try after this many failures.
fn retry(failures: u32) -> Duration {
    RETRY_MIN.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(RETRY_MAX)
}

impl Acme {
    /// Opens the cache, and puts the certificate in use that is kept there.
    pub fn open(settings: AcmeSettings, tls: Arc<Tls>) -> Result<Self, AcmeError> {
        let client = HttpsClient::new(settings.ca_file.as_deref())?;
        let cache = Cache::open(&settings)?;
        let kept = cache.certificate(&settings.domains);
        let in_use = kept.as_ref().map(InUse::new);
        if let Some(kept) = kept {
            tracing::info!(not_after = %kept.not_after, "the certificate that was kept is in use");
            tls.set(kept);
        } else {
            tls.set_provisional(settings.domains.iter().map(Domain::to_string).collect())?;
        }
        Ok(Self { settings, client, cache, tls, kept: Mutex::new(in_use), wake: Notify::new() })
    }

    /// Looks now, and does not wait: the operator may have repaired what was wrong.
    pub fn look(&self) {
        self.wake.notify_one();
    }

    /// Keeps a certificate in use for ever.
    pub async fn run(self: Arc<Self>) {
        let mut in_use = self.kept.lock().take();
        let (mut failures, mut nonces) = (0, 0);
        loop {
            let wait = match self.look_once(&mut in_use).await {
                Ok(wait) => {
                    (failures, nonces) = (0, 0);
                    wait
                }
                Err(error) if error.is_bad_nonce() && nonces < NONCE_TRIES_MAX => {
                    nonces += 1;
                    continue;
                }
                Err(error) => {
                    (failures, nonces) = (failures + 1, 0);
                    let next_try = retry(failures);
                    let said = if error.is_of_one_in_use() { "" } else { "no new certificate: " };
                    let next_try_in = humantime::format_duration(next_try);
                    tracing::error!(next_try = %next_try_in, "{said}{error}; SIGHUP tries again at once");
                    next_try
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// Renews what is due; gives the time until the next look.
    async fn look_once(&self, in_use: &mut Option<InUse>) -> Result<Duration, AcmeError> {
        let kept = in_use.as_mut().map_or(Ok(()), |certificate| self.keep(certificate));
        let account = order::account(&self.client, &self.settings, &self.cache).await?;
        if let Some(certificate) = in_use {
            let (left, look) = left(&account, certificate).await;
            if !left.is_zero() {
                kept?;
                return Ok(left.min(look));
            }
        }
        let replaces = in_use.as_ref().and_then(|certificate| certificate.id.clone());
        let (chain, key) = order::obtain(&account, &self.tls, &self.settings.domains, replaces).await?;
        let text = format!("{chain}\n{key}").into_bytes();
        let new = self.cache.of(text.clone())?;
        let not_after = new.not_after;
        let certificate = in_use.insert(InUse::new(&new));
        self.tls.set(new);
        tracing::info!(%not_after, "a certificate was obtained, and is in use");
        // It is not obtained again for want of a file: the authority gives a few in a week.
        certificate.unkept = Some(text);
        self.keep(certificate)?;
        let (left, _) = left(&account, certificate).await;
        if left.is_zero() { Err(AcmeError::Due) } else { Ok(LOOK_MIN) }
    }

    /// Puts the certificate in use into the cache, if it is not there.
    fn keep(&self, certificate: &mut InUse) -> Result<(), AcmeError> {
        if let Some(text) = &certificate.unkept {
            self.cache.store_certificate(text)?;
            certificate.unkept = None;
        }
        Ok(())
    }
}

/// Returns the time until a certificate is renewed, and until the next look at the authority's window.
async fn left(account: &Account, certificate: &mut InUse) -> (Duration, Duration) {
    let (window, look) = window(account, certificate).await;
    let due = certificate.due(window);
    tracing::debug!(%due, "the certificate is renewed then");
    (Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default(), look)
}

/// Asks the authority for the window of a certificate's renewal, and when to ask again. An authority that knows
/// no windows, or that cannot be asked, has none.
async fn window(account: &Account, in_use: &InUse) -> (Option<(Timestamp, Timestamp)>, Duration) {
    let Some(id) = &in_use.id else { return (None, LOOK_MAX) };
    match account.renewal_info(id).await {
        Ok((info, again)) => {
            let at = |time: i64| Timestamp::from_second(time).unwrap_or(Timestamp::MAX);
            let window = info.suggested_window;
            let window = (at(window.start.unix_timestamp()), at(window.end.unix_timestamp()));
            (Some(window), again.clamp(LOOK_MIN, LOOK_MAX))
        }
        Err(error) => {
            tracing::debug!(%error, "the authority proposes no time for the renewal");
            (None, LOOK_MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_renewal_is_due_in_the_authoritys_window_else_after_two_thirds() {
        let mut in_use = InUse { id: None, two_thirds: at(2_000), chosen: None, unkept: None };
        assert_eq!(in_use.due(None), at(2_000));
        let first = in_use.due(Some((at(100), at(900))));
        assert!((at(100)..=at(900)).contains(&first));
        for _ in 0..20 {
            assert_eq!(in_use.due(Some((at(100), at(900)))), first, "it stays while the window does");
        }
        assert!((at(5)..=at(6)).contains(&in_use.due(Some((at(5), at(6))))), "a revoked one is due at once");
        assert_eq!(
            in_use.due(Some((at(9), at(8)))),
            at(2_000),
            "a window that ends before it begins is none"
        );
    }

    #[test]
    fn tries_are_an_hour_to_a_day_apart() {
        let hours: Vec<u64> = (1..=8).map(|failures| retry(failures).as_secs() / 3_600).collect();
        assert_eq!(hours, [1, 2, 4, 8, 16, 24, 24, 24]);
        assert_eq!(retry(u32::MAX), RETRY_MAX);
    }
}
