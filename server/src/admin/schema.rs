//! The shapes of the operator's JSON: closed rooms, bans, addresses, keys and API tokens.

use std::collections::BTreeMap;

use serde::de;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::identity::{ApiToken, Hook, Retire};
use crate::schema::{Author, Receipt, Span, Time};

/// The rooms that are closed to writing.
#[derive(Serialize, ToSchema)]
pub struct ClosedRooms<'a> {
    /// By name.
    pub rooms: Vec<ClosedRoom<'a>>,
}

/// A room that is closed to writing.
#[derive(Serialize, ToSchema)]
pub struct ClosedRoom<'a> {
    /// Its name.
    #[schema(example = "lobby")]
    pub room: &'a str,
}

/// A ban was laid or lifted, durably, at this position.
#[derive(Serialize, ToSchema)]
pub struct Banned {
    /// Its place in the log; it is outside every room.
    #[schema(example = 1207)]
    pub position: u64,
    /// The log's life.
    #[schema(example = "5f3c9a2e")]
    pub epoch: String,
    /// When it was taken.
    pub created_at: Time,
}

impl Banned {
    /// The shape of a ban's receipt.
    pub fn of(receipt: &millchat::Receipt) -> Self {
        let Receipt { position, epoch, created_at, .. } = Receipt::of(receipt);
        Self { position, epoch, created_at }
    }
}

/// The authors who may not write.
#[derive(Serialize, ToSchema)]
pub struct Bans<'a> {
    /// By id.
    pub bans: Vec<Ban<'a>>,
}

/// An author who may not write.
#[derive(Serialize, ToSchema)]
pub struct Ban<'a> {
    /// The author who is banned.
    #[schema(example = "g_4kqv6mzd2xw7yrbtfn3a")]
    pub author_id: &'a str,
    /// The name of who laid it.
    #[schema(example = "admin")]
    pub by: Option<&'a str>,
    /// Its place in the log.
    #[schema(example = 1207)]
    pub position: u64,
    /// When it was laid.
    pub created_at: Time,
    /// Its end; absent: for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub until: Option<Time>,
}

impl<'a> Ban<'a> {
    /// The shape of a ban until a time.
    pub fn until(author_id: &'a str, ban: &'a millchat::Value) -> Self {
        Self {
            author_id,
            by: ban.by.as_ref().map(|by| &*by.name),
            position: ban.position,
            created_at: Time(ban.set_at),
            until: ban.until.map(Time),
        }
    }

    /// The shape of a ban.
    pub fn of(ban: &'a millchat::Ban) -> Self {
        Self {
            author_id: &ban.author_id,
            by: ban.by.as_ref().map(|by| &*by.name),
            position: ban.position,
            created_at: Time(ban.created_at),
            until: None,
        }
    }
}

/// The addresses from which an author wrote in the last hour. They are in memory only.
#[derive(Serialize, ToSchema)]
pub struct AuthorAddresses<'a> {
    /// The author.
    #[schema(example = "g_4kqv6mzd2xw7yrbtfn3a")]
    pub author_id: &'a str,
    /// The newest first, at most 4.
    pub addresses: Vec<AuthorAddress>,
}

/// An address from which an author wrote.
#[derive(Serialize, ToSchema)]
pub struct AuthorAddress {
    /// The address.
    #[schema(example = "203.0.113.7")]
    pub address: String,
    /// Seconds since the author last wrote from it.
    #[schema(example = 12)]
    pub seconds_ago: u64,
}

/// The addresses that are banned. A restart removes them.
#[derive(Serialize, ToSchema)]
pub struct AddressBans {
    /// By address.
    pub bans: Vec<AddressBan>,
}

/// An address or a network that is banned.
#[derive(Serialize, ToSchema)]
pub struct AddressBan {
    /// The network.
    #[schema(example = "203.0.113.0/24")]
    pub network: String,
    /// Seconds until the ban ends.
    #[schema(example = 3600)]
    pub seconds_left: u64,
}

/// The time of a ban.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BanTime {
    /// The time, such as 30m, 1h or 7d; at most 30d.
    #[serde(rename = "for")]
    #[schema(example = "1h")]
    pub time: String,
}

/// The rotation of the keys that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The time until the older keys are void, such as 30d, at most 365d; or `now`: every token except API
    /// tokens is void at once. 30d unless said.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "30d")]
    pub retire: RetireAfter,
}

/// The time until the older keys are void.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetireAfter(pub Retire);

impl<'de> Deserialize<'de> for RetireAfter {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let text = String::deserialize(value)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

/// A new key signs tokens.
#[derive(Serialize, ToSchema)]
pub struct Rotated {
    /// Its number.
    #[schema(example = 2)]
    pub key: u32,
    /// From when on the older keys, and all tokens that they signed, are void.
    pub retires_at: Time,
}

/// An API token to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// The name of the program, by the rule for names.
    #[schema(example = "deploys")]
    pub name: String,
    /// The rooms that it has rights in, and the role in each: a pattern of rooms (`*` any run, `?` one), and
    /// `reader`, `writer`, `moderator` or `owner`. At most 32. It must be there unless `hook` is.
    #[schema(example = json!({"deploy-*": "writer"}))]
    pub rooms: Option<BTreeMap<String, String>>,
    /// Makes an incoming webhook instead: the one room in which it posts.
    #[schema(example = "deploy")]
    pub hook: Option<String>,
    /// True: each request to the incoming webhook must be signed. Not unless said.
    pub signed: Option<bool>,
    /// The time until it is void, in seconds or as a text such as 90d; at most ten years. A year unless said.
    pub expires_in: Option<Span>,
    /// The id of the program as an author, for one that has a token already: it begins with `b_`. A new one is
    /// made unless said.
    #[schema(example = "b_4kqv6mzd2xw7yrbtfn3a")]
    pub author: Option<String>,
}

/// A new secret for an API token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecret {
    /// The time for which the secret before it stays good, in seconds or as a text such as 1d; at most 30d. A
    /// day unless said.
    #[schema(value_type = Option<u64>, example = 86_400)]
    pub overlap: Option<Span>,
}

/// An API token with its secret, which is shown only this once.
#[derive(Serialize, ToSchema)]
pub struct MadeToken<'a> {
    /// Its id, by which it is renewed and removed.
    #[schema(example = "q3zt7mckwa2d")]
    pub id: &'a str,
    /// The token: send it as `Authorization: Bearer TOKEN`.
    #[schema(example = "mct_q3zt7mckwa2d_Yl2hJ7B1mEOQx0v7r1sJbYbZ9Qy2mC0m8o5pQ2m3n4E")]
    pub token: &'a str,
    /// The program, as the author of what it writes.
    pub author: Author<'a>,
    /// The rooms that it has rights in, and the role in each.
    #[schema(example = json!({"deploy-*": "writer"}))]
    pub rooms: &'a BTreeMap<String, String>,
    /// From when on it is void; null: it does not expire.
    pub expires_at: Option<Time>,
}

impl<'a> MadeToken<'a> {
    /// The shape of a token that was made.
    pub fn of(made: &'a ApiToken, token: &'a str) -> Self {
        Self {
            id: &made.id,
            token,
            author: Author::of(&made.author),
            rooms: &made.rooms,
            expires_at: made.expires_at.map(Time),
        }
    }
}

/// An incoming webhook with its address, which is shown only this once.
#[derive(Serialize, ToSchema)]
pub struct MadeHook<'a> {
    /// The id of its token, by which it is renewed and removed.
    #[schema(example = "q3zt7mckwa2d")]
    pub id: &'a str,
    /// The path to post to. Whoever has it may post.
    #[schema(example = "/api/v1/hooks/mct_q3zt7mckwa2d_Yl2hJ7B1mEOQx0v7r1sJbYbZ9Qy2mC0m8o5pQ2m3n4E")]
    pub url: String,
    /// The secret by which each request must be signed, as Standard Webhooks has it; absent: none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Option<String>,
    /// The program, as the author of what it posts.
    pub author: Author<'a>,
    /// The room in which it posts.
    #[schema(example = "deploy")]
    pub hook: &'a str,
    /// From when on it is void; null: it does not expire.
    pub expires_at: Option<Time>,
}

impl<'a> MadeHook<'a> {
    /// The shape of an incoming webhook that was made.
    pub fn of(made: &'a ApiToken, hook: &'a Hook, (url, secret): (String, Option<String>)) -> Self {
        Self {
            id: &made.id,
            url,
            secret,
            author: Author::of(&made.author),
            hook: &hook.room,
            expires_at: made.expires_at.map(Time),
        }
    }
}

/// The API tokens, without their secrets.
#[derive(Serialize, ToSchema)]
pub struct Tokens<'a> {
    /// By id.
    pub tokens: Vec<Token<'a>>,
}

/// An API token, without its secret.
#[derive(Serialize, ToSchema)]
pub struct Token<'a> {
    /// Its id, by which it is renewed and removed.
    #[schema(example = "q3zt7mckwa2d")]
    pub id: &'a str,
    /// The name of the program.
    #[schema(example = "deploys")]
    pub name: &'a str,
    /// The program, as the author of what it writes.
    pub author: Author<'a>,
    /// The rooms that it has rights in, and the role in each.
    #[schema(example = json!({"deploy-*": "writer"}))]
    pub rooms: &'a BTreeMap<String, String>,
    /// The room of the incoming webhook that it is of; absent: it is of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub hook: Option<&'a str>,
    /// True if each request to that must be signed; absent: it is of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub signed: Option<bool>,
    /// When it was made.
    pub created_at: Time,
    /// From when on it is void; null: it does not expire.
    pub expires_at: Option<Time>,
    /// The day on which it was used last, as the moment when that day began in UTC; null: it never was.
    pub used_at: Option<Time>,
}

impl<'a> Token<'a> {
    /// The shape of a token.
    pub fn of(token: &'a ApiToken) -> Self {
        Self {
            id: &token.id,
            name: &token.author.name,
            author: Author::of(&token.author),
            rooms: &token.rooms,
            hook: token.hook.as_ref().map(|hook| &*hook.room),
            signed: token.hook.as_ref().map(|hook| hook.signed),
            created_at: Time(token.made_at),
            expires_at: token.expires_at.map(Time),
            used_at: token.used_at.map(Time),
        }
    }
}
