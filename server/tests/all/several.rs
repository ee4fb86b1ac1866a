//! One stream of several rooms, as a browser with many tabs asks for it: each room's events are its own,
//! whole, in order, and none is missing.

use std::collections::HashMap;

use crate::support::oracle::epoch;
use crate::support::sse::SseEvent;
use crate::support::{Api, Server, Stream, within};

const ROOMS_MAX: usize = 32;

/// Holds what came of each room: the positions of its events, and their patches.
#[derive(Default)]
struct Rooms {
    now: String,
    positions: HashMap<String, Vec<u64>>,
    patches: HashMap<String, Vec<String>>,
}

impl Rooms {
    fn of(first: &str) -> Self {
        Self { now: first.to_owned(), ..Self::default() }
    }

    fn take(&mut self, event: &SseEvent) {
        if event.event == "datastar-room" {
            event.data.strip_prefix("room ").expect("it names a room").clone_into(&mut self.now);
        } else if event.id.is_some() {
            self.positions.entry(self.now.clone()).or_default().push(event.place().1);
        } else if event.event == "datastar-patch-elements" && event.data.contains("<li class=\"msg") {
            self.patches.entry(self.now.clone()).or_default().push(event.data.clone());
        }
    }

    /// Reads on until every room has come to where it should.
    async fn read_to(&mut self, stream: &mut Stream, heads: &HashMap<String, u64>) {
        let there = |rooms: &Self| {
            heads.iter().all(|(room, head)| {
                rooms.positions.get(room).is_some_and(|positions| positions.last() == Some(head))
            })
        };
        while !there(self) {
            let event = within("an event comes", stream.next()).await.expect("the stream goes on");
            self.take(&event);
        }
    }
}

fn path(rooms: &[(&str, String)]) -> String {
    let also: Vec<_> = rooms[1..].iter().map(|(room, place)| format!("also={room}:{place}")).collect();
    format!("/{}/messages?{}", rooms[0].0, also.join("&"))
}

async fn places<'a>(api: &Api, rooms: &[&'a str]) -> Vec<(&'a str, String)> {
    let epoch = epoch(api, rooms[0]).await;
    rooms.iter().map(|room| (*room, format!("{epoch}-0"))).collect()
}

#[tokio::test]
async fn events_of_several_rooms_come_whole_and_each_in_its_own_order() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let rooms = ["a", "b", "c"];
    let mut positions: HashMap<String, Vec<u64>> = HashMap::new();
    // Larger than what goes out at once, so that there is a midst for others to get into.
    let large = "x\"".repeat(30_000);
    for round in 0..8 {
        for room in rooms {
            let text = if (round + room.len()) % 2 == 0 { large.as_str() } else { "small" };
            let position = api.say(room, &ada, text).await;
            positions.entry(room.to_owned()).or_default().push(position);
        }
    }
    let places = places(&api, &rooms).await;
    let first = [("Last-Event-ID", places[0].1.as_bytes())];
    let mut stream = Stream::open(server.address(), &path(&places), &first).await.unwrap();
    let mut read = Rooms::of("a");
    let heads = positions.iter().map(|(room, all)| (room.clone(), *all.last().unwrap())).collect();
    read.read_to(&mut stream, &heads).await;
    // And what comes from then on.
    let mut heads = HashMap::new();
    for room in ["c", "a", "a", "b"] {
        let position = api.say(room, &ada, &large).await;
        positions.get_mut(room).unwrap().push(position);
        heads.insert(room.to_owned(), position);
    }
    read.read_to(&mut stream, &heads).await;
    for room in rooms {
        // The first place is the one that the room's stream opened with.
        assert_eq!(read.positions[room][1..], positions[room], "{room}");
        let ids: Vec<_> = read.patches[room].iter().map(|patch| patch.contains("id=\"m-")).collect();
        assert_eq!(ids.len(), positions[room].len(), "{room}");
        for (patch, position) in read.patches[room].iter().zip(&positions[room]) {
            assert!(patch.contains(&format!("id=\"m-{position}\"")), "{room}: {position}");
        }
    }
}

#[tokio::test]
async fn as_many_rooms_as_the_limit_are_taken_and_not_one_more() {
    let server = Server::start().await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let names: Vec<String> = (0..=ROOMS_MAX).map(|number| format!("room-{number}")).collect();
    let rooms: Vec<&str> = names.iter().map(String::as_str).collect();
    let places = places(&api, &rooms).await;
    let mut stream = Stream::open(server.address(), &path(&places[..ROOMS_MAX]), &[]).await.unwrap();
    let mut read = Rooms::of(rooms[0]);
    let mut heads = HashMap::new();
    for room in &rooms[..ROOMS_MAX] {
        heads.insert((*room).to_owned(), api.say(room, &ada, "hello").await);
    }
    read.read_to(&mut stream, &heads).await;
    for asked in
        [&path(&places), "/a/messages?also=b", "/a/messages?also=api:5f3c9a2e-0", "/a/messages?also=:"]
    {
        api.get(asked).await.expect(400);
    }
}
