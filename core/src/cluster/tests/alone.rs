//! One node, step by step.

use std::time::Duration;

use crate::cluster::{Mark, Membership, Node, Output, Seq, Writer};

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
                    node.judged(now, crate::cluster::Judged { on, ..Default::default() });
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
