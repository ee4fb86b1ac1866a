//! Signatures, held against the libraries that the makers of Standard Webhooks publish for npm and Python.

use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::{Files, SECRET, receiver, server};
use crate::support::client::answer;
use crate::support::receiver::Received;
use crate::support::{ADMIN, Api, node, python};

/// Asks a program that speaks JSON on stdin and stdout.
async fn ask(mut command: Command, question: &Value) -> Value {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("`make install` brings it");
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn npm() -> Command {
    let mut command = Command::new("node");
    command.arg("checks/standard-webhooks.mjs").current_dir(node::PACKAGE);
    command
}

fn pip(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    command.args(["-c", include_str!("standard_webhooks.py")]);
    command
}

/// A request with something changed, as whoever is in the middle would.
fn changed(received: &Received) -> Vec<(&'static str, Value)> {
    let parts = |id: &str, at: &str, signature: &str, body: &str| {
        json!({ "secret": SECRET, "verify": { "body": body, "headers": {
            "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } } })
    };
    let [id, at, signature] =
        ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| received.header(name));
    let old = (at.parse::<u64>().unwrap() - 360).to_string();
    let body = &received.body;
    vec![
        ("as it came", parts(id, at, signature, body)),
        ("another body", parts(id, at, signature, &body.replace("hello", "hullo"))),
        ("another id", parts("5f3c9a2e-1", at, signature, body)),
        ("another time", parts(id, &old, signature, body)),
        ("another version", parts(id, at, &signature.replace("v1,", "v2,"), body)),
    ]
}

async fn post(api: &Api, path: &str, signed: &Value) -> u16 {
    let mut request = api.request(Method::POST, path).body(signed["body"].as_str().unwrap().to_owned());
    for (name, value) in signed["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    answer(request).await.status
}

#[tokio::test]
async fn signatures_hold_by_another_library() {
    node::install().await;
    let python = python::standard_webhooks().await;
    let (files, receiver) = (Files::new(), receiver().await);
    // While the secret changes there are two signatures.
    let second = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    std::fs::write(files.secret(), format!("{second}\n{SECRET}\n")).unwrap();
    let server = server(&files.table("deploys", &receiver.url(), "rooms = [\"*\"]\nwhen = \"all\"")).await;
    let api = server.api();
    let ada = api.guest("Ada").await;
    api.say("lobby", &ada, "hello \u{e9}\u{1f600} \"\\\u{2028}").await;
    let came = receiver.until_count(1).await.remove(0);
    assert_eq!(came.header("webhook-signature").split(' ').count(), 2);
    for (what, question) in changed(&came) {
        for command in [npm(), pip(&python)] {
            let said = ask(command, &question).await;
            assert_eq!(said["ok"], what == "as it came", "{what}: {said}");
        }
    }
    let second = json!({ "secret": second, "verify": changed(&came)[0].1["verify"] });
    assert_eq!(ask(pip(&python), &second).await["ok"], true);

    // The other way: what they sign is taken here.
    let hook = json!({ "name": "x", "hook": "lobby", "signed": true });
    let made = answer(api.request(Method::POST, "/admin/tokens").bearer_auth(ADMIN).json(&hook)).await.json();
    let (path, secret) = (made["url"].as_str().unwrap(), &made["secret"]);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for (number, command) in [npm(), pip(&python), npm(), pip(&python)].into_iter().enumerate() {
        let (is_late, id) = (number >= 2, format!("msg-{number}"));
        let at = if is_late { now - 360 } else { now };
        let body = json!({ "content": "signed by another \u{e9}" }).to_string();
        let question = json!({ "secret": secret, "sign": { "id": id, "at": at, "body": body } });
        let headers = json!({ "webhook-id": id, "webhook-timestamp": at.to_string(),
            "webhook-signature": ask(command, &question).await["signature"] });
        let mut signed = json!({ "headers": headers, "body": body });
        assert_eq!(post(&api, path, &signed).await, if is_late { 401 } else { 201 });
        signed["body"] = json!(body.replace("another", "nobody"));
        assert_eq!(post(&api, path, &signed).await, 401);
        signed["body"] = json!(body);
        signed["headers"]["webhook-id"] = json!("msg-9");
        assert_eq!(post(&api, path, &signed).await, 401);
    }
}
