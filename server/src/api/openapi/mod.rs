//! The OpenAPI document, served at `/api/openapi.json`.
//!
//! Shapes and kinds of problem come from the types that the handlers use, so the two cannot drift apart; a
//! test holds the document against the router's table. The stream has no notation of its own in OpenAPI 3.1:
//! its events are described in words, and the shapes of their data are among the schemas.

mod credentials;
mod operator;
mod parts;
mod people;
mod probes;
mod public;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use hyper::StatusCode;
use utoipa::openapi::path::{PathItem, PathsBuilder};
use utoipa::openapi::schema::ComponentsBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

use crate::admin::schema::{
    AddressBan, AddressBans, AuthorAddress, AuthorAddresses, Ban, BanTime, Banned, Bans, ClosedRoom,
    ClosedRooms, MadeHook, MadeToken, NewSecret, NewToken, Rotated, Rotation, Token, Tokens,
};
use crate::api::hooks::HookPost;
use crate::api::room_shapes::{
    Accepted, AuthorDeleted, BanUntil, DeletedEverywhere, Flag, Flags, GivenRole, Invitation, Invitations,
    ListedRoom, ListedRooms, Member, Members, NewInvitation, NewInvitationMade, Reason, RoomBan, RoomBans,
    Secret, TicketMade,
};
use crate::http::{self, Response};
use crate::problem::Document;
use crate::schema::{
    Author, BotHere, Content, Denied, Draft, Drafts, Gap, Guest, HistoryPage, Links, Message, Named,
    NewDraft, Overview, Post, Presence, Reactions, Receipt, Reset, SearchPage, Span, Start, StreamEvent,
    Time, Typing, You,
};

const ABOUT: &str = "A durable live chat. Every event (a message posted, edited, deleted, reacted to) has a \
    `position` in one ordered log and a `prev`: the position of the event before it in the same room. \
    Whoever has position P and gets an event whose `prev` is P misses nothing. Reading needs no token \
    unless the operator's settings say so; writing needs one. Any origin may call this API; it takes no cookies. What begins with \
    `/admin/` is for the operator, on a server whose settings have an admin token; on others there is \
    nothing. Fields and kinds may be added: pass over those you do not know. A method that a path does not \
    take is answered 405 `wrong-method` with `Allow`, a path that there is not 404 `unknown-path`.";

static JSON: LazyLock<Bytes> = LazyLock::new(|| {
    serde_json::to_vec(&describe()).expect("the document has string keys and no failing parts").into()
});

/// `GET /api/openapi.json`.
pub fn document() -> Response {
    http::bytes(StatusCode::OK, http::JSON, JSON.clone())
}

fn describe() -> OpenApi {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "The token that POST /api/v1/guests gave, good for a year; or an API token, mct_….",
        ))
        .build();
    let admin = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The admin token of the server's settings."))
        .build();
    let components = ComponentsBuilder::new()
        .schema_from::<Document<'_>>()
        .schema_from::<Author<'_>>()
        .schema_from::<Named>()
        .schema_from::<Guest<'_>>()
        .schema_from::<Content>()
        .schema_from::<Post>()
        .schema_from::<Receipt>()
        .schema_from::<Message<'_>>()
        .schema_from::<Reactions<'_>>()
        .schema_from::<HistoryPage<'_>>()
        .schema_from::<SearchPage<'_>>()
        .schema_from::<Links>()
        .schema_from::<Time>()
        .schema_from::<Presence<'_>>()
        .schema_from::<You<'_>>()
        .schema_from::<BotHere<'_>>()
        .schema_from::<GivenRole>()
        .schema_from::<Members<'_>>()
        .schema_from::<Member<'_>>()
        .schema_from::<ListedRooms>()
        .schema_from::<ListedRoom>()
        .schema_from::<BanUntil>()
        .schema_from::<AuthorDeleted>()
        .schema_from::<DeletedEverywhere>()
        .schema_from::<RoomBans<'_>>()
        .schema_from::<RoomBan<'_>>()
        .schema_from::<NewInvitation>()
        .schema_from::<NewInvitationMade>()
        .schema_from::<Invitations<'_>>()
        .schema_from::<Invitation<'_>>()
        .schema_from::<Secret>()
        .schema_from::<TicketMade>()
        .schema_from::<Accepted>()
        .schema_from::<Reason>()
        .schema_from::<Flags<'_>>()
        .schema_from::<Flag<'_>>()
        .schema_from::<Overview<'_>>()
        .schema_from::<Start>()
        .schema_from::<Gap>()
        .schema_from::<Reset>()
        .schema_from::<Denied>()
        .schema_from::<StreamEvent<'_>>()
        .schema_from::<Typing<'_>>()
        .schema_from::<Drafts<'_>>()
        .schema_from::<Draft<'_>>()
        .schema_from::<NewDraft>()
        .schema_from::<ClosedRoom<'_>>()
        .schema_from::<ClosedRooms<'_>>()
        .schema_from::<Banned>()
        .schema_from::<Ban<'_>>()
        .schema_from::<Bans<'_>>()
        .schema_from::<AuthorAddresses<'_>>()
        .schema_from::<AuthorAddress>()
        .schema_from::<AddressBans>()
        .schema_from::<AddressBan>()
        .schema_from::<BanTime>()
        .schema_from::<Rotation>()
        .schema_from::<Rotated>()
        .schema_from::<NewToken>()
        .schema_from::<NewSecret>()
        .schema_from::<Span>()
        .schema_from::<MadeToken<'_>>()
        .schema_from::<MadeHook<'_>>()
        .schema_from::<HookPost>()
        .schema_from::<Token<'_>>()
        .schema_from::<Tokens<'_>>()
        .security_scheme("token", SecurityScheme::Http(token))
        .security_scheme("admin", SecurityScheme::Http(admin))
        .build();
    let info = InfoBuilder::new()
        .title("Millchat")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .build();
    OpenApiBuilder::new().info(info).paths(paths()).components(Some(components)).build()
}

fn paths() -> PathsBuilder {
    let mut items: BTreeMap<String, PathItem> = BTreeMap::new();
    let parts = public::paths().into_iter().chain(people::paths()).chain(credentials::paths());
    for (path, operations) in parts.chain(operator::paths()).chain(probes::paths()) {
        let item = items.entry(path).or_default();
        for (method, operation) in operations {
            item.merge_operations(PathItem::new(method, operation));
        }
    }
    items.into_iter().fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_reference_in_the_document_leads_somewhere() {
        let document: Value = serde_json::from_slice(&JSON).unwrap();
        let text = document.to_string();
        let mut count = 0;
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            count += 1;
        }
        assert!(count > 50, "{count}");
    }

    #[test]
    fn the_document_has_the_paths_and_methods_of_the_router() {
        let document: Value = serde_json::from_slice(&JSON).unwrap();
        let described: Vec<(String, String)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(|m| (path.clone(), m.to_uppercase()))
            })
            .collect();
        let rows = crate::api::routes::routes().into_iter().chain(crate::admin::routes::routes());
        let mut routed: Vec<(String, String)> =
            rows.map(|row| (row.1.replace("{*", "{"), row.0.to_string())).collect();
        // The page is for people; the probes beside it are for programs.
        let page = crate::page::routes::routes().into_iter().map(|row| (row.1.to_owned(), row.0.to_string()));
        routed.extend(page.filter(|(path, _)| ["/healthz", "/readyz", "/metrics"].contains(&path.as_str())));
        let mut described = described;
        described.sort();
        routed.sort();
        assert_eq!(described, routed);
    }
}
