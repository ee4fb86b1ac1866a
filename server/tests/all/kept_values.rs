//! Values that the log keeps beside the rooms, through the operator's commands: backups have all of it,
//! exports no secret.

use std::path::Path;

use millchat::{Chat, NewValue, Replaces, Timestamp};

use crate::commands::{export, import};
use crate::support::server::run;
use crate::support::{ADMIN, Server};

const SECRET: &str = "a secret of the server";

/// Opens a log that no server has, with its values.
async fn values(log: &Path) -> Vec<(String, String)> {
    let chat = Chat::open(log.to_str().unwrap()).unwrap();
    let values = chat.values("").into_iter();
    let values = values.map(|(key, value)| (key.to_string(), value.text.to_string())).collect();
    chat.close().await.unwrap();
    values
}

/// Sets values in a log that no server has, some of which are replaced, removed or expired.
async fn fill(log: &Path) {
    let chat = Chat::open(log.to_str().unwrap()).unwrap();
    let set = async |key: &str, text: &str, until| {
        let new = NewValue { text: text.into(), until, by: None, replaces: Replaces::Any, limit: 100 };
        chat.set_value(key, new).await.unwrap();
    };
    set("test.key/1", "an older text", None).await;
    set(".test-key/1", &format!("{SECRET}, of before"), None).await;
    set(".test-key/1", SECRET, None).await;
    set("test.key/1", "a role", Some(Timestamp(4_000_000_000_000))).await;
    set("test.key/2", "removed", None).await;
    chat.remove_value("test.key/2", None).await.unwrap();
    set("test.key/3", "expired", Some(Timestamp(1))).await;
    chat.close().await.unwrap();
}

fn of_tests(values: Vec<(String, String)>) -> Vec<(String, String)> {
    values.into_iter().filter(|(key, _)| key.contains("test")).collect()
}

#[tokio::test]
async fn secrets_that_the_log_keeps_are_in_every_backup_and_in_no_export() {
    let mut server = Server::start_with(&["--admin-token", ADMIN]).await;
    let ada = server.api().guest("Ada").await;
    server.api().say("lobby", &ada, "hello").await;
    server.terminate().await;
    fill(&server.log()).await;
    let expected = [(".test-key/1", SECRET), ("test.key/1", "a role")];
    let expected = expected.map(|(key, text)| (key.to_owned(), text.to_owned()));
    assert_eq!(of_tests(values(&server.log()).await), expected);

    server.restart().await;
    let file = |name: &str| server.directory().join(name);
    let (live, stopped, imported) = (file("live"), file("stopped"), file("imported"));
    let url = format!("http://{}", server.address());
    let (code, _, stderr) =
        run(&["backup", "--from", &url, "--admin-token", ADMIN, live.to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{stderr}");
    let log = server.log();
    let log = log.to_str().unwrap();
    server.terminate().await;
    let (code, _, stderr) = run(&["backup", log, stopped.to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{stderr}");
    for backup in [&live, &stopped] {
        assert_eq!(of_tests(values(backup).await), expected, "{}", backup.display());
        let bytes = std::fs::read(backup).unwrap();
        let erased = format!("{SECRET}, of before");
        assert!(!bytes.windows(erased.len()).any(|window| window == erased.as_bytes()));
    }

    for arguments in [&[log][..], &["--signing-key", log], &["--skip-damaged", log]] {
        let lines = export(arguments).await;
        assert!(lines.contains("a role") && lines.contains("hello"), "{lines}");
        assert!(!lines.contains(SECRET) && !lines.contains(".test-key"), "{lines}");
        let _ = std::fs::remove_file(&imported);
        let (code, stderr) = import(&[imported.to_str().unwrap()], &lines).await;
        assert_eq!(code, Some(0), "{stderr}");
        assert_eq!(of_tests(values(&imported).await), expected[1..]);
    }
    let one_room = export(&["--room", "lobby", log]).await;
    assert!(one_room.contains("hello") && !one_room.contains("a role"), "{one_room}");
    for file in [&live, &stopped, &imported] {
        let (code, stdout, stderr) = run(&["check", file.to_str().unwrap()]).await;
        assert!(code == Some(0) && stdout.contains(" kept values"), "{}: {stdout}{stderr}", file.display());
    }
}
