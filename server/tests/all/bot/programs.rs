//! The programs of `docs/bots.md`, each run as it is written there.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::process::{Child, Command};

use super::{bot, operated};
use crate::support::{Api, Server, within};

const PAGE: &str = include_str!("../../../../docs/bots.md");

/// The program in a language, of the section about bots.
fn block(language: &str) -> &'static str {
    let section = PAGE.split_once("## A bot of your own\n").expect("the section").1;
    let block = section.split_once(&format!("```{language}\n")).expect(language).1;
    block.split_once("```").expect(language).0
}

/// Writes a program and starts it.
fn start(
    server: &Server,
    token: &str,
    (file, language): (&str, &str),
    command: &str,
) -> (tempfile::TempDir, Child) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(file), block(language)).unwrap();
    let child = Command::new(command)
        .arg(file)
        .current_dir(directory.path())
        .env("BASE", format!("http://{}", server.address()))
        .env("TOKEN", token)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{command}: {error}; `make install` brings it"));
    (directory, child)
}

async fn until_followed(api: &Api) {
    let followed = async {
        while !api.get("/metrics").await.body.contains("\nmillchat_readers 1\n") {
            tokio::task::yield_now().await;
        }
    };
    within("the program follows the room", followed).await;
}

/// Asks, and waits for the one answer.
async fn assert_echoed(api: &Api, text: &str) {
    let ada = api.guest("Ada").await;
    let question = api.say("lobby", &ada, text).await;
    let answered = async {
        loop {
            let page = api.history("lobby", "").await;
            let messages = page["messages"].as_array().unwrap().clone();
            let answers: Vec<_> = messages.iter().filter(|message| message["reply_to"] == question).collect();
            if let [answer] = answers[..] {
                return answer.clone();
            }
            assert_eq!(answers.len(), 0, "it answers once");
            tokio::task::yield_now().await;
        }
    };
    let answer = within("the answer", answered).await;
    assert_eq!((&answer["content"], &answer["author"]["kind"]), (&json!(format!("{text}!")), &json!("bot")));
}

#[tokio::test]
async fn the_programs_of_the_documentation_answer_also_after_a_kill_of_the_server() {
    for (program, command) in [(("echo.py", "python"), "/usr/bin/python3"), (("echo.mjs", "js"), "node")] {
        let mut server = operated().await;
        let api = server.api();
        let echo = bot(&api, "Echo").await;
        let (_directory, mut child) = start(&server, &echo.token, program, command);
        until_followed(&api).await;
        assert_echoed(&api, "hello \u{e9}").await;
        // While it hears nothing, a question is asked and taken back. What is said before it is back is answered too.
        let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        server.kill().await;
        server.restart().await;
        let api = server.api();
        let bob = api.guest("Bob").await;
        let taken_back = api.say("lobby", &bob, "forget it").await;
        api.delete("lobby", &bob, taken_back).await.expect(204);
        kill_process(pid, Signal::CONT).unwrap();
        assert_echoed(&api, "and again").await;
        child.kill().await.unwrap();
    }
}

/// The program in Rust, word for word.
#[rustfmt::skip]
mod rust {
    pub async fn echo(base: &str, token: &str, place: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let (http, api) = (reqwest::Client::new(), format!("{base}/api/v1/rooms/lobby"));
        let stream = http.get(format!("{api}/events?history=0")).header("Last-Event-ID", &*place);
        let (mut stream, mut bytes) = (stream.bearer_auth(token).send().await?, Vec::new());
        while let Some(chunk) = stream.chunk().await? {
            bytes.extend_from_slice(&chunk);
            while let Some(end) = bytes.windows(2).position(|two| two == b"\n\n") {
                let event = String::from_utf8(bytes.drain(..end + 2).collect())?;
                let field = |name| event.lines().find_map(|line| line.strip_prefix(name));
                let it: serde_json::Value = serde_json::from_str(field("data: ").unwrap_or("null"))?;
                let text = it["content"].as_str().filter(|_| it["author"]["kind"] != "bot");
                if let (Some("message"), Some(text)) = (field("event: "), text) {
                    let answer = serde_json::json!({ "content": format!("{text}!"), "reply_to": it["position"] });
                    let post = http.post(format!("{api}/messages")).bearer_auth(token).json(&answer);
                    let post = post.header("Idempotency-Key", format!("answer-{}", it["position"]));
                    let status = post.send().await?.status();
                    if status == 429 || status.is_server_error() {
                        return Ok(()); // Call it again: it goes on from its place.
                    }
                }
                if let Some(id) = field("id: ") { id.clone_into(place) }
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn the_program_in_rust_answers() {
    let own = include_str!("programs.rs");
    for line in block("rust").lines() {
        assert!(own.contains(line.trim()), "the program in Rust is the one that ran: {line}");
    }
    let server = operated().await;
    let api = server.api();
    let echo = bot(&api, "Echo").await;
    let base = format!("http://{}", server.address());
    let mut place = String::new();
    let asking = async {
        until_followed(&api).await;
        assert_echoed(&api, "hello \u{e9}").await;
    };
    tokio::select! {
        ended = rust::echo(&base, &echo.token, &mut place) => panic!("it ended: {ended:?}"),
        () = asking => {}
    }
}
