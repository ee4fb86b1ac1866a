//! SIGHUP: what is read again, what stays, and when it is the end.

use std::fs;

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::client::answer;
use crate::support::raw::Held;
use crate::support::server::{BINARY, command, run};
use crate::support::stderr::{read, terminal};
use crate::support::{Api, Guest, PATIENCE, Server, Stream, within};

const OLD: &str = "the-old-token-for-tests";
const NEW: &str = "the-new-token-for-tests";
/// The line of a reload that did its work, and of one that did not.
const READ: &str = "the settings were read again";
const KEPT: &str = "the settings stay as they were";

fn hang_up(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::HUP).unwrap();
}

/// Sends SIGHUP and waits for another line with these words; gives all lines.
async fn reload(server: &Server, line: &str) -> String {
    let before = server.stderr().matches(line).count();
    hang_up(server.pid());
    server.said(line, before + 1).await;
    server.stderr()
}

async fn admin(api: &Api, method: Method, path: &str, token: &str, body: &str) -> u16 {
    let request = api.request(method, path).bearer_auth(token);
    answer(request.header("content-type", "application/json").body(body.to_owned())).await.status
}

async fn bans(api: &Api, token: &str) -> u16 {
    admin(api, Method::GET, "/admin/bans", token, "").await
}

async fn becomes_guest(api: &Api) -> bool {
    let request = api.request(Method::POST, "/api/v1/guests").header("content-type", "application/json");
    answer(request.body("{\"name\":\"Ada\"}")).await.status == 201
}

/// A server with a settings file and a token file.
struct Configured {
    server: Server,
    directory: tempfile::TempDir,
}

impl Configured {
    async fn start(settings: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("token"), OLD).unwrap();
        let config = directory.path().join("millchat.toml");
        fs::write(&config, settings).unwrap();
        let token = directory.path().join("token");
        let (config, token) = (config.to_str().unwrap(), token.to_str().unwrap());
        let server = Server::start_with(&["--config", config, "--admin-token-file", token]).await;
        Self { server, directory }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }
}

#[tokio::test]
async fn a_reload_takes_a_new_token_and_forgets_the_old_one() {
    let configured = Configured::start("").await;
    let api = configured.server.api();
    assert_eq!((bans(&api, OLD).await, bans(&api, NEW).await), (200, 401));
    configured.write("token", &format!("{NEW}\n"));
    reload(&configured.server, READ).await;
    assert_eq!((bans(&api, OLD).await, bans(&api, NEW).await), (401, 200));
}

#[tokio::test]
async fn what_the_old_token_was_allowed_before_the_body_arrived_is_not_done_after_the_reload() {
    let configured = Configured::start("").await;
    let (api, address) = (configured.server.api(), configured.server.address());
    let made = api.request(Method::POST, "/admin/tokens").bearer_auth(OLD);
    let made =
        answer(made.json(&json!({ "name": "bot", "rooms": { "*": "writer" } }))).await.expect(201).json();
    let (id, program) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let secret = format!("/admin/tokens/{id}/secret");
    let bearer = format!("Bearer {OLD}");
    let mut held = Vec::new();
    for (method, path, body) in [
        ("POST", "/admin/tokens", "{\"name\":\"spy\",\"rooms\":{\"*\":\"owner\"}}"),
        ("POST", &*secret, "{\"overlap\":\"0s\"}"),
        ("POST", "/admin/keys", "{\"retire\":\"now\"}"),
        ("PUT", "/admin/bans/addresses/192.0.2.9", "{\"for\":\"1h\"}"),
        ("PUT", "/api/v1/rooms/lobby/members/g_spy", "{\"role\":\"owner\"}"),
        ("PUT", "/api/v1/rooms/lobby/bans/g_ada", "{\"until\":\"2999-01-01T00:00:00Z\"}"),
        ("POST", "/api/v1/rooms/lobby/invitations", "{\"role\":\"owner\"}"),
    ] {
        let headers = [("Authorization", &*bearer)];
        held.push((path, Held::begin(address, (method, path), &headers, body).await));
    }
    configured.write("token", NEW);
    reload(&configured.server, READ).await;
    for (path, held) in held {
        assert_eq!(held.finish().await.status, 401, "{path}");
    }
    let kept =
        async |path: &str| answer(api.request(Method::GET, path).bearer_auth(NEW)).await.expect(200).json();
    assert_eq!(kept("/admin/tokens").await["tokens"].as_array().unwrap().len(), 1);
    assert_eq!(kept("/admin/bans/addresses").await["bans"], json!([]));
    assert_eq!(kept("/api/v1/rooms/lobby/members").await["members"], json!([]));
    assert_eq!(kept("/api/v1/rooms/lobby/bans").await["bans"], json!([]));
    assert_eq!(kept("/api/v1/rooms/lobby/invitations").await["invitations"], json!([]));
    let write = api.request(Method::POST, "/api/v1/rooms/lobby/messages").bearer_auth(program);
    answer(write.json(&json!({ "content": "its secret is the same" }))).await.expect(201);
}

#[tokio::test]
async fn a_stream_of_the_old_token_ends_when_a_reload_takes_a_new_one() {
    let configured = Configured::start("[[room]]\nname = \"team\"\npolicy = \"members\"\n").await;
    let (api, address) = (configured.server.api(), configured.server.address());
    let open = async |token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", bearer.as_bytes())];
        let stream = Stream::open(address, "/api/v1/rooms/team/events", &headers);
        let mut stream = within("a stream opens", stream).await.unwrap();
        assert_eq!(stream.logged().await.event, "start");
        stream
    };
    let mut stream = open(OLD).await;
    reload(&configured.server, READ).await;
    assert_eq!(bans(&api, OLD).await, 200);
    configured.write("token", NEW);
    reload(&configured.server, READ).await;
    let denied = loop {
        let event = within("a denial", stream.next()).await.expect("a reader is told");
        if event.event == "denied" {
            break event;
        }
    };
    assert_eq!(denied.json()["reason"], "revoked-token");
    assert!(within("the end", stream.next()).await.is_none());
    open(NEW).await;
}

#[tokio::test]
async fn a_reload_takes_new_limits_and_proxies_and_keeps_what_was_used_up_and_bans() {
    let configured = Configured::start("rate-limit = \"guests=2\"\n").await;
    let server = &configured.server;
    let api = server.api();
    let ban = "/admin/bans/addresses/192.0.2.7";
    assert_eq!(admin(&api, Method::PUT, ban, OLD, "{\"for\":\"1h\"}").await, 204);
    let ada: Guest = api.guest("Ada").await;
    assert!(becomes_guest(&api).await && !becomes_guest(&api).await);
    let mut stream = api.stream("lobby", None).await;
    stream.logged().await;

    configured.write("millchat.toml", "rate-limit = \"guests=2,author=1000\"\n");
    reload(server, READ).await;
    assert!(!becomes_guest(&api).await, "what was used up is given back");
    configured.write("millchat.toml", "rate-limit = \"guests=4\"\ntrusted-proxies = [\"127.0.0.1\"]\n");
    let lines = reload(server, READ).await;
    assert!(lines.contains("rate-limit") && lines.contains("trusted-proxies"), "{lines}");
    assert!(becomes_guest(&api).await && becomes_guest(&api).await && !becomes_guest(&api).await);

    // The proxy is trusted now, and its client is banned still.
    let banned = api.request(Method::GET, "/lobby").header("x-forwarded-for", "192.0.2.7");
    assert_eq!(answer(banned).await.status, 429);
    // Nobody has noticed.
    let position = api.say("lobby", &ada, "hello").await;
    assert_eq!(stream.logged().await.place().1, position);
}

#[tokio::test]
async fn a_wrong_value_keeps_all_that_was_and_is_told_with_its_origin() {
    let configured = Configured::start("rate-limit = \"guests=1\"\n").await;
    let api = configured.server.api();
    assert!(becomes_guest(&api).await && !becomes_guest(&api).await);
    configured.write("token", NEW);
    for (settings, words) in [
        (
            "\n# more\nrate-limit = \"guests=none\"\n",
            &["millchat.toml, line 3", "rate-limit", "guests=none"][..],
        ),
        ("rate-limit = \"off\"\ntrusted-proxies = [\"nginx\"]", &["line 2", "trusted-proxies", "nginx"]),
        ("rate-limit = \"off\"\nkeep = 7", &["line 2", "keep"]),
        ("rate-limit = ", &["line 1", "TOML"]),
        ("ratelimit = \"off\"", &["line 1", "ratelimit"]),
    ] {
        configured.write("millchat.toml", settings);
        let lines = reload(&configured.server, KEPT).await;
        let line = lines.lines().rfind(|line| line.contains(KEPT)).unwrap();
        for word in words {
            assert!(line.contains(word), "{word}: {line}");
        }
        assert!(!becomes_guest(&api).await, "{settings}");
        assert_eq!((bans(&api, OLD).await, bans(&api, NEW).await), (200, 401), "{settings}");
    }
    // The token is wrong, and all else is right.
    configured.write("millchat.toml", "rate-limit = \"off\"\n");
    configured.write("token", "short");
    let lines = reload(&configured.server, KEPT).await;
    let line = lines.lines().rfind(|line| line.contains(KEPT)).unwrap();
    assert!(line.contains("16 to 256") && line.contains("--admin-token-file"), "{line}");
    assert!(!becomes_guest(&api).await && bans(&api, OLD).await == 200);
    configured.write("token", NEW);
    reload(&configured.server, READ).await;
    assert!(becomes_guest(&api).await && bans(&api, NEW).await == 200);
}

#[tokio::test]
async fn what_needs_a_restart_is_told_and_stays() {
    let configured = Configured::start("keep = \"90d\"\n").await;
    configured.write("millchat.toml", "keep = \"30d\"\nlog-format = \"json\"\nrate-limit = \"guests=1\"\n");
    hang_up(configured.server.pid());
    let lines = reload(&configured.server, "apply after a restart").await;
    let line = lines.lines().find(|line| line.contains("apply after a restart")).unwrap();
    assert!(line.contains("keep") && line.contains("log-format") && !line.contains("rate-limit"), "{line}");
    let api = configured.server.api();
    assert!(becomes_guest(&api).await && !becomes_guest(&api).await);
}

#[tokio::test]
async fn a_reload_names_other_sites_that_may_show_the_chat() {
    let list = |origin: &str| format!("embed-origins = [\"{origin}\"]\n");
    let configured = Configured::start(&list("https://a.example")).await;
    let api = configured.server.api();
    let shown_by = async || {
        let panel = api.get("/embed/lobby").await.expect(200);
        panel.header("content-security-policy").unwrap().split_once("frame-ancestors ").unwrap().1.to_owned()
    };
    assert_eq!(shown_by().await, "'self' https://a.example");
    configured.write("millchat.toml", &list("https://b.example"));
    let said = reload(&configured.server, READ).await;
    assert!(said.contains("embed-origins"), "{said}");
    assert_eq!(shown_by().await, "'self' https://b.example");
    configured.write("millchat.toml", &list("https://c.example/"));
    reload(&configured.server, KEPT).await;
    assert_eq!(shown_by().await, "'self' https://b.example");
}

#[tokio::test]
async fn a_file_whose_content_has_changed_is_named_by_its_setting_and_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let write = |name: &str, text: &str| fs::write(path(name), text).unwrap();
    let (secret, key) = ("the-secret-of-the-client", "0123456789abcdef0123456789abcdef");
    write("secret", secret);
    write("key", key);
    write("token", OLD);
    let settings = format!(
        "public-url = \"http://127.0.0.1:1\"\nadmin-token-file = \"{}\"\n\
         [[login]]\nname = \"corp\"\nkind = \"oidc\"\nissuer = \"http://127.0.0.1:1\"\n\
         client-id = \"millchat\"\nclient-secret-file = \"{}\"\n\
         [[site]]\nname = \"shop\"\nissuer = \"https://shop.example\"\nsecret-file = \"{}\"\n",
        path("token"),
        path("secret"),
        path("key")
    );
    write("millchat.toml", &settings);
    let server = Server::start_with(&["--config", &path("millchat.toml")]).await;
    let reloaded = async || {
        let before = server.stderr().len();
        reload(&server, READ).await;
        server.stderr()[before..].to_owned()
    };
    let of_line =
        |log: &str, words: &str| log.lines().find(|line| line.contains(words)).unwrap_or_default().to_owned();
    assert!(of_line(&reloaded().await, READ).contains("changed=nothing"));
    write("token", NEW);
    let log = reloaded().await;
    assert!(of_line(&log, READ).contains("changed=admin-token-file"), "{log}");
    // With an end of line, it is the same secret.
    write("secret", &format!("{secret}\n"));
    assert!(of_line(&reloaded().await, READ).contains("changed=nothing"));
    write("secret", "another-secret-of-the-client");
    write("key", "fedcba9876543210fedcba9876543210");
    let lines = reload(&server, "apply after a restart").await;
    let line = of_line(&lines, "apply after a restart");
    for words in ["client-secret-file of [[login]] corp", "secret-file of [[site]] shop"] {
        assert!(line.contains(words), "{words}: {line}");
    }
    for text in [OLD, NEW, secret, "another-secret", key, "fedcba98"] {
        assert!(!lines.contains(text), "{lines}");
    }
}

#[tokio::test]
async fn a_flag_and_a_variable_stay_stronger_than_the_file_that_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("millchat.toml");
    fs::write(&config, "").unwrap();
    let environment = [("MILLCHAT_RATE_LIMIT", "guests=1"), ("MILLCHAT_CONFIG", config.to_str().unwrap())];
    let server = Server::start_in(&environment, &[]).await;
    fs::write(&config, "rate-limit = \"off\"\n").unwrap();
    reload(&server, READ).await;
    let api = server.api();
    assert!(becomes_guest(&api).await && !becomes_guest(&api).await);
}

#[tokio::test]
async fn sighup_ends_a_server_in_a_terminal_and_its_log_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("test.redb");
    let (ours, theirs) = terminal();
    let lines = read(fs::File::from(ours));
    let mut command = command(BINARY);
    command.args(["--address", "127.0.0.1:0", "--log"]).arg(&log).stderr(theirs);
    let mut server = millchat_testkit::server::Server::start(command).await.unwrap();
    let api = Api::new(server.address());
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "hello").await;
    hang_up(server.pid());
    let ended = async {
        loop {
            match server.ended().unwrap() {
                Some(status) => return status,
                None => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    };
    let status = tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    assert_eq!(status.code(), Some(0), "{status}");
    let lines = tokio::task::spawn_blocking(|| lines.join().unwrap()).await.unwrap();
    assert!(lines.contains("SIGHUP") && lines.contains("closed"), "{lines}");
    let (code, _, stderr) = run(&["check", log.to_str().unwrap()]).await;
    assert!(code == Some(0) && !stderr.contains("was not closed"), "{stderr}");
}
