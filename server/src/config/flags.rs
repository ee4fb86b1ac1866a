//! The flags and their variables, and the layers put together.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::settings::{LogFormat, Settings, parse_log};
use crate::access::holder::Holder;
use crate::access::pattern::Pattern;
use crate::access::settings::NewRooms;
use crate::bot::settings::BotTable;
use crate::client_ip::ProxyNetwork;
use crate::cluster::PeerAddress;
use crate::detached::StreamWriter;
use crate::drain_delay::DrainDelay;
use crate::embed_origins::EmbedOrigins;
use crate::identity::operator::AdminToken;
use crate::identity::site;
use crate::limit::RateLimit;
use crate::listen_address::{AdminAddress, parse_tcp};
use crate::origin::Origins;
use crate::public_url::PublicUrl;
use crate::retention::{Age, Bytes};
use crate::session_time::{Idle, SignInAgain};
use crate::settings_file;
use crate::sign_in;
use crate::start_error::StartError;
use crate::tls::{Contact, DirectoryUrl, Domain, Hsts, RedirectAddress, Switch};
use crate::webhook::settings::WebhookTable;
use crate::{program_id, webhook};

/// The settings as flags, each also a variable of the environment.
#[derive(Args, Debug)]
pub struct Flags {
    /// Address and port to listen on. 0.0.0.0:8080 is every interface; port 0 takes a free port, and the
    /// line on stdout names it [default: 127.0.0.1:8080]
    #[arg(short, long, env = "MILLCHAT_ADDRESS", value_name = "IP:PORT", value_parser = parse_tcp)]
    address: Option<SocketAddr>,

    /// The log of the messages: a file, made when it is not there; `temp:` is a file that goes with the
    /// process, `memory:` no file at all [default: ./millchat.redb]
    #[arg(short, long, env = "MILLCHAT_LOG", value_name = "LOG", value_parser = parse_log)]
    log: Option<String>,

    /// A second listener, for the operator: an address and a port, or a socket in the file system such as
    /// `unix:/run/millchat/admin.sock`, which only the user of the server may use. It serves /admin/,
    /// /metrics and the API; the public listener then knows neither the first two nor the admin token
    /// [default: none]
    #[arg(long, env = "MILLCHAT_ADMIN_ADDRESS", value_name = "ADDRESS")]
    admin_address: Option<AdminAddress>,

    /// Age up to which messages are kept, such as 30d, 12h, 90m (1m at least), or forever [default: forever]
    #[arg(long, env = "MILLCHAT_KEEP", value_name = "AGE")]
    keep: Option<Age>,

    /// Bytes that the kept messages may take, such as 20MB or 4GiB; the oldest go first. The file may become
    /// some times as large, and then stops growing [default: no limit]
    #[arg(long, env = "MILLCHAT_KEEP_BYTES", value_name = "SIZE")]
    keep_bytes: Option<Bytes>,

    /// Form of the server's own log lines on stderr [default: text]
    #[arg(long, env = "MILLCHAT_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    /// The address by which people reach the chat, when a proxy is in front of it, such as
    /// `https://chat.example.org`. With https, cookies are Secure; only its own pages may write; shared links
    /// lead there [default: the address by which the browser came]
    #[arg(long, env = "MILLCHAT_PUBLIC_URL", value_name = "URL")]
    public_url: Option<PublicUrl>,

    /// Limits of one author or one address; a list of some of: author=RATE/BURST (RATE messages a second by
    /// one author, BURST at once), address=RATE/BURST (the same for all authors of one address),
    /// reads=RATE/BURST (pages and history read from one address), guests=N (new guests a minute from one
    /// address), logins=N (steps of signing in a minute from one address; a whole sign-in is two),
    /// connections=N (open connections and streams of one address); or off. A network of IPv6 (/64) counts as
    /// one address [default: off on 127.0.0.1; on any other address, or with a public URL,
    /// author=5/20,address=50/200,reads=50/500,guests=10,logins=10,connections=100]
    #[arg(long, env = "MILLCHAT_RATE_LIMIT", value_name = "LIMITS")]
    rate_limit: Option<RateLimit>,

    /// Proxies whose X-Forwarded-For tells the address that limits count: addresses and networks, such as
    /// 127.0.0.1,10.0.0.0/8 [default: with a public URL the machine itself, else none]
    #[arg(long, env = "MILLCHAT_TRUSTED_PROXIES", value_name = "LIST", value_delimiter = ',')]
    trusted_proxies: Option<Vec<ProxyNetwork>>,

    /// Time between SIGTERM and the end of what is open, such as 10s. In it /readyz answers 503 and all is
    /// still served, so that a load balancer can take other servers first. Ctrl-C or a second signal ends it
    /// [default: 500ms]
    #[arg(long, env = "MILLCHAT_DRAIN_DELAY", value_name = "TIME")]
    drain_delay: Option<DrainDelay>,

    /// Writer of streams over plain HTTP/1.1: `io_uring`, one call for many readers; write(2), one call each;
    /// the HTTP library; or `io_uring` where the kernel allows it and else write(2). For comparison, and
    /// should one of them ever be in the way [default: auto]
    #[arg(long, env = "MILLCHAT_STREAM_WRITER", value_name = "WRITER", hide = true)]
    stream_writer: Option<StreamWriter>,

    /// A secret by which the operator may do more, such as back up while the server runs; 16 characters or
    /// more. Better in a file: anybody who may list processes reads flags [default: none, and nobody may]
    #[arg(long, env = "MILLCHAT_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    admin_token: Option<AdminToken>,

    /// A file that holds the admin token
    #[arg(long, env = "MILLCHAT_ADMIN_TOKEN_FILE", value_name = "FILE")]
    admin_token_file: Option<PathBuf>,

    /// The certificate for TLS, as PEM: a file with the server's certificate first, and those up to an
    /// authority behind it. The server then speaks HTTPS at its address. The file is read again when it changes,
    /// and at SIGHUP [default: none; the server speaks plain HTTP]
    #[arg(long, env = "MILLCHAT_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,

    /// The key of the certificate, as PEM
    #[arg(long, env = "MILLCHAT_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// Names for which the server obtains a certificate itself, and renews it, such as chat.example.org. The
    /// authority, Let's Encrypt by default, must reach the server by each of them at port 443. By this you agree
    /// to its terms of service. Without an address it listens on 0.0.0.0:443 and leads there from 0.0.0.0:80; the
    /// public URL is the first name [default: none]
    #[arg(long, env = "MILLCHAT_ACME", value_name = "DOMAINS", value_delimiter = ',')]
    acme: Option<Vec<Domain>>,

    /// Address to which the authority may write, such as ops@example.org [default: none]
    #[arg(long, env = "MILLCHAT_ACME_CONTACT", value_name = "MAIL")]
    acme_contact: Option<Contact>,

    /// Directory of another authority
    /// [default: `https://acme-v02.api.letsencrypt.org/directory`]
    #[arg(long, env = "MILLCHAT_ACME_DIRECTORY", value_name = "URL")]
    acme_directory: Option<DirectoryUrl>,

    /// A file with the authorities, as PEM, by which the authority's own server is known
    /// [default: those of the system]
    #[arg(long, env = "MILLCHAT_ACME_CA_FILE", value_name = "FILE")]
    acme_ca_file: Option<PathBuf>,

    /// A directory for the account and the certificate, which nobody else may read
    /// [default: beside the log, such as ./millchat.acme]
    #[arg(long, env = "MILLCHAT_ACME_CACHE", value_name = "DIRECTORY")]
    acme_cache: Option<PathBuf>,

    /// Address and port at which plain HTTP is led to the public URL, such as 0.0.0.0:80; or off
    /// [default: off]
    #[arg(long, env = "MILLCHAT_REDIRECT", value_name = "IP:PORT")]
    redirect: Option<RedirectAddress>,

    /// HTTP/2, where the server speaks TLS: a browser needs one connection for all its tabs. Off: streams cost
    /// less, which matters for many thousand readers [default: on]
    #[arg(long, env = "MILLCHAT_HTTP2", value_name = "SWITCH")]
    http2: Option<Switch>,

    /// Time for which browsers that were here once come by HTTPS only, such as 365d; or off. It cannot be taken
    /// back before it is over [default: 365d where the server speaks TLS and has a public URL with a name,
    /// else off]
    #[arg(long, env = "MILLCHAT_HSTS", value_name = "TIME")]
    hsts: Option<Hsts>,

    /// The rooms that there may be: names and patterns, in which * is any run of characters and ? one, such
    /// as lobby,team-*. Others are answered 404 [default: every name]
    #[arg(long, env = "MILLCHAT_ROOMS", value_name = "PATTERNS", value_delimiter = ',')]
    rooms: Option<Vec<Pattern>>,

    /// Those who may write the first message of a room: anyone who may write in it; signed-in, of these those
    /// who are no guests; or nobody but its owners and operators [default: anyone]
    #[arg(long, env = "MILLCHAT_NEW_ROOMS", value_name = "WHO")]
    new_rooms: Option<NewRooms>,

    /// People who may do all that the admin token may, but for the keys and the backup: LOGIN:SUB,
    /// LOGIN:@GROUP, LOGIN:* or the ids of authors [default: none]
    #[arg(long, env = "MILLCHAT_OPERATORS", value_name = "LIST", value_delimiter = ',')]
    operators: Option<Vec<Holder>>,

    /// Time after which the session of somebody who signed in ends, unless it is used: 1h to 1y [default: 30d]
    #[arg(long, env = "MILLCHAT_SESSION", value_name = "TIME")]
    session: Option<Idle>,

    /// Time after a sign-in from which another one is necessary, however much the session is used: 1h to 1y.
    /// Groups are those of the sign-in; where they give rights, some hours are better [default: 90d]
    #[arg(long, env = "MILLCHAT_SIGN_IN_AGAIN", value_name = "TIME")]
    sign_in_again: Option<SignInAgain>,

    /// Sites that may show every room in a frame, as a panel: origins such as `https://shop.example`,
    /// `https://*.example.org`, `http://localhost:3000`; or * for every site. A `[[site]]` names those for
    /// its own rooms [default: none; the chat's own pages may]
    #[arg(long, env = "MILLCHAT_EMBED_ORIGINS", value_name = "ORIGINS")]
    embed_origins: Option<EmbedOrigins>,

    /// A page at /demo that stands for a site with the panel, to try it out; off, or on [default: off]
    #[arg(long, env = "MILLCHAT_DEMO", value_name = "SWITCH")]
    demo: Option<Switch>,

    /// A bot that answers everything in the room `ollama`, by the language model behind this address of Ollama, such
    /// as `http://127.0.0.1:11434`. Others are `[[bot]]` tables of the settings file [default: none]
    #[arg(long, env = "MILLCHAT_OLLAMA", value_name = "URL")]
    ollama: Option<String>,

    /// The model of that bot, as `ollama list` names it [default: llama3.2]
    #[arg(long, env = "MILLCHAT_OLLAMA_MODEL", value_name = "MODEL")]
    ollama_model: Option<String>,

    /// The rooms of that bot [default: ollama]
    #[arg(long, env = "MILLCHAT_OLLAMA_ROOMS", value_name = "ROOMS", value_delimiter = ',')]
    ollama_rooms: Option<Vec<String>>,

    /// The journal by which several nodes share one chat: all servers of NATS with JetStream, such as
    /// `tls://a:4222,tls://b:4222,tls://c:4222`, or a Postgres database, such as `postgres://millchat@db/millchat`
    /// [default: none; this is the only node]
    #[arg(long, env = "MILLCHAT_JOURNAL", value_name = "URLS", value_delimiter = ',')]
    journal: Option<Vec<String>>,

    /// A file with the seed of the nkey by which NATS knows the nodes [default: none]
    #[arg(long, env = "MILLCHAT_JOURNAL_NKEY_FILE", value_name = "FILE")]
    journal_nkey_file: Option<PathBuf>,

    /// A file with the password by which Postgres knows the nodes; it is read again for each connection
    /// [default: none]
    #[arg(long, env = "MILLCHAT_JOURNAL_PASSWORD_FILE", value_name = "FILE")]
    journal_password_file: Option<PathBuf>,

    /// A file with the authorities of the certificates of the journal's servers, as PEM
    /// [default: those of the system]
    #[arg(long, env = "MILLCHAT_JOURNAL_CA_FILE", value_name = "FILE")]
    journal_ca_file: Option<PathBuf>,

    /// The address by which the other nodes reach this one, such as a.example:8081. It is the node's name, and
    /// the node listens at its port for them alone [default: none]
    #[arg(long, env = "MILLCHAT_PEER_ADDRESS", value_name = "HOST:PORT")]
    peer_address: Option<PeerAddress>,

    /// The addresses of all nodes, this one too; the same list at each, of 9 at most [default: none]
    #[arg(long, env = "MILLCHAT_PEERS", value_name = "LIST", value_delimiter = ',')]
    peers: Option<Vec<PeerAddress>>,

    /// A file with the secret by which the nodes know each other; `openssl rand -hex 32` makes one
    /// [default: none]
    #[arg(long, env = "MILLCHAT_CLUSTER_SECRET_FILE", value_name = "FILE")]
    cluster_secret_file: Option<PathBuf>,

    /// A TOML file with any of these settings, by the names of the flags, for example: address = "0.0.0.0:80"
    #[arg(long, env = "MILLCHAT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Flags {
    /// Puts the layers together. `origins` are those of the flags; returned are those of all settings.
    pub fn settings(&self, origins: &Origins) -> Result<(Settings, Origins), StartError> {
        fn set<T: Clone>(setting: &mut T, flag: Option<&T>) {
            if let Some(flag) = flag {
                setting.clone_from(flag);
            }
        }
        fn set_optional<T: Clone>(setting: &mut Option<T>, flag: Option<&T>) {
            if flag.is_some() {
                *setting = flag.cloned();
            }
        }
        let (mut settings, in_file) = match &self.config {
            Some(path) => settings_file::read::<Settings>(path)?,
            None => (Settings::default(), Vec::new()),
        };
        let origins = origins.over(in_file);
        // The parser of the command line has laid the flags over the environment already.
        set(&mut settings.address, self.address.as_ref());
        set(&mut settings.log, self.log.as_ref());
        set_optional(&mut settings.admin_address, self.admin_address.as_ref());
        set(&mut settings.keep, self.keep.as_ref());
        set_optional(&mut settings.keep_bytes, self.keep_bytes.as_ref());
        set(&mut settings.log_format, self.log_format.as_ref());
        set_optional(&mut settings.public_url, self.public_url.as_ref());
        set_optional(&mut settings.rate_limit, self.rate_limit.as_ref());
        set_optional(&mut settings.trusted_proxies, self.trusted_proxies.as_ref());
        set(&mut settings.drain_delay, self.drain_delay.as_ref());
        set(&mut settings.stream_writer, self.stream_writer.as_ref());
        set_optional(&mut settings.admin_token, self.admin_token.as_ref());
        set_optional(&mut settings.admin_token_file, self.admin_token_file.as_ref());
        set_optional(&mut settings.tls_certificate, self.tls_certificate.as_ref());
        set_optional(&mut settings.tls_key, self.tls_key.as_ref());
        set_optional(&mut settings.acme, self.acme.as_ref());
        set_optional(&mut settings.acme_contact, self.acme_contact.as_ref());
        set_optional(&mut settings.acme_directory, self.acme_directory.as_ref());
        set_optional(&mut settings.acme_ca_file, self.acme_ca_file.as_ref());
        set_optional(&mut settings.acme_cache, self.acme_cache.as_ref());
        set_optional(&mut settings.redirect, self.redirect.as_ref());
        set(&mut settings.http2, self.http2.as_ref());
        set_optional(&mut settings.hsts, self.hsts.as_ref());
        set_optional(&mut settings.rooms, self.rooms.as_ref());
        set(&mut settings.new_rooms, self.new_rooms.as_ref());
        set(&mut settings.operators, self.operators.as_ref());
        set(&mut settings.session, self.session.as_ref());
        set(&mut settings.sign_in_again, self.sign_in_again.as_ref());
        set(&mut settings.embed_origins, self.embed_origins.as_ref());
        set(&mut settings.demo, self.demo.as_ref());
        set_optional(&mut settings.ollama, self.ollama.as_ref());
        set(&mut settings.ollama_model, self.ollama_model.as_ref());
        set(&mut settings.ollama_rooms, self.ollama_rooms.as_ref());
        set_optional(&mut settings.journal, self.journal.as_ref());
        set_optional(&mut settings.journal_nkey_file, self.journal_nkey_file.as_ref());
        set_optional(&mut settings.journal_password_file, self.journal_password_file.as_ref());
        set_optional(&mut settings.journal_ca_file, self.journal_ca_file.as_ref());
        set_optional(&mut settings.peer_address, self.peer_address.as_ref());
        set_optional(&mut settings.peers, self.peers.as_ref());
        set_optional(&mut settings.cluster_secret_file, self.cluster_secret_file.as_ref());
        settings.imply(&origins);
        settings.check_tls(&origins)?;
        if let Some(file) = &settings.admin_token_file {
            if settings.admin_token.is_some() {
                let [token, file] = ["admin-token", "admin-token-file"].map(|setting| origins.told(setting));
                return Err(StartError::TwoAdminTokens { token, file });
            }
            let origin = origins.told("admin-token-file");
            let token = AdminToken::read(file).map_err(|source| StartError::AdminToken { source, origin })?;
            settings.admin_token = Some(token);
        }
        site::check_names(&settings.site, settings.login.iter().map(|login| &*login.name))?;
        sign_in::check(&settings.login, settings.public_url.as_ref()).map_err(StartError::Logins)?;
        let public_url = settings.public_url.as_ref().map(PublicUrl::origin);
        let secret_of = |name: &str| std::env::var(name).ok().filter(|secret| !secret.is_empty());
        settings.sites = site::sites(&settings.site, public_url, &secret_of)?;
        let bots = settings.bot_tables();
        let bot_ids = bots.iter().map(BotTable::id);
        program_id::check(bot_ids.chain(settings.webhook.iter().map(WebhookTable::id)))?;
        settings.bots()?;
        settings.webhooks = webhook::settings::webhooks(&settings.webhook)?;
        settings.node = settings.node()?;
        settings.contents = settings.read_contents();
        Ok((settings, origins))
    }
}
