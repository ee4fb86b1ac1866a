//! One attack: its preparation, the baseline, and the attack itself, each beside the same innocents.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::greedy::attacks::attack::Attack;
use crate::greedy::attacks::client::Client;
use crate::greedy::attacks::prepared::{Prepared, send_all};
use crate::greedy::attacks::tally::{Counts, Tally};
use crate::greedy::book::Sample;
use crate::greedy::child::Child;
use crate::greedy::innocents::crowd::Crowd;
use crate::greedy::innocents::people::{SENDERS, room, source};
use crate::greedy::requests;
use crate::greedy::settings::ServerLimits;
use crate::greedy::site::Site;
use crate::report::timer_probe::TimerProbe;
use crate::run::stats::Latencies;

/// The limits that are recommended for a public address.
const PUBLIC_LIMITS: &str = "author=5/20,address=50/200,reads=50/500,guests=10,logins=10,connections=100";
/// Messages that each room of the innocents has at the beginning.
const MESSAGES_BEFORE: usize = 50;
/// Time between the phases.
const PAUSE: Duration = Duration::from_secs(1);
/// Time that the innocents may take until none waits for long.
const SETTLE_MAX: Duration = Duration::from_mins(1);
/// The source addresses of those who prepare the innocents.
const PREPARING_GROUP: u8 = 4;

/// The measurements of one phase.
pub struct Phase {
    /// The innocents'.
    pub sample: Sample,
    /// The server's most memory, in bytes; `None` when it is gone.
    pub memory_peak: Option<u64>,
    /// The tester's own delay.
    pub timers_late: Latencies,
    /// The attackers' counts.
    pub counts: Counts,
}

/// The measurements of one attack.
pub struct Round {
    /// The attack's name.
    pub attack: &'static str,
    /// With the attackers at the sink.
    pub baseline: Phase,
    /// With the attackers at the server.
    pub attacked: Phase,
    /// The server's own counts of refusals and errors during the attack.
    pub refusals: BTreeMap<String, u64>,
}

/// Runs one attack against a server of its own.
pub async fn run(
    attack: &'static Attack,
    limits: ServerLimits,
    length: Duration,
    program: &Path,
) -> Result<Round, String> {
    let site = Site::start(program, attack.restarted_with).await?;
    let tokens = prepare_innocents(&site).await.map_err(|error| format!("the innocents: {error}"))?;
    let mut sink = Child::start(&["greedy-sink"])?;
    let sink_address = sink.line().await?;
    let address = site.address.to_string();
    let mut arguments = vec!["greedy-attacker", attack.name, &address];
    if limits == ServerLimits::Off {
        arguments.push("--one-source");
    }
    let mut attackers = Child::start(&arguments)?;
    attackers.ask("prepare").await?;

    let limits = if limits == ServerLimits::Off { "off" } else { PUBLIC_LIMITS };
    let mut site = site.restart(limits).await?;
    let crowd = Crowd::begin(site.address, &tokens).await?;
    crowd.settle(PAUSE, SETTLE_MAX).await?;
    let baseline = phase(&crowd, &site, &mut attackers, &sink_address, length).await?;
    crowd.settle(PAUSE, SETTLE_MAX).await?;
    if attack.restarted_with.is_some() {
        site = site.restart(limits).await?;
    }
    let before = site.refusals().await?;
    let attacked = phase(&crowd, &site, &mut attackers, &address, length).await?;
    let mut refusals = site.refusals().await?;
    refusals.retain(|name, count| {
        *count -= before.get(name).copied().unwrap_or(0);
        *count > 0
    });
    Ok(Round { attack: attack.name, baseline, attacked, refusals })
}

/// Makes the senders guests, and fills their rooms a little. Returns their tokens.
async fn prepare_innocents(site: &Site) -> std::io::Result<Vec<String>> {
    let sources = (0..SENDERS).map(|number| source(PREPARING_GROUP, number)).collect();
    let client = Arc::new(Client::new(site.address, sources, Arc::<Tally>::default()));
    let tokens = Prepared::with_guests(&client, SENDERS, &room(0)).await?.tokens;
    let posts = (0..SENDERS * MESSAGES_BEFORE).map(|number| {
        let text = format!("message {number} of those that were there before");
        requests::post(&room(number), &tokens[number % SENDERS], &text, None, None)
    });
    send_all(&client, posts.collect()).await?;
    Ok(tokens)
}

async fn phase(
    crowd: &Crowd,
    site: &Site,
    attackers: &mut Child,
    attacked: &str,
    length: Duration,
) -> Result<Phase, String> {
    site.reset_memory_peak()?;
    let timers = TimerProbe::start();
    crowd.book().begin_phase();
    attackers.ask(&format!("go {attacked}")).await?;
    tokio::time::sleep(length).await;
    let sample = crowd.book().end_phase();
    let (memory_peak, timers_late) = (site.memory_peak(), timers.take());
    let counts = attackers.ask("stop").await?;
    let counts = serde_json::from_str(&counts).map_err(|error| format!("the attackers' counts: {error}"))?;
    Ok(Phase { sample, memory_peak, timers_late, counts })
}
