//! Settings: defaults, then the file, then the environment, then the flags; the later one wins.
//!
//! A wrong setting is refused with its name, its origin and what is allowed, and nothing is guessed: an
//! unknown key in the file is refused by name. Unknown `MILLCHAT_…` variables are left alone, because
//! orchestrators invent such names for a service called millchat. There is no setting here that nobody would
//! set.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Deserializer};

use crate::access::holder::Holder;
use crate::access::pattern::Pattern;
use crate::access::rules::Rules;
use crate::access::settings::{self, NewRooms, RoomSettings};
use crate::client_ip::{Proxies, ProxyNetwork};
use crate::detached::StreamWriter;
use crate::drain_delay::DrainDelay;
use crate::identity::operator::{self, AdminToken};
use crate::identity::site::{self, Site, SiteTable};
use crate::limit::RateLimit;
use crate::listen_address::{AdminAddress, parse_tcp};
use crate::origin::Origins;
use crate::public_url::PublicUrl;
use crate::retention::{Age, Bytes};
use crate::session_time::{Idle, SignInAgain};
use crate::settings_file;
use crate::sign_in::{self, LoginSettings};
use crate::start_error::StartError;
use crate::tls::{AcmeSettings, Contact, DirectoryUrl, Domain, Hsts, RedirectAddress, Switch};

/// Address where the server listens by default.
const ADDRESS_DEFAULT: &str = "127.0.0.1:8080";
/// The addresses of the machine itself.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1"];
/// Log by default.
const LOG_DEFAULT: &str = "./millchat.redb";
/// Beginnings of the names of logs that do not outlive the process.
const PASSING_LOGS: [&str; 2] = ["memory:", "temp:"];
/// The ending of the directory beside the log that holds the certificate.
const CACHE_EXTENSION: &str = "acme";
/// Every interface, at the port of HTTPS, where an authority looks for a name.
const HTTPS_EVERYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 443);
/// The same at the port of plain HTTP.
const HTTP_EVERYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80);

/// The settings of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The address and port to listen on; port 0 takes a free one.
    #[serde(deserialize_with = "address")]
    pub address: SocketAddr,
    /// The log: a file, `memory:` or `temp:`.
    #[serde(deserialize_with = "log")]
    pub log: String,
    /// The address of the admin listener, if there is one.
    pub admin_address: Option<AdminAddress>,
    /// Age up to which events are kept.
    pub keep: Age,
    /// Bytes that the records may take.
    pub keep_bytes: Option<Bytes>,
    /// The form of the server's own log lines.
    pub log_format: LogFormat,
    /// The public address, if it is not the one where the server listens.
    pub public_url: Option<PublicUrl>,
    /// The limits of one author or address; unset, they follow from who can reach the server.
    pub rate_limit: Option<RateLimit>,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Option<Vec<ProxyNetwork>>,
    /// Time after SIGTERM in which everything is still served, and readiness is red.
    pub drain_delay: DrainDelay,
    /// The writer of the bytes of streams over plain HTTP/1.1.
    pub stream_writer: StreamWriter,
    /// The operator's secret.
    pub admin_token: Option<AdminToken>,
    /// The file that holds it instead.
    pub admin_token_file: Option<PathBuf>,
    /// The file with the certificate, and those between it and an authority.
    pub tls_certificate: Option<PathBuf>,
    /// The file with its key.
    pub tls_key: Option<PathBuf>,
    /// The names for which the server obtains a certificate itself.
    pub acme: Option<Vec<Domain>>,
    /// The address to which the authority of that certificate may write.
    pub acme_contact: Option<Contact>,
    /// The authority.
    pub acme_directory: Option<DirectoryUrl>,
    /// The file with the authorities by which that authority itself is known.
    pub acme_ca_file: Option<PathBuf>,
    /// The directory of the account and the certificate; unset, it is beside the log.
    pub acme_cache: Option<PathBuf>,
    /// The address at which plain HTTP is led to the public URL.
    pub redirect: Option<RedirectAddress>,
    /// HTTP/2, where TLS is on.
    pub http2: Switch,
    /// The time for which browsers come by TLS only; unset, it follows from the public URL.
    pub hsts: Option<Hsts>,
    /// The rooms that there may be; unset, all.
    #[serde(deserialize_with = "settings::rooms")]
    pub rooms: Option<Vec<Pattern>>,
    /// Those who may write a room's first event.
    pub new_rooms: NewRooms,
    /// The `[[room]]` tables.
    #[serde(deserialize_with = "settings::tables")]
    pub room: Vec<RoomSettings>,
    /// The people who are operators.
    #[serde(deserialize_with = "settings::holders")]
    pub operators: Vec<Holder>,
    /// Time after which the session of a user ends that is not used.
    pub session: Idle,
    /// Time after a sign-in from which another one is necessary.
    pub sign_in_again: SignInAgain,
    /// The providers at which people sign in.
    pub login: Vec<LoginSettings>,
    /// The tables of the sites that embed the chat.
    pub site: Vec<SiteTable>,
    /// Those of them that sign tokens, with their keys.
    #[serde(skip)]
    pub sites: Vec<Site>,
}

impl Settings {
    /// Returns the rules of the rooms.
    pub fn rules(&self) -> Rules {
        Rules {
            rooms: self.rooms.clone(),
            new_rooms: self.new_rooms,
            tables: self.room.clone(),
            operators: self.operators.clone(),
        }
    }

    /// Returns true if the server itself speaks TLS.
    pub fn has_tls(&self) -> bool {
        self.tls_certificate.is_some() || self.acme_domains().is_some()
    }

    fn acme_domains(&self) -> Option<&[Domain]> {
        self.acme.as_deref().filter(|domains| !domains.is_empty())
    }

    /// Returns what is needed to obtain a certificate, if the server does.
    pub fn acme(&self) -> Option<AcmeSettings> {
        let beside_log = || Path::new(&self.log).with_extension(CACHE_EXTENSION);
        Some(AcmeSettings {
            domains: self.acme_domains()?.to_vec(),
            contact: self.acme_contact.clone(),
            directory: self.acme_directory.clone().unwrap_or_default(),
            ca_file: self.acme_ca_file.clone(),
            cache: self.acme_cache.clone().unwrap_or_else(beside_log),
        })
    }

    /// Sets what follows from `acme` and was not set: a site on the internet needs no more.
    fn imply(&mut self, origins: &Origins) {
        let Some(domain) = self.acme_domains().and_then(|domains| domains.first()) else { return };
        let url = format!("https://{domain}");
        if self.public_url.is_none() {
            self.public_url = url.parse().ok();
        }
        // Whoever names the address has a plan for the ports.
        if origins.get("address").is_none() {
            self.address = HTTPS_EVERYWHERE;
            self.redirect.get_or_insert(RedirectAddress::At(HTTP_EVERYWHERE));
        }
    }

    /// Returns true if browsers reach the server by TLS, its own or a proxy's.
    pub fn is_reached_by_tls(&self) -> bool {
        self.has_tls() || self.public_url.as_ref().is_some_and(PublicUrl::is_tls)
    }

    /// Returns the time for which browsers are told to come by TLS only: where the server speaks TLS, and by
    /// default where the site has said its public name. (The name of this machine is also that of everything
    /// else on it.)
    pub fn hsts(&self) -> Hsts {
        let is_named = self.public_url.as_ref().is_some_and(PublicUrl::is_named);
        let default = if is_named { Hsts::recommended() } else { Hsts::Off };
        if self.has_tls() { self.hsts.unwrap_or(default) } else { Hsts::Off }
    }

    /// Refuses settings of TLS that do not go together.
    fn check_tls(&self, origins: &Origins) -> Result<(), StartError> {
        let alone =
            |set: &'static str, missing| Err(StartError::TlsHalf { missing, origin: origins.told(set), set });
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => return alone("tls-certificate", "tls-key"),
            (None, Some(_)) => return alone("tls-key", "tls-certificate"),
            _ => {}
        }
        if self.acme_domains().is_none() {
            for (setting, is_set) in [
                ("acme-contact", self.acme_contact.is_some()),
                ("acme-directory", self.acme_directory.is_some()),
                ("acme-ca-file", self.acme_ca_file.is_some()),
                ("acme-cache", self.acme_cache.is_some()),
            ] {
                if is_set {
                    return alone(setting, "acme");
                }
            }
        } else if self.tls_certificate.is_some() {
            let [acme, files] = ["acme", "tls-certificate"].map(|setting| origins.told(setting));
            return Err(StartError::TwoCertificates { acme, files });
        } else if self.acme_cache.is_none() && PASSING_LOGS.iter().any(|log| self.log.starts_with(log)) {
            return Err(StartError::NoCache { origin: origins.told("acme") });
        }
        let leads = self.redirect.and_then(RedirectAddress::address).is_some();
        if leads && !self.public_url.as_ref().is_some_and(PublicUrl::is_tls) {
            return Err(StartError::RedirectNowhere { origin: origins.told("redirect") });
        }
        Ok(())
    }

    /// Returns true if strangers can reach the server.
    fn is_public(&self) -> bool {
        !self.address.ip().is_loopback() || self.public_url.is_some()
    }

    /// Returns the limits that apply.
    pub fn limits(&self) -> RateLimit {
        let default = if self.is_public() { RateLimit::recommended() } else { RateLimit::default() };
        self.rate_limit.unwrap_or(default)
    }

    /// Returns the proxies whose word counts: with a public URL, and unless others are named, those of this
    /// machine.
    pub fn proxies(&self) -> Proxies {
        let of_machine = || LOOPBACK.map(|network| network.parse().expect("a test reads it"));
        let trusted = match &self.trusted_proxies {
            Some(named) => named.clone(),
            None if self.expects_proxy() => of_machine().into(),
            None => Vec::new(),
        };
        match self.trusted_proxies {
            Some(_) => Proxies::new(trusted),
            None => Proxies::with_unnamed(trusted, self.rate_limit.is_none()),
        }
    }

    /// Returns true if a proxy on this machine is to be expected: there is a public URL, and nothing here that
    /// speaks TLS for it.
    fn expects_proxy(&self) -> bool {
        self.public_url.is_some() && !self.has_tls()
    }

    /// Returns these settings with the address of a socket that the service manager passed. Another address
    /// in the settings is refused: nobody would see that it has no effect.
    pub fn on_socket(self, passed: Option<SocketAddr>, origins: &Origins) -> Result<Self, StartError> {
        let Some(passed) = passed else { return Ok(self) };
        if origins.get("address").is_some() && self.address != passed {
            return Err(StartError::TwoAddresses { passed, address: self.address });
        }
        Ok(Self { address: passed, ..self })
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
            ("login", *login == other.login),
            ("site", *site == other.site && *sites == other.sites),
        ]
        .into_iter()
        .filter_map(|(name, is_same)| (!is_same).then_some(name))
        .collect()
    }

    /// Warns of a token file that everybody on the machine can read.
    pub fn tell_token_file(&self) {
        if let Some(warning) = self.admin_token_file.as_deref().and_then(operator::warning) {
            tracing::warn!("{warning}");
        }
    }

    /// Says which limits apply, and why.
    pub fn tell_limits(&self) {
        let limits = self.limits();
        if self.is_public() && limits.is_off() {
            tracing::warn!(
                address = %self.address,
                "EVERYBODY WHO REACHES THIS ADDRESS CAN FLOOD IT: --rate-limit off is set. Without it the \
                 recommended limits apply"
            );
        } else if self.rate_limit.is_none() && !limits.is_off() {
            tracing::info!(
                %limits,
                "the recommended limits apply, since strangers can reach this server; --rate-limit sets others, \
                 --rate-limit off none"
            );
        }
        if self.trusted_proxies.is_none() && self.expects_proxy() {
            tracing::info!("a proxy on this machine is trusted; --trusted-proxies names others");
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: ADDRESS_DEFAULT.parse().expect("the default is an address"),
            log: LOG_DEFAULT.to_owned(),
            admin_address: None,
            keep: Age::default(),
            keep_bytes: None,
            log_format: LogFormat::Text,
            public_url: None,
            rate_limit: None,
            trusted_proxies: None,
            drain_delay: DrainDelay::default(),
            stream_writer: StreamWriter::Auto,
            admin_token: None,
            admin_token_file: None,
            tls_certificate: None,
            tls_key: None,
            acme: None,
            acme_contact: None,
            acme_directory: None,
            acme_ca_file: None,
            acme_cache: None,
            redirect: None,
            http2: Switch::On,
            hsts: None,
            rooms: None,
            new_rooms: NewRooms::default(),
            room: Vec::new(),
            operators: Vec::new(),
            session: Idle::default(),
            sign_in_again: SignInAgain::default(),
            login: Vec::new(),
            site: Vec::new(),
            sites: Vec::new(),
        }
    }
}

/// The form of the server's own log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

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
    /// address), connections=N (open connections and streams of one address); or off. A network of IPv6 (/64)
    /// counts as one address [default: off on 127.0.0.1; on any other address, or with a public URL,
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
        settings.imply(&origins);
        settings.check_tls(&origins)?;
        set_optional(&mut settings.rooms, self.rooms.as_ref());
        set(&mut settings.new_rooms, self.new_rooms.as_ref());
        set(&mut settings.operators, self.operators.as_ref());
        set(&mut settings.session, self.session.as_ref());
        set(&mut settings.sign_in_again, self.sign_in_again.as_ref());
        if let Some(file) = &settings.admin_token_file {
            if settings.admin_token.is_some() {
                let [token, file] = ["admin-token", "admin-token-file"].map(|setting| origins.told(setting));
                return Err(StartError::TwoAdminTokens { token, file });
            }
            let origin = origins.told("admin-token-file");
            let token = AdminToken::read(file).map_err(|source| StartError::AdminToken { source, origin })?;
            settings.admin_token = Some(token);
        }
        sign_in::check(&settings.login, settings.public_url.as_ref()).map_err(StartError::Logins)?;
        let public_url = settings.public_url.as_ref().map(PublicUrl::origin);
        let secret_of = |name: &str| std::env::var(name).ok().filter(|secret| !secret.is_empty());
        settings.sites = site::sites(&settings.site, public_url, &secret_of)?;
        Ok((settings, origins))
    }
}

/// The settings that say where a server listens, for who asks it: the rest is none of its business.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Listening {
    /// The address, if it is set.
    #[serde(deserialize_with = "some_address")]
    pub address: Option<SocketAddr>,
    /// The file with the certificate.
    pub tls_certificate: Option<PathBuf>,
    /// The names for which a certificate is obtained.
    pub acme: Option<Vec<Domain>>,
}

impl Listening {
    /// Returns these, and under them those of a file.
    pub fn over(self, file: Option<&Path>) -> Result<Self, StartError> {
        let Some(file) = file else { return Ok(self) };
        let below = settings_file::read::<Self>(file)?.0;
        Ok(Self {
            address: self.address.or(below.address),
            tls_certificate: self.tls_certificate.or(below.tls_certificate),
            acme: self.acme.or(below.acme),
        })
    }

    /// Returns the address, as it is or as it follows from the others.
    pub fn address(&self) -> SocketAddr {
        let implied = if self.is_obtained() { HTTPS_EVERYWHERE } else { Settings::default().address };
        self.address.unwrap_or(implied)
    }

    /// Returns true if the server speaks TLS there.
    pub fn has_tls(&self) -> bool {
        self.tls_certificate.is_some() || self.is_obtained()
    }

    fn is_obtained(&self) -> bool {
        self.acme.as_ref().is_some_and(|domains| !domains.is_empty())
    }
}

fn parse_log(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the log needs a name: a file, `temp:` or `memory:`".to_owned());
    }
    Ok(text.to_owned())
}

fn address<'de, D: Deserializer<'de>>(value: D) -> Result<SocketAddr, D::Error> {
    parse_tcp(&String::deserialize(value)?).map_err(serde::de::Error::custom)
}

fn some_address<'de, D: Deserializer<'de>>(value: D) -> Result<Option<SocketAddr>, D::Error> {
    address(value).map(Some)
}

fn log<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    parse_log(&String::deserialize(value)?).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::Parser;

    use super::*;
    use crate::environment;

    #[derive(Parser)]
    struct Parsed {
        #[command(flatten)]
        flags: Flags,
    }

    fn settings<'a>(args: impl IntoIterator<Item = &'a str>) -> Result<Settings, String> {
        let (parsed, origins) = environment::parse::<Parsed>(args).map_err(|error| error.to_string())?;
        let settings = parsed.flags.settings(&origins);
        settings.map(|(settings, _)| settings).map_err(|error| error.to_string() + &error.told(&origins))
    }

    fn with_file(toml: &str, args: &[&str]) -> Result<Settings, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(toml.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        settings(["millchat", "--config", path].into_iter().chain(args.iter().copied()))
    }

    #[test]
    fn a_flag_is_stronger_than_the_file_and_the_file_than_the_default() {
        let settings =
            with_file("address = \"127.0.0.1:1\"\nlog-format = \"json\"", &["-a", "[::1]:2"]).unwrap();
        assert_eq!(settings.address, "[::1]:2".parse().unwrap());
        assert_eq!(settings.log_format, LogFormat::Json);
        assert_eq!(settings.log, LOG_DEFAULT);
    }

    #[test]
    fn the_file_and_the_flags_say_the_same_things() {
        let flags = [
            "--public-url",
            "https://chat.example.org/",
            "--rate-limit",
            "author=5/20,guests=10",
            "--trusted-proxies",
            "127.0.0.1,10.0.0.0/8",
            "--admin-address",
            "unix:/run/millchat/admin.sock",
            "--tls-certificate",
            "/etc/millchat/chat.pem",
            "--tls-key",
            "/etc/millchat/chat.key",
            "--redirect",
            "0.0.0.0:80",
            "--http2",
            "off",
            "--hsts",
            "30d",
        ];
        let by_flags = with_file("rate-limit = \"author=1\"", &flags).unwrap();
        let file = "public-url = \"https://chat.example.org\"\nrate-limit = \"author=5/20,guests=10\"\n\
            trusted-proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n\
            admin-address = \"unix:/run/millchat/admin.sock\"\n\
            tls-certificate = \"/etc/millchat/chat.pem\"\ntls-key = \"/etc/millchat/chat.key\"\n\
            redirect = \"0.0.0.0:80\"\nhttp2 = \"off\"\nhsts = \"30d\"";
        assert_eq!(with_file(file, &[]).unwrap(), by_flags);
        assert!(with_file(file, &["--rate-limit", "off"]).unwrap().rate_limit.unwrap().is_off());
    }

    #[test]
    fn the_settings_of_rooms_are_read_from_flags_and_file_alike() {
        let flags =
            ["--rooms", "lobby,team-*", "--new-rooms", "signed-in", "--operators", "corp:@admins,u_x"];
        let file = "rooms = [\"lobby\", \"team-*\"]\nnew-rooms = \"signed-in\"\n\
            operators = [\"corp:@admins\", \"u_x\"]\n";
        assert_eq!(with_file(file, &[]).unwrap(), with_file("rooms = [\"x\"]", &flags).unwrap());
        let tables = "[[room]]\nname = \"team-*\"\ntitle = \"The team\"\ncreator = \"owner\"\n\
            policy = \"members\"\nowners = [\"corp:@leads\"]\nreaders = [\"corp:*\", \"g_abc\"]\n\
            [[room]]\nname = \"*\"\nguests = \"read\"\n";
        let rules = with_file(tables, &[]).unwrap().rules();
        assert_eq!(rules.tables.len(), 2);
        assert_eq!(rules.tables[0].owners[0].to_string(), "corp:@leads");
    }

    #[test]
    fn the_recommended_limits_are_those_that_the_help_and_the_docs_name() {
        let recommended = RateLimit::recommended().to_string();
        let help = <Parsed as clap::CommandFactory>::command().render_long_help().to_string();
        let docs = include_str!("../../docs/operations.md");
        let greedy = include_str!("../../loadtest/src/greedy/round.rs");
        for text in [help.as_str(), docs, greedy] {
            assert!(text.split_whitespace().collect::<String>().contains(&recommended));
        }
    }

    #[test]
    fn who_can_be_reached_by_strangers_has_limits_unless_they_are_switched_off() {
        let recommended = RateLimit::recommended();
        for (toml, limits, trusts_itself) in [
            ("", RateLimit::default(), false),
            ("address = \"0.0.0.0:80\"", recommended, false),
            ("public-url = \"https://chat.example.org\"", recommended, true),
            ("public-url = \"https://chat.example.org\"\ntrusted-proxies = []", recommended, false),
            ("address = \"0.0.0.0:80\"\nrate-limit = \"off\"", RateLimit::default(), false),
            ("address = \"0.0.0.0:80\"\nrate-limit = \"guests=1\"", "guests=1".parse().unwrap(), false),
        ] {
            let settings = with_file(toml, &[]).unwrap();
            assert_eq!(settings.limits(), limits, "{toml}");
            let mut headers = hyper::HeaderMap::new();
            headers.append("x-forwarded-for", "203.0.113.7".parse().unwrap());
            let client = settings.proxies().client("127.0.0.1".parse().unwrap(), &headers);
            let trusted = !client.is_exempt && client.address.to_string() == "203.0.113.7";
            assert_eq!(trusted, trusts_itself, "{toml}");
        }
    }

    #[test]
    fn a_name_alone_is_all_that_a_site_on_the_internet_needs() {
        let alone =
            with_file("acme = [\"Chat.example.org\", \"www.example.org\"]\nlog = \"/x/log.redb\"", &[]);
        let alone = alone.unwrap();
        assert_eq!(alone.address, "0.0.0.0:443".parse().unwrap());
        assert_eq!(alone.redirect.unwrap().to_string(), "0.0.0.0:80");
        assert_eq!(alone.public_url.as_ref().unwrap().origin(), "https://chat.example.org");
        assert!(alone.has_tls() && alone.is_reached_by_tls());
        assert_eq!(alone.hsts(), Hsts::recommended());
        let acme = alone.acme().unwrap();
        assert_eq!((acme.domains.len(), acme.cache.as_path()), (2, Path::new("/x/log.acme")));
        assert!(acme.directory.as_str().contains("letsencrypt"));
        for (toml, address, redirect, url) in [
            ("address = \"127.0.0.1:8443\"", "127.0.0.1:8443", None, "https://a.example"),
            ("redirect = \"off\"", "0.0.0.0:443", Some("off"), "https://a.example"),
            ("public-url = \"https://b.example\"", "0.0.0.0:443", Some("0.0.0.0:80"), "https://b.example"),
        ] {
            let settings = with_file(toml, &["--acme", "a.example"]).unwrap();
            assert_eq!(settings.address, address.parse().unwrap(), "{toml}");
            assert_eq!(settings.redirect.map(|at| at.to_string()).as_deref(), redirect, "{toml}");
            assert_eq!(settings.public_url.unwrap().origin(), url, "{toml}");
        }
    }

    #[test]
    fn browsers_are_told_to_come_by_tls_only_where_the_site_has_a_name_of_its_own() {
        let tls = "tls-certificate = \"a\"\ntls-key = \"b\"\n";
        let year = "365d".parse::<Hsts>().unwrap();
        for (toml, hsts) in [
            (String::new(), Hsts::Off),
            ("public-url = \"https://chat.example.org\"".to_owned(), Hsts::Off),
            (tls.to_owned(), Hsts::Off),
            (format!("{tls}hsts = \"365d\""), year),
            (format!("{tls}public-url = \"https://chat.example.org\""), year),
            (format!("{tls}public-url = \"https://chat.example.org\"\nhsts = \"off\""), Hsts::Off),
            (format!("{tls}public-url = \"https://localhost:8443\""), Hsts::Off),
            (format!("{tls}public-url = \"https://192.0.2.1\""), Hsts::Off),
            (format!("{tls}public-url = \"https://[2001:db8::1]\""), Hsts::Off),
        ] {
            assert_eq!(with_file(&toml, &[]).unwrap().hsts(), hsts, "{toml}");
        }
    }

    #[test]
    fn a_wrong_value_says_what_was_wrong_and_what_is_allowed() {
        for (toml, args, words) in [
            ("adress = \"127.0.0.1:1\"", &[][..], &["adress", "address"][..]),
            ("address = \"nowhere\"", &[], &["nowhere", "127.0.0.1:8080"]),
            ("address = 80", &[], &["address", "string"]),
            ("log = \"\"", &[], &["temp:", "memory:"]),
            ("log-format = \"xml\"", &[], &["xml", "text", "json"]),
            ("log = ", &[], &["TOML"]),
            ("keep = \"10s\"", &[], &["keep", "1m at least"]),
            ("", &["--keep", "soon"], &["--keep", "30d", "forever"]),
            ("", &["--keep-bytes", "lots"], &["--keep-bytes", "4GiB"]),
            ("public-url = \"chat.example.org\"", &[], &["public-url", "https://chat.example.org"]),
            ("rate-limit = \"messages=5\"", &[], &["rate-limit", "messages=5", "author=RATE/BURST"]),
            ("trusted-proxies = [\"nginx\"]", &[], &["trusted-proxies", "nginx", "10.0.0.0/8"]),
            ("", &["--public-url", "https://a.example/b"], &["--public-url", "without a path"]),
            ("", &["--rate-limit", "author=0"], &["--rate-limit", "author=0", "1000000"]),
            ("", &["--trusted-proxies", "10.0.0.1,x"], &["--trusted-proxies", "`x`"]),
            ("", &["--address", "127.0.0.1:99999"], &["--address", "99999", "65535"]),
            ("", &["--log-format", "xml"], &["xml", "text", "json"]),
            ("", &["--admin-address", "9080"], &["--admin-address", "9080", "unix:/run/millchat/admin.sock"]),
            ("admin-address = \"unix:x\"", &[], &["admin-address", "unix:x", "absolute path"]),
            ("", &["--drain-delay", "2h"], &["--drain-delay", "`2h`", "1h at most"]),
            ("drain-delay = \"soon\"", &[], &["drain-delay", "`soon`", "10s"]),
            ("session = \"10m\"", &[], &["session", "`10m`", "1h to 1y"]),
            ("", &["--sign-in-again", "soon"], &["--sign-in-again", "`soon`", "1h to 1y"]),
            ("tls-key = \"x.key\"", &[], &["tls-key", "tls-certificate", "line 1"]),
            ("", &["--tls-certificate", "x.pem"], &["tls-key", "set by --tls-certificate"]),
            ("acme = [\"localhost\"]", &[], &["acme", "`localhost`", "chat.example.org"]),
            ("acme = \"chat.example.org\"", &[], &["acme", "sequence"]),
            ("", &["--acme", "*.example.org"], &["--acme", "no *"]),
            ("acme-contact = \"a@b.c\"", &[], &["acme-contact", "acme is not", "line 1"]),
            ("acme-cache = \"x\"", &[], &["acme-cache", "acme is not"]),
            ("acme = [\"a.example\"]\nlog = \"temp:\"", &[], &["acme-cache", "line 1"]),
            (
                "acme = [\"a.example\"]\ntls-certificate = \"a\"\ntls-key = \"b\"",
                &[],
                &["acme", "tls-certificate", "line 1", "line 2"],
            ),
            ("", &["--acme", "a.example", "--acme-directory", "http://x"], &["--acme-directory", "http://x"]),
            ("", &["--acme", "a.example", "--acme-contact", "ops"], &["--acme-contact", "`ops`"]),
            ("http2 = true", &[], &["http2", "string"]),
            ("", &["--http2", "maybe"], &["maybe", "on", "off"]),
            ("hsts = \"1000d\"", &[], &["hsts", "730d at most"]),
            ("", &["--redirect", "80"], &["--redirect", "`80`", "or off"]),
            ("redirect = \"0.0.0.0:80\"", &[], &["redirect", "public-url", "line 1"]),
            (
                "redirect = \"0.0.0.0:80\"\npublic-url = \"http://chat.example.org\"",
                &[],
                &["redirect", "https", "line 1"],
            ),
            ("", &["--nonsense"], &["--nonsense"]),
            ("rooms = [\"lobby\", \"a b\"]", &[], &["rooms", "`a b`", "team-*"]),
            ("rooms = []", &[], &["rooms", "leave it out"]),
            ("", &["--rooms", "lobby,x.y"], &["--rooms", "`x.y`"]),
            ("new-rooms = \"some\"", &[], &["new-rooms", "`some`", "signed-in"]),
            ("", &["--new-rooms", "some"], &["--new-rooms", "signed-in"]),
            ("operators = [\"Ada\"]", &[], &["operators", "`Ada`", "LOGIN:@GROUP"]),
            ("", &["--operators", "corp:"], &["--operators", "`corp:`"]),
            ("[[room]]\npolicy = \"members\"", &[], &["line 1: room", "name"]),
            ("\n[[room]]\nname = \"x\"\npolice = \"members\"", &[], &["line 2: room", "`police`", "policy"]),
            ("[[room]]\nname = \"x\"\npolicy = \"secret\"", &[], &["`secret`", "members"]),
            ("[[room]]\nname = \"x\"\nguests = \"some\"", &[], &["`some`", "write"]),
            ("[[room]]\nname = \"x\"\ncreator = \"me\"", &[], &["`me`", "owner"]),
            ("[[room]]\nname = \"x y\"", &[], &["`x y`"]),
            ("[[room]]\nname = \"x\"\ntitle = \" x\"", &[], &["title", "100"]),
            ("[[room]]\nname = \"x\"\nreaders = [\"corp\"]", &[], &["`corp`", "LOGIN:@GROUP"]),
            ("room = 7", &[], &["room", "sequence"]),
        ] {
            let error = with_file(toml, args).unwrap_err();
            for word in words {
                assert!(error.contains(word), "{toml} {args:?}: {error}");
            }
        }
        let missing = settings(["millchat", "--config", "/no/such.toml"]).unwrap_err();
        assert!(missing.contains("/no/such.toml") && missing.contains("set by --config"), "{missing}");
    }
}
