//! Postgres as a journal: the parts that only this engine has.

use std::error::Error as _;
use std::net::{Ipv4Addr, TcpListener};

use bytes::Bytes;
use millchat::cluster::Journal as _;
use millchat_server::cluster::{Postgres, PostgresError};

use super::engines::{append, read};
use crate::support::journal::JournalEngine as _;
use crate::support::postgres::{PostgresServer, TABLE};
use crate::support::tls::Authority;
use crate::support::{LOOK_EVERY, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_text_leaves_the_files_of_the_tables_when_later_entries_take_its_place() {
    let server = PostgresServer::single().await;
    let journal = server.connect(0).await;
    append(&journal, 1..=5).await;
    // In the table, and in the one beside it for what is large.
    let (small, large) = ("a text that somebody deletes", "another one, of many words");
    assert_eq!(journal.append(5, format!("before {small} behind").into()).await, Ok(6));
    assert_eq!(journal.append(6, large.repeat(1_000).into()).await, Ok(7));
    append(&journal, 8..=10).await;
    server.operate("checkpoint").await;
    assert!(!server.files_with(small).is_empty() && !server.files_with(large).is_empty());

    journal.erase(&[6, 7]).await.unwrap();
    let mut newest = 10;
    let gone = async {
        while !server.files_with(small).is_empty() || !server.files_with(large).is_empty() {
            for bytes in [Bytes::from("small"), Bytes::from(vec![0; 8_192])] {
                newest = journal.append(newest, bytes).await.unwrap();
            }
            server.operate("checkpoint").await;
        }
    };
    within("no file of the tables has the texts", gone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_entries_than_go_at_a_time_are_forgotten() {
    let server = PostgresServer::single().await;
    let journal = server.connect(0).await;
    append(&journal, 1..=2_500).await;
    journal.forget(2_400).await.unwrap();
    assert_eq!(journal.bounds().await, Ok((2_400, 2_500)));
    assert_eq!(read(&journal, 2_399, 101).await.len(), 101);
}

#[tokio::test]
async fn a_server_that_does_not_sync_is_refused() {
    let server = PostgresServer::start(&["fsync=off"]).await;
    let refused = server.try_connect().await.err();
    assert!(matches!(refused, Some(PostgresError::NoSync)), "{refused:?}");
}

#[tokio::test]
async fn what_a_session_commits_is_on_disk_whatever_the_server_is_set_to() {
    let server = PostgresServer::start(&["synchronous_commit=off"]).await;
    let journal = server.connect(0).await;
    // It fails unless the session of the append waits for the disk.
    server
        .operate(&format!(
            "create function {TABLE}_check() returns trigger language plpgsql as $$ begin \
                 if current_setting('synchronous_commit') <> 'on' then raise exception 'not synchronous'; end if; \
                 return new; end $$; \
             create trigger synchronous before insert on {TABLE} for each row execute function {TABLE}_check()"
        ))
        .await;
    append(&journal, 1..=1).await;
}

#[tokio::test]
async fn tables_of_another_form_are_refused() {
    let server = PostgresServer::single().await;
    drop(server.connect(0).await);
    for (change, words) in [
        (format!("alter table {TABLE} set unlogged"), "logged"),
        (format!("alter table {TABLE} set logged; alter table {TABLE} rename bytes to octets"), "bytes"),
    ] {
        server.operate(&change).await;
        match server.try_connect().await.err() {
            Some(PostgresError::Unlike { what, .. }) if what.contains(words) => {}
            other => panic!("{change}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn nodes_that_begin_at_one_time_have_one_journal() {
    let server = PostgresServer::single().await;
    let connects: Vec<_> = (0..6).map(|_| server.try_connect()).collect();
    let journals = futures_util::future::try_join_all(connects).await.unwrap();
    for (after, journal) in (0..).zip(&journals) {
        append(journal, after + 1..=after + 1).await;
    }
    assert_eq!(read(&journals[0], 0, journals.len()).await.len(), journals.len());
}

#[tokio::test]
async fn a_server_of_the_list_that_says_nothing_is_left_for_the_next() {
    let server = PostgresServer::single().await;
    // The system takes connections to it, and nobody answers.
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!(
        "postgres://millchat@127.0.0.1:{},127.0.0.1:{}/millchat?sslmode=disable",
        mute.local_addr().unwrap().port(),
        server.port()
    );
    let journal = Postgres::connect(server.settings(&url)).await.unwrap();
    append(&journal, 1..=3).await;
    assert_eq!(read(&journal, 0, 3).await.len(), 3);
}

/// Returns a refusal with all its causes.
fn in_words(error: &PostgresError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

#[tokio::test]
async fn the_certificate_of_the_server_is_checked_unless_the_address_says_that_there_is_none() {
    let server = PostgresServer::single().await;
    let folder = tempfile::tempdir().unwrap();
    let authority = |name: &str| {
        let (authority, file) = (Authority::new(), folder.path().join(name));
        std::fs::write(&file, authority.pem()).unwrap();
        (authority, file)
    };
    let ((known, known_file), (_, other_file)) = (authority("known"), authority("other"));
    let connect = async |parameters: &str, ca_file| {
        let settings = server.settings(&server.url(parameters));
        Postgres::connect(millchat_server::cluster::PostgresSettings { ca_file, ..settings }).await
    };
    let refused = connect("", Some(known_file.clone())).await.err().unwrap();
    assert!(in_words(&refused).contains("does not support TLS"), "{}", in_words(&refused));

    let (certificate, key) = known.issue(&["127.0.0.1"], 1, 2099);
    server.write("server.crt", &certificate);
    server.write("server.key", &key);
    server.operate("alter system set ssl = on").await;
    server.operate("select pg_reload_conf()").await;
    let speaks = async {
        while connect("", Some(known_file.clone())).await.is_err() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    within("the server speaks TLS", speaks).await;
    let journal = connect("channel_binding=require", Some(known_file.clone())).await.unwrap();
    append(&journal, 1..=1).await;
    for ca_file in [Some(other_file), None] {
        let refused = connect("", ca_file).await.err().unwrap();
        assert!(in_words(&refused).contains("invalid peer certificate"), "{}", in_words(&refused));
    }
    let refused = connect("sslmode=disable", Some(known_file.clone())).await.err();
    assert!(matches!(refused, Some(PostgresError::NoTls)), "{refused:?}");

    // A certificate for another name.
    let (certificate, key) = known.issue(&["elsewhere.example"], 2, 2099);
    server.write("server.crt", &certificate);
    server.write("server.key", &key);
    server.operate("select pg_reload_conf()").await;
    let refusing = async {
        loop {
            if let Some(refused) = connect("", Some(known_file.clone())).await.err() {
                return refused;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let refused = within("the server shows the other one", refusing).await;
    assert!(in_words(&refused).contains("not valid for name"), "{}", in_words(&refused));
}
