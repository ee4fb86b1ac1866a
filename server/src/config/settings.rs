//! The settings themselves, each with its default, and the words that a file may say for them.
//!
//! The consequences of several of them are in files of their own beside this one.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Deserializer};

use super::contents::FileContents;
use crate::access::holder::Holder;
use crate::access::pattern::Pattern;
use crate::access::rules::Rules;
use crate::access::settings::{self, NewRooms, RoomSettings};
use crate::bot::settings::{Bot, BotError, BotTable, bots};
use crate::client_ip::ProxyNetwork;
use crate::cluster::{NodeSettings, PeerAddress};
use crate::detached::StreamWriter;
use crate::drain_delay::DrainDelay;
use crate::embed_origins::EmbedOrigins;
use crate::identity::operator::{self, AdminToken};
use crate::identity::site::{Site, SiteTable};
use crate::limit::RateLimit;
use crate::listen_address::{AdminAddress, parse_tcp};
use crate::origin::Origins;
use crate::public_url::PublicUrl;
use crate::retention::{Age, Bytes};
use crate::session_time::{Idle, SignInAgain};
use crate::sign_in::{self, LoginSettings};
use crate::start_error::StartError;
use crate::tls::{Contact, DirectoryUrl, Domain, Hsts, RedirectAddress, Switch};
use crate::webhook::settings::{Webhook, WebhookTable};

/// Address where the server listens by default.
const ADDRESS_DEFAULT: &str = "127.0.0.1:8080";
/// Log by default.
pub(super) const LOG_DEFAULT: &str = "./millchat.redb";

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
    /// The sites that may show every room in a frame.
    pub embed_origins: EmbedOrigins,
    /// The page that stands for a site with the panel.
    pub demo: Switch,
    /// The providers at which people sign in.
    pub login: Vec<LoginSettings>,
    /// The tables of the sites that embed the chat.
    pub site: Vec<SiteTable>,
    /// Those of them that sign tokens, with their keys.
    #[serde(skip)]
    pub sites: Vec<Site>,
    /// The address of Ollama, whose model answers people.
    pub ollama: Option<String>,
    /// The model there.
    pub ollama_model: String,
    /// The rooms in which it answers everything.
    pub ollama_rooms: Vec<String>,
    /// The tables of other bots.
    pub bot: Vec<BotTable>,
    /// The tables of the receivers of messages.
    pub webhook: Vec<WebhookTable>,
    /// The same, with their secrets.
    #[serde(skip)]
    pub webhooks: Vec<Webhook>,
    /// The servers of the journal of a cluster, or its database; unset, this is the only node.
    pub journal: Option<Vec<String>>,
    /// The file with the seed of the nkey by which the journal knows the node.
    pub journal_nkey_file: Option<PathBuf>,
    /// The file with the password by which the journal's database knows the node.
    pub journal_password_file: Option<PathBuf>,
    /// The file with the authorities of the certificates of the journal's servers.
    pub journal_ca_file: Option<PathBuf>,
    /// The address by which the other nodes reach this one.
    pub peer_address: Option<PeerAddress>,
    /// The addresses of all nodes, with this one.
    pub peers: Option<Vec<PeerAddress>>,
    /// The file with the secret that the nodes share.
    pub cluster_secret_file: Option<PathBuf>,
    /// A node of many, with its secret.
    #[serde(skip)]
    pub node: Option<NodeSettings>,
    /// The contents of the files that the settings name.
    #[serde(skip)]
    pub contents: FileContents,
}

impl Settings {
    /// Returns the tables of all bots: that of `--ollama` is one.
    pub fn bot_tables(&self) -> Vec<BotTable> {
        let (model, rooms) = (&self.ollama_model, &self.ollama_rooms);
        let of_ollama = |url: &String| BotTable::of_ollama(url.clone(), model.clone(), rooms.clone());
        self.ollama.iter().map(of_ollama).chain(self.bot.iter().cloned()).collect()
    }

    /// Returns the bots, or the sentence about one that cannot be used. Reads the keys that they name.
    pub fn bots(&self) -> Result<Vec<Bot>, BotError> {
        bots(&self.bot_tables())
    }

    /// Returns the rules of the rooms.
    pub fn rules(&self) -> Rules {
        Rules {
            rooms: self.rooms.clone(),
            new_rooms: self.new_rooms,
            tables: self.room.clone(),
            operators: self.operators.clone(),
        }
    }

    /// Returns the groups that any setting names. A session holds those of its person that are among them.
    pub fn named_groups(&self) -> Vec<String> {
        let rooms = self.room.iter().flat_map(RoomSettings::holders);
        let holders = rooms.chain(&self.operators).filter_map(Holder::group).map(ToOwned::to_owned);
        sign_in::groups_of_only(&self.login).chain(holders).collect()
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

    /// Warns of a token file that everybody on the machine can read.
    pub fn tell_token_file(&self) {
        if let Some(warning) = self.admin_token_file.as_deref().and_then(operator::warning) {
            tracing::warn!("{warning}");
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
            embed_origins: EmbedOrigins::default(),
            demo: Switch::Off,
            login: Vec::new(),
            site: Vec::new(),
            sites: Vec::new(),
            ollama: None,
            ollama_model: "llama3.2".to_owned(),
            ollama_rooms: vec!["ollama".to_owned()],
            bot: Vec::new(),
            webhook: Vec::new(),
            webhooks: Vec::new(),
            journal: None,
            journal_nkey_file: None,
            journal_password_file: None,
            journal_ca_file: None,
            peer_address: None,
            peers: None,
            cluster_secret_file: None,
            node: None,
            contents: FileContents::default(),
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

pub(super) fn parse_log(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the log needs a name: a file, `temp:` or `memory:`".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn address<'de, D: Deserializer<'de>>(value: D) -> Result<SocketAddr, D::Error> {
    parse_tcp(&String::deserialize(value)?).map_err(serde::de::Error::custom)
}

fn log<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    parse_log(&String::deserialize(value)?).map_err(serde::de::Error::custom)
}
