//! Variables of the environment: an empty one is unset, and an error about one names it.

use std::path::Path;

use crate::support::server::{BINARY, command};
use crate::support::{Server, within};

/// All variables that name a setting, as the help lists them.
async fn variables() -> Vec<String> {
    let mut names = Vec::new();
    for arguments in [&["--help"][..], &["backup", "--help"]] {
        let help = run(arguments, &[]).await.1;
        names.extend(
            help.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
                .filter(|word| word.starts_with("MILLCHAT_"))
                .map(str::to_owned),
        );
    }
    names.push("MILLCHAT_STREAM_WRITER".to_owned());
    names.sort();
    names.dedup();
    names
}

async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = command(BINARY);
    command.args(arguments).envs(environment.iter().copied());
    let output = within("it ends", command.output()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn an_empty_variable_is_unset_for_the_server_and_for_every_command() {
    let names = variables().await;
    assert!(names.len() >= 12, "{names:?}");
    let mut empty: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    empty.push(("RUST_LOG", ""));
    let mut server = Server::start_in(&empty, &[]).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "hello").await;
    server.terminate().await;
    assert!(server.stderr().contains("ready"), "RUST_LOG is unset too: {}", server.stderr());
    let (log, out) = (server.log(), server.directory().join("out.redb"));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    for arguments in [
        vec!["check".to_owned(), text(&log)],
        vec!["export".to_owned(), text(&log)],
        vec!["backup".to_owned(), text(&log), text(&out)],
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (code, _, stderr) = run(&arguments, &empty).await;
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
    }
    // Not set: asked for, and not taken for a wrong one.
    let from = ["backup", "--from", "http://127.0.0.1:1", "/no/such/directory/out.redb"];
    let (code, _, stderr) = run(&from, &empty).await;
    assert!(code == Some(2) && stderr.contains("--admin-token-file FILE"), "{stderr}");
}

#[tokio::test]
async fn an_error_about_a_setting_names_the_flag_or_the_variable_or_the_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("millchat.toml");
    let file = file.to_str().unwrap();
    std::fs::write(file, "\nlog = \"/no/such/directory/log.redb\"\naddress = \"127.0.0.1:0\"\n").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let token_file = [("MILLCHAT_ADMIN_TOKEN_FILE", "/no/such/token")];
    for (arguments, environment, words) in [
        (&["--keep", "soon"][..], &[][..], &["--keep", "soon"][..]),
        (&[], &[("MILLCHAT_ADDRESS", "nowhere")], &["MILLCHAT_ADDRESS", "nowhere"]),
        (&[], &[("MILLCHAT_KEEP", "soon")], &["MILLCHAT_KEEP", "soon", "30d"]),
        (&[], &[("MILLCHAT_LOG_FORMAT", "xml")], &["MILLCHAT_LOG_FORMAT", "xml", "json"]),
        (&[], &[("MILLCHAT_TRUSTED_PROXIES", "10.0.0.1,x")], &["MILLCHAT_TRUSTED_PROXIES", "`x`"]),
        (&[], &[("MILLCHAT_CONFIG", "/no/such.toml")], &["MILLCHAT_CONFIG", "/no/such.toml"]),
        (&[], &[("MILLCHAT_ADDRESS", &taken)], &["MILLCHAT_ADDRESS", &taken]),
        (&["--address", &taken], &[], &["set by --address", &taken]),
        (&["--config", file], &[], &["millchat.toml, line 2", "/no/such/directory"]),
        (&[], &token_file, &["MILLCHAT_ADMIN_TOKEN_FILE", "/no/such/token"]),
        (
            &["--admin-token", "0123456789abcdef"],
            &token_file,
            &["MILLCHAT_ADMIN_TOKEN_FILE", "--admin-token)"],
        ),
        (&["backup", "--from", "http://127.0.0.1:1", "x"], &token_file, &["MILLCHAT_ADMIN_TOKEN_FILE"]),
        (
            &["backup", "--from", "http://127.0.0.1:1", "x"],
            &[("MILLCHAT_ADMIN_TOKEN", "short")],
            &["MILLCHAT_ADMIN_TOKEN", "16 to 256"],
        ),
    ] {
        let (code, stdout, stderr) = run(arguments, environment).await;
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?} {environment:?}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{arguments:?} {environment:?}: {word} is not in: {stderr}");
        }
        assert!(!stderr.contains("'short'"), "a secret is shown: {stderr}");
    }
    // The flag is the one that is wrong, whatever the variable says.
    let (_, _, stderr) = run(&["--keep", "soon"], &[("MILLCHAT_KEEP", "30d")]).await;
    assert!(stderr.contains("'--keep <AGE>'") && !stderr.contains("MILLCHAT_KEEP"), "{stderr}");
}
