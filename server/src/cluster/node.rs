//! A node of many: how it gets a log, its journal and its peers, in this order.
//!
//! A node without a log takes a copy of another node's, and so does one that was away for so long that the
//! journal has forgotten what it has not read. The first node of a cluster has its log from
//! `millchat cluster begin`. Whatever is not there yet is waited for, so nodes may start in any order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Method;
use millchat::cluster::{ClusterId, CopyReceiver, Journal, Peers, Place, place};
use millchat::{Chat, Connections};
use tokio::runtime::{Builder, Handle};
use tokio::time::timeout;

use crate::cluster::peer::{Door, Hello, Inside, Line, Open, Outboxes};
use crate::cluster::peer_address::PeerAddress;
use crate::cluster::secret::PeerTls;
use crate::cluster::settings::NodeSettings;
use crate::cluster::told::tell_changes;
use crate::exit::{EXIT_FAILED, EXIT_REFUSED};
use crate::resolve::AnyError;
use crate::start_error::{StartError, with_source};

/// A thing that is not there yet is looked for again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// A node ends when most others have refused it at so many looks.
const REFUSED_LOOKS: usize = 3;
/// Longest time between two parts of a copy.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(30);

/// A node that is to be opened.
pub struct Node {
    log: PathBuf,
    peers: Arc<Outboxes>,
    runtime: Handle,
    inside: Arc<Inside>,
    cluster: ClusterId,
}

impl Node {
    /// Gets what the node needs before its log is opened, and waits for it.
    pub fn prepare(settings: &NodeSettings, log: &str) -> Result<(Self, Connections), StartError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(StartError::NoRuntime)?;
        let handle = runtime.handle().clone();
        // It ends with the process: the protocol has a use for it until the log is closed.
        let thread = std::thread::Builder::new().name("millchat-cluster".into());
        thread
            .spawn(move || runtime.block_on(std::future::pending::<()>()))
            .map_err(StartError::NoRuntime)?;
        let tls = settings.secret.tls().map_err(StartError::ClusterSecret)?;
        let inside = Arc::new(Inside::new(settings.me.clone(), settings.members.clone()));
        let door = handle.block_on(Door::bind(&settings.me, tls.clone()));
        let door = door.map_err(|(address, source)| StartError::PeerListen { address, source })?;
        handle.spawn(door.serve(Arc::clone(&inside)));
        let beginning = Beginning { settings, log: Path::new(log), tls };
        let (journal, cluster) = handle.block_on(beginning.journal())?;
        let others = settings.members.iter().filter(|member| **member != settings.me);
        let hello = Hello { node: settings.me.clone(), cluster: Some(cluster) };
        let lines = || {
            let line = |to: &PeerAddress| Line::new(to.clone(), beginning.tls.clone(), hello.clone());
            others.clone().map(line).collect()
        };
        let peers = Arc::new(Outboxes::start(&handle, lines(), lines()));
        let connections = Connections {
            journal,
            peers: Arc::clone(&peers) as Arc<dyn Peers>,
            me: settings.me.node(),
            members: settings.members.iter().map(PeerAddress::node).collect(),
        };
        Ok((Self { log: log.into(), peers, runtime: handle, inside, cluster }, connections))
    }

    /// Lets the other nodes in.
    pub fn open(self, chat: &Chat) {
        let Some(inbound) = chat.inbound() else { return };
        let _ = self.inside.open.set(Open { cluster: self.cluster, chat: chat.clone(), inbound });
        self.runtime.spawn(tell_changes(chat.clone()));
        self.runtime.spawn(end_if_left_behind(chat.clone(), hole(&self.log)));
        self.runtime.spawn(end_if_refused(self.peers, chat.clone()));
    }
}

/// The things by which a node finds its place.
struct Beginning<'a> {
    settings: &'a NodeSettings,
    log: &'a Path,
    tls: PeerTls,
}

impl Beginning<'_> {
    /// Sees that there is a log which the journal continues, and returns the journal.
    async fn journal(&self) -> Result<(Arc<dyn Journal>, ClusterId), StartError> {
        loop {
            let Some(place) = place(self.log)? else {
                self.copy(None, 0).await;
                continue;
            };
            let Place { cluster: Some(cluster), mark, .. } = place else {
                return Err(StartError::SingleLog(self.log.display().to_string()));
            };
            let journal = self.connect(cluster).await?;
            let oldest = loop {
                match journal.bounds().await {
                    Ok((oldest, _)) => break oldest,
                    Err(error) => tracing::warn!(%error, "the journal does not tell its bounds"),
                }
                tokio::time::sleep(AGAIN_AFTER).await;
            };
            let has_met_hole = self.hole().exists();
            if oldest <= mark.seq + 1 && !has_met_hole {
                return Ok((journal, cluster));
            }
            tracing::warn!(
                read = mark.seq,
                oldest,
                "the journal has forgotten what this node has not read: it takes a copy of another node's log"
            );
            self.copy(Some(cluster), (oldest - 1).max(mark.seq + 1)).await;
            let _ = std::fs::remove_file(self.hole());
        }
    }

    /// The file that says that the journal has not got what comes after the log's place, though it has older entries.
    fn hole(&self) -> PathBuf {
        hole(self.log)
    }

    async fn connect(&self, cluster: ClusterId) -> Result<Arc<dyn Journal>, StartError> {
        loop {
            match self.settings.journal.connect(cluster.0).await {
                Ok(journal) => return Ok(journal),
                Err(error) if error.is_passing() => {
                    tracing::warn!(error = with_source(&error), "the journal is not there; trying again");
                }
                Err(error) => return Err(StartError::Journal(error)),
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Takes a copy of another node's log, from the first that gives one which has read this entry of the journal.
    async fn copy(&self, cluster: Option<ClusterId>, at_least: u64) {
        let mut told = String::new();
        loop {
            let mut why = Vec::new();
            for to in self.settings.members.iter().filter(|to| **to != self.settings.me) {
                let hello = Hello { node: self.settings.me.clone(), cluster };
                match self.copy_from(Line::new(to.clone(), self.tls.clone(), hello), at_least).await {
                    Ok(place) => {
                        tracing::info!(from = %to, head = place.mark.head, "this node has a copy of the log");
                        return;
                    }
                    Err(error) => why.push(format!("{to}: {error}")),
                }
            }
            let why = why.join("; ");
            if told != why {
                tracing::warn!(
                    "this node waits for a copy of another node's log ({why}); the first node of a cluster has its log \
                     from `millchat cluster begin`"
                );
                told = why;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    async fn copy_from(&self, mut line: Line, at_least: u64) -> Result<Place, AnyError> {
        let answer = line.ask(Method::GET, "/copy", bytes::Bytes::new()).await?;
        let mut receiver = CopyReceiver::new(self.log)?;
        let mut body = answer.into_body();
        while let Some(frame) = timeout(CHUNK_TIMEOUT, body.frame()).await? {
            if let Ok(chunk) = frame?.into_data() {
                receiver.take(&chunk)?;
            }
            if receiver.place().is_some_and(|place| place.mark.seq < at_least) {
                return Err("it has not read what the journal has forgotten either".into());
            }
        }
        Ok(receiver.finish()?)
    }
}

/// Returns the name of the file beside a log by which a node tells its next start to take a copy.
fn hole(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".behind");
    name.into()
}

/// Ends the process of a node that cannot go on with its log, so that it takes a copy at its next start.
async fn end_if_left_behind(chat: Chat, hole: PathBuf) {
    while !chat.cluster().is_some_and(|state| state.is_left_behind) {
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    tracing::error!(
        "the journal has forgotten what this node has not read: it ends, and takes a copy of another node's log \
         when it is started again"
    );
    // It may be one entry in the midst, which the next start would meet again.
    if let Err(error) = std::fs::write(&hole, "") {
        tracing::error!(file = %hole.display(), %error, "the next start is not told of it");
    }
    let _ = chat.close().await;
    std::process::exit(EXIT_FAILED.into());
}

/// Ends the process of a node that the others do not take for one of them, for example of one that was taken out of
/// their `peers` and starts again: it would take the lead, and none of them would send it anything.
async fn end_if_refused(peers: Arc<Outboxes>, chat: Chat) {
    let mut looks = 0;
    let why = loop {
        tokio::time::sleep(AGAIN_AFTER).await;
        let Some(why) = peers.refusal() else {
            looks = 0;
            continue;
        };
        looks += 1;
        if looks >= REFUSED_LOOKS {
            break why;
        }
    };
    tracing::error!("most of the other nodes refuse this one, so it ends ({why})");
    let _ = chat.close().await;
    std::process::exit(EXIT_REFUSED.into());
}
