//! The figures of bots.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The upper ends of the buckets of the time to the first piece, in seconds.
const FIRST_PIECE_SECONDS: [f64; 9] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// A bot of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BotName {
    bot: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    bot: String,
    outcome: &'static str,
}

/// The figures of all bots.
#[derive(Debug)]
pub struct BotMetrics {
    answers: Family<Ended, Counter>,
    waiting: Family<BotName, Gauge>,
    first_piece: Family<BotName, Histogram, fn() -> Histogram>,
    tokens: Family<BotName, Counter>,
}

impl Default for BotMetrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(FIRST_PIECE_SECONDS);
        Self {
            answers: Family::default(),
            waiting: Family::default(),
            first_piece: Family::new_with_constructor(histogram),
            tokens: Family::default(),
        }
    }
}

impl BotMetrics {
    /// Counts an answer, or a question that got none.
    pub fn ended(&self, bot: &str, outcome: &'static str) {
        self.answers.get_or_create(&Ended { bot: bot.to_owned(), outcome }).inc();
    }

    /// Says how many questions wait.
    pub fn waits(&self, bot: &str, questions: usize) {
        self.waiting.get_or_create(&BotName { bot: bot.to_owned() }).set(questions.cast_signed() as i64);
    }

    /// The first piece of an answer came after this time.
    pub fn began(&self, bot: &str, after: Duration) {
        self.first_piece.get_or_create(&BotName { bot: bot.to_owned() }).observe(after.as_secs_f64());
    }

    /// Counts tokens of prompts and answers.
    pub fn spent(&self, bot: &str, tokens: u64) {
        self.tokens.get_or_create(&BotName { bot: bot.to_owned() }).inc_by(tokens);
    }

    /// Shows them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "bot_answers",
            "What became of the questions to bots, by outcome",
            self.answers.clone(),
        );
        registry.register("bot_waiting", "Questions that wait for a bot", self.waiting.clone());
        let help = "From the question to the model to the first piece of its answer";
        registry.register_with_unit("bot_first_piece", help, Unit::Seconds, self.first_piece.clone());
        registry.register(
            "bot_tokens",
            "Tokens of prompts and answers, as the servers count them",
            self.tokens.clone(),
        );
    }
}
