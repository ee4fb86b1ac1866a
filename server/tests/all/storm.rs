//! Everybody loses their line and comes back in the same moment, while senders go on.
//!
//! Half of the readers are in one room, the others in small ones. In one of those more is said while they are
//! away than memory holds, so that its readers come back by the log. The figures are printed and hold
//! nothing; what is asserted is that all are back, caught up, and that the oracle finds nothing.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::support::oracle::{Follower, acknowledge, assert_clean, read_history, recover};
use crate::support::{Api, Guest, Server, turn, variable, within};
use millchat::RoomName;
use millchat_oracle::{Oracle, Sender};
use millchat_testkit::descriptors::raise_limit;
use millchat_testkit::process::cpu_time_alone;

/// Sets the number of readers: `make prove` has 19,000.
const READERS_VARIABLE: &str = "MILLCHAT_STORM_READERS";
const READERS_DEFAULT: u64 = 2_000;
/// The room of every second reader.
const LARGE: &str = "lobby";
/// The rooms of the others.
const SMALL_ROOMS: usize = 19;
/// Said in the first small room while its readers are away: more than its ring holds.
const BURST: u64 = 700;
/// Time between two messages in each room. It is not a wait for something: this is the load.
const LARGE_PACE: Duration = Duration::from_secs(1);
const SMALL_PACE: Duration = Duration::from_millis(500);
/// Sends that are acknowledged before the storm, and again once all have caught up.
const SENDS: usize = 200;
/// Readers with one source address: the ports of one are fewer than 28,000, and one that was just left is
/// not free yet.
const READERS_OF_ADDRESS: usize = 10_000;
/// Other descriptors of this process and its other tests.
const DESCRIPTORS_BESIDES: u64 = 900;

/// The task of all readers and senders at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Follow,
    Leave,
    ComeBack,
    /// Say no more.
    Hush,
    /// Read up to the heads and end.
    End,
}

/// The part of the run that all tasks see.
struct Run {
    address: SocketAddr,
    oracle: Oracle,
    phase: watch::Sender<Phase>,
    /// The newest acknowledged position of each room.
    heads: HashMap<String, AtomicU64>,
    /// Readers that are where the phase wants them.
    arrived: watch::Sender<usize>,
    back: AtomicUsize,
    /// Lines that were taken or given and did not last: their readers came again.
    again: AtomicUsize,
    /// When each send was acknowledged, and how long that took.
    sends: watch::Sender<Vec<(Instant, Duration)>>,
    /// Times after the storm at which each reader was back, and caught up.
    opened: Mutex<Vec<Duration>>,
    caught_up: Mutex<Vec<Duration>>,
}

fn room_of(reader: usize) -> String {
    if reader.is_multiple_of(2) { LARGE.to_owned() } else { small(reader / 2 % SMALL_ROOMS) }
}

fn small(number: usize) -> String {
    format!("small-{number}")
}

impl Run {
    fn new(address: SocketAddr) -> Self {
        let rooms = (0..SMALL_ROOMS).map(small).chain([LARGE.to_owned()]);
        Self {
            address,
            oracle: Oracle::new(),
            phase: watch::Sender::new(Phase::Follow),
            heads: rooms.map(|room| (room, AtomicU64::new(0))).collect(),
            arrived: watch::Sender::new(0),
            back: AtomicUsize::new(0),
            again: AtomicUsize::new(0),
            sends: watch::Sender::default(),
            opened: Mutex::default(),
            caught_up: Mutex::default(),
        }
    }

    fn head(&self, room: &str) -> u64 {
        self.heads[room].load(Ordering::Acquire)
    }

    async fn say(&self, api: &Api, room: &str, guest: &Guest, sender: &Sender, number: u64) {
        let content = format!("message {number}");
        let receipt = api.send(room, guest, &content).await;
        let position = acknowledge(sender, number, guest, &content, &receipt);
        self.heads[room].fetch_max(position, Ordering::Release);
    }

    /// Tells everybody, and waits until all readers did it.
    async fn all(&self, phase: Phase, readers: usize) {
        self.arrived.send_replace(0);
        self.phase.send_replace(phase);
        let mut arrived = self.arrived.subscribe();
        within(&format!("{phase:?}"), arrived.wait_for(|&arrived| arrived == readers)).await.unwrap();
    }

    async fn more_sends(&self) {
        let mut sends = self.sends.subscribe();
        let due = sends.borrow().len() + SENDS;
        within("the senders go on", sends.wait_for(|sends| sends.len() >= due)).await.unwrap();
    }
}

/// Speaks at the room's pace until told to hush.
async fn speak(run: Arc<Run>, room: String, guest: Guest) {
    let api = Api::new(run.address);
    let sender = run.oracle.sender(&RoomName::new(&room).unwrap(), "paced");
    let mut turns = interval(if room == LARGE { LARGE_PACE } else { SMALL_PACE });
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0;
    while *run.phase.borrow() != Phase::Hush {
        turns.tick().await;
        let started = Instant::now();
        run.say(&api, &room, &guest, &sender, number).await;
        run.sends.send_modify(|sends| sends.push((Instant::now(), started.elapsed())));
        number += 1;
    }
}

/// A connection from an address of the reader's own crowd; another crowd after the storm.
async fn connect(run: &Run, reader: usize, wave: usize) -> std::io::Result<TcpStream> {
    let crowd = reader / READERS_OF_ADDRESS + 100 * wave;
    let run_of_today = std::process::id() as u8;
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 1, run_of_today, 1 + crowd as u8), 0).into())?;
    socket.connect(run.address).await
}

/// Joins, again when the line does not last until the stream has opened.
async fn join(run: &Run, follower: &mut Follower, reader: usize, wave: usize) {
    loop {
        let opened = match connect(run, reader, wave).await {
            Ok(socket) => follower.join_over(socket).await.is_ok() && follower.next().await.is_some(),
            Err(_) => false,
        };
        if opened {
            return;
        }
        run.again.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}

/// Reads on until that phase.
async fn follow(run: &Run, follower: &mut Follower, reader: usize, until: Phase) {
    let mut phase = run.phase.subscribe();
    loop {
        let event = tokio::select! {
            () = async { drop(phase.wait_for(|&phase| phase == until).await) } => return,
            event = follower.next() => event,
        };
        if event.is_none() {
            run.again.fetch_add(1, Ordering::Relaxed);
            join(run, follower, reader, 1).await;
        }
    }
}

async fn read(run: Arc<Run>, reader: usize) {
    let room = room_of(reader);
    let mut follower = Follower::new(&run.oracle, &room, reader.to_string());
    join(&run, &mut follower, reader, 0).await;
    run.arrived.send_modify(|arrived| *arrived += 1);
    follow(&run, &mut follower, reader, Phase::Leave).await;

    follower.leave();
    let mut phase = run.phase.subscribe();
    run.arrived.send_modify(|arrived| *arrived += 1);
    phase.wait_for(|&phase| phase == Phase::ComeBack).await.unwrap();
    let (came_back, head) = (Instant::now(), run.head(&room));
    join(&run, &mut follower, reader, 1).await;
    run.opened.lock().push(came_back.elapsed());
    run.back.fetch_add(1, Ordering::Relaxed);
    while follower.reader.position() < head {
        if follower.next().await.is_none() {
            run.again.fetch_add(1, Ordering::Relaxed);
            join(&run, &mut follower, reader, 1).await;
        }
    }
    run.caught_up.lock().push(came_back.elapsed());
    run.arrived.send_modify(|arrived| *arrived += 1);
    follow(&run, &mut follower, reader, Phase::End).await;
    follower.catch_up(run.address, run.head(&room)).await;
    follower.reader.complete();
}

/// The value below which `per_mille` of them are.
fn quantile(values: &[Duration], per_mille: usize) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted
        .get((sorted.len() * per_mille / 1_000).min(sorted.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// The senders before and after, second by second.
fn report(run: &Run, stormed: Instant) -> String {
    let sends = run.sends.borrow();
    let before: Vec<_> = sends.iter().filter(|(at, _)| *at < stormed).map(|(_, took)| *took).collect();
    let calm = quantile(&before, 990);
    let mut seconds: Vec<Vec<Duration>> = Vec::new();
    for (at, took) in sends.iter().filter(|(at, _)| *at >= stormed) {
        let second = (*at - stormed).as_secs() as usize;
        seconds.resize_with(seconds.len().max(second + 1), Vec::new);
        seconds[second].push(*took);
    }
    let slow = |second: &Vec<Duration>| second.is_empty() || quantile(second, 990) > calm * 2;
    let recovered = seconds.iter().rposition(slow).map_or(0, |last| last + 1);
    let (opened, caught_up) = (run.opened.lock(), run.caught_up.lock());
    let mut text = format!(
        "back: p50 {:?}, p99 {:?}, last {:?}; caught up: p50 {:?}, p99 {:?}, last {:?}; {} came again\nsenders: p99 \
         {calm:?} before; after, by the second:",
        quantile(&opened, 500),
        quantile(&opened, 990),
        quantile(&opened, 1_000),
        quantile(&caught_up, 500),
        quantile(&caught_up, 990),
        quantile(&caught_up, 1_000),
        run.again.load(Ordering::Relaxed),
    );
    for second in &seconds {
        let _ = write!(text, " {:?} ({})", quantile(second, 990), second.len());
    }
    let _ = write!(text, "; within twice of before from second {recovered} on");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_readers_lose_their_line_and_are_back_and_caught_up_with_nothing_lost() {
    let _turn = turn::load().await;
    let readers = variable(READERS_VARIABLE, READERS_DEFAULT);
    raise_limit(readers + DESCRIPTORS_BESIDES).unwrap();
    let readers = readers as usize;
    let mut server = Server::start().await;
    let run = Arc::new(Run::new(server.address()));
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut joined = run.arrived.subscribe();
    let reading: Vec<_> = (0..readers).map(|reader| tokio::spawn(read(Arc::clone(&run), reader))).collect();
    within("all join", joined.wait_for(|&arrived| arrived == readers)).await.unwrap();
    let mut speaking = Vec::new();
    for room in run.heads.keys() {
        let guest = api.guest("Paced").await;
        speaking.push(tokio::spawn(speak(Arc::clone(&run), room.clone(), guest)));
    }
    run.more_sends().await;

    run.all(Phase::Leave, readers).await;
    let (filled, room) = (small(0), RoomName::new(&small(0)).unwrap());
    // Nobody waits for another: each is a sender of its own.
    let burst: Vec<_> = (0..BURST).map(|n| run.oracle.sender(&room, format!("burst {n}"))).collect();
    let sends = burst.iter().map(|sender| run.say(&api, &filled, &ada, sender, 0));
    within("the burst is acknowledged", join_all(sends)).await;
    let (stormed, cpu) = (Instant::now(), cpu_time_alone(server.pid()).unwrap());
    run.all(Phase::ComeBack, readers).await;
    let cpu = cpu_time_alone(server.pid()).unwrap().checked_sub(cpu).unwrap();
    run.more_sends().await;
    run.phase.send_replace(Phase::Hush);
    for speaker in speaking {
        within("a sender ends", speaker).await.unwrap();
    }
    run.phase.send_replace(Phase::End);
    for reader in reading {
        within("a reader reaches the head", reader).await.unwrap();
    }
    println!(
        "{readers} readers came back at once, for {cpu:?} of the server's CPU time: {}",
        report(&run, stormed)
    );

    let mut logs = Vec::new();
    for room in run.heads.keys() {
        logs.push(recover(&api, room).await);
        read_history(&api, room, &run.oracle).await;
    }
    assert_eq!(run.back.load(Ordering::Relaxed), readers);
    assert_clean(&run.oracle, &logs);
    server.assert_alive();
}
