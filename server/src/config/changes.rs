//! Two sets of settings compared: what a reload takes over, and what differs.

use super::contents::{ADMIN_TOKEN_FILE, FileContents};
use super::settings::Settings;

impl Settings {
    /// Reads the contents of the files that these settings name, but for one that is read again for each connection.
    pub(super) fn read_contents(&self) -> FileContents {
        let own = [
            (ADMIN_TOKEN_FILE, &self.admin_token_file),
            ("acme-ca-file", &self.acme_ca_file),
            ("journal-nkey-file", &self.journal_nkey_file),
            ("journal-ca-file", &self.journal_ca_file),
            ("cluster-secret-file", &self.cluster_secret_file),
        ];
        let own = own.into_iter().map(|(setting, file)| (setting.to_owned(), file.as_deref()));
        let of_logins = self.login.iter().flat_map(|login| {
            let files = [("client-secret-file", &login.client_secret_file), ("ca-file", &login.ca_file)];
            files.map(|(setting, file)| (format!("{setting} of [[login]] {}", login.name), file.as_deref()))
        });
        let of_sites = self.site.iter().flat_map(|site| {
            let of_site =
                |(setting, file): (&str, Option<_>)| (format!("{setting} of [[site]] {}", site.name()), file);
            site.files().map(of_site)
        });
        let of_webhooks = self
            .webhook
            .iter()
            .map(|table| (format!("secret-file of [[webhook]] {}", table.id()), Some(table.secret_file())));
        let of_bots =
            self.bot.iter().map(|table| (format!("key-file of [[bot]] {}", table.id()), table.key_file()));
        FileContents::read(own.chain(of_logins).chain(of_sites).chain(of_webhooks).chain(of_bots))
    }

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
            contents: self.contents.with_reloadable(&new.contents),
            ..self.clone()
        }
    }

    /// Returns the names of the settings of a node of many, and whether each is the same.
    fn of_node(&self, other: &Self) -> [(&'static str, bool); 7] {
        [
            ("journal", self.journal == other.journal),
            ("journal-nkey-file", self.journal_nkey_file == other.journal_nkey_file),
            ("journal-password-file", self.journal_password_file == other.journal_password_file),
            ("journal-ca-file", self.journal_ca_file == other.journal_ca_file),
            ("peer-address", self.peer_address == other.peer_address),
            ("peers", self.peers == other.peers),
            ("cluster-secret-file", self.cluster_secret_file == other.cluster_secret_file),
        ]
    }

    /// Returns the names of the settings that differ, and of those whose file has another content.
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a str> {
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
            demo,
            login,
            site,
            // They follow from the tables, the public URL and the contents of files.
            sites: _,
            ollama,
            ollama_model,
            ollama_rooms,
            bot,
            webhook,
            webhooks: _,
            // Compared in [`Settings::of_node`].
            journal: _,
            journal_nkey_file: _,
            journal_password_file: _,
            journal_ca_file: _,
            peer_address: _,
            peers: _,
            cluster_secret_file: _,
            // It follows from them, and from the content of a file.
            node: _,
            contents,
        } = self;
        // One that is read from a file is another because the file is, or its content.
        let is_from_file = admin_token_file.is_some() && other.admin_token_file.is_some();
        let named = [
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
            ("admin-token", is_from_file || *admin_token == other.admin_token),
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
            ("demo", *demo == other.demo),
            ("login", *login == other.login),
            ("site", *site == other.site),
            ("ollama", *ollama == other.ollama),
            ("ollama-model", *ollama_model == other.ollama_model),
            ("ollama-rooms", *ollama_rooms == other.ollama_rooms),
            ("bot", *bot == other.bot),
            ("webhook", *webhook == other.webhook),
        ];
        let differing: Vec<_> = named
            .into_iter()
            .chain(self.of_node(other))
            .filter_map(|(name, is_same)| (!is_same).then_some(name))
            .collect();
        let of_files = contents.differences(&other.contents).filter(|name| !differing.contains(name));
        let of_files: Vec<_> = of_files.collect();
        [differing, of_files].concat()
    }
}
