//! One node, step by step.

use std::time::Duration;

use bytes::Bytes;

use crate::cluster::{Answer, AppliedBy, Judged, Mark, Membership, Node, Output, Seq, Writer};

const STEP: Duration = Duration::from_millis(50);

fn node() -> Node {
    let (me, members) = (Writer { node: 1, run: 1 }, vec![1]);
    let membership = Membership { cluster: [7; 16], me, members, entry_bytes_max: 10_000 };
    Node::new(Duration::ZERO, membership, Mark::default(), [])
}

/// Lets a node run for ten seconds on a journal of which it is told that it has `newest` entries more than this
/// node reads. Returns the entries that it appends and the moments at which it says that it is not current after
/// it once was.
fn run(node: &mut Node, behind: Seq, is_answer_old: bool) -> (usize, usize) {
    let (mut appended, mut doubts, mut was_current) = (0, 0, false);
    let mut now = Duration::ZERO;
    while now < Duration::from_secs(10) {
        now += STEP;
        node.tick(now);
        let asked = node.mark().seq;
        let mut newest = asked + behind;
        while let Some(output) = node.next_output() {
            match output {
                Output::Append { after, bytes } => {
                    appended += 1;
                    node.appended(now, true);
                    node.entry(now, Duration::ZERO, after + 1, &bytes);
                    newest += u64::from(!is_answer_old);
                }
                Output::Judge { on, .. } => {
                    node.judged(now, Judged { on, ..Default::default() });
                }
                Output::Apply { mark, .. } => node.applied(now, mark.seq),
                _ => {}
            }
        }
        node.engine_answered(now, asked, newest);
        was_current |= node.is_current(now);
        doubts += usize::from(was_current && !node.is_current(now));
    }
    (appended, doubts)
}

#[test]
fn a_node_alone_leads_and_writes_an_entry_each_second() {
    let (appended, doubts) = run(&mut node(), 0, false);
    assert!((5..=9).contains(&appended), "{appended}");
    assert_eq!(doubts, 0);
}

#[test]
fn a_node_that_has_not_read_all_takes_nothing_over() {
    assert_eq!(run(&mut node(), 100, false), (0, 0));
}

#[test]
fn an_answer_of_the_engine_that_is_older_than_what_was_read_is_no_loss() {
    let (appended, doubts) = run(&mut node(), 0, true);
    assert!((5..=9).contains(&appended), "{appended}");
    assert_eq!(doubts, 0);
}

#[test]
fn an_engine_that_says_less_than_was_read_is_believed_when_it_goes_on() {
    let node = &mut node();
    run(node, 0, false);
    let (mut now, read) = (Duration::from_secs(10), node.mark().seq);
    for _ in 0..4 {
        node.engine_answered(now, read, read - 1);
        assert!(node.is_current(now) && node.state(now).is_leader);
        now += Duration::from_millis(500);
    }
    node.engine_answered(now, read, read - 1);
    assert!(!node.is_current(now) && !node.state(now).is_leader);
    node.engine_answered(now, read, read);
    assert!(node.is_current(now) && node.state(now).is_leader);
}

/// Does what a leader says, but for applying its entries: returns the numbers of proposals of those that it makes.
fn lead(node: &mut Node, now: Duration) -> Vec<usize> {
    let mut made = Vec::new();
    while let Some(output) = node.next_output() {
        match output {
            Output::Append { after, bytes } => node.entry(now, Duration::ZERO, after + 1, &bytes),
            Output::Judge { on, proposals, .. } => {
                made.push(proposals.len());
                let answers = proposals.into_iter().map(|(to, outcome)| Answer { to, outcome }).collect();
                node.judged(now, Judged { on, answers, ..Judged::default() });
            }
            _ => {}
        }
    }
    made
}

fn propose(node: &mut Node, now: Duration, count: usize) -> Vec<usize> {
    node.propose(now, vec![(Bytes::from_static(b"a message"), AppliedBy::This); count]);
    lead(node, now)
}

#[test]
fn the_leader_of_many_senders_waits_a_moment_for_those_that_it_has_answered() {
    let node = &mut node();
    run(node, 0, false);
    let milliseconds = Duration::from_millis;
    let now = Duration::from_secs(10);
    assert_eq!(propose(node, now, 16), [16]);
    // They are not answered yet, and nobody else is there.
    assert_eq!(propose(node, now + milliseconds(5), 3), []);
    node.applied(now + milliseconds(6), node.mark().seq);
    assert_eq!(propose(node, now + milliseconds(7), 12), []);
    assert_eq!(propose(node, now + milliseconds(7), 1), [16]);

    // One of them does not come again.
    let now = Duration::from_secs(11);
    node.applied(now, node.mark().seq);
    assert_eq!(propose(node, now, 15), []);
    assert_eq!(node.due_at(), Some(now + milliseconds(2)));
    node.tick(now + milliseconds(2));
    assert_eq!(lead(node, now + milliseconds(2)), [15]);
}

#[test]
fn a_leader_whose_next_entry_is_full_waits_for_nobody() {
    let node = &mut node();
    run(node, 0, false);
    let now = Duration::from_secs(10);
    // An entry of this node holds 10,000 bytes: 30 such proposals, each with 320 bytes around it.
    assert_eq!(propose(node, now, 40), [30]);
    assert_eq!(propose(node, now, 20), []);
    assert_eq!(propose(node, now, 1), [30]);
}

#[test]
fn the_leader_of_few_senders_waits_for_nobody() {
    let node = &mut node();
    run(node, 0, false);
    let now = Duration::from_secs(10);
    assert_eq!(propose(node, now, 7), [7]);
    assert_eq!(propose(node, now, 1), [1]);
}
