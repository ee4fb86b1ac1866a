//! The operator's commands, on logs that real servers wrote: check, backup, export, import.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::support::client::answer;
use crate::support::oracle::{epoch, read_history, recover};
use crate::support::server::{BINARY, command, run};
use crate::support::{ADMIN, Api, Guest, Server, within};
use millchat::RoomName;
use millchat_oracle::{EventDigest, EventKind, Oracle, Violation};

const SENDERS: usize = 8;

/// A server that stopped after some talk: posts in two rooms, an edit, a delete, and a send with a key.
struct Talk {
    server: Server,
    ada: Guest,
    edited: u64,
    deleted: u64,
}

async fn talk() -> Talk {
    let mut server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut positions = Vec::new();
    for number in 0..300 {
        let room = if number % 3 == 0 { "kitchen" } else { "lobby" };
        positions.push((room, api.say(room, &ada, &format!("text {number} \u{1f600}\nin lines")).await));
    }
    let (edited, deleted) = (positions[1].1, positions[100].1);
    api.edit("lobby", &ada, edited, "a better text").await.expect(200);
    api.edit("lobby", &ada, deleted, "soon gone").await.expect(200);
    api.delete("lobby", &ada, deleted).await.expect(204);
    answer(keyed(&api, &ada)).await.expect(201);
    let (status, _) = server.terminate().await;
    assert!(status.success());
    Talk { server, ada, edited, deleted }
}

fn keyed(api: &Api, guest: &Guest) -> reqwest::RequestBuilder {
    api.post("lobby", guest, "once only").header("Idempotency-Key", "the-key")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs `millchat import OUT …` with this input: exit code, stderr.
pub async fn import(arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut child = command(BINARY)
        .arg("import")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.as_bytes().to_vec();
    // It may end before it has read everything.
    let feed = tokio::spawn(async move { drop(stdin.write_all(&input).await) });
    let output = within("the import ends", child.wait_with_output()).await.unwrap();
    feed.await.unwrap();
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

pub async fn export(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(&[&["export"], arguments].concat()).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    stdout
}

/// Lines after the first: everything but the epoch.
fn records(export: &str) -> Vec<&str> {
    export.lines().skip(1).collect()
}

async fn assert_right(log: &Path) {
    let (code, stdout, stderr) = run(&["check", text(log)]).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.lines().count() == 1 && stdout.contains("right"), "{stdout}");
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn holds(path: &Path, text: &str) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn check_says_the_figures_of_a_right_log_and_leaves_it_as_it_is() {
    let Talk { mut server, .. } = talk().await;
    let log = server.log();
    let before = std::fs::read(&log).unwrap();
    let (code, stdout, stderr) = run(&["check", text(&log)]).await;
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for figure in ["304 records of 2 rooms", "positions 1 to 304", "2 edits", text(&log)] {
        assert!(stdout.contains(figure), "{figure} is missing: {stdout}");
    }
    assert!(std::fs::read(&log).unwrap() == before, "the file was changed");

    // While a server has it: refused.
    server.restart().await;
    let (code, _, stderr) = run(&["check", text(&log)]).await;
    assert!(code == Some(2) && stderr.contains("in use"), "{stderr}");
    // Killed, it is not closed: repaired in memory, and right.
    server.api().say("lobby", &server.api().guest("Eve").await, "the last").await;
    server.kill().await;
    let before = std::fs::read(&log).unwrap();
    let (code, stdout, stderr) = run(&["check", text(&log)]).await;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("305 records") && stderr.contains("was not closed"), "{stdout}{stderr}");
    assert!(std::fs::read(&log).unwrap() == before, "the file was changed");
}

#[tokio::test]
async fn check_lists_what_is_wrong_with_a_damaged_log() {
    let Talk { server, .. } = talk().await;
    let log = server.log();
    let mut bytes = std::fs::read(&log).unwrap();
    let mut flipped = 0;
    for at in 0..bytes.len() - 8 {
        if bytes[at..].starts_with(b"text 77 ") {
            bytes[at] ^= 1;
            flipped += 1;
        }
    }
    assert!(flipped > 0);
    std::fs::write(&log, &bytes).unwrap();
    let (code, stdout, stderr) = run(&["check", text(&log)]).await;
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert!(stdout.contains("position 78: the record is damaged: its checksum"), "{stdout}");
    assert!(stderr.contains("restore a backup") && !stderr.contains("panicked"), "{stderr}");
    assert!(std::fs::read(&log).unwrap() == bytes, "the file was changed");

    // A copy of it is not made as if nothing were.
    let out = server.directory().join("out.redb");
    let before = entries(server.directory());
    let (code, _, stderr) = run(&["backup", text(&log), text(&out)]).await;
    assert!(code == Some(1) && stderr.contains("position 78") && stderr.contains("check"), "{stderr}");
    assert_eq!(entries(server.directory()), before);
}

#[tokio::test]
async fn a_command_that_cannot_begin_says_why_and_exits_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let notes = directory.path().join("notes.txt");
    std::fs::write(&notes, "dear diary").unwrap();
    let (notes, missing) = (text(&notes), directory.path().join("missing"));
    let (missing, out) = (text(&missing), directory.path().join("out"));
    let out = text(&out);
    for (arguments, word) in [
        (&["check", missing][..], missing),
        (&["check", notes], "not a Millchat log"),
        (&["check", text(directory.path())], text(directory.path())),
        (&["export", notes], "not a Millchat log"),
        (&["export", missing, "--room", "the lobby"], "A-Z a-z"),
        (&["backup", missing, out], missing),
        (&["backup", missing, notes], "exists already"),
        (&["backup", missing], "millchat backup LOG OUT"),
        (&["backup", "--from", "http://127.0.0.1:9", out], "--admin-token-file"),
        (&["backup", "--from", "http://127.0.0.1:9", "--admin-token", "short", out], "16 to 256"),
        (&["backup", "--from", "ftp://a.example", "--admin-token", ADMIN, out], "http://127.0.0.1:8080"),
        (&["backup", "--from", "http://127.0.0.1:9", "--admin-token", ADMIN, out], "cannot be reached"),
        (&["import", notes], "exists already"),
        (&["--address", "127.0.0.1:0", "check", notes], "--address"),
    ] {
        let (code, stdout, stderr) = run(arguments).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(word), "{arguments:?}: {stderr}");
    }
    assert_eq!(entries(directory.path()).len(), 1, "something was left behind");
}

#[tokio::test]
async fn a_backup_of_a_stopped_log_is_a_log_with_a_new_epoch() {
    let Talk { mut server, ada, edited, deleted } = talk().await;
    let (log, out) = (server.log(), server.directory().join("backup.redb"));
    let before = std::fs::read(&log).unwrap();
    let (code, _, stderr) = run(&["backup", text(&log), text(&out)]).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(std::fs::read(&log).unwrap() == before, "the log was changed");
    assert_right(&out).await;
    assert_eq!(records(&export(&[text(&out)]).await), records(&export(&[text(&log)]).await));
    assert!(!holds(&out, "soon gone") && holds(&out, "a better text"));

    server.restart().await;
    let restored = Server::start_with(&["--log", text(&out)]).await;
    let (old, new) = (server.api(), restored.api());
    for room in ["lobby", "kitchen"] {
        let (left, right) = (recover(&old, room).await, recover(&new, room).await);
        assert_eq!((left.head, left.events), (right.head, right.events), "{room}");
        assert_eq!(old.history(room, "").await["messages"], new.history(room, "").await["messages"]);
    }
    // Old ids mean nothing: they are reset, though the position is there.
    let (old_epoch, new_epoch) = (epoch(&old, "lobby").await, epoch(&new, "lobby").await);
    assert_ne!(old_epoch, new_epoch);
    let opening = new.stream("lobby", Some(&format!("{old_epoch}-{edited}"))).await.logged().await;
    assert_eq!((opening.event.as_str(), opening.json()["reason"].as_str()), ("reset", Some("epoch")));
    // Targets are kept, tokens are good, keys still settle, and positions go on.
    assert_eq!(new.get(&format!("/api/v1/rooms/lobby/messages/{deleted}")).await.json()["deleted"], true);
    new.edit("lobby", &ada, edited, "a still better text").await.expect(200);
    let (first, again) = (answer(keyed(&old, &ada)).await, answer(keyed(&new, &ada)).await.expect(201));
    assert_eq!(first.json()["position"], again.json()["position"]);
    assert_eq!(new.say("lobby", &ada, "on we go").await, 306);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_while_eight_senders_write_holds_what_was_acknowledged_before_it_began() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let (oracle, begun, done) =
        (Oracle::new(), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (sent, room) = (Arc::new(AtomicU64::new(0)), RoomName::new("lobby").unwrap());
    let deleted = Arc::new(Mutex::new(HashSet::new()));
    let mut senders = Vec::new();
    for name in 0..SENDERS {
        let (api, begun, done, sent) = (server.api(), begun.clone(), done.clone(), sent.clone());
        let deleted = deleted.clone();
        let guest = api.guest(&format!("Sender {name}")).await;
        let sender = oracle.sender(&room, name.to_string());
        senders.push(tokio::spawn(async move {
            let mut sequence = 0;
            while !done.load(Ordering::SeqCst) {
                let content = format!("message {sequence} of sender {name}");
                let receipt = api.send("lobby", &guest, &content).await;
                let place = |name: &str| receipt[name].as_u64().unwrap();
                let event = EventDigest::post(&guest.id, &content);
                if begun.load(Ordering::SeqCst) {
                    // It may be in the backup, and need not be.
                    sender.unknown(sequence, event);
                } else {
                    sender.acknowledged(sequence, event, place("position"), place("prev"));
                }
                sequence += 1;
                if sequence % 10 == 0 {
                    deleted.lock().insert(place("position"));
                    api.delete("lobby", &guest, place("position")).await.expect(204);
                    let kind = EventKind::Delete(place("position"));
                    sender.unknown(sequence, EventDigest { kind, content: None, ..event });
                    sequence += 1;
                }
                sent.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    let sends = |count: u64| {
        let sent = sent.clone();
        within("the senders go on", async move {
            while sent.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        })
    };
    sends(3_000).await;
    begun.store(true, Ordering::SeqCst);
    let before = server.api().history("lobby", "?limit=1").await["head"].as_u64().unwrap();
    let out = server.directory().join("backup.redb");
    let url = format!("http://{}", server.address());
    let token = server.directory().join("token");
    std::fs::write(&token, format!("{ADMIN}\n")).unwrap();
    let (code, _, stderr) =
        run(&["backup", "--from", &url, "--admin-token-file", text(&token), text(&out)]).await;
    assert_eq!(code, Some(0), "{stderr}");
    // They did not wait for it.
    let after = sent.load(Ordering::SeqCst);
    sends(after + 100).await;
    done.store(true, Ordering::SeqCst);
    for sender in senders {
        within("a sender ends", sender).await.unwrap();
    }

    assert_right(&out).await;
    let restored = Server::start_with(&["--log", text(&out)]).await;
    let api = restored.api();
    let log = recover(&api, "lobby").await;
    assert!(log.head >= before && log.floor == 1, "{} after {before}", log.head);
    read_history(&api, "lobby", &oracle).await;
    println!(
        "{} events in the backup, {} messages sent in all",
        log.events.len(),
        sent.load(Ordering::SeqCst)
    );
    // What was deleted after the copy's last position has no text in it, though its delete is not there.
    let deleted = deleted.lock();
    let later = |violation: &Violation| {
        let is_text = ["has no text", "shown as deleted"].iter().any(|what| violation.what.contains(what));
        is_text && violation.positions.iter().all(|at| deleted.contains(at))
    };
    let violations: Vec<_> = oracle.check(&[log]).into_iter().filter(|it| !later(it)).collect();
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test]
async fn a_delete_during_a_backup_leaves_no_text_in_it() {
    const TEXT_BYTES: usize = 60_000;
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    let mut positions = Vec::new();
    // More than the sockets hold between the two: the server cannot be at the end when the first lines
    // arrive.
    for number in 0..200 {
        let content = format!("<secret {number}>{}", "x".repeat(TEXT_BYTES));
        positions.push(api.say("lobby", &ada, &content).await);
    }
    api.edit("lobby", &ada, positions[0], "<secret edit>").await.expect(200);
    let request = api.request(Method::GET, "/admin/backup").bearer_auth(ADMIN);
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut input = Vec::new();
    let line = |input: &[u8]| input.windows(10).any(|window| window == b"<secret 1>");
    while !line(&input) {
        input.extend_from_slice(&within("lines", response.chunk()).await.unwrap().unwrap());
    }
    api.delete("lobby", &ada, positions[0]).await.expect(204);
    api.delete("lobby", &ada, positions[199]).await.expect(204);
    while let Some(chunk) = within("lines", response.chunk()).await.unwrap() {
        input.extend_from_slice(&chunk);
    }
    let input = String::from_utf8(input).unwrap();
    assert!(
        input.contains("<secret 0>") && input.matches("\"kind\":\"delete\"").count() == 2,
        "it was sent, and taken back"
    );
    let out = server.directory().join("backup.redb");
    let (code, stderr) = import(&[text(&out)], &input).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert_right(&out).await;
    for gone in ["<secret 0>", "<secret edit>", "<secret 199>"] {
        assert!(!holds(&out, gone), "{gone}");
    }
    assert!(holds(&out, "<secret 1>"));
    let restored = Server::start_with(&["--log", text(&out)]).await;
    let message = restored.api().get(&format!("/api/v1/rooms/lobby/messages/{}", positions[0])).await.json();
    assert!(message["deleted"] == true && message.get("content").is_none(), "{message}");
}

#[tokio::test]
async fn export_and_import_make_the_same_log_again() {
    let Talk { mut server, ada, edited, .. } = talk().await;
    let (log, out) = (server.log(), server.directory().join("imported.redb"));
    let exported = export(&[text(&log), "--signing-key"]).await;
    assert_eq!(exported.lines().count(), 306, "a header, 304 records, an end");
    let first: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["millchat"], &first["format"], &first["head"]),
        (&"log".into(), &1.into(), &304.into())
    );
    let (code, stderr) = import(&[text(&out)], &exported).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert_right(&out).await;
    let again = export(&[text(&out), "--signing-key"]).await;
    assert_eq!(records(&again), records(&exported));
    let second: Value = serde_json::from_str(again.lines().next().unwrap()).unwrap();
    assert_ne!(first["epoch"], second["epoch"]);
    assert_eq!(first["signing_key"], second["signing_key"]);

    server.restart().await;
    let mut imported = Server::start_with(&["--log", text(&out)]).await;
    let (old, new) = (server.api(), imported.api());
    for room in ["lobby", "kitchen"] {
        assert_eq!(recover(&old, room).await.events, recover(&new, room).await.events, "{room}");
    }
    new.edit("lobby", &ada, edited, "by the same token").await.expect(200);
    assert_eq!(answer(keyed(&new, &ada)).await.expect(201).json()["position"], 304);
    imported.terminate().await;

    // Without the key: other tokens, and no hash that could settle nothing.
    let plain = export(&[text(&out)]).await;
    assert!(!plain.contains("signing_key") && plain.contains("\"content_hash\""));
    let bare = server.directory().join("bare.redb");
    assert_eq!(import(&[text(&bare)], &plain).await.0, Some(0));
    assert!(!export(&[text(&bare)]).await.contains("\"key\""));
    let bare = Server::start_with(&["--log", text(&bare)]).await;
    let refused = bare.api().edit("lobby", &ada, edited, "by an old token").await;
    refused.expect_problem(401);
}

#[tokio::test]
async fn a_room_filter_keeps_the_room_whole_and_nothing_else() {
    let Talk { mut server, .. } = talk().await;
    let (log, directory) = (server.log(), server.directory().to_owned());
    let outs = ["by-export", "by-import", "by-backup", "by-server"].map(|name| directory.join(name));
    let all = export(&[text(&log)]).await;
    let only = export(&[text(&log), "--room", "kitchen"]).await;
    assert!(only.contains("\"rooms\":[\"kitchen\"]") && !only.contains("lobby"));
    assert_eq!(import(&[text(&outs[0])], &only).await.0, Some(0));
    assert_eq!(import(&[text(&outs[1]), "--room", "kitchen"], &all).await.0, Some(0));
    assert_eq!(run(&["backup", "--room", "kitchen", text(&log), text(&outs[2])]).await.0, Some(0));
    server.restart().await;
    let url = format!("http://{}", server.address());
    let arguments = ["backup", "--from", &url, "--admin-token", ADMIN, "--room", "kitchen", text(&outs[3])];
    assert_eq!(run(&arguments).await.0, Some(0));
    let kitchen = recover(&server.api(), "kitchen").await;
    for out in outs {
        assert_right(&out).await;
        assert!(!holds(&out, "lobby"), "{}", out.display());
        let filtered = Server::start_with(&["--log", text(&out)]).await;
        let api = filtered.api();
        let log = recover(&api, "kitchen").await;
        assert_eq!((log.head, &log.events), (kitchen.head, &kitchen.events), "positions, prev and all");
        assert_eq!(api.history("lobby", "").await["messages"].as_array().unwrap().len(), 0);
        assert_eq!(api.say("kitchen", &api.guest("Eve").await, "on").await, 305, "after the old log's last");
    }
}

#[tokio::test]
async fn a_wrong_line_is_named_and_nothing_is_left_behind() {
    let Talk { server, .. } = talk().await;
    let good = export(&[text(&server.log())]).await;
    let lines: Vec<&str> = good.lines().collect();
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n")
    };
    let without = |at: usize| {
        let mut lines = lines.clone();
        lines.remove(at);
        lines.join("\n")
    };
    let newer = lines[0].replace("\"format\":1", "\"format\":9");
    let renamed = lines[10].replace("\"room\":\"kitchen\"", "\"room\":\"the kitchen\"");
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.redb");
    for (input, words) in [
        (String::new(), &["ends after line 0"][..]),
        (with(0, "{}"), &["line 1", "first line"]),
        (with(0, &newer), &["line 1", "format 9"]),
        (with(7, "{\"position\":7,"), &["line 8", "EOF"]),
        (with(10, &renamed), &["line 11", "`room`"]),
        (with(9, &"x".repeat(2 << 20)), &["line 10", "longer than"]),
        (without(10), &["line 13", "`prev`", "kitchen"]),
        (with(9, lines[8]), &["line 10", "ascend"]),
        (lines[..lines.len() - 1].join("\n"), &["line 305", "cut off"]),
        (good[..good.len() / 2].to_owned(), &["line "]),
        (with(lines.len() - 1, "{\"end\":300,\"head\":304}"), &["line 306", "300", "304"]),
        (format!("{good}{}", lines[9]), &["line 307", "after the last line"]),
    ] {
        let (code, stderr) = import(&[text(&out)], &input).await;
        assert_eq!(code, Some(1), "{words:?}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{word} is missing: {stderr}");
        }
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(entries(directory.path()).is_empty(), "something was left behind: {words:?}");
    }
}

#[tokio::test]
async fn a_command_that_is_interrupted_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut import = command(BINARY);
    import.arg("import").arg(directory.path().join("out.redb")).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = import.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let header = "{\"millchat\":\"log\",\"format\":1,\"epoch\":\"00000001\",\"floor\":1,\"head\":9}\n";
    stdin.write_all(header.as_bytes()).await.unwrap();
    within("the new file is there", async {
        while entries(directory.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    // Records without end: only the signal ends it.
    within("the import takes no more", async {
        for position in 1u64.. {
            let line = format!(
                "{{\"position\":{position},\"prev\":{},\"room\":\"lobby\",\"kind\":\"message\",\
                 \"created_at\":\"2026-11-23T09:30:00Z\",\"content\":\"hello\"}}\n",
                position - 1
            );
            if stdin.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
    })
    .await;
    let output = within("the import ends", child.wait_with_output()).await.unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("interrupted; nothing was left behind"), "{stderr}");
    assert!(entries(directory.path()).is_empty());
}

#[tokio::test]
async fn only_the_holder_of_the_admin_token_gets_a_backup() {
    let server = Server::start_with(&["--admin-token", ADMIN]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "hello").await;
    let get = || api.request(Method::GET, "/admin/backup");
    answer(get()).await.expect_problem(401);
    answer(get().header("authorization", format!("Basic {ADMIN}"))).await.expect_problem(401);
    for token in ["", "a-token-for-tests-onlY", "a-token-for-tests-only1", ada.token.as_str()] {
        answer(get().bearer_auth(token)).await.expect_problem(401);
    }
    let given = answer(get().bearer_auth(ADMIN)).await.expect(200);
    assert_eq!(given.header("content-type"), Some("application/x-ndjson; charset=utf-8"));
    assert_eq!(given.header("access-control-allow-origin"), None);
    assert!(
        given.body.contains("hello") && given.body.ends_with("{\"end\":1,\"head\":1}\n"),
        "{}",
        given.body
    );
    let head = answer(api.request(Method::HEAD, "/admin/backup").bearer_auth(ADMIN)).await.expect(200);
    assert_eq!(head.body, "");
    let posted = answer(api.request(Method::POST, "/admin/backup").bearer_auth(ADMIN)).await;
    posted.expect_problem(405);
    answer(api.request(Method::GET, "/admin/other").bearer_auth(ADMIN)).await.expect_problem(404);
    assert!(!server.stderr().contains(ADMIN));

    // Without a token in the settings there is nothing to be had for any token.
    let server = Server::start().await;
    let none = answer(server.api().request(Method::GET, "/admin/backup").bearer_auth(ADMIN)).await;
    assert!(none.expect_problem(404).contains("--admin-token-file"));
    let (out, url) = (server.directory().join("out"), format!("http://{}", server.address()));
    let (code, _, stderr) = run(&["backup", "--from", &url, "--admin-token", ADMIN, text(&out)]).await;
    assert!(code == Some(2) && stderr.contains("no admin token"), "{stderr}");
    assert!(!out.exists());
}

#[tokio::test]
async fn a_wrong_admin_token_setting_ends_the_start_with_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "short\n").unwrap();
    let file = text(&file);
    for (arguments, words) in [
        (&["--admin-token", "short"][..], &["--admin-token", "16 to 256"][..]),
        (&["--admin-token-file", file], &[file, "16 to 256"]),
        (&["--admin-token-file", "/no/such/token"], &["/no/such/token"]),
        (&["--admin-token-file", file, "--admin-token", ADMIN], &["both"]),
    ] {
        let (code, _, stderr) =
            run(&[&["--address", "127.0.0.1:0", "--log", "memory:"], arguments].concat()).await;
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        for word in words {
            assert!(stderr.contains(word) && !stderr.contains(ADMIN), "{arguments:?}: {stderr}");
        }
    }
}
