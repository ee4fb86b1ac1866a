//! The recipes of `docs/site-users.md`, each run as it is written there: the server takes the tokens.

use std::path::Path;
use std::process::Command;

use super::sites::Settings;
use super::write;
use crate::support::Server;

const PAGE: &str = include_str!("../../../../docs/site-users.md");
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const GO: &str = "/usr/local/go/bin/go";
const NAME: &str = "Ada \u{c9}";

/// The first block of a language on the page.
fn block(language: &str) -> &'static str {
    let block = PAGE.split_once(&format!("```{language}\n")).expect(language).1;
    block.split_once("```").expect(language).0
}

/// Writes a program, runs it, and gives the token that it prints.
fn printed(directory: &Path, file: &str, text: &str, command: &[&str]) -> String {
    std::fs::write(directory.join(file), text).unwrap();
    let cache = directory.join("cache");
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(directory)
        .env("GOCACHE", &cache)
        .env("GO111MODULE", "off")
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; `make install` brings it"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(output.status.success(), "{file}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The recipe in Rust, word for word.
mod rust {
    pub fn token_for(id: &str, name: &str, secret: &str) -> String {
        let now = jsonwebtoken::get_current_timestamp();
        let claims = serde_json::json!({ "iss": "https://shop.example", "aud": "https://chat.example", "sub": id,
            "name": name, "iat": now, "exp": now + 3600 });
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("a secret signs")
    }
}

async fn assert_taken(server: &Server, language: &str, token: &str) {
    let api = server.api();
    let answer = write(&api, token, "lobby").await;
    assert_eq!(answer.status, 201, "{language}: {answer:?}");
    let position = answer.json()["position"].clone();
    let message = api.get(&format!("/api/v1/rooms/lobby/messages/{position}")).await.json();
    assert_eq!(message["author"]["name"], NAME, "{language}");
}

#[tokio::test]
async fn the_recipes_of_the_documentation_sign_tokens_that_are_taken() {
    let settings = Settings::at("https://chat.example", "secret-file = \"SECRET\"");
    let server = settings.server(&[]).await;
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let js = format!(
        "{}console.log(tokenFor({{ id: \"7\", name: {NAME:?} }}, {SECRET:?}));\n",
        block("js").replace("export ", "")
    );
    assert_taken(&server, "js", &printed(at, "recipe.mjs", &js, &["node", "recipe.mjs"])).await;
    let python = format!("{}\nprint(token_for(\"7\", {NAME:?}, {SECRET:?}))\n", block("python"));
    assert_taken(&server, "python", &printed(at, "recipe.py", &python, &["/usr/bin/python3", "recipe.py"]))
        .await;
    let php = format!("<?php\n{}\necho token_for('7', '{NAME}', '{SECRET}');\n", block("php"));
    assert_taken(&server, "php", &printed(at, "recipe.php", &php, &["php", "recipe.php"])).await;
    // Where the makers' own package has it, which is not always in the path.
    let go = if Path::new(GO).exists() { GO } else { "go" };
    let go = [go, "run", "recipe.go", "7", NAME, SECRET];
    assert_taken(&server, "go", &printed(at, "recipe.go", block("go"), &go)).await;
    assert_taken(&server, "rust", &rust::token_for("7", NAME, SECRET)).await;
    let own = include_str!("recipes.rs");
    for line in block("rust").lines() {
        assert!(own.contains(line.trim()), "the recipe in Rust is the one that ran: {line}");
    }
}
