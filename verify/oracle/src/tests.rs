//! The oracle is worth something only if it catches what it is for: each way to break a promise, once.

use millchat::{Opening, Position, Reaction, ResetReason, RoomName};

use crate::*;

fn room() -> RoomName {
    RoomName::new("lobby").unwrap()
}

fn event(number: u64) -> EventDigest {
    EventDigest::post("ada", &format!("message {number}"))
}

/// Five messages; positions leave room for other rooms' events: 10, 20, 30, 40, 50.
fn events() -> Vec<Observed> {
    (1..=5).map(|n| Observed { position: n * 10, prev: (n - 1) * 10, event: event(n) }).collect()
}

fn log(events: Vec<Observed>) -> RecoveredLog {
    RecoveredLog {
        room: room(),
        floor: 1,
        head: events.last().map_or(0, |observed| observed.position),
        events,
    }
}

/// An oracle whose one sender had all five acknowledged.
fn oracle() -> Oracle {
    let oracle = Oracle::new();
    let sender = oracle.sender(&room(), "ada");
    for (sequence, observed) in (0..).zip(events()) {
        sender.acknowledged(sequence, observed.event, observed.position, observed.prev);
    }
    oracle
}

fn rules(oracle: &Oracle, log: RecoveredLog) -> Vec<Rule> {
    let mut rules: Vec<Rule> = oracle.check(&[log]).iter().map(|violation| violation.rule).collect();
    rules.dedup();
    rules
}

/// Returns the rules that a reader of these breaks, when the log has the five.
fn reading(stream: &[Observed]) -> Vec<Rule> {
    let oracle = oracle();
    let reader = oracle.reader(&room(), "bob");
    reader.opened(None, Opening::Start, 0);
    for &observed in stream {
        reader.event(observed);
    }
    reader.complete();
    rules(&oracle, log(events()))
}

#[test]
fn a_run_that_keeps_every_promise_is_clean() {
    let oracle = oracle();
    let reader = oracle.reader(&room(), "bob");
    reader.opened(None, Opening::Start, 0);
    let [first, second, third, fourth, fifth] = events().try_into().unwrap();
    reader.event(first);
    reader.opened(Some(10), Opening::Start, 10);
    reader.event(second);
    reader.event(third);
    // Another first join, at a place between two events of the room.
    reader.opened(None, Opening::Start, 35);
    reader.event(fourth);
    reader.event(fifth);
    reader.complete();
    assert_eq!(oracle.check(&[log(events())]), []);
}

#[test]
fn a_dropped_event_is_caught() {
    let mut stream = events();
    stream.remove(2);
    assert_eq!(reading(&stream), [Rule::Stream]);
    assert_eq!(reading(&events()[..4]), [Rule::Stream], "dropped at the end");
    assert_eq!(reading(&events()[1..]), [Rule::Stream], "dropped at the beginning");
}

#[test]
fn a_doubled_event_is_caught() {
    let mut stream = events();
    stream.insert(3, stream[2]);
    assert_eq!(reading(&stream), [Rule::Stream]);
}

#[test]
fn two_swapped_events_are_caught() {
    let mut stream = events();
    stream.swap(1, 2);
    assert_eq!(reading(&stream), [Rule::Stream]);
}

#[test]
fn two_swapped_texts_are_caught() {
    let mut stream = events();
    (stream[1].event, stream[2].event) = (stream[2].event, stream[1].event);
    assert_eq!(reading(&stream), [Rule::Stream]);
}

#[test]
fn a_repositioned_event_is_caught() {
    let mut stream = events();
    stream[2].position = 31;
    stream[3].prev = 31;
    assert_eq!(reading(&stream), [Rule::Stream]);
}

#[test]
fn an_invented_event_is_caught() {
    let mut stream = events();
    stream.push(Observed { position: 60, prev: 50, event: event(6) });
    assert_eq!(reading(&stream), [Rule::Stream], "invented for one reader");
    assert_eq!(rules(&oracle(), log(stream)), [Rule::Once], "invented in the log");
}

#[test]
fn a_lost_acknowledged_event_is_caught() {
    let mut stored = events();
    stored.pop();
    assert_eq!(rules(&oracle(), log(stored)), [Rule::Acknowledged]);
}

#[test]
fn an_acknowledgement_at_another_position_is_caught() {
    let mut stored = events();
    stored[4].position = 51;
    assert!(rules(&oracle(), log(stored)).contains(&Rule::Acknowledged));
    let oracle = oracle();
    oracle.sender(&room(), "eve").acknowledged(0, event(9), 50, 40);
    assert!(rules(&oracle, log(events())).contains(&Rule::Acknowledged), "another event is there");
}

#[test]
fn an_acknowledgement_with_another_prev_is_caught() {
    let oracle = oracle();
    oracle.sender(&room(), "eve").acknowledged(0, event(5), 50, 30);
    assert!(rules(&oracle, log(events())).contains(&Rule::Acknowledged));
}

#[test]
fn an_unknown_outcome_may_be_stored_once_or_not_at_all_but_never_twice() {
    let unknown = |times: u64| {
        let oracle = oracle();
        let sender = oracle.sender(&room(), "eve");
        // Twice in doubt, by a retry with the same key: still one send.
        sender.unknown(0, event(9));
        sender.unknown(0, event(9));
        let mut stored = events();
        stored.extend((0..times).map(|n| Observed {
            position: 60 + 10 * n,
            prev: 50 + 10 * n,
            event: event(9),
        }));
        rules(&oracle, log(stored))
    };
    assert_eq!(unknown(0), []);
    assert_eq!(unknown(1), []);
    assert_eq!(unknown(2), [Rule::Once]);
}

#[test]
fn an_unknown_outcome_that_a_retry_settles_must_be_stored_once() {
    let settled = |stored: Vec<Observed>| {
        let oracle = oracle();
        let sender = oracle.sender(&room(), "eve");
        sender.unknown(0, event(9));
        sender.acknowledged(0, event(9), 60, 50);
        rules(&oracle, log(stored))
    };
    let mut stored = events();
    assert_eq!(settled(stored.clone()), [Rule::Acknowledged]);
    stored.push(Observed { position: 60, prev: 50, event: event(9) });
    assert_eq!(settled(stored.clone()), []);
    stored.push(Observed { position: 70, prev: 60, event: event(9) });
    assert_eq!(settled(stored), [Rule::Once]);
}

#[test]
fn a_rejected_send_that_is_stored_is_caught() {
    let oracle = oracle();
    oracle.sender(&room(), "eve").rejected(0, event(9));
    let mut stored = events();
    stored.push(Observed { position: 60, prev: 50, event: event(9) });
    assert_eq!(rules(&oracle, log(stored)), [Rule::Once]);
}

#[test]
fn a_sender_whose_order_is_broken_is_caught() {
    let oracle = Oracle::new();
    let sender = oracle.sender(&room(), "ada");
    for (sequence, observed) in [0, 1, 3, 2, 4].into_iter().zip(events()) {
        sender.acknowledged(sequence, observed.event, observed.position, observed.prev);
    }
    assert_eq!(rules(&oracle, log(events())), [Rule::Order]);
}

#[test]
fn a_broken_link_in_the_log_is_caught() {
    let mut stored = events();
    stored[3].prev = 20;
    assert!(rules(&oracle(), log(stored)).contains(&Rule::Chain));
    let mut head = log(events());
    head.head = 60;
    assert_eq!(rules(&oracle(), head), [Rule::Chain], "the head is further than the chain");
}

#[test]
fn two_readings_of_one_room_that_differ_are_caught() {
    let mut other = events();
    other.pop();
    let violations = oracle().check(&[log(events()), log(other)]);
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].rule, Rule::Chain);
}

#[test]
fn a_gap_is_allowed_only_where_retention_reached() {
    let gap = |floor: Position| {
        let oracle = oracle();
        let reader = oracle.reader(&room(), "bob");
        reader.opened(None, Opening::Start, 0);
        reader.event(events()[0]);
        reader.gap(10, 34);
        reader.event(events()[3]);
        let mut log = log(events());
        log.floor = floor;
        log.events.retain(|observed| observed.position >= floor);
        rules(&oracle, log)
    };
    assert_eq!(gap(35), []);
    assert_eq!(gap(1), [Rule::Stream]);
}

#[test]
fn an_opening_that_is_not_what_was_asked_for_is_caught() {
    for (opening, position) in
        [(Opening::Start, 20), (Opening::Reset(ResetReason::Ahead), 0), (Opening::Gap { from: 20, to: 0 }, 0)]
    {
        let oracle = oracle();
        oracle.reader(&room(), "bob").opened(Some(10), opening, position);
        assert_eq!(rules(&oracle, log(events())), [Rule::Stream], "{opening:?}");
    }
}

#[test]
fn an_event_before_the_opening_is_caught() {
    let oracle = oracle();
    oracle.reader(&room(), "bob").event(events()[0]);
    assert_eq!(rules(&oracle, log(events())), [Rule::Stream]);
}

#[test]
fn a_room_that_nobody_recovered_is_caught() {
    let violations = oracle().check(&[]);
    assert_eq!(violations.iter().map(|violation| violation.rule).collect::<Vec<_>>(), [Rule::NotLookedAt]);
}

/// The five, of which the second was edited (at 60), then deleted (at 70).
fn edited_and_deleted() -> (Oracle, Vec<Observed>) {
    let oracle = oracle();
    let kind = |kind, content| EventDigest { author: digest("ada"), kind, content };
    let edit =
        Observed { position: 60, prev: 50, event: kind(EventKind::Edit(20), Some(digest("second text"))) };
    let delete = Observed { position: 70, prev: 60, event: kind(EventKind::Delete(20), None) };
    let sender = oracle.sender(&room(), "ada, editing");
    sender.acknowledged(0, edit.event, 60, 50);
    sender.acknowledged(1, delete.event, 70, 60);
    let mut live = events();
    live.extend([edit, delete]);
    (oracle, live)
}

fn withhold(mut events: Vec<Observed>) -> Vec<Observed> {
    events[1].event.content = None;
    events[5].event.content = None;
    events
}

#[test]
fn a_deleted_text_may_be_seen_before_and_must_be_absent_from_the_log_after() {
    let (oracle, live) = edited_and_deleted();
    for (name, stream) in [("live", live.clone()), ("resumed", withhold(live.clone()))] {
        let reader = oracle.reader(&room(), name);
        reader.opened(None, Opening::Start, 0);
        for observed in stream {
            reader.event(observed);
        }
        reader.complete();
    }
    assert_eq!(oracle.check(&[log(withhold(live.clone()))]), []);

    let mut forged = live.clone();
    forged[1].event.content = Some(digest("another text"));
    let reader = oracle.reader(&room(), "forged");
    reader.opened(None, Opening::Start, 0);
    for observed in forged {
        reader.event(observed);
    }
    assert_eq!(rules(&oracle, log(withhold(live))), [Rule::Stream]);
}

#[test]
fn a_text_that_is_missing_without_a_delete_is_caught() {
    let mut stream = events();
    stream[1].event.content = None;
    assert_eq!(reading(&stream), [Rule::Stream]);
    assert!(rules(&oracle(), log(stream)).contains(&Rule::Chain));
}

/// Returns the rules that this page breaks, given that the second message was edited and deleted.
fn paging(head: Position, change: impl FnOnce(&mut Vec<HistoryEntry>)) -> Vec<Rule> {
    let (oracle, live) = edited_and_deleted();
    let entry = |observed: &Observed| HistoryEntry {
        position: observed.position,
        prev: observed.prev,
        author: observed.event.author,
        content: observed.event.content,
        reply_to: None,
        reactions: Some(0),
    };
    let mut messages: Vec<HistoryEntry> = events().iter().map(entry).collect();
    change(&mut messages);
    oracle.page(&room(), "all", Page { head, messages });
    rules(&oracle, log(withhold(live)))
}

#[test]
fn a_history_page_is_the_fold_of_the_stream() {
    let second = |content: Option<&'static str>| {
        move |messages: &mut Vec<HistoryEntry>| messages[1].content = content.map(digest)
    };
    assert_eq!(paging(50, second(Some("message 2"))), []);
    assert_eq!(paging(60, second(Some("second text"))), []);
    assert_eq!(paging(70, second(None)), []);
    assert_eq!(paging(50, second(None)), [], "a page may be newer than its head");

    assert_eq!(paging(60, second(Some("message 2"))), [Rule::History], "the edit is not applied");
    assert_eq!(paging(70, second(Some("second text"))), [Rule::History], "the text was taken away");
    assert_eq!(paging(70, second(Some("another text"))), [Rule::History]);
    let deleted = second(None);
    assert_eq!(paging(70, |page| (deleted(page), page.remove(2)).0), [Rule::History], "one is missing");
    assert_eq!(paging(70, |page| (deleted(page), page.swap(2, 3)).0), [Rule::History], "two are swapped");
    assert_eq!(paging(70, |page| (deleted(page), page[4].prev = 30).0), [Rule::History], "wrong prev");
    assert_eq!(paging(70, |page| (deleted(page), page[4].content = None).0), [Rule::History], "not deleted");
}

/// A reaction to the second of the five by Bob.
fn reaction(number: u64, on: bool) -> Observed {
    let event =
        EventDigest { author: digest("bob"), kind: EventKind::React(20, Reaction::Heart, on), content: None };
    Observed { position: number * 10, prev: number * 10 - 10, event }
}

/// Returns the rules that these events after the five break, and a page as of a head that shows such a sum of
/// reactions to the second.
fn reacting(more: &[Observed], page: Option<(Position, Option<u64>)>) -> Vec<Rule> {
    let oracle = oracle();
    let sender = oracle.sender(&room(), "bob");
    for (sequence, observed) in (0..).zip(more) {
        sender.acknowledged(sequence, observed.event, observed.position, observed.prev);
    }
    if let Some((head, reactions)) = page {
        let second = events()[1];
        let deleted = more
            .iter()
            .any(|observed| observed.event.kind == EventKind::Delete(20) && observed.position <= head);
        let content = second.event.content.filter(|_| !deleted);
        let (position, prev, author) = (second.position, second.prev, second.event.author);
        let entry = HistoryEntry { position, prev, author, content, reply_to: None, reactions };
        oracle.page(&room(), "second", Page { head, messages: vec![entry] });
    }
    let mut stored = events();
    stored.extend(more);
    if more.iter().any(|observed| observed.event.kind == EventKind::Delete(20)) {
        stored[1].event.content = None;
    }
    rules(&oracle, log(stored))
}

#[test]
fn a_page_shows_the_reactions_that_the_stream_leaves() {
    let heart = ReactionDigest(Reaction::Heart, digest("bob")).digest();
    let on_and_off = [reaction(6, true), reaction(7, false)];
    for (head, sum) in [(50, 0), (50, heart), (60, heart), (60, 0), (70, 0)] {
        assert_eq!(reacting(&on_and_off, Some((head, Some(sum)))), [], "a page may be newer than its head");
    }
    assert_eq!(reacting(&on_and_off, Some((60, None))), [], "where not all are named there is no sum");
    assert_eq!(reacting(&on_and_off, Some((70, Some(heart)))), [Rule::History], "taken back, and shown");
    assert_eq!(reacting(&on_and_off[..1], Some((60, Some(0)))), [Rule::History], "added, and not shown");
    let doubled = heart.wrapping_mul(2);
    assert_eq!(reacting(&on_and_off[..1], Some((60, Some(doubled)))), [Rule::History], "counted twice");
    let joy = ReactionDigest(Reaction::Joy, digest("bob")).digest();
    assert_eq!(reacting(&on_and_off[..1], Some((60, Some(joy)))), [Rule::History], "another one is shown");
}

#[test]
fn a_reaction_that_changes_nothing_is_caught() {
    assert_eq!(reacting(&[reaction(6, true), reaction(7, false), reaction(8, true)], None), []);
    assert_eq!(reacting(&[reaction(6, false)], None), [Rule::Chain], "nothing was there");
    assert_eq!(reacting(&[reaction(6, true), reaction(7, true)], None), [Rule::Chain], "it was there");
    let delete = EventDigest { author: digest("ada"), kind: EventKind::Delete(20), content: None };
    let delete = Observed { position: 70, prev: 60, event: delete };
    let late = [reaction(6, true), delete, reaction(8, false)];
    assert_eq!(reacting(&late, None), [Rule::Chain], "its message was gone");
    let heart = ReactionDigest(Reaction::Heart, digest("bob")).digest();
    assert_eq!(reacting(&late[..2], Some((70, Some(0)))), []);
    assert_eq!(reacting(&late[..2], Some((70, Some(heart)))), [Rule::History], "with a text that is gone");
}

#[test]
fn an_answer_whose_target_is_lost_or_another_is_caught() {
    let answering = |live: Option<Position>, paged: Option<Position>| {
        let answer = Observed { position: 60, prev: 50, event: EventDigest::reply("ada", 20, "yes") };
        let mut stored = events();
        stored.push(answer);
        let oracle = oracle();
        oracle.sender(&room(), "ada, answering").acknowledged(0, answer.event, 60, 50);
        let reader = oracle.reader(&room(), "bob");
        reader.opened(Some(50), Opening::Start, 50);
        let kind = live.map_or(EventKind::Message, EventKind::Reply);
        reader.event(Observed { event: EventDigest { kind, ..answer.event }, ..answer });
        let (author, content) = (answer.event.author, answer.event.content);
        let entry =
            HistoryEntry { position: 60, prev: 50, author, content, reply_to: paged, reactions: Some(0) };
        oracle.page(&room(), "newest", Page { head: 60, messages: vec![entry] });
        rules(&oracle, log(stored))
    };
    assert_eq!(answering(Some(20), Some(20)), []);
    assert_eq!(answering(None, Some(20)), [Rule::Stream]);
    assert_eq!(answering(Some(30), Some(20)), [Rule::Stream]);
    assert_eq!(answering(Some(20), None), [Rule::History]);
    assert_eq!(answering(Some(20), Some(30)), [Rule::History]);
}

#[test]
fn a_long_stream_is_compared_piece_by_piece() {
    let many = |lost: Option<u64>| {
        let oracle = Oracle::new();
        oracle.inherits(&room(), u64::MAX);
        let reader = oracle.reader(&room(), "bob");
        reader.opened(None, Opening::Start, 0);
        let stored = (1..=5000).map(|n| Observed { position: n, prev: n - 1, event: event(n) });
        for mut observed in stored.clone() {
            if lost == Some(observed.position) {
                observed.event = event(0);
            }
            reader.event(observed);
        }
        reader.complete();
        oracle.check(&[log(stored.collect())])
    };
    assert_eq!(many(None), []);
    let violations = many(Some(2000));
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].positions, [1024, 2048], "the violation names the piece");
}

fn other(number: u64, kind: EventKind) -> Observed {
    let event = EventDigest { author: digest("mod"), kind, content: None };
    Observed { position: number * 10, prev: number * 10 - 10, event }
}

/// The five, without text below 60, where the room was emptied, then closed and opened, and one more.
fn emptied() -> Vec<Observed> {
    let mut events = events();
    for observed in &mut events {
        observed.event = observed.event.shape();
    }
    events.extend([other(6, EventKind::Empty), other(7, EventKind::Close), other(8, EventKind::Open)]);
    events.push(Observed { position: 90, prev: 80, event: event(9) });
    events
}

/// An oracle that has had all of that acknowledged.
fn emptying_oracle() -> Oracle {
    let oracle = oracle();
    let sender = oracle.sender(&room(), "mod");
    for (sequence, observed) in (0..).zip(&emptied()[5..]) {
        sender.acknowledged(sequence, observed.event, observed.position, observed.prev);
    }
    oracle
}

#[test]
fn text_below_an_empty_may_be_withheld_in_the_log_a_stream_and_a_page() {
    let oracle = emptying_oracle();
    // One reader was before it, one after it, one in between.
    for texts in [0, 5, 2] {
        let reader = oracle.reader(&room(), texts.to_string());
        reader.opened(None, Opening::Start, 0);
        for (n, observed) in emptied().into_iter().enumerate() {
            reader.event(if n < texts { events()[n] } else { observed });
        }
        reader.complete();
    }
    let entry = |observed: &Observed, content| HistoryEntry {
        position: observed.position,
        prev: observed.prev,
        author: observed.event.author,
        content,
        reply_to: None,
        reactions: Some(0),
    };
    let messages =
        |content: fn(&Observed) -> Option<u64>| events().iter().map(|it| entry(it, content(it))).collect();
    oracle.page(&room(), "before", Page { head: 50, messages: messages(|observed| observed.event.content) });
    oracle.page(&room(), "after", Page { head: 60, messages: messages(|_| None) });
    assert_eq!(oracle.check(&[log(emptied())]), []);
    let late = emptying_oracle();
    late.page(&room(), "late", Page { head: 60, messages: messages(|observed| observed.event.content) });
    assert_eq!(rules(&late, log(emptied())), [Rule::History], "a page shows what the Empty took");
}

#[test]
fn text_that_is_left_below_an_empty_is_caught() {
    let mut stored = emptied();
    stored[3] = events()[3];
    assert_eq!(rules(&emptying_oracle(), log(stored)), [Rule::Chain]);
}

#[test]
fn text_that_is_missing_after_an_empty_is_caught() {
    let mut stored = emptied();
    stored[8].event = stored[8].event.shape();
    assert!(rules(&emptying_oracle(), log(stored)).contains(&Rule::Chain));
    let oracle = emptying_oracle();
    let reader = oracle.reader(&room(), "bob");
    reader.opened(None, Opening::Start, 0);
    for (n, mut observed) in emptied().into_iter().enumerate() {
        observed.event = if n == 8 { observed.event.shape() } else { observed.event };
        reader.event(observed);
    }
    assert_eq!(rules(&oracle, log(emptied())), [Rule::Stream]);
}

#[test]
fn a_close_that_nobody_asked_for_is_caught() {
    let mut stored = emptied();
    stored.push(Observed { position: 100, prev: 90, ..other(10, EventKind::Close) });
    assert_eq!(rules(&emptying_oracle(), log(stored)), [Rule::Once]);
}
