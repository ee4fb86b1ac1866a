//! Path to handler, and nothing about what handlers do.
//!
//! Every path there is stands here once, with the methods it takes. What is in no table is a 404, a method
//! that is not taken a 405 that says which are; under `/api/` as a problem document, elsewhere as a page.
//! Headers that every answer of a kind carries are added here too.

use crate::admin::{backup, moderate, operator};
use crate::api::input::position;
use crate::api::{cors, events, guests, messages, openapi, reactions, rooms};
use crate::app::Worker;
use crate::http::{self, Body, Request, Response};
use crate::page::{Language, LocalizedMessage};
use crate::paths::{BACKUP_PATH, RESERVED_LIST, ROOM_RULE, room};
use crate::problem::{Answer, Kind, Problem};
use crate::{page, probes, problem};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use matchit::Router;
use millchat::ROOM_NAME_BYTES_MAX;
use std::net::IpAddr;
use std::sync::LazyLock;

/// A place that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Home,
    Room,
    RoomMessages,
    RoomMessage,
    RoomReaction,
    RoomName,
    RoomLanguage,
    RoomTyping,
    Asset,
    Favicon,
    Healthz,
    Readyz,
    Metrics,
    OpenApi,
    Guests,
    GuestsMe,
    ApiRoom,
    ApiMessages,
    ApiMessage,
    ApiReaction,
    ApiTyping,
    ApiEvents,
    AdminBackup,
    AdminRooms,
    AdminClosed,
    AdminMessages,
    AdminBans,
    AdminBan,
}

const ROUTES: [(&str, Route); 29] = [
    ("/", Route::Home),
    ("/new", Route::Home),
    ("/favicon.ico", Route::Favicon),
    ("/assets/{*path}", Route::Asset),
    ("/healthz", Route::Healthz),
    ("/readyz", Route::Readyz),
    ("/metrics", Route::Metrics),
    ("/{room}", Route::Room),
    ("/{room}/messages", Route::RoomMessages),
    ("/{room}/messages/{position}", Route::RoomMessage),
    ("/{room}/messages/{position}/reactions/{reaction}", Route::RoomReaction),
    ("/{room}/name", Route::RoomName),
    ("/{room}/language", Route::RoomLanguage),
    ("/{room}/typing", Route::RoomTyping),
    ("/api/openapi.json", Route::OpenApi),
    ("/api/v1/guests", Route::Guests),
    ("/api/v1/guests/me", Route::GuestsMe),
    ("/api/v1/rooms/{room}", Route::ApiRoom),
    ("/api/v1/rooms/{room}/messages", Route::ApiMessages),
    ("/api/v1/rooms/{room}/messages/{position}", Route::ApiMessage),
    ("/api/v1/rooms/{room}/messages/{position}/reactions/{reaction}", Route::ApiReaction),
    ("/api/v1/rooms/{room}/typing", Route::ApiTyping),
    ("/api/v1/rooms/{room}/events", Route::ApiEvents),
    (BACKUP_PATH, Route::AdminBackup),
    ("/admin/rooms", Route::AdminRooms),
    ("/admin/rooms/{room}/closed", Route::AdminClosed),
    ("/admin/rooms/{room}/messages", Route::AdminMessages),
    ("/admin/bans", Route::AdminBans),
    ("/admin/bans/{author}", Route::AdminBan),
];

static ROUTER: LazyLock<Router<Route>> = LazyLock::new(|| {
    let mut router = Router::new();
    for (path, route) in ROUTES {
        router.insert(path, route).expect("the table has no two paths in conflict");
    }
    router
});

impl Route {
    /// The methods it takes, as the `Allow` header lists them. HEAD goes where GET does.
    fn allow(self) -> &'static str {
        match self {
            Self::Home
            | Self::Room
            | Self::Asset
            | Self::Favicon
            | Self::Healthz
            | Self::Readyz
            | Self::Metrics
            | Self::AdminBackup
            | Self::AdminRooms
            | Self::AdminBans => "GET, HEAD",
            Self::RoomReaction | Self::AdminClosed | Self::AdminBan => "PUT, DELETE",
            Self::ApiReaction => "PUT, DELETE, OPTIONS",
            Self::AdminMessages => "DELETE",
            Self::RoomMessages => "GET, HEAD, POST",
            Self::RoomMessage => "PATCH, DELETE",
            Self::RoomName | Self::RoomLanguage | Self::RoomTyping => "POST",
            Self::OpenApi | Self::ApiRoom | Self::ApiEvents => "GET, HEAD, OPTIONS",
            Self::Guests | Self::ApiTyping => "POST, OPTIONS",
            Self::GuestsMe => "PATCH, OPTIONS",
            Self::ApiMessages => "GET, HEAD, POST, OPTIONS",
            Self::ApiMessage => "GET, HEAD, PATCH, DELETE, OPTIONS",
        }
    }

    /// Whether nobody but the operator may use it.
    fn is_operators(self) -> bool {
        matches!(
            self,
            Self::AdminBackup
                | Self::AdminRooms
                | Self::AdminClosed
                | Self::AdminMessages
                | Self::AdminBans
                | Self::AdminBan
        )
    }

    fn takes(self, method: &Method) -> bool {
        self.allow().split(", ").any(|taken| taken == method.as_str())
    }
}

/// Answers a request that came in on a connection of `peer`.
pub async fn answer(w: &Worker, peer: IpAddr, mut req: Request) -> Response {
    let path = req.uri().path().to_owned();
    let head = http::is_head(&req);
    let admin = path.starts_with("/admin/");
    let api = admin || path.starts_with("/api/");
    let malformed = http::refuse_malformed(&req).err();
    let arrived = w.app.limits.arrive(peer, &mut req);
    let mut response = if api {
        let answered = match (&arrived, malformed) {
            (Ok(_), None) => to_api(w, req, &path).await,
            (Err(limited), _) => Err(limited.clone().into()),
            (_, Some(malformed)) => Err(malformed.into()),
        };
        let mut response = answered.unwrap_or_else(|problem| problem.response());
        if !admin {
            cors::open_to_all(&mut response);
        }
        response
    } else {
        let language = Language::of(req.headers());
        let mut response = match (&arrived, malformed) {
            (Ok(_), None) => to_page(w, req, &path).await,
            (Err(limited), _) => page::failure(language, limited.clone()),
            (_, Some(malformed)) => page::failure(language, malformed),
        };
        set(&mut response, header::CONTENT_SECURITY_POLICY, page::CONTENT_SECURITY_POLICY);
        set(&mut response, header::REFERRER_POLICY, "no-referrer");
        set(&mut response, HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        response
    };
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if head && let Body::Events(_) | Body::Chunks(_) = response.body() {
        *response.body_mut() = Body::empty();
    }
    if let (Body::Events(stream), Ok(Some(hold))) = (response.body_mut(), arrived) {
        stream.keep(hold);
    }
    w.app.metrics.answered(response.status(), problem::name_in(&response));
    response
}

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    http::set(response, name, HeaderValue::from_static(value));
}

async fn to_page(w: &Worker, req: Request, path: &str) -> Response {
    let language = Language::of(req.headers());
    let missing = |why| page::error(language, StatusCode::NOT_FOUND, &why);
    let Ok(found) = ROUTER.at(path) else { return missing(LocalizedMessage::of("no-page")) };
    let (route, params) = (*found.value, found.params);
    let in_room = matches!(
        route,
        Route::Room
            | Route::RoomMessages
            | Route::RoomMessage
            | Route::RoomReaction
            | Route::RoomName
            | Route::RoomLanguage
            | Route::RoomTyping
    );
    let room = room(params.get("room"));
    if in_room && room.is_none() {
        let rule = LocalizedMessage::of("room-name-rule").with_number("limit", ROOM_NAME_BYTES_MAX);
        return missing(rule.with_text("names", &RESERVED_LIST));
    }
    if !route.takes(req.method()) {
        let allow = route.allow();
        let why = LocalizedMessage::of("wrong-method").with_text("methods", allow);
        let mut response = page::error(language, StatusCode::METHOD_NOT_ALLOWED, &why);
        set(&mut response, header::ALLOW, allow);
        return response;
    }
    let position = params.get("position").and_then(|position| position.parse().ok());
    match (route, room) {
        (Route::Room, Some(room)) => page::room(w, &req, &room).await,
        (Route::RoomMessages, Some(room)) if req.method() == Method::POST => page::send(w, req, &room).await,
        (Route::RoomMessages, Some(room)) => page::stream(w, &req, &room).await,
        (Route::RoomMessage, Some(room)) => match position {
            Some(position) if req.method() == Method::PATCH => page::edit(w, req, &room, position).await,
            Some(position) => page::delete(w, req, &room, position).await,
            None => missing(LocalizedMessage::of("wrong-message")),
        },
        (Route::RoomReaction, Some(room)) => match position {
            Some(position) => {
                let reaction = params.get("reaction").unwrap_or_default();
                page::react(w, &req, &room, position, reaction).await
            }
            None => missing(LocalizedMessage::of("wrong-message")),
        },
        (Route::RoomName, Some(room)) => page::name(w, req, &room).await,
        (Route::RoomLanguage, Some(room)) => page::language(w, req, &room).await,
        (Route::RoomTyping, Some(room)) => page::typing(w, &req, &room),
        (Route::Home, _) => page::home(),
        (Route::Asset, _) => page::asset(params.get("path").unwrap_or_default(), &req),
        (Route::Favicon, _) => page::asset("favicon.ico", &req),
        (Route::Healthz, _) => probes::healthz(),
        (Route::Readyz, _) => probes::readyz(w),
        (Route::Metrics, _) => probes::metrics(w),
        // Routes of the API are matched in `to_api` alone, since their paths begin with `/api/`.
        _ => missing(LocalizedMessage::of("no-page")),
    }
}

async fn to_api(w: &Worker, req: Request, path: &str) -> Answer {
    let unknown = || {
        let detail = format!("there is nothing at {path}; /api/openapi.json lists what there is");
        Problem::new(Kind::UnknownPath, detail)
    };
    let found = ROUTER.at(path).map_err(|_| unknown())?;
    let (route, params) = (*found.value, found.params);
    let allow = HeaderValue::from_static(route.allow());
    if req.method() == Method::OPTIONS && route.takes(&Method::OPTIONS) {
        return Ok(cors::preflight(&allow));
    }
    let room = || room(params.get("room")).ok_or_else(|| Problem::new(Kind::InvalidRoom, ROOM_RULE));
    let position =
        || position("a message's position in the path", params.get("position").unwrap_or_default());
    let reaction = || params.get("reaction").unwrap_or_default();
    let author = || params.get("author").unwrap_or_default();
    if !route.takes(req.method()) {
        let detail = format!("{path} does not take {}; it takes {}", req.method(), route.allow());
        let mut response = Problem::new(Kind::WrongMethod, detail).response();
        http::set(&mut response, header::ALLOW, allow);
        return Ok(response);
    }
    if route.is_operators() {
        operator::authorize(&w.app, req.headers())?;
    }
    match (route, req.method()) {
        (Route::OpenApi, _) => Ok(openapi::document()),
        (Route::Guests, _) => guests::create(w, req).await,
        (Route::GuestsMe, _) => guests::rename(w, req).await,
        (Route::ApiRoom, _) => rooms::overview(w, &room()?).await,
        (Route::ApiTyping, _) => rooms::typing(w, &req, &room()?),
        (Route::ApiEvents, _) => Ok(events::follow(w, &req, &room()?).await),
        (Route::ApiMessages, &Method::POST) => messages::post(w, req, &room()?).await,
        (Route::ApiMessages, _) => messages::page(w, &req, &room()?).await,
        (Route::ApiMessage, &Method::PATCH) => messages::edit(w, req, &room()?, position()?).await,
        (Route::ApiMessage, &Method::DELETE) => messages::delete(w, req, &room()?, position()?).await,
        (Route::ApiMessage, _) => messages::get(w, &room()?, position()?).await,
        (Route::ApiReaction, _) => reactions::set(w, &req, &room()?, position()?, reaction()).await,
        (Route::AdminBackup, _) => Ok(backup::send(w)),
        (Route::AdminRooms, _) => Ok(moderate::closed_rooms(w)),
        (Route::AdminClosed, &Method::PUT) => moderate::close(w, &req, &room()?).await,
        (Route::AdminClosed, _) => moderate::open(w, &req, &room()?).await,
        (Route::AdminMessages, _) => moderate::empty(w, &req, &room()?).await,
        (Route::AdminBans, _) => Ok(moderate::bans(w)),
        (Route::AdminBan, &Method::PUT) => moderate::ban(w, &req, author()).await,
        (Route::AdminBan, _) => moderate::unban(w, &req, author()).await,
        // A page's route reached by a path under `/api/`, as if `api` were a room.
        _ => Err(unknown()),
    }
}

/// The paths and methods for programs, for the test that holds their description against them.
#[cfg(test)]
pub fn api_methods() -> impl Iterator<Item = (&'static str, &'static str)> {
    let api = ROUTES.into_iter().filter(|(path, _)| path.starts_with("/api/") || path.starts_with("/admin/"));
    api.flat_map(|(path, route)| route.allow().split(", ").map(move |method| (path, method)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::RESERVED;

    #[test]
    fn only_the_operator_passes_at_the_operators_routes() {
        for (path, route) in ROUTES {
            assert_eq!(route.is_operators(), path.starts_with("/admin/"), "{path}");
        }
    }

    #[test]
    fn every_first_part_of_a_path_is_reserved() {
        for (path, _) in ROUTES {
            let first = path.split('/').nth(1).unwrap_or_default();
            // A dot is in no room's name, and an empty first part is none.
            let outside = first.is_empty() || first.contains(['{', '.']);
            assert!(outside || RESERVED.contains(&first), "{path}");
        }
        for name in RESERVED {
            assert!(room(Some(name)).is_none() && ROOM_RULE.contains(name), "{name}");
        }
    }
}
