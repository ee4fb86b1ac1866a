//! The known competitors, each set up as its own documentation advises for speed; messages are kept where it
//! can keep them.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millchat_benches::http;
use millchat_benches::paths;
use serde_json::Value;

use super::competitor::{Competitor, Entry, Start, flags, version_line};

/// The room for messages outside of the load.
pub const ROOM: &str = "trial";
/// The API key of Centrifugo.
const KEY: &str = "compare";
/// A publisher's token with the default key of a Mercure hub; it may publish to every topic.
const MERCURE_PUBLISHER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJtZXJjdXJlIjp7InB1Ymxpc2giOlsiKiJdfX0.\
    a8cjcSRUAcHdnGNMKifA4BK5epRXxQI0UBp2XpNrBdw";
/// Debian's nginx and its module.
const NGINX: &str = "/usr/sbin/nginx";
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Returns all competitors, ours first. `server` is our program; `installed` is the directory of programs
/// that are not system packages.
pub fn all(server: &Path, installed: &Path) -> Result<Vec<Entry>, String> {
    Ok(vec![
        ("Millchat", Ok(millchat(server)?)),
        ("nchan", Ok(nchan()?)),
        ("Centrifugo", centrifugo(&installed.join("go/centrifugo"))),
        ("Node", Ok(node()?)),
        ("axum", Ok(axum(&installed.join("axum/release/compare-axum"))?)),
        ("Go", hub(&installed.join("go/hub"))),
        ("Socket.IO", socket_io(&installed.join("npm"))),
        ("Mercure", given("MERCURE_BIN").map(mercure).transpose()?.ok_or(no_binary("MERCURE_BIN"))),
        (
            "watermillchat",
            given("WATERMILLCHAT_BIN").map(watermillchat).ok_or(no_binary("WATERMILLCHAT_BIN")),
        ),
    ])
}

/// Returns a request with a body.
fn request(address: SocketAddr, (method, path): (&str, &str), headers: &[&str], body: &str) -> String {
    let (headers, length) = (headers.join("\r\n"), body.len());
    let end = if headers.is_empty() { "" } else { "\r\n" };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}{end}\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Sends a request; the answer must be a 2xx.
fn send(address: SocketAddr, what: (&str, &str), headers: &[&str], body: &str) -> Result<String, String> {
    let answer = http::exchange(address, request(address, what, headers, body).as_bytes())
        .map_err(|error| format!("{} {}: {error}", what.0, what.1))?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    if http::succeeded(&answer) { Ok(text) } else { Err(format!("{} {}: {text}", what.0, what.1)) }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("the target directory takes files");
}

fn millchat(server: &Path) -> Result<Competitor, String> {
    let program = server.to_owned();
    Ok(Competitor {
        name: "Millchat",
        version: version_line(Command::new(server).arg("--version"))?
            .trim_start_matches("millchat ")
            .to_owned(),
        settings: "as it comes; the log on the disk".to_owned(),
        acknowledged: "it is on the disk (fsync)",
        start: Box::new(move |home, address| {
            let mut command = Command::new(&program);
            command.args(["--address", &address.to_string(), "--log"]).arg(home.join("millchat.redb"));
            command.env("RUST_LOG", "warn").stdout(Stdio::null());
            command
        }),
        flags: flags(&["--target", "millchat"]),
        send: Box::new(|address, content| {
            const JSON: &str = "Content-Type: application/json";
            let guest = send(address, ("POST", "/api/v1/guests"), &[JSON], r#"{"name":"Trial"}"#)?;
            let body = guest.split("\r\n\r\n").nth(1).unwrap_or_default();
            let guest: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
            let token = format!("Authorization: Bearer {}", guest["token"].as_str().unwrap_or_default());
            let path = format!("/api/v1/rooms/{ROOM}/messages");
            let body = format!(r#"{{"content":"{content}"}}"#);
            send(address, ("POST", &path), &[JSON, &token], &body).map(drop)
        }),
        history: Some(Box::new(|address| {
            send(address, ("GET", &format!("/api/v1/rooms/{ROOM}/messages?limit=1000")), &[], "")
        })),
    })
}

fn nchan() -> Result<Competitor, String> {
    let nginx = version_line(Command::new(NGINX).arg("-v"))?;
    let module =
        version_line(Command::new("dpkg-query").args(["-W", "-f", "${Version}", "libnginx-mod-nchan"]))?;
    let nginx = nginx.rsplit('/').next().unwrap_or_default();
    Ok(Competitor {
        name: "nchan",
        version: format!("{module} in nginx {nginx}"),
        settings: "a worker per core, `access_log off`, `nchan_shared_memory_size 1g`, \
                   `nchan_message_buffer_length 20000`"
            .to_owned(),
        acknowledged: "it is in shared memory",
        start: Box::new(|home, address| {
            // Workers of a master that runs as root would have no permission to write here.
            let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
            let config = format!(
                "load_module {NCHAN}; daemon off; {user} pid nginx.pid; worker_processes auto;\n\
                 worker_rlimit_nofile 10000;\n\
                 events {{ worker_connections 8000; }}\n\
                 http {{\naccess_log off; keepalive_requests 1000000;\n\
                 client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;\n\
                 scgi_temp_path t5; nchan_shared_memory_size 1g;\n\
                 server {{\nlisten {address};\n\
                 location ~ ^/pub/([\\w-]+)$ {{ nchan_publisher; nchan_channel_id $1;\n\
                 nchan_message_buffer_length 20000; }}\n\
                 location ~ ^/sub/([\\w-]+)$ {{ nchan_subscriber; nchan_channel_id $1;\n\
                 nchan_subscriber_first_message newest; }}\n\
                 location ~ ^/all/([\\w-]+)$ {{ nchan_subscriber; nchan_channel_id $1;\n\
                 nchan_subscriber_first_message oldest; }}\n}}\n}}\n"
            );
            write(&home.join("nginx.conf"), &config);
            let mut command = Command::new(NGINX);
            command.arg("-p").arg(home).arg("-c").arg(home.join("nginx.conf")).args(["-e", "error.log"]);
            command
        }),
        flags: flags(&["--target", "nchan"]),
        send: Box::new(|address, content| {
            let path = format!("/pub/{ROOM}");
            send(address, ("POST", &path), &["Content-Type: text/plain"], content).map(drop)
        }),
        history: Some(Box::new(|address| {
            send(address, ("GET", &format!("/all/{ROOM}")), &["Accept: text/event-stream"], "")
        })),
    })
}

/// Returns the Go that is here.
fn go() -> Result<&'static str, String> {
    let mut known = ["go", "/usr/local/go/bin/go"].into_iter();
    known.find(|go| Command::new(go).arg("version").output().is_ok()).ok_or_else(|| "no Go".to_owned())
}

fn centrifugo(program: &Path) -> Result<Competitor, String> {
    const CONFIG: &str = r#"{ "http_api": { "key": "compare" }, "log": { "level": "error" },
  "client": { "insecure": true }, "uni_sse": { "enabled": true },
  "channel": { "without_namespace":
    { "history_size": 20000, "history_ttl": "10m", "force_recovery": true } } }"#;
    if !program.exists() {
        return Err("no Go".to_owned());
    }
    // A program installed by Go does not know its version; Go does.
    let modules = Command::new(go()?).args(["version", "-m"]).arg(program).output();
    let modules = modules.map_err(|error| error.to_string())?.stdout;
    let modules = String::from_utf8_lossy(&modules);
    let version = modules.lines().find_map(|line| line.trim().strip_prefix("mod\t")?.split('\t').nth(1));
    let program = program.to_owned();
    Ok(Competitor {
        name: "Centrifugo",
        version: version.unwrap_or("unknown").trim_start_matches('v').to_owned(),
        settings: "memory engine, `history_size 20000`, `force_recovery`, `log.level error`; read by \
                   `uni_sse`, sent by `/api/publish`"
            .to_owned(),
        acknowledged: "it is in memory",
        start: Box::new(move |home, address| {
            write(&home.join("config.json"), CONFIG);
            let mut command = Command::new(&program);
            command.arg("-c").arg(home.join("config.json"));
            command.arg("--http_server.address").arg(address.ip().to_string());
            command.arg("--http_server.port").arg(address.port().to_string());
            command
        }),
        flags: flags(&["--target", "centrifugo", "--key", KEY]),
        send: Box::new(|address, content| {
            let body = format!(r#"{{"channel":"{ROOM}","data":{{"content":"{content}"}}}}"#);
            let key = format!("X-API-Key: {KEY}");
            let headers = [&key, "Content-Type: application/json"];
            send(address, ("POST", "/api/publish"), &headers, &body).map(drop)
        }),
        history: Some(Box::new(|address| {
            let key = format!("X-API-Key: {KEY}");
            let body = format!(r#"{{"channel":"{ROOM}","limit":-1}}"#);
            send(address, ("POST", "/api/history"), &[&key, "Content-Type: application/json"], &body)
        })),
    })
}

/// Returns a server that a user would write alone: a room's stream and its messages have one path, and there is
/// no history. `settings` comes with the meaning of an acknowledgement.
fn self_written(
    name: &'static str,
    version: &str,
    (settings, acknowledged): (&str, &'static str),
    start: Start,
) -> Competitor {
    let room = "/rooms/{room}";
    Competitor {
        name,
        version: version.to_owned(),
        settings: settings.to_owned(),
        acknowledged,
        start,
        flags: flags(&[
            "--target",
            "generic-sse",
            "--sse-path",
            room,
            "--send-path",
            room,
            "--send-body",
            "{content}",
        ]),
        send: Box::new(|address, content| {
            send(address, ("POST", &format!("/rooms/{ROOM}")), &[], content).map(drop)
        }),
        history: None,
    }
}

/// Returns the start of a program whose only argument is the address.
fn at_address(program: &Path) -> Start {
    let program = program.to_owned();
    Box::new(move |_, address| {
        let mut command = Command::new(&program);
        command.arg(address.to_string());
        command
    })
}

fn node() -> Result<Competitor, String> {
    let version = version_line(Command::new("node").arg("--version"))?;
    let facts = (
        "plain `node:http`, one process, `benches/compare/sse.mjs`",
        "it was written to the sockets' buffers",
    );
    let start: Start = Box::new(|_, address| {
        let mut command = Command::new("node");
        command.arg(paths::workspace().join("benches/compare/sse.mjs")).arg(address.to_string());
        command.env("NODE_ENV", "production");
        command
    });
    Ok(self_written("Node", version.trim_start_matches('v'), facts, start))
}

fn axum(program: &Path) -> Result<Competitor, String> {
    let lock = paths::workspace().join("benches/compare/axum/Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let mut after = lock.lines().skip_while(|line| *line != r#"name = "axum""#);
    let version = after.nth(1).and_then(|line| line.strip_prefix("version = "));
    let facts = (
        "its `Sse` on a `tokio::sync::broadcast` for each room, which holds 32,768 messages (a reader further \
         behind loses the oldest); `TCP_NODELAY`, `benches/compare/axum`",
        "it is in the room's channel",
    );
    Ok(self_written("axum", version.unwrap_or("unknown").trim_matches('"'), facts, at_address(program)))
}

fn hub(program: &Path) -> Result<Competitor, String> {
    if !program.exists() {
        return Err("no Go".to_owned());
    }
    let version = version_line(Command::new(go()?).arg("version").arg(program))?;
    let facts = (
        "a hub on `net/http`, a channel of 256 messages for each reader (when it is full, the reader is cut \
         off); those that wait leave together, `benches/compare/hub.go`",
        "it is in the readers' channels",
    );
    Ok(self_written("Go", version.rsplit(" go").next().unwrap_or("unknown"), facts, at_address(program)))
}

fn socket_io(installed: &Path) -> Result<Competitor, String> {
    let package = installed.join("node_modules/socket.io/package.json");
    let package = fs::read(&package).map_err(|error| format!("{}: {error}", package.display()))?;
    let package: Value = serde_json::from_slice(&package).map_err(|error| error.to_string())?;
    let node = version_line(Command::new("node").arg("--version"))?;
    let installed = installed.to_owned();
    Ok(Competitor {
        name: "Socket.IO",
        version: format!(
            "{} in Node {}",
            package["version"].as_str().unwrap_or("unknown"),
            node.trim_start_matches('v')
        ),
        settings: "WebSocket alone, `perMessageDeflate: false`, `bufferutil`, one process, \
                   `benches/compare/socketio.mjs`"
            .to_owned(),
        acknowledged: "it was written to the sockets' buffers",
        start: Box::new(move |_, address| {
            let mut command = Command::new("node");
            command.arg(paths::workspace().join("benches/compare/socketio.mjs"));
            command.arg(address.to_string()).arg(&installed).env("NODE_ENV", "production");
            command
        }),
        flags: flags(&["--target", "socket.io"]),
        send: Box::new(|address, content| {
            send(address, ("POST", &format!("/rooms/{ROOM}")), &[], content).map(drop)
        }),
        history: None,
    })
}

/// Returns the path of a program that is in no package manager, from its variable.
fn given(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn no_binary(variable: &str) -> String {
    format!("no `{variable}`")
}

fn mercure(program: PathBuf) -> Result<Competitor, String> {
    Ok(Competitor {
        name: "Mercure",
        version: version_line(Command::new(&program).arg("version"))?,
        settings: "`transport bolt`, `anonymous`, no log of requests".to_owned(),
        acknowledged: "it is in the Bolt database",
        start: Box::new(move |home, address| {
            let database = home.join("mercure.db");
            let config = format!(
                "{{\n admin off\n auto_https off\n persist_config off\n}}\nhttp://{address} {{\n route {{\n  mercure {{\n\
                 \x20  publisher_jwt !ChangeThisMercureHubJWTSecretKey!\n\
                 \x20  subscriber_jwt !ChangeThisMercureHubJWTSecretKey!\n   anonymous\n\
                 \x20  transport bolt {{\n    path {}\n   }}\n  }}\n  respond 404\n }}\n}}\n",
                database.display()
            );
            write(&home.join("Caddyfile"), &config);
            let mut command = Command::new(&program);
            command.arg("run").arg("--config").arg(home.join("Caddyfile")).env("HOME", home);
            command.stderr(Stdio::null());
            command
        }),
        flags: flags(&["--target", "mercure"]),
        send: Box::new(|address, content| {
            let token = format!("Authorization: Bearer {MERCURE_PUBLISHER}");
            let form = "Content-Type: application/x-www-form-urlencoded";
            let body = format!("topic={ROOM}&data={content}");
            send(address, ("POST", "/.well-known/mercure"), &[&token, form], &body).map(drop)
        }),
        history: Some(Box::new(|address| {
            send(
                address,
                ("GET", &format!("/.well-known/mercure?topic={ROOM}&lastEventID=earliest")),
                &[],
                "",
            )
        })),
    })
}

fn watermillchat(program: PathBuf) -> Competitor {
    Competitor {
        name: "watermillchat",
        version: "as given".to_owned(),
        settings: "as it comes".to_owned(),
        acknowledged: "it is in a queue",
        start: Box::new(move |_, address| {
            let mut command = Command::new(&program);
            command.args(["--address", &address.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
            command
        }),
        flags: flags(&["--target", "watermillchat"]),
        send: Box::new(|address, content| {
            let form = "Content-Type: application/x-www-form-urlencoded";
            let body = format!("roomName={ROOM}&content={content}");
            send(address, ("POST", "/send"), &[form, "Authorization: Bearer trial:Trial"], &body).map(drop)
        }),
        history: Some(Box::new(|address| send(address, ("GET", &format!("/{ROOM}/messages")), &[], ""))),
    }
}
