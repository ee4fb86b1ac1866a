//! A cluster beside a single node that is sent the same: every answer is the same, and so is all that they have.

use millchat::{
    Action, Chat, Draft, HistoryRange, NewValue, Reaction, Receipt, Replaces, SendError, Timestamp,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::journal::{MemoryJournal, Trouble};
use crate::nodes::{Cluster, NODES};
use crate::{author, log, room, texts};

/// Something to send.
pub enum Request {
    Draft(&'static str, Draft),
    Ban(String, bool),
    Set(String, NewValue),
    Remove(String),
}

pub async fn send(chat: &Chat, request: &Request) -> Result<Receipt, SendError> {
    match request {
        Request::Draft(to, draft) => chat.send(&room(to), draft.clone()).await,
        Request::Ban(who, true) => chat.ban(who, author("moderator")).await,
        Request::Ban(who, false) => chat.unban(who, author("moderator")).await,
        Request::Set(key, new) => chat.set_value(key, new.clone()).await,
        Request::Remove(key) => chat.remove_value(key, None).await,
    }
}

pub fn request(rng: &mut StdRng, nth: u64) -> Request {
    let by = author(["ada", "bob", "eve"][rng.random_range(0..3)]);
    let to = ["lobby", "garden"][rng.random_range(0..2)];
    let target = rng.random_range(1..=nth.max(1));
    let reaction = Reaction::ALL[rng.random_range(0..Reaction::ALL.len())];
    let (on, moderator) = (rng.random_bool(0.7), rng.random_bool(0.3));
    let content = format!("text {nth}");
    let action = match rng.random_range(0..100) {
        0..40 => Action::Post { content, reply_to: None },
        40..48 => Action::Post { content, reply_to: Some(target) },
        48..62 => Action::Edit { target, content, moderator },
        62..68 => Action::Delete { target, moderator },
        68..84 => Action::React { target, reaction, on },
        84..86 => Action::Close,
        86..89 => Action::Open,
        89..90 => Action::Purge,
        90..93 => return Request::Ban(by.id.to_string(), rng.random_bool(0.4)),
        93..98 => {
            let replaces = if on { Replaces::Any } else { Replaces::Absent };
            let until = moderator.then(|| Timestamp(Timestamp::now().0 + 3_600_000));
            let new = NewValue { text: content, until, by: Some(by), replaces, limit: 3 };
            return Request::Set(format!("kind/{}", target % 5), new);
        }
        _ => return Request::Remove(format!("kind/{}", target % 5)),
    };
    let key = rng.random_bool(0.3).then(|| format!("key {}", rng.random_range(0..30)));
    Request::Draft(to, Draft { author: Some(by), action, key })
}

/// The outcome without what differs by the clock and the life of the log.
fn outcome(answer: &Result<Receipt, SendError>) -> String {
    match answer {
        Ok(receipt) => format!("{} after {}", receipt.position, receipt.prev),
        Err(error) => error.to_string(),
    }
}

/// Everything that readers and embedders see, without times.
pub async fn state(chat: &Chat) -> Vec<String> {
    let mut all = vec![format!("{:?} {:?}", chat.closed_rooms(), chat.bans().len())];
    for to in ["lobby", "garden"] {
        let page = chat.history(&room(to), HistoryRange::Newest, 1_000).await.unwrap();
        for message in page.messages {
            all.push(format!("{} {:?} {:?}", message.position, message.content, message.reactions));
        }
    }
    for (key, value) in chat.values("kind/") {
        all.push(format!("{key} {} {}", value.text, value.position));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_change_has_the_same_effect_as_on_a_single_node() {
    let single = Chat::open("memory:").unwrap();
    let cluster = Cluster::start(MemoryJournal::new(Trouble::None)).await;
    let mut rng = StdRng::seed_from_u64(7);
    let (mut stored, mut refused, mut newest) = (0, 0, 0);
    for nth in 0..400 {
        let request = request(&mut rng, newest);
        let expected = send(&single, &request).await;
        let node = rng.random_range(0..NODES);
        let answered = send(&cluster.chat(node).unwrap(), &request).await;
        assert_eq!(outcome(&answered), outcome(&expected), "request {nth} at node {node}");
        match answered {
            Ok(receipt) => (stored, newest) = (stored + 1, newest.max(receipt.position)),
            Err(_) => refused += 1,
        }
    }
    assert!(stored > 100 && refused > 50, "{stored} stored, {refused} refused");
    let expected = state(&single).await;
    let first = log(&cluster.chat(0).unwrap(), newest).await;
    for node in 0..NODES {
        let chat = cluster.chat(node).unwrap();
        let events = log(&chat, newest).await;
        assert_eq!(texts(&events), texts(&first), "node {node}");
        assert_eq!(state(&chat).await, expected, "node {node}");
    }
}
