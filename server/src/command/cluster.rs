//! `millchat cluster`: a log becomes the beginning of a cluster, and the places of all nodes.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Subcommand;

use super::failure::Failure;
use crate::cluster::{NodeStatus, PeerAddress, ask_all};
use crate::resolve::AnyError;

/// Many nodes that share one chat.
#[derive(clap::Args, Debug)]
pub struct Cluster {
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Subcommand, Debug)]
enum ClusterCommand {
    Begin(Begin),
    Status(Status),
}

/// Makes a log the beginning of a cluster. Do it once, at one node; the others take a copy of its log.
///
/// The log keeps its messages, their positions and its epoch. No server may have it open. From then on it is
/// served with --journal only.
#[derive(clap::Args, Debug)]
struct Begin {
    /// The log, which is made if it is not there
    #[arg(value_name = "LOG")]
    log: PathBuf,
}

/// Shows the place of each node. Exits with 1 unless all are current.
#[derive(clap::Args, Debug)]
struct Status {
    /// The addresses of the nodes
    #[arg(long, env = "MILLCHAT_PEERS", value_name = "LIST", value_delimiter = ',', required = true)]
    peers: Vec<PeerAddress>,
    /// The file with the secret by which the nodes know each other
    #[arg(long, env = "MILLCHAT_CLUSTER_SECRET_FILE", value_name = "FILE")]
    cluster_secret_file: PathBuf,
}

impl Cluster {
    pub fn run(&self) -> Result<(), Failure> {
        match &self.command {
            ClusterCommand::Begin(begin) => begin.run(),
            ClusterCommand::Status(status) => status.run(),
        }
    }
}

impl Begin {
    fn run(&self) -> Result<(), Failure> {
        let id = millchat::cluster::begin(&self.log).map_err(|error| Failure::refused(&error))?;
        let said = format!(
            "{} is the beginning of cluster {id}: start this node with --journal, then the others, which have \
             no log yet",
            self.log.display()
        );
        writeln!(io::stdout().lock(), "{said}").map_err(|error| Failure::stdout(&error))
    }
}

impl Status {
    fn run(&self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let asked = ask_all(&self.peers, &self.cluster_secret_file);
        let asked = runtime.map_err(Failure::refused)?.block_on(asked).map_err(Failure::refused)?;
        let mut rows = vec![["NODE", "ROLE", "CURRENT", "TERM", "ENTRY", "HEAD", ""].map(str::to_owned)];
        rows.extend(self.peers.iter().zip(&asked).map(|(node, status)| row(node, status)));
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
        let mut out = io::stdout().lock();
        for row in &rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
            let line: String = cells.collect();
            writeln!(out, "{}", line.trim_end()).map_err(|error| Failure::stdout(&error))?;
        }
        let well = asked.iter().filter(|status| status.as_ref().is_ok_and(|status| status.current)).count();
        if well == asked.len() {
            return Ok(());
        }
        Err(Failure::failed(format!("{well} of {} nodes are current", asked.len())))
    }
}

fn row(node: &PeerAddress, status: &Result<NodeStatus, AnyError>) -> [String; 7] {
    match status {
        Err(error) => {
            let [role, current, term, entry, head] = ["-"; 5].map(str::to_owned);
            [node.to_string(), role, current, term, entry, head, error.to_string()]
        }
        Ok(status) => [
            node.to_string(),
            if status.leads { "leader" } else { "follower" }.to_owned(),
            if status.current { "yes" } else { "no" }.to_owned(),
            status.term.to_string(),
            format!("{} of {}", status.entry, status.newest_entry),
            status.head.to_string(),
            status.not_ready.clone().unwrap_or_default(),
        ],
    }
}
