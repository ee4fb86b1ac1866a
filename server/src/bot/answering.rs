//! One answer, from the question to the one message that it becomes.
//!
//! It is a future without a state of its own elsewhere: dropped at any moment, it closes the connection to the model
//! and has posted all or nothing. A half answer is never an event.

use std::sync::Arc;
use std::time::Duration;

use millchat::{AnswerState, Draft, Position, ReadError, SendError, Timestamp};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::context;
use super::model::answer_text::{ANSWER_BYTES_MAX, finished, without_name};
use super::model::prompt::Budget;
use super::model::{Failure, Finished, Piece, Prompt, Remedy};
use super::question::Question;
use super::settings::Bot;
use super::spent::Spent;
use crate::app::App;
use crate::drafts;
use crate::problem::Kind;
use crate::waits::Waits;

/// Interval between two looks at what stops an answer, and between two states that readers see.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The first wait after a failure before the first piece, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Most times that the text for the model is halved.
const HALVES_MAX: u32 = 2;
/// Most tries to store an answer, a second apart.
const POSTS_MAX: usize = 30;

/// The end of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is a message, at this position.
    Posted(Position),
    /// Somebody stopped it. What there was of it may be a message.
    Stopped(Option<Position>),
    /// The question was answered before.
    Repeated,
    /// The question or its room is gone, or somebody was banned.
    Withdrawn,
    /// There is none. The reason is a word for programs.
    Failed(&'static str),
}

impl Outcome {
    /// Returns the word for it in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Posted(_) => "posted",
            Self::Stopped(_) => "stopped",
            Self::Repeated => "repeated",
            Self::Withdrawn => "withdrawn",
            Self::Failed(reason) => reason,
        }
    }

    /// Returns the position of the message that it became.
    pub fn position(self) -> Option<Position> {
        match self {
            Self::Posted(position) => Some(position),
            Self::Stopped(position) => position,
            _ => None,
        }
    }
}

/// An answer that is being written.
pub struct Answering {
    app: Arc<App>,
    bot: Arc<Bot>,
    spent: Arc<Spent>,
    question: Question,
    looks: Interval,
    /// The state that readers see.
    state: AnswerState,
    text: String,
}

/// The end of an answer before its time.
enum Early {
    Stopped,
    Withdrawn,
    Failed(Failure),
}

impl Answering {
    /// Prepares an answer.
    pub fn new(app: Arc<App>, bot: Arc<Bot>, spent: Arc<Spent>, question: Question) -> Self {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { app, bot, spent, question, looks, state: AnswerState::Waiting, text: String::new() }
    }

    /// Writes it. Readers see its state until it ends.
    pub async fn run(mut self) -> (Question, Outcome) {
        let outcome = self.write().await;
        let Question { room, position, .. } = &self.question;
        if let Outcome::Failed(reason) = outcome {
            self.state = AnswerState::Failed(reason.into());
            self.text.clear();
            // It is gone by itself, as all that is not shown again.
            let _ = self.show().await;
        } else {
            self.app.chat.remove_answer(room, &self.bot.author.id, *position);
        }
        self.app.drafts.finish(room, *position, &self.bot.author.id);
        (self.question, outcome)
    }

    async fn write(&mut self) -> Outcome {
        let mut budget = Budget::new(self.bot.model.context_tokens, self.bot.model.answer_tokens);
        let (mut waits, mut halves, mut has_broken) = (Waits::new(WAITS.0, WAITS.1), 0, false);
        loop {
            if self.left().is_zero() {
                return Outcome::Failed("late");
            }
            let prompt = match context::prompt(&self.app.chat, &self.bot, &self.question, budget).await {
                Ok(Some(prompt)) => prompt,
                Ok(None) | Err(ReadError::Closed) => return Outcome::Withdrawn,
                Err(error) => {
                    tracing::warn!(bot = %self.bot.id, %error, "a room cannot be read for an answer");
                    sleep(WAITS.0).await;
                    continue;
                }
            };
            (self.state, self.text) = (AnswerState::Waiting, String::new());
            let failure = match self.ask(&prompt).await {
                Ok(end) => return self.end(end.cut).await,
                Err(Early::Stopped) => return self.stopped().await,
                Err(Early::Withdrawn) => return Outcome::Withdrawn,
                Err(Early::Failed(failure)) => failure,
            };
            let pause = match failure.remedy() {
                Remedy::Retry { after } => waits.next(after),
                Remedy::RetryOnce if !has_broken => {
                    has_broken = true;
                    Duration::ZERO
                }
                Remedy::HalfText if halves < HALVES_MAX => {
                    halves += 1;
                    budget = budget.half();
                    Duration::ZERO
                }
                Remedy::RetryOnce | Remedy::HalfText | Remedy::GiveUp => {
                    let status = failure.status().map(|status| status.as_u16());
                    tracing::warn!(bot = %self.bot.id, %failure, status, "an answer failed");
                    return Outcome::Failed(reason(&failure));
                }
            };
            if self.left() < pause {
                return Outcome::Failed(reason(&failure));
            }
            tracing::info!(bot = %self.bot.id, %failure, "an answer is tried again");
            let is_absent = matches!(failure, Failure::Absent { .. });
            if let Err(early) = self.wait(pause, is_absent).await {
                return self.ended(early).await;
            }
        }
    }

    /// Asks the model once, and shows what it writes.
    async fn ask(&mut self, prompt: &Prompt) -> Result<Finished, Early> {
        let (bot, asked) = (Arc::clone(&self.bot), Instant::now());
        // Also of an answer that is stopped or broken, and of one whose task is aborted.
        let mut bill = self.spent.bill(prompt.bytes());
        let mut asking = Box::pin(bot.model.ask(prompt));
        let mut answer = loop {
            tokio::select! {
                answer = &mut asking => break answer.map_err(Early::Failed)?,
                _ = self.looks.tick() => self.look().await?,
            }
        };
        drop(asking);
        let mut has_piece = false;
        loop {
            let piece = tokio::select! {
                piece = answer.next() => piece.map_err(Early::Failed)?,
                _ = self.looks.tick() => {
                    self.look().await?;
                    continue;
                }
            };
            if !std::mem::replace(&mut has_piece, true) {
                self.app.metrics.bots.began(&self.bot.id, asked.elapsed());
            }
            match piece {
                Piece::Thinking if self.text.is_empty() => self.state = AnswerState::Thinking,
                Piece::Thinking => {}
                Piece::Text(text) => {
                    bill.more(text.len());
                    self.state = AnswerState::Writing;
                    self.text += &text;
                }
                Piece::Finished(end) => {
                    let tokens = end.prompt_tokens.unwrap_or(0) + end.answer_tokens.unwrap_or(0);
                    self.app.metrics.bots.spent(&self.bot.id, tokens);
                    bill.counted(tokens);
                    return Ok(end);
                }
            }
            if self.text.len() > ANSWER_BYTES_MAX {
                return Ok(Finished { cut: true, ..Finished::default() });
            }
        }
    }

    /// Waits before another try.
    async fn wait(&mut self, pause: Duration, is_absent: bool) -> Result<(), Early> {
        if is_absent {
            // Readers are told, once in a while: the answer comes when the model is back.
            self.state = AnswerState::Failed("absent".into());
        }
        let until = Instant::now() + pause;
        while Instant::now() < until {
            self.look().await?;
            tokio::time::sleep_until(until.min(Instant::now() + LOOK_EVERY)).await;
        }
        Ok(())
    }

    /// Looks if the answer is still wanted, and shows it.
    async fn look(&mut self) -> Result<(), Early> {
        if self.app.chat.is_banned(&self.question.asker.id) {
            return Err(Early::Withdrawn);
        }
        self.show().await
    }

    async fn show(&self) -> Result<(), Early> {
        let text = without_name(&self.text, &self.bot.author.name);
        let Question { room, position, .. } = &self.question;
        let shown =
            drafts::show(&self.app, room, &self.bot.author, (*position, self.state.clone(), text)).await;
        match shown.map_err(|problem| problem.kind()) {
            Err(Kind::DraftStopped) => Err(Early::Stopped),
            Err(Kind::MessageDeleted | Kind::UnknownMessage | Kind::Banned | Kind::RoomClosed) => {
                Err(Early::Withdrawn)
            }
            // If it is not seen, it comes all the same.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn ended(&mut self, early: Early) -> Outcome {
        match early {
            Early::Stopped => self.stopped().await,
            Early::Withdrawn => Outcome::Withdrawn,
            Early::Failed(failure) => Outcome::Failed(reason(&failure)),
        }
    }

    /// Posts what there is of an answer that was stopped.
    async fn stopped(&mut self) -> Outcome {
        Outcome::Stopped(self.end(true).await.position())
    }

    /// Posts the answer, if it has any text. A stop counts until it is posted.
    async fn end(&mut self, is_cut: bool) -> Outcome {
        let Question { room, position, .. } = &self.question;
        for _ in 0..POSTS_MAX {
            let Some(text) = finished(&self.text, &self.bot.author.name, is_cut || self.is_stopped()) else {
                return Outcome::Failed("empty");
            };
            let key = format!("answer-{position}");
            let draft = Draft::reply(self.bot.author.clone(), *position, text).with_key(key);
            let (chat, asker) = (self.app.chat.clone(), self.question.asker.id.clone());
            let may_answer = move || !chat.is_banned(&asker);
            match self.app.chat.send_if(room, draft, may_answer).await {
                Ok(receipt) => return Outcome::Posted(receipt.position),
                Err(SendError::KeyReused) => return Outcome::Repeated,
                Err(SendError::QueueFull { .. } | SendError::DiskFull { .. }) => sleep(WAITS.0).await,
                Err(SendError::Unavailable(_) | SendError::Unknown(_)) => return Outcome::Failed("broke"),
                Err(_) => return Outcome::Withdrawn,
            }
        }
        Outcome::Failed("broke")
    }

    /// Returns the time until the question is too old.
    fn left(&self) -> Duration {
        let age_ms = Timestamp::now().0.saturating_sub(self.question.asked_at.0);
        self.bot.answer_within.saturating_sub(Duration::from_millis(age_ms))
    }

    fn is_stopped(&self) -> bool {
        let Question { room, position, .. } = &self.question;
        drafts::is_stopped(&self.app, room, *position, &self.bot.author.id)
    }
}

/// The word for a failure.
fn reason(failure: &Failure) -> &'static str {
    match failure {
        Failure::Absent { .. } => "absent",
        Failure::Busy { .. } => "busy",
        Failure::TooLong { .. } | Failure::Refused { .. } => "model",
        Failure::Late { .. } => "late",
        Failure::Cut { .. } | Failure::Broken { .. } => "broke",
    }
}
