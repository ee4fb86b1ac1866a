//! A question is answered once: over `kill -9` of the server and of the model in the middle of answers, and over edits.
//! A reader is there all the time, and the oracle holds what it got, what senders know and the history against the log.

use std::net::SocketAddr;
use std::time::Duration;

use millchat::RoomName;
use millchat_oracle::{EventDigest, EventKind, Oracle, Sender};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::built_in::{table, until_answered, with_tables};
use crate::support::ollama::{FakeOllama, Manner};
use crate::support::oracle::{Follower, acknowledge, assert_clean, read_history, recover};
use crate::support::{Api, Guest, LOOK_EVERY, Server, within};

const KILLS: usize = 20;
const ROOM: &str = "ollama";
/// The bot's author.
const BOT: &str = "b_echo";
/// An answer, until the model goes on, and the rest.
const HALF: &str = "Half of an answer";
const REST: &str = ", and the rest.";
const WHOLE: &str = "Half of an answer, and the rest.";

/// A server whose bot answers everything in the room.
async fn server(model: &FakeOllama, more: &str) -> Server {
    let bounds =
        format!("answers = \"all\"\nrooms = [\"{ROOM}\"]\nper-author = 1000\nper-room = 1000\n{more}");
    with_tables(&table(&model.url(), &bounds)).await
}

/// The room, as the oracle sees it.
struct Watched {
    oracle: Oracle,
    ada: Guest,
    asking: Sender,
    /// With the bot as the sender of each answer.
    questions: Vec<(u64, Sender)>,
    edits: u64,
    reader: JoinHandle<()>,
    end: watch::Sender<Option<u64>>,
}

impl Watched {
    async fn new(server: &Server) -> Self {
        let oracle = Oracle::new();
        let ada = server.api().guest("Ada").await;
        let asking = oracle.sender(&RoomName::new(ROOM).unwrap(), "Ada");
        let end = watch::Sender::new(None);
        let reader = Follower::new(&oracle, ROOM, "the reader");
        let reader = tokio::spawn(read(reader, server.address(), end.subscribe()));
        Self { oracle, ada, asking, questions: Vec::new(), edits: 0, reader, end }
    }

    /// Asks the bot. Its answer is the whole text or none.
    async fn ask(&mut self, api: &Api) -> u64 {
        let text = format!("question {}", self.questions.len());
        let receipt = api.send(ROOM, &self.ada, &text).await;
        let question = acknowledge(&self.asking, self.sent(), &self.ada, &text, &receipt);
        let answering =
            self.oracle.sender(&RoomName::new(ROOM).unwrap(), format!("the answer to {question}"));
        answering.unknown(0, EventDigest::reply(BOT, question, WHOLE));
        self.questions.push((question, answering));
        question
    }

    /// Edits a question.
    async fn edit(&mut self, api: &Api, question: u64) {
        let event = EventDigest::post(&self.ada.id, "edited");
        // The answer says the message, and not the place of the edit.
        self.asking.unknown(self.sent(), EventDigest { kind: EventKind::Edit(question), ..event });
        api.edit(ROOM, &self.ada, question, "edited").await.expect(200);
        self.edits += 1;
    }

    /// The number of events that the asker has sent.
    fn sent(&self) -> u64 {
        self.questions.len() as u64 + self.edits
    }

    /// Waits until each question is answered; gives the first answer to each.
    async fn answers(&self, api: &Api) -> Vec<Value> {
        loop {
            let page = api.history(ROOM, "?limit=1000").await;
            let messages = page["messages"].as_array().unwrap();
            let answer = |question: u64| messages.iter().find(|it| it["reply_to"] == question).cloned();
            if let Some(answers) = self.questions.iter().map(|(question, _)| answer(*question)).collect() {
                return answers;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for all answers, and asks the oracle.
    async fn finish(self, api: &Api) {
        let answers = within("all answers", self.answers(api)).await;
        for (answer, (question, answering)) in answers.iter().zip(&self.questions) {
            let place = |name: &str| answer[name].as_u64().unwrap();
            let event = EventDigest::reply(BOT, *question, WHOLE);
            answering.acknowledged(0, event, place("position"), place("prev"));
        }
        let log = recover(api, ROOM).await;
        self.end.send(Some(log.head)).unwrap();
        within("the reader reaches the head", self.reader).await.unwrap();
        let messages: Vec<Value> = read_history(api, ROOM, &self.oracle).await;
        assert_clean(&self.oracle, &[log]);
        assert_eq!(messages.len(), 2 * self.questions.len(), "one answer each, and nothing else");
    }
}

/// Reads, and comes back whenever the server is there again, until it has reached the end.
async fn read(mut reader: Follower, address: SocketAddr, mut end: watch::Receiver<Option<u64>>) {
    loop {
        let head = *end.borrow_and_update();
        if head.is_some_and(|head| reader.reader.position() >= head) {
            return reader.reader.complete();
        }
        if !reader.joined() && reader.join(address).await.is_err() {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        tokio::select! {
            _ = reader.next() => {}
            changed = end.changed() => changed.unwrap(),
        }
    }
}

/// Waits until readers see a part of an answer.
async fn until_writing(api: &Api) {
    let mut stream = api.stream(ROOM, None).await;
    let is_half = |draft: &Value| draft["content"] == HALF;
    while !stream.signal("draft").await.json()["drafts"].as_array().unwrap().iter().any(is_half) {}
}

#[tokio::test]
async fn no_question_is_answered_twice_over_kills() {
    let mut model = FakeOllama::start(Manner::Waits(HALF, REST));
    let mut server = server(&model, "").await;
    let mut watched = Watched::new(&server).await;
    let mut asked = 0;
    for kill in 0..KILLS {
        watched.ask(&server.api()).await;
        model.until_asked(asked + 1).await;
        match kill % 4 {
            // As readers see it grow.
            0 => until_writing(&server.api()).await,
            // As the answer is stored.
            1 => model.go_on(),
            // With the model.
            2 => model.kill().await,
            // As it begins.
            _ => {}
        }
        server.kill().await;
        if kill % 4 == 2 {
            model.start_again(Manner::Waits(HALF, REST)).await;
        }
        asked = model.asked().len();
        server.restart().await;
    }
    model.set(Manner::Says(WHOLE));
    model.go_on();
    watched.finish(&server.api()).await;
}

#[tokio::test]
async fn no_question_is_answered_twice_or_lost_over_kills_of_the_model() {
    let mut model = FakeOllama::start(Manner::Waits(HALF, REST));
    let server = server(&model, "parallel = 16").await;
    let mut watched = Watched::new(&server).await;
    let api = server.api();
    for kill in 0..KILLS {
        let question = watched.ask(&api).await;
        // Once for each question before it, and once more where the connection broke.
        model.until_asked(2 * kill + 1).await;
        model.kill().await;
        // An answer may break once in its middle, and no more: so this one ends before the next kill.
        model.start_again(Manner::Says(WHOLE)).await;
        until_answered(&api, ROOM, question).await;
        model.kill().await;
        model.start_again(Manner::Waits(HALF, REST)).await;
    }
    watched.finish(&api).await;
}

#[tokio::test]
async fn no_question_is_answered_twice_however_it_is_edited() {
    const EDITS: usize = 300;
    let model = FakeOllama::start(Manner::Says(WHOLE));
    let server = server(&model, "parallel = 16").await;
    let mut watched = Watched::new(&server).await;
    let api = server.api();
    for _ in 0..EDITS {
        let question = watched.ask(&api).await;
        // From before it is taken until after it is answered.
        tokio::time::sleep(Duration::from_micros(rand::random_range(0..20_000))).await;
        watched.edit(&api, question).await;
        until_answered(&api, ROOM, question).await;
    }
    // What is answered again has its turn before this one.
    let last = watched.ask(&api).await;
    until_answered(&api, ROOM, last).await;
    watched.finish(&api).await;
}
