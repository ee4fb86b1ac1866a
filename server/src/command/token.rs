//! `millchat token`: the operator makes, lists, renews and removes the API tokens of programs, and incoming
//! webhooks.

use std::io::{self, Write};

use clap::Subcommand;
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::at_server::AtServer;
use super::failure::Failure;
use crate::origin::Origins;

const TOKENS: &str = "/admin/tokens";

/// Makes, lists, renews and removes the API tokens of programs, at a running server.
#[derive(clap::Args, Debug)]
pub struct Token {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    Add(Add),
    List(List),
    Renew(Renew),
    Remove(Remove),
}

/// Makes a token, or an incoming webhook, and writes it to stdout: nobody can ask for it again.
#[derive(clap::Args, Debug)]
struct Add {
    #[command(flatten)]
    server: AtServer,
    /// The name of the program, which people see
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Rooms and the role in them, such as `deploy-*=writer`; reader, writer, moderator or owner. Give it again
    /// for more rooms
    #[arg(long = "room", value_name = "PATTERN=ROLE", required_unless_present = "hook", value_parser = parse_right)]
    rooms: Vec<(String, String)>,
    /// Makes an incoming webhook that posts in this room, and writes the path to post to
    #[arg(long, value_name = "ROOM", conflicts_with = "rooms")]
    hook: Option<String>,
    /// Each request to the incoming webhook must be signed; the second line is the secret
    #[arg(long, requires = "hook", conflicts_with = "rooms")]
    signed: bool,
    /// Time after which it is void, such as 90d [default: 365d]
    #[arg(long, value_name = "TIME")]
    expires_in: Option<String>,
    /// The id of a program that has a token already, b_… [default: a new one]
    #[arg(long, value_name = "ID")]
    author: Option<String>,
}

/// Lists the tokens, without their secrets.
#[derive(clap::Args, Debug)]
struct List {
    #[command(flatten)]
    server: AtServer,
    /// As JSON, one token a line
    #[arg(long)]
    json: bool,
}

/// Gives a token another secret, and writes it to stdout; the one before stays good for a while.
#[derive(clap::Args, Debug)]
struct Renew {
    #[command(flatten)]
    server: AtServer,
    /// Time for which the secret before stays good, at most 30d
    #[arg(long, value_name = "TIME", default_value = "1d")]
    overlap: String,
    /// The token's id
    id: String,
}

/// Removes a token; it is void at once.
#[derive(clap::Args, Debug)]
struct Remove {
    #[command(flatten)]
    server: AtServer,
    /// The token's id
    id: String,
}

impl Token {
    pub fn run(&self, origins: &Origins) -> Result<(), Failure> {
        match &self.action {
            Action::Add(add) => add.run(origins),
            Action::List(list) => list.run(origins),
            Action::Renew(renew) => {
                let path = format!("{}/secret", of(&renew.id));
                let body = json!({ "overlap": renew.overlap });
                say_token(&renew.server.ask(Method::POST, &path, Some(&body), origins)?)
            }
            Action::Remove(remove) => {
                remove.server.ask(Method::DELETE, &of(&remove.id), None, origins).map(drop)
            }
        }
    }
}

impl Add {
    fn run(&self, origins: &Origins) -> Result<(), Failure> {
        let rooms: Map<_, _> =
            self.rooms.iter().map(|(pattern, role)| (pattern.clone(), role.as_str().into())).collect();
        let mut body = match &self.hook {
            Some(room) => json!({ "name": self.name, "hook": room, "signed": self.signed }),
            None => json!({ "name": self.name, "rooms": rooms }),
        };
        let optional = [("expires_in", &self.expires_in), ("author", &self.author)];
        for (field, value) in optional {
            if let Some(value) = value {
                body[field] = value.as_str().into();
            }
        }
        say_token(&self.server.ask(Method::POST, TOKENS, Some(&body), origins)?)
    }
}

impl List {
    fn run(&self, origins: &Origins) -> Result<(), Failure> {
        let answer = self.server.ask(Method::GET, TOKENS, None, origins)?;
        let tokens = answer["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut out = io::stdout().lock();
        let written = tokens.iter().try_for_each(|token| {
            if self.json { writeln!(out, "{token}") } else { writeln!(out, "{}", line(token)) }
        });
        Failure::of_list(written)
    }
}

/// A token as a line for people.
fn line(token: &Value) -> String {
    let text = |field: &str| token[field].as_str().unwrap_or("never");
    let day = |field: &str| text(field).split('T').next().unwrap_or_default();
    let rooms = token["rooms"].as_object().into_iter().flatten();
    let rooms: Vec<_> =
        rooms.map(|(pattern, role)| format!("{pattern}={}", role.as_str().unwrap_or_default())).collect();
    let author = token["author"]["id"].as_str().unwrap_or_default();
    let hook = token["hook"].as_str().map(|room| format!("hook={room}"));
    format!(
        "{}  {author}  made {}  expires {}  used {}  {}  {}",
        text("id"),
        day("created_at"),
        day("expires_at"),
        day("used_at"),
        hook.unwrap_or_else(|| rooms.join(",")),
        text("name"),
    )
}

/// Writes the token alone to stdout, for a file or a variable; of an incoming webhook the path, and its secret in a line
/// of its own.
fn say_token(made: &Value) -> Result<(), Failure> {
    let token = made["token"].as_str().or(made["url"].as_str());
    let token = token.ok_or_else(|| Failure::failed("the answer has no token"))?;
    let secret = made["secret"].as_str();
    let mut out = io::stdout().lock();
    let written = [Some(token), secret].into_iter().flatten().try_for_each(|line| writeln!(out, "{line}"));
    written.map_err(|error| Failure::stdout(&error))
}

fn of(id: &str) -> String {
    format!("{TOKENS}/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

fn parse_right(text: &str) -> Result<(String, String), String> {
    let right = text.split_once('=').filter(|(pattern, role)| !pattern.is_empty() && !role.is_empty());
    right
        .map(|(pattern, role)| (pattern.to_owned(), role.to_owned()))
        .ok_or_else(|| "write it like deploy-*=writer".to_owned())
}
