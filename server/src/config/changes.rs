//! Two sets of settings compared: what a reload takes over, and what differs.

use super::settings::Settings;

impl Settings {
    /// Returns these settings with those of `new` that can change while the server runs.
    pub fn with_reloadable(&self, new: &Self) -> Self {
        Self {
            rate_limit: new.rate_limit,
            trusted_proxies: new.trusted_proxies.clone(),
            admin_token: new.admin_token.clone(),
            admin_token_file: new.admin_token_file.clone(),
            rooms: new.rooms.clone(),
            new_rooms: new.new_rooms,
            room: new.room.clone(),
            operators: new.operators.clone(),
            embed_origins: new.embed_origins.clone(),
            ..self.clone()
        }
    }

    /// Returns the names of the settings that differ.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        // So that the compiler asks for each setting that is added.
        let Self {
            address,
            log,
            admin_address,
            keep,
            keep_bytes,
            log_format,
            public_url,
            rate_limit,
            trusted_proxies,
            drain_delay,
            stream_writer,
            admin_token,
            admin_token_file,
            tls_certificate,
            tls_key,
            acme,
            acme_contact,
            acme_directory,
            acme_ca_file,
            acme_cache,
            redirect,
            http2,
            hsts,
            rooms,
            new_rooms,
            room,
            operators,
            session,
            sign_in_again,
            embed_origins,
            login,
            site,
            sites,
        } = self;
        [
            ("address", *address == other.address),
            ("log", *log == other.log),
            ("admin-address", *admin_address == other.admin_address),
            ("keep", *keep == other.keep),
            ("keep-bytes", *keep_bytes == other.keep_bytes),
            ("log-format", *log_format == other.log_format),
            ("public-url", *public_url == other.public_url),
            ("rate-limit", *rate_limit == other.rate_limit),
            ("trusted-proxies", *trusted_proxies == other.trusted_proxies),
            ("drain-delay", *drain_delay == other.drain_delay),
            ("stream-writer", *stream_writer == other.stream_writer),
            ("admin-token", *admin_token == other.admin_token),
            ("admin-token-file", *admin_token_file == other.admin_token_file),
            ("tls-certificate", *tls_certificate == other.tls_certificate),
            ("tls-key", *tls_key == other.tls_key),
            ("acme", *acme == other.acme),
            ("acme-contact", *acme_contact == other.acme_contact),
            ("acme-directory", *acme_directory == other.acme_directory),
            ("acme-ca-file", *acme_ca_file == other.acme_ca_file),
            ("acme-cache", *acme_cache == other.acme_cache),
            ("redirect", *redirect == other.redirect),
            ("http2", *http2 == other.http2),
            ("hsts", *hsts == other.hsts),
            ("rooms", *rooms == other.rooms),
            ("new-rooms", *new_rooms == other.new_rooms),
            ("room", *room == other.room),
            ("operators", *operators == other.operators),
            ("session", *session == other.session),
            ("sign-in-again", *sign_in_again == other.sign_in_again),
            ("embed-origins", *embed_origins == other.embed_origins),
            ("login", *login == other.login),
            ("site", *site == other.site && *sites == other.sites),
        ]
        .into_iter()
        .filter_map(|(name, is_same)| (!is_same).then_some(name))
        .collect()
    }
}
