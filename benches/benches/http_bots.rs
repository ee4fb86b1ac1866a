//! The cost of bots that answer: the same messages of people to the same readers, with and without ten bots that
//! show what they write and post it.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use millchat::limits::{ANSWER_BYTES_MAX, ANSWERS_PER_ROOM_MAX};
use millchat_benches::heard::{ANSWER_MARK, Heard};
use millchat_benches::paths::Scratch;
use millchat_benches::post::Posters;
use millchat_benches::readers::{self, Readers};
use millchat_benches::server::Server;
use millchat_benches::steady::{CPU, Sender};
use millchat_benches::{Results, Unit, cost, http, limits};
use serde_json::{Value, json};

const ABOUT: &str = "1,000 readers follow one room by the API's stream, and 8 people together post 50 messages \
    of 200 bytes a second there. In one half of each round nothing else happens; in the other ten bots \
    answer, each always one of the newest messages: eight times a second, the most that a bot may, it shows \
    what it has written so far, 16 bytes more each time, and after 8 s it posts the whole. The halves take \
    turns at being the first. Delivery is counted as in `http_fanout`, of people's messages alone, which are \
    as many in both halves; the bots' finished answers, about one a second, come on top, and are counted in \
    the CPU and not as deliveries. Each reader holds the chain of positions against what it gets, so no \
    message and no finished answer is lost, doubled or out of order. In the second case a bot's text is 4 KiB \
    long from the beginning, which is all that is shown of one. Unfinished answers are signals; their bound \
    is what the server sends a reader of them at most: twice a second the last 4 KiB of four, with the names \
    around them. At the end: 64 senders at full speed, alone and beside built-in bots that read each \
    message of the log and answer none, as their room is another.";
const BOTS: &str = "with bots";
const QUIET: &str = "without bots";
const BOUND: &str = "the server's bound";
/// The cases, and the bytes that an answer has at its beginning.
const CASES: [(&str, usize); 2] = [("1,000 readers", 0), ("1,000 readers, long answers", ANSWER_BYTES_MAX)];
const P50: &str = "p50 delivery";
const P99: &str = "p99 delivery";
const DRAFTS: &str = "unfinished answers, a reader and second";
/// The secret of the operator.
const ADMIN_TOKEN: &str = "only-this-bench-knows-the-token-of-its-server";
const READERS: usize = 1_000;
const SENDERS: usize = 8;
const BOT_COUNT: usize = 10;
/// Messages of people a second, and the length of half a round.
const PACE: (u32, Duration) = (50, Duration::from_secs(8));
const ROUNDS: usize = 7;
/// Added to an answer each time that it is shown.
const PIECE: &str = "an answer grows ";
/// Interval at which a bot shows its answer, and the pieces of a whole one.
const SHOWS: (Duration, usize) = (Duration::from_millis(125), 64);
/// Signals of unfinished answers that a reader of this room gets a second, and most bytes around the text of one
/// answer. The text has no character that JSON escapes.
const SIGNALS: (usize, usize) = (2, 256);
/// The goals, with bots against without.
const RATIOS_MAX: [(&str, f64); 2] = [(P50, 1.1), (P99, 1.5)];

/// The cases at full speed, and the number of built-in bots.
const FOLLOW_CASES: [(&str, usize); 2] =
    [("64 senders at full speed, 1 bot", 1), ("64 senders at full speed, 10 bots", 10)];
const FOLLOW_SENDERS: usize = 64;
/// Messages of each of them in a round.
const FOLLOW_MESSAGES: u64 = 500;
const FOLLOW_ROUNDS: usize = 5;

fn main() {
    limits::raise_descriptors();
    let results = Results::new("http_bots", "bots that answer, to 1,000 readers", ABOUT, BOTS);
    let scratch = Scratch::new("http_bots");
    for (case, begun) in CASES {
        let log = scratch.file(&format!("{begun}.redb"));
        let server = Server::start_with(&log.to_string_lossy(), &["--admin-token", ADMIN_TOKEN]);
        Room::open(&server).measure(&results, case, begun);
    }
    for (case, bots) in FOLLOW_CASES {
        follow(&results, &scratch, case, bots);
    }
    for (metric, most) in RATIOS_MAX {
        for (case, _) in CASES {
            let what = format!("{metric} of people's messages, {case}, ten bots answering, against without");
            results.goal(&what, &format!("at most {most}"), |found| {
                let [low, median, high] = found.quartiles(case, metric, QUIET)?;
                Some((format!("{median:.2} (quartiles {low:.2} to {high:.2})"), median <= most))
            });
        }
    }
    results.goal("bytes of unfinished answers, a reader and second, of the bound", "at most 1", |found| {
        let most = CASES.iter().filter_map(|(case, _)| found.ratio(case, DRAFTS, BOUND)).reduce(f64::max)?;
        Some((format!("{most:.2}"), most <= 1.0))
    });
    results.finish();
}

/// The room with all that are in it.
struct Room {
    process: u32,
    readers: Readers,
    people: Vec<Sender>,
    bots: Vec<Sender>,
    /// The newest message of a person: what a bot answers next. Stored by the people, loaded by the bots.
    newest: AtomicU64,
}

impl Room {
    fn open(server: &Server) -> Self {
        let connect = |token: String| Sender::connect(server.address, &token);
        let people = (0..SENDERS).map(|number| connect(server.guest(&format!("Person {number}")))).collect();
        let bots = (0..BOT_COUNT).map(|number| connect(bot(server, number))).collect();
        let readers = Readers::connect(server.address, READERS);
        Self { process: server.process(), readers, people, bots, newest: AtomicU64::new(1) }
    }

    fn measure(&mut self, results: &Results, case: &str, begun: usize) {
        for round in 0..ROUNDS {
            for half in 0..2 {
                self.readers.settle();
                self.people.iter_mut().chain(&mut self.bots).for_each(Sender::reconnect);
                let has_bots = (round + half) % 2 == 1;
                self.half(results, (case, if has_bots { BOTS } else { QUIET }), has_bots.then_some(begun));
            }
            let bound = SIGNALS.0 * ANSWERS_PER_ROOM_MAX * (ANSWER_BYTES_MAX + SIGNALS.1);
            results.sample(case, DRAFTS, Unit::Bytes, BOUND, bound as f64);
        }
    }

    /// Measures half a round; the bots, if they are there, begin their answers with this number of bytes.
    fn half(&mut self, results: &Results, (case, name): (&str, &str), begun: Option<usize>) {
        let Self { process, readers, people, bots, newest } = self;
        let (pace, lasts) = PACE;
        let messages = lasts.as_secs() * u64::from(pace);
        let over = &AtomicBool::new(false);
        let newest = &*newest;
        let (origin, before) = (Instant::now(), cost::cpu(*process));
        let mut heard = Heard::new(origin);
        thread::scope(|scope| {
            for (number, person) in people.iter_mut().enumerate() {
                scope.spawn(move || {
                    for message in (number as u64..messages).step_by(SENDERS) {
                        let due = Duration::from_secs(1) * message as u32 / pace;
                        thread::sleep(due.saturating_sub(origin.elapsed()));
                        newest.fetch_max(person.post(&readers::content(message, due)), Ordering::Relaxed);
                    }
                });
            }
            let answering = bots.iter_mut().enumerate().filter_map(|(number, bot)| {
                let begun = begun?;
                Some(scope.spawn(move || answer(bot, number, begun, (origin, newest, over))))
            });
            let answering: Vec<_> = answering.collect();
            readers.hear(messages * READERS as u64, |last, frames| heard.take(last, frames).messages);
            let (elapsed, spent) = (origin.elapsed(), cost::cpu(*process).saturating_sub(before));
            results.time(case, CPU, name, heard.messages(), spent);
            for (metric, quantile) in [(P50, 0.5), (P99, 0.99)] {
                results.sample(case, metric, Unit::Nanoseconds, name, heard.latency(quantile));
            }
            let each = heard.draft_bytes as f64 / READERS as f64 / elapsed.as_secs_f64();
            results.sample(case, DRAFTS, Unit::Bytes, name, each);
            over.store(true, Ordering::Relaxed);
            // They end with one more answer each, outside of what is measured.
            let posted: u64 = answering.into_iter().map(|bot| bot.join().expect("it answers")).sum();
            let due = posted * READERS as u64 - heard.answers;
            readers.hear(due, |last, frames| heard.take(last, frames).answers);
        });
    }
}

/// Makes the token of a bot.
fn bot(server: &Server, number: usize) -> String {
    let body = json!({ "name": format!("Bot {number}"), "rooms": { "bench": "writer" } }).to_string();
    let answer = http::ask(server.address, "POST", "/admin/tokens", Some(ADMIN_TOKEN), &body);
    let answer: Value = serde_json::from_str(&answer).expect("the server answers JSON");
    answer["token"].as_str().expect("a bot gets a token").to_owned()
}

/// Shows answers that grow and posts them, one after the other, until it is over; returns their number. The bots
/// are not in step: the nth has written as many tenths of its first answer.
fn answer(
    bot: &mut Sender,
    number: usize,
    begun: usize,
    (origin, newest, over): (Instant, &AtomicU64, &AtomicBool),
) -> u64 {
    let (interval, whole) = SHOWS;
    let mut due = interval * number as u32 / BOT_COUNT as u32;
    let (mut shown, mut posted) = (number * whole / BOT_COUNT, 0);
    let mut question = newest.load(Ordering::Relaxed);
    loop {
        thread::sleep(due.saturating_sub(origin.elapsed()));
        due += interval;
        let is_over = over.load(Ordering::Relaxed);
        let text = PIECE.repeat(begun.div_ceil(PIECE.len()) + shown);
        if shown < whole && !is_over {
            let path = format!("/api/v1/rooms/bench/drafts/{question}");
            bot.ask("PUT", &path, &json!({ "state": "writing", "content": text }).to_string());
            shown += 1;
            continue;
        }
        let body = json!({ "content": format!("{ANSWER_MARK}{text}"), "reply_to": question });
        bot.ask("POST", "/api/v1/rooms/bench/messages", &body.to_string());
        posted += 1;
        if is_over {
            return posted;
        }
        (shown, question) = (0, newest.load(Ordering::Relaxed));
    }
}

/// Measures senders at full speed, alone and beside built-in bots that follow the log.
fn follow(results: &Results, scratch: &Scratch, case: &str, bots: usize) {
    // Nobody listens at this address, and nobody asks them anything.
    let table = |number| {
        format!(
            "[[bot]]\nid = \"b{number}\"\nname = \"Bot {number}\"\nurl = \"http://127.0.0.1:9\"\n\
             model = \"none\"\nrooms = [\"other\"]\n"
        )
    };
    let settings = scratch.file("bots.toml");
    let path = settings.to_string_lossy();
    let tables: String = (0..bots).map(table).collect();
    fs::write(&settings, tables).expect("the target directory takes files");
    for round in 0..FOLLOW_ROUNDS {
        for half in 0..2 {
            let has_bots = (round + half) % 2 == 1;
            let (name, flags): (_, &[&str]) =
                if has_bots { (BOTS, &["--config", &path]) } else { (QUIET, &[]) };
            let log = scratch.file(&format!("follow-{bots}-{round}-{half}.redb"));
            let server = Server::start_with(&log.to_string_lossy(), flags);
            let mut posters = Posters::connect(&server, FOLLOW_SENDERS);
            posters.rounds(FOLLOW_MESSAGES / 10);
            let before = cost::cpu(server.process());
            let elapsed = posters.rounds(FOLLOW_MESSAGES);
            let messages = FOLLOW_MESSAGES * FOLLOW_SENDERS as u64;
            results.rate(case, "acknowledged", name, messages, elapsed);
            let spent = cost::cpu(server.process()).saturating_sub(before);
            results.time(case, "CPU per message", name, messages, spent);
        }
    }
}
