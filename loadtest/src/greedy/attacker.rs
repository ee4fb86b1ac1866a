//! The attackers' process. It obeys lines on stdin:
//!
//! | line | effect | answer |
//! |---|---|---|
//! | `prepare` | prepares the attack at the server | `prepared` |
//! | `go ADDRESS` | attacks that address, the server's or the sink's | `going`, when the first request leaves |
//! | `stop` | ends the attack | the counts as JSON |

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::list;
use crate::greedy::attacks::prepared::Prepared;
use crate::greedy::attacks::tally::Tally;

/// The priority of the attackers: the machine's time belongs to the server first.
pub const NICE: i32 = 19;

/// Time that the first request of an attack may take to leave.
const BEGIN_MAX: Duration = Duration::from_secs(20);

/// Runs the attackers until their stdin ends.
pub async fn run(name: &str, server: SocketAddr, one_source: bool) -> Result<(), String> {
    let attack = list::named(name).ok_or_else(|| format!("there is no attack {name}"))?;
    let mut attackers = Attackers {
        attack,
        sources: sources(if one_source { 1 } else { attack.sources }),
        tally: Arc::default(),
        prepared: Arc::default(),
        running: None,
    };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await.map_err(|error| error.to_string())? {
        let answer = attackers.obey(&line, server).await?;
        println!("{answer}");
        io::stdout().flush().map_err(|error| error.to_string())?;
    }
    Ok(())
}

struct Attackers {
    attack: &'static Attack,
    sources: Vec<Ipv4Addr>,
    tally: Arc<Tally>,
    prepared: Arc<Prepared>,
    running: Option<JoinHandle<()>>,
}

impl Attackers {
    async fn obey(&mut self, line: &str, server: SocketAddr) -> Result<String, String> {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("prepare", _) => {
                let prepared = (self.attack.prepare)(self.client(server)).await;
                let prepared = prepared.map_err(|error| format!("{}: prepare: {error}", self.attack.name))?;
                self.prepared = Arc::new(prepared);
                Ok("prepared".to_owned())
            }
            ("go", address) => {
                let address = address.parse().map_err(|_| format!("{address} is no address"))?;
                self.tally.take();
                let run = (self.attack.run)(self.client(address), Arc::clone(&self.prepared));
                self.running = Some(tokio::spawn(run));
                // On a busy machine the last in priority may have to wait: the phase is to have an attack in it.
                let _ = timeout(BEGIN_MAX, self.tally.begun()).await;
                Ok("going".to_owned())
            }
            ("stop", _) => {
                if let Some(running) = self.running.take() {
                    running.abort();
                    // It was aborted: that is no news. A panic has been printed.
                    let _ = running.await;
                }
                serde_json::to_string(&self.tally.take()).map_err(|error| error.to_string())
            }
            _ => Err(format!("the line {line:?} is unknown")),
        }
    }

    fn client(&self, server: SocketAddr) -> Arc<Client> {
        Arc::new(Client::new(server, self.sources.clone(), Arc::clone(&self.tally)))
    }
}

/// Returns the attackers' source addresses: none of an innocent.
fn sources(count: u8) -> Vec<Ipv4Addr> {
    (1..=count).map(|host| Ipv4Addr::new(127, 2, 0, host)).collect()
}
