//! The address of the database, in the form of libpq: `postgres://USER@HOST:PORT/DATABASE`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};

/// The beginnings of such an address.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];
/// Most servers in it.
const SERVERS_MAX: usize = 9;
/// The parameter that says whether TLS is spoken.
const SSL_MODE: &str = "sslmode=";
/// A connection that is silent for this time is asked for a sign of life …
const KEEPALIVE_IDLE: Duration = Duration::from_secs(2);
/// … this often, and ends after as many without an answer …
const KEEPALIVE_EVERY: Duration = Duration::from_secs(1);
const KEEPALIVES: u32 = 3;
/// … or when what was sent is not confirmed for this time.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(5);

/// The address of the database. It has no password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    config: Box<Config>,
    is_plain: bool,
}

/// A text is no such address. The text itself is not told: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum PostgresUrlError {
    /// It has another form.
    #[error(
        "the address of a Postgres database is postgres://USER@HOST:PORT/DATABASE, with HOST:PORT,HOST:PORT for more \
         than one server"
    )]
    Form(#[source] tokio_postgres::Error),
    /// It has a password.
    #[error(
        "the journal's URL has a password, which others see in the list of processes: put it into the file of \
         journal-password-file"
    )]
    Password,
    /// It has no server, or too many.
    #[error("the journal's URL names {0} servers; 1 to {SERVERS_MAX} are possible")]
    Servers(usize),
    /// It has a way to speak TLS that is none.
    #[error(
        "the journal's URL says sslmode={0}: leave it out, or say verify-full, for TLS with a certificate that is \
         checked; or disable, for none"
    )]
    SslMode(String),
    /// It names a client's certificate or another thing that is not supported.
    #[error("the journal's URL says target_session_attrs; the server that takes writes is always looked for")]
    Target,
}

impl PostgresUrl {
    /// Returns true if a text begins as such an address.
    pub fn is_meant(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.starts_with(scheme))
    }

    /// Returns true if no TLS is spoken.
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The settings of a connection to each of the servers, in their order.
    pub(super) fn servers(&self) -> Vec<Config> {
        let ports = self.config.get_ports();
        let servers = self.config.get_hosts().iter().enumerate().map(|(nth, host)| {
            let mut one = Config::new();
            match host {
                Host::Tcp(name) => one.host(name),
                Host::Unix(folder) => one.host_path(folder),
            };
            if let Some(port) = ports.get(nth).or(ports.first()) {
                one.port(*port);
            }
            if let Some(user) = self.config.get_user() {
                one.user(user);
            }
            if let Some(name) = self.config.get_dbname() {
                one.dbname(name);
            }
            if let Some(options) = self.config.get_options() {
                one.options(options);
            }
            one.application_name(self.config.get_application_name().unwrap_or("millchat"))
                .ssl_mode(if self.is_plain { SslMode::Disable } else { SslMode::Require })
                .ssl_negotiation(self.config.get_ssl_negotiation())
                .channel_binding(self.config.get_channel_binding())
                .target_session_attrs(TargetSessionAttrs::ReadWrite)
                .load_balance_hosts(LoadBalanceHosts::Disable)
                .keepalives_idle(KEEPALIVE_IDLE)
                .keepalives_interval(KEEPALIVE_EVERY)
                .keepalives_retries(KEEPALIVES)
                .tcp_user_timeout(UNCONFIRMED_MAX);
            one
        });
        servers.collect()
    }
}

impl FromStr for PostgresUrl {
    type Err = PostgresUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (modes, others): (Vec<_>, Vec<_>) =
            parameters.split('&').filter(|one| !one.is_empty()).partition(|one| one.starts_with(SSL_MODE));
        let mode = modes.last().map(|mode| &mode[SSL_MODE.len()..]);
        let is_plain = match mode {
            None | Some("require" | "verify-full") => false,
            Some("disable") => true,
            Some(other) => return Err(PostgresUrlError::SslMode(other.to_owned())),
        };
        if others.iter().any(|one| one.starts_with("target_session_attrs=") && !one.ends_with("=read-write"))
        {
            return Err(PostgresUrlError::Target);
        }
        let config: Config =
            format!("{place}?{}", others.join("&")).parse().map_err(PostgresUrlError::Form)?;
        if config.get_password().is_some() {
            return Err(PostgresUrlError::Password);
        }
        let hosts = config.get_hosts();
        if hosts.is_empty() || hosts.len() > SERVERS_MAX {
            return Err(PostgresUrlError::Servers(hosts.len()));
        }
        // A socket of this machine has no TLS.
        let is_here = hosts.iter().all(|host| matches!(host, Host::Unix(_)));
        Ok(Self { config: Box::new(config), is_plain: is_plain || is_here })
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresUrl").field(&self.config.get_hosts()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        url.parse::<PostgresUrl>().unwrap_err().to_string()
    }

    #[test]
    fn an_address_names_its_servers_and_their_ports() {
        let url: PostgresUrl = "postgres://chat@a:5433,b:5434/log?application_name=x".parse().unwrap();
        let servers = url.servers();
        let places: Vec<_> =
            servers.iter().map(|one| (one.get_hosts()[0].clone(), one.get_ports()[0])).collect();
        assert_eq!(places, [(Host::Tcp("a".into()), 5433), (Host::Tcp("b".into()), 5434)]);
        for server in servers {
            assert_eq!((server.get_user(), server.get_dbname()), (Some("chat"), Some("log")));
            assert_eq!(server.get_application_name(), Some("x"));
            assert_eq!(server.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(server.get_ssl_mode(), SslMode::Require);
        }
    }

    #[test]
    fn tls_is_spoken_unless_the_address_says_otherwise_or_leads_to_a_socket() {
        for (url, is_plain) in [
            ("postgres://a/log", false),
            ("postgresql://a/log?sslmode=require", false),
            ("postgres://a/log?sslmode=verify-full&connect_timeout=3", false),
            ("postgres://a/log?application_name=x&sslmode=disable", true),
            ("postgres:///log?host=/run/postgresql", true),
        ] {
            assert_eq!(url.parse::<PostgresUrl>().unwrap().is_plain(), is_plain, "{url}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_its_password() {
        for (url, words) in [
            ("postgres://chat:geheim@a/log", "journal-password-file"),
            ("postgres://a/log?password=geheim", "journal-password-file"),
            ("postgres://chat:geheim@a/log?sslmode=prefer", "sslmode=prefer"),
            ("postgres://chat:geheim@a/log?sslcert=x", "postgres://USER@HOST:PORT/DATABASE"),
            ("postgres://chat:geheim@a:port/log", "postgres://USER@HOST:PORT/DATABASE"),
            ("postgres:///log", "0 servers"),
            ("postgres://a,b,c,d,e,f,g,h,i,j/log", "10 servers"),
            ("postgres://a/log?target_session_attrs=any", "target_session_attrs"),
        ] {
            let said = refused(url);
            assert!(said.contains(words), "{url}: {said}");
            assert!(!said.contains("geheim"), "{said}");
        }
        let url: PostgresUrl = "postgres://chat@a/log".parse().unwrap();
        assert_eq!(format!("{url:?}"), r#"PostgresUrl([Tcp("a")])"#);
    }
}
