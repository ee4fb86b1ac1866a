//! A bot's seat: it follows the log, takes questions, and has them answered, a few at a time.
//!
//! The log itself says what is answered: an answer names its question. So the seat keeps nothing over a restart. At
//! the start it reads the newest part of the log once, and answers what is not answered and not too old.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::Quota;
use millchat::{
    Action, AnswerState, Body, Chat, Draft, Event, Followed, Follower, Position, ReadError, RoomName,
    SendError, Timestamp,
};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::answered::Answered;
use super::answering::{Answering, Outcome};
use super::question::{self, Question};
use super::settings::Bot;
use super::spent::Spent;
use crate::app::App;
use crate::drafts;
use crate::limit::Keyed;
use crate::log_throttle::LogThrottle;
use crate::mention::MentionedName;
use crate::problem::Kind;

/// Most records of the log that are read at the start.
const PASS_RECORDS_MAX: u64 = 100_000;
/// Most questions of before the start that are answered after it: the newest.
const BACKLOG_MAX: usize = 1_000;
/// Most questions that wait, one of each author.
const QUESTIONS_MAX: usize = 16;
/// Most answers that wait to be deleted.
const DELETES_MAX: usize = 1_000;
/// Most tries to read what an event refers to.
const READS_MAX: usize = 3;
/// Most times that an answer begins again because its question was edited.
const RESTARTS_MAX: u32 = 2;
/// Interval between two times that questions that wait are shown: what is not shown again goes.
const REFRESH_EVERY: Duration = Duration::from_secs(5);
/// The wait before another try to read the log.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// An answer under way.
struct Running {
    question: Question,
    restarts: u32,
    task: AbortHandle,
}

/// A bot at work.
pub struct Seat {
    app: Arc<App>,
    chat: Chat,
    bot: Arc<Bot>,
    name: MentionedName,
    /// Questions of before the start, the oldest first.
    backlog: VecDeque<Question>,
    waiting: VecDeque<Question>,
    /// Answers under way, by the position of the question.
    running: HashMap<Position, Running>,
    answers: JoinSet<(Question, Outcome)>,
    answered: Answered,
    spent: Arc<Spent>,
    by_author: Keyed<Arc<str>>,
    by_room: Keyed<RoomName>,
    /// Half of what a room has is the most that one author takes of it.
    share_of_author: Keyed<(RoomName, Arc<str>)>,
    /// Answers that are to be deleted, and could not be yet.
    to_delete: Vec<(RoomName, Position)>,
    /// When the questions that wait are looked at again.
    looks: Interval,
}

impl Seat {
    /// Prepares a bot. `others` are the names of the other programs.
    pub fn new<'a>(app: Arc<App>, bot: Bot, others: impl IntoIterator<Item = &'a str>) -> Self {
        let mut looks = interval(REFRESH_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let of = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            name: MentionedName::new(&bot.author.name, others),
            by_author: Keyed::of(Quota::per_minute(of(bot.per_author)), None),
            by_room: Keyed::of(Quota::per_hour(of(bot.per_room)), None),
            share_of_author: Keyed::of(Quota::per_hour(of(bot.per_room.div_ceil(2))), None),
            to_delete: Vec::new(),
            chat: app.chat.clone(),
            bot: Arc::new(bot),
            app,
            backlog: VecDeque::new(),
            waiting: VecDeque::new(),
            running: HashMap::new(),
            answers: JoinSet::new(),
            answered: Answered::default(),
            spent: Arc::default(),
            looks,
        }
    }

    /// Works until the server ends. What is unanswered then, is answered after the next start.
    pub async fn run(mut self) {
        let drain = Arc::clone(&self.app.drain);
        tokio::select! {
            () = drain.wait() => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        let head = self.chat.head();
        let mut follower = self.chat.follow(head.saturating_sub(PASS_RECORDS_MAX));
        self.catch_up(&mut follower, head).await;
        loop {
            self.begin_waiting();
            tokio::select! {
                part = follower.next() => match part {
                    None => return,
                    Some(Ok(part)) => self.take(part).await,
                    Some(Err(error)) => self.unreadable(&error).await,
                },
                _ = self.looks.tick() => self.refresh().await,
                Some(done) = self.answers.join_next_with_id(), if !self.answers.is_empty() => self.finish(done),
            }
        }
    }

    /// Reads the newest part of the log once: which questions are answered, and which are not.
    async fn catch_up(&mut self, follower: &mut Follower, head: Position) {
        let mut questions: BTreeMap<Position, Question> = BTreeMap::new();
        let mut gone: Vec<(RoomName, Position)> = Vec::new();
        let oldest_ms = Timestamp::now().0.saturating_sub(self.bot.answer_within.as_millis() as u64);
        while follower.position() < head {
            let part = match follower.next().await {
                None => return,
                Some(Ok(part)) => part,
                Some(Err(error)) => {
                    self.unreadable(&error).await;
                    continue;
                }
            };
            for event in part.events {
                self.note_answer(&event);
                if let Body::Message { content: None, .. } = event.body {
                    gone.push((event.room.clone(), event.position));
                }
                if event.created_at.0 < oldest_ms {
                    continue;
                }
                let question = self.question(&event).await;
                questions.extend(question.map(|question| (question.position, question)));
            }
        }
        // An answer of a question that was deleted while nobody was here.
        for (room, question) in gone {
            self.delete_answer(&room, question).await;
        }
        let open = questions.into_values().filter(|question| !self.answered.contains(question.position));
        self.backlog.extend(open.filter(|question| question.asked_at.0 >= oldest_ms));
        let too_many = self.backlog.len().saturating_sub(BACKLOG_MAX);
        self.backlog.drain(..too_many);
        if !self.backlog.is_empty() {
            tracing::info!(bot = %self.bot.id, questions = self.backlog.len(), "questions wait since the last run");
        }
    }

    async fn take(&mut self, part: Followed) {
        for event in part.events {
            self.note_answer(&event);
            match event.body {
                Body::Delete { target } => {
                    self.withdraw(|question| question.position == target);
                    self.delete_answer(&event.room, target).await;
                }
                Body::Purge | Body::Close => self.withdraw(|question| question.room == event.room),
                Body::Edit { target, .. } => self.begin_again(target),
                _ => {}
            }
            if let Some(question) = self.question(&event).await {
                self.enqueue(question).await;
            }
        }
    }

    /// Returns the question that an event asks, if it does and can be read.
    async fn question(&self, event: &Event) -> Option<Question> {
        for _ in 0..READS_MAX {
            match question::of_event(&self.chat, &self.bot, &self.name, event).await {
                Ok(question) => return question,
                Err(error) => self.unreadable(&error).await,
            }
        }
        None
    }

    /// Takes note of an own answer.
    fn note_answer(&mut self, event: &Event) {
        let is_own = event.author.as_ref().is_some_and(|author| author.id == self.bot.author.id);
        if let Body::Message { reply_to: Some(question), .. } = event.body
            && is_own
        {
            self.answered.insert(question, event.position);
        }
    }

    /// Lets a question wait for its answer, or tells its room why there will be none.
    async fn enqueue(&mut self, question: Question) {
        let position = question.position;
        let is_known = self.answered.contains(position)
            || self.running.contains_key(&position)
            || self.waiting.iter().chain(&self.backlog).any(|other| other.position == position);
        // An edit that mentions the bot, of a message of long ago, is passed over.
        if is_known || u128::from(age_ms(&question)) > self.bot.answer_within.as_millis() {
            return;
        }
        let has_one = self.waiting.iter().any(|other| other.asker.id == question.asker.id);
        let is_full = has_one || self.waiting.len() >= QUESTIONS_MAX;
        let Some(reason) = is_full.then_some("busy").or_else(|| self.refusal(&question)) else {
            let _ = self.show(&question, AnswerState::Waiting).await;
            self.waiting.push_back(question);
            return self.count_waiting();
        };
        let _ = self.show(&question, AnswerState::Failed(reason.into())).await;
        self.app.drafts.finish(&question.room, position, &self.bot.author.id);
        self.app.metrics.bots.ended(&self.bot.id, reason);
    }

    /// Shows the questions that wait once more, and drops those that are not to be answered any more.
    async fn refresh(&mut self) {
        for question in std::mem::take(&mut self.waiting) {
            let shown = self.show(&question, AnswerState::Waiting).await;
            let is_over = self.chat.is_banned(&question.asker.id)
                || matches!(
                    shown,
                    Err(Kind::DraftStopped
                        | Kind::MessageDeleted
                        | Kind::UnknownMessage
                        | Kind::Banned
                        | Kind::RoomClosed)
                );
            if !is_over {
                self.waiting.push_back(question);
                continue;
            }
            self.chat.remove_answer(&question.room, &self.bot.author.id, question.position);
            let is_stopped = matches!(shown, Err(Kind::DraftStopped));
            self.app.metrics.bots.ended(&self.bot.id, if is_stopped { "stopped" } else { "withdrawn" });
        }
        for (room, answer) in std::mem::take(&mut self.to_delete) {
            self.delete(room, answer).await;
        }
    }

    async fn show(&self, question: &Question, state: AnswerState) -> Result<(), Kind> {
        let draft = (question.position, state, "");
        let shown = drafts::show(&self.app, &question.room, &self.bot.author, draft).await;
        shown.map_err(|problem| problem.kind())
    }

    /// Begins as many of the answers that wait as may be written at once.
    fn begin_waiting(&mut self) {
        while self.running.len() < self.bot.parallel {
            let Some(question) = self.waiting.pop_front().or_else(|| self.next_of_backlog()) else { break };
            self.begin(question, 0);
        }
        self.count_waiting();
    }

    /// Takes the first question of before the start whose author and room may ask now. A restart lets nobody ask more than
    /// they may: the others wait, until they are too old.
    fn next_of_backlog(&mut self) -> Option<Question> {
        let within_ms = self.bot.answer_within.as_millis();
        self.backlog.retain(|question| u128::from(age_ms(question)) <= within_ms);
        let at = self.backlog.iter().position(|question| self.refusal(question).is_none())?;
        self.backlog.remove(at)
    }

    /// Returns why a question gets no answer, if one of its author or room asks too much; else counts it.
    fn refusal(&self, question: &Question) -> Option<&'static str> {
        let asker = &question.asker.id;
        if self.spent.today() >= self.bot.tokens_a_day.unwrap_or(u64::MAX) {
            Some("spent")
        } else if self.by_author.check(asker, NonZeroU32::MIN).is_err()
            || self.share_of_author.check(&(question.room.clone(), asker.clone()), NonZeroU32::MIN).is_err()
            || self.by_room.check(&question.room, NonZeroU32::MIN).is_err()
        {
            Some("limit")
        } else {
            None
        }
    }

    fn begin(&mut self, question: Question, restarts: u32) {
        let (app, bot, spent) = (Arc::clone(&self.app), Arc::clone(&self.bot), Arc::clone(&self.spent));
        let answering = Answering::new(app, bot, spent, question.clone());
        let task = self.answers.spawn(answering.run());
        self.running.insert(question.position, Running { question, restarts, task });
    }

    /// The question of an answer under way was edited.
    fn begin_again(&mut self, target: Position) {
        // Its answer may be a message already, though its task is not looked at yet.
        let is_answered = self.answered.contains(target);
        let is_due = |running: &Running| running.restarts < RESTARTS_MAX && !is_answered;
        if self.running.get(&target).is_some_and(is_due)
            && let Some(Running { question, restarts, task }) = self.running.remove(&target)
        {
            task.abort();
            self.begin(question, restarts + 1);
        }
    }

    /// Forgets questions, and ends the answers to them.
    fn withdraw(&mut self, is_gone: impl Fn(&Question) -> bool) {
        self.waiting.retain(|question| !is_gone(question));
        self.backlog.retain(|question| !is_gone(question));
        let bot = &self.bot.author.id;
        self.running.retain(|position, running| {
            let is_gone = is_gone(&running.question);
            if is_gone {
                running.task.abort();
                self.chat.remove_answer(&running.question.room, bot, *position);
                self.app.drafts.finish(&running.question.room, *position, bot);
                self.app.metrics.bots.ended(&self.bot.id, Outcome::Withdrawn.as_str());
            }
            !is_gone
        });
    }

    /// Deletes the bot's answer to a question that is gone.
    async fn delete_answer(&mut self, room: &RoomName, question: Position) {
        if let Some(answer) = self.answered.get(question) {
            self.delete(room.clone(), answer).await;
        }
    }

    async fn delete(&mut self, room: RoomName, answer: Position) {
        // As a moderator does: a ban of the bot leaves no text that is to go.
        let action = Action::Delete { target: answer, moderator: true };
        let draft = Draft { author: Some(self.bot.author.clone()), action, key: None };
        match self.chat.send(&room, draft).await {
            // Somebody may have deleted it before.
            Ok(_) | Err(SendError::TargetDeleted(_) | SendError::UnknownTarget(_)) => {}
            Err(SendError::QueueFull { .. } | SendError::DiskFull { .. })
                if self.to_delete.len() < DELETES_MAX =>
            {
                self.to_delete.push((room, answer));
            }
            Err(error) => {
                tracing::warn!(bot = %self.bot.id, %error, "the answer to a deleted question is kept");
            }
        }
    }

    /// An answer has ended by itself.
    fn finish(&mut self, done: Result<(Id, (Question, Outcome)), JoinError>) {
        let id = match &done {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let before = self.running.len();
        self.running.retain(|_, running| running.task.id() != id);
        let is_counted = self.running.len() == before;
        match done {
            Ok((_, (question, outcome))) => {
                if let Some(answer) = outcome.position() {
                    self.answered.insert(question.position, answer);
                }
                if !is_counted {
                    self.app.metrics.bots.ended(&self.bot.id, outcome.as_str());
                }
            }
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                tracing::error!(bot = %self.bot.id, %error, "an answer ended in a fault of this program");
            }
        }
    }

    fn count_waiting(&self) {
        self.app.metrics.bots.waits(&self.bot.id, self.waiting.len() + self.backlog.len());
    }

    async fn unreadable(&self, error: &ReadError) {
        self.say_unreadable(error);
        sleep(READ_AGAIN).await;
    }

    fn say_unreadable(&self, error: &ReadError) {
        static LOGGED: LogThrottle = LogThrottle::new();
        if LOGGED.is_due() {
            tracing::warn!(bot = %self.bot.id, %error, "a bot cannot read the log");
        }
    }
}

fn age_ms(question: &Question) -> u64 {
    Timestamp::now().0.saturating_sub(question.asked_at.0)
}
