//! Runs the models: `LOOM_MAX_PREEMPTIONS` and `LOOM_MAX_DURATION` (seconds) say how far.

use millchat_loom::models;

#[test]
fn a_reader_that_falls_asleep_just_as_news_comes_is_woken() {
    models::a_reader_that_falls_asleep_just_as_news_comes_is_woken(false, false);
}

#[test]
fn a_reader_of_values_is_woken_too() {
    models::a_reader_that_falls_asleep_just_as_news_comes_is_woken(false, true);
}

#[test]
fn a_reader_of_a_dispatcher_is_woken_too() {
    models::a_reader_that_falls_asleep_just_as_news_comes_is_woken(true, false);
}

#[test]
fn a_group_that_falls_asleep_just_as_news_comes_is_woken() {
    models::a_group_that_falls_asleep_just_as_news_comes_is_woken();
}

#[test]
fn a_reader_that_falls_asleep_just_as_the_chat_closes_ends() {
    models::a_reader_that_falls_asleep_just_as_the_chat_closes_ends(false);
}

#[test]
fn a_reader_of_a_dispatcher_ends_too() {
    models::a_reader_that_falls_asleep_just_as_the_chat_closes_ends(true);
}

#[test]
fn a_reader_of_the_ring_misses_nothing_and_sees_no_deleted_text() {
    models::a_reader_of_the_ring_misses_nothing_and_sees_no_deleted_text();
}

#[test]
fn one_who_joins_and_one_who_sends_meet_in_one_room_while_it_is_forgotten() {
    models::one_who_joins_and_one_who_sends_meet_in_one_room_while_it_is_forgotten();
}

#[test]
fn every_send_is_answered_truly_while_the_chat_is_closed() {
    models::every_send_is_answered_truly_while_the_chat_is_closed(false);
}

#[test]
fn every_send_is_answered_truly_when_a_commit_fails() {
    models::every_send_is_answered_truly_while_the_chat_is_closed(true);
}
