//! Path to handler, and nothing about what handlers do.
//!
//! Each row says which action it is. Before a handler is called, [`crate::access`] decides if whoever asks may do
//! it: who asks of the page is in its cookie, who asks of the API or of a panel in its bearer token.
//!
//! Every path is once in the table of its surface. A path that is in no table is a 404, a method that is not
//! taken a 405 that says which are; under `/api/` as a problem document, elsewhere as a page. Headers that
//! every answer of a kind carries are added here too.

use std::sync::LazyLock;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use millchat::{ROOM_NAME_BYTES_MAX, RoomName};

use crate::access::authority::Allowed;
use crate::access::decide::Caller;
use crate::access::denial::Denial;
use crate::access::role::Role;
use crate::access::table::{Action, allows};
use crate::admin::operator;
use crate::api::cors;
use crate::api::input;
use crate::api::ticket::TICKET;
use crate::app::Worker;
use crate::client_ip::{ListenerKind, Peer, client};
use crate::http::{self, Body, Request, Response};
use crate::identity::TokenError;
use crate::limit::Limited;
use crate::page::denied;
use crate::page::error::{self, Localize as _};
use crate::page::form;
use crate::page::i18n::{Language, LocalizedMessage};
use crate::page::layout::{AUTH_CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use crate::page::look::Look;
use crate::page::panel;
use crate::paths::{self, HOOKS, METRICS_PATH, OPERATORS, PROBES, RESERVED_LIST, ROOM_RULE, room};
use crate::problem::{self, Answer, Kind, Problem};
use crate::room_address::Surface;
use crate::route_table::{Call, Decision, Handler, Route, Table};
use crate::{admin, api, cross_site, follow, framing, loose_paths, page, refusal_log, tls, unsent};

static API: LazyLock<Table<Answer>> = LazyLock::new(|| Table::new(api::routes::routes(), true));
static ADMIN: LazyLock<Table<Answer>> = LazyLock::new(|| Table::new(admin::routes::routes(), false));
static PAGE: LazyLock<Table<Response>> = LazyLock::new(|| Table::new(page::routes::routes(), false));

/// Answers a request that came in on a connection of `peer`. `refused`: on one that is too many.
pub async fn answer(w: &Worker, peer: Peer, refused: Option<Limited>, mut req: Request) -> Response {
    if peer.listener == ListenerKind::Redirect
        && let Some(public_url) = &w.app.public_url
    {
        return tls::redirect(public_url, &req);
    }
    let path = loose_paths::decoded(req.uri().path()).into_owned();
    // Nobody can know whom they talk to until there is a certificate: then only probes are answered.
    let is_unproven = w.app.tls.as_ref().is_some_and(|tls| !tls.has_certificate());
    if is_unproven && peer.listener == ListenerKind::Public && !PROBES.contains(&path.as_str()) {
        return http::text(StatusCode::SERVICE_UNAVAILABLE, "no-certificate\n");
    }
    let head = http::is_head(&req);
    let admin = path.starts_with(OPERATORS);
    // The page is for people, and not at the admin listener.
    let page = peer.listener == ListenerKind::Public || PROBES.contains(&path.as_str());
    let api = admin || path.starts_with("/api/") || !page;
    let malformed = http::refuse_malformed(&req).err();
    let arrived = w.app.limits.arrive(peer, &mut req);
    let arrived = match refused {
        Some(limited) => Err(limited),
        None => arrived,
    };
    let client = client(&req);
    let surface = Surface::of(&path);
    let ancestors = (surface == Surface::Panel).then(|| ancestors(w, &req, &path));
    let is_stream = req.method() == Method::GET && paths::is_stream(&path);
    // It asks for nothing and costs nothing. Refused, a page of another origin could not even read why the
    // request behind it is.
    let is_preflight = req.method() == Method::OPTIONS && api && !admin;
    // The body of an answer to HEAD goes nowhere.
    let count = |answer| if head { Ok(answer) } else { unsent::count(&w.app.unsent, client.share(), answer) };
    let mut response = if api {
        let answered = match (&arrived, malformed) {
            (Err(limited), _) if is_stream => Ok(follow::refuse(limited)),
            (Err(limited), _) if !is_preflight => Err(limited.clone().into()),
            (_, Some(malformed)) => Err(malformed.into()),
            (_, None) => {
                // Elsewhere there is nothing at the operator's paths.
                let table = if admin && operator::is_served(&w.app, &req) { &ADMIN } else { &API };
                to_programs(w, req, &path, table).await
            }
        };
        let answered = answered.and_then(|answer| Ok(count(answer)?));
        let mut response = answered.unwrap_or_else(|problem| problem.response());
        if !admin {
            to_strangers(&path, &mut response);
        }
        response
    } else {
        let (language, look) = match surface {
            Surface::Page => (Language::of(req.headers()), None),
            Surface::Panel => (panel::language(&req), Some(Look::of(&req))),
        };
        let shown = |response| error::shown(language, look.as_ref(), response);
        // A browser takes no policy for openers from a connection that it does not trust, and complains; it
        // sends this header over no such connection.
        let is_trusted = req.headers().contains_key("sec-fetch-site");
        let mut response = match (&arrived, malformed) {
            (Ok(_), None) => to_page(w, req, &path, (language, surface)).await,
            (Err(limited), _) if is_stream => follow::refuse(limited),
            (Err(limited), _) => error::of(language, limited.clone()),
            (_, Some(malformed)) => error::of(language, malformed),
        };
        response = count(shown(response)).unwrap_or_else(|full| shown(error::of(language, full)));
        if let Some(ancestors) = &ancestors {
            panel::set_headers(&mut response, ancestors);
        }
        let is_auth = paths::is_auth(&path);
        let policy = if is_auth { &AUTH_CONTENT_SECURITY_POLICY } else { CONTENT_SECURITY_POLICY };
        // A picture has one of its own.
        if !response.headers().contains_key(header::CONTENT_SECURITY_POLICY) {
            set(&mut response, header::CONTENT_SECURITY_POLICY, policy);
        }
        if surface == Surface::Page {
            set(&mut response, header::REFERRER_POLICY, REFERRER_POLICY);
        }
        if is_auth {
            set(&mut response, header::CACHE_CONTROL, "no-store");
        }
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        if is_trusted && surface == Surface::Page && !response.headers().contains_key(&opener) {
            // With `same-origin` a popup in which somebody signs in would lose the page that opened it.
            let policy = if is_auth { "unsafe-none" } else { "same-origin" };
            set(&mut response, opener, policy);
        }
        response
    };
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    if peer.listener == ListenerKind::Public
        && !is_unproven
        && let Some(hsts) = &w.app.hsts
    {
        http::set(&mut response, header::STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
    if head && let Body::Events(_) | Body::Chunks(_) = response.body() {
        *response.body_mut() = Body::empty();
    }
    if let (Body::Events(stream), Ok(Some(permit))) = (response.body_mut(), arrived) {
        stream.keep(permit);
    }
    let name = problem::name_in(&response);
    // A stream that is refused has a status like any other.
    let limited = name == Some(Kind::RateLimited.name());
    if limited || refusal_log::is_refusal(response.status()) {
        w.app.refused.refused(client.counted(), name.unwrap_or("refused"));
    }
    w.app.metrics.answered(response.status(), name);
    response
}

/// Adds what every answer of the API has, to any site's pages.
fn to_strangers(path: &str, response: &mut Response) {
    cors::open_to_all(response);
    if path.starts_with(HOOKS) {
        // The address is a secret, which a browser that shows the answer tells nobody.
        set(response, header::REFERRER_POLICY, "no-referrer");
    }
}

/// Returns the pages that may show a panel.
fn ancestors(w: &Worker, req: &Request, path: &str) -> String {
    let host = http::query(req, framing::HOST);
    w.app.framing.load().ancestors(paths::room_of_panel(path).as_ref(), host.as_deref())
}

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    http::set(response, name, HeaderValue::from_static(value));
}

async fn to_page(
    w: &Worker,
    req: Request,
    path: &str,
    (language, surface): (&'static Language, Surface),
) -> Response {
    let missing = |why| error::missing(language, &why, &loose_paths::meant(path));
    if path == METRICS_PATH && !operator::is_served(&w.app, &req) {
        return missing(LocalizedMessage::of("no-page"));
    }
    let Some((resource, params)) = PAGE.at(path) else {
        return elsewhere(path, req.uri().query())
            .unwrap_or_else(|| missing(LocalizedMessage::of("no-page")));
    };
    let room = room(params.get("room"));
    if resource.is_in_room() && room.is_none() {
        let rule = LocalizedMessage::of("room-name-rule").with_number("limit", ROOM_NAME_BYTES_MAX);
        return missing(rule.with_text("names", RESERVED_LIST.as_str()));
    }
    // A cookie that is used outlives its year.
    let has_cookies = resource.is_in_room() && surface == Surface::Page;
    let renewed = if has_cookies { page::renewed_cookies(w, req.headers()) } else { Vec::new() };
    let method = form::method(&req);
    let Some(route) = resource.route(&method) else {
        let why = LocalizedMessage::of("wrong-method").with_text("methods", resource.allow());
        let mut response = error::page(language, StatusCode::METHOD_NOT_ALLOWED, &why);
        set(&mut response, header::ALLOW, resource.allow());
        return response;
    };
    let position = params.get("position").and_then(|position| position.parse().ok());
    // What anybody may send, and is no right in a room, is refused by its handler, in its own way.
    if !req.method().is_safe()
        && !allows(None, route.2)
        && let Err(foreign) = cross_site::refuse_write(req.headers(), w.app.public_url.as_ref())
    {
        return error::page(language, StatusCode::FORBIDDEN, &foreign.localize());
    }
    let decided = match &room {
        None => Ok(Allowed::anything()),
        Some(room) => w.app.authority.decide(visitor(w, &req, surface).await, room, route.2),
    };
    let (allowed, denied) = match decided {
        Ok(allowed) => (allowed, None),
        Err((caller, denial)) => (Allowed::outside(caller, route.2), Some(denial)),
    };
    let call = Call { w, req, allowed: allowed.clone(), params, language, surface };
    let mut response = match (&route.3, room, position, denied) {
        (Handler::Plain(answer), ..) => answer(call).await,
        (Handler::Following(answer), Some(room), _, denied) => {
            answer(call, room, denied.map_or(Ok(allowed), Err)).await
        }
        (_, Some(room), _, Some(denial)) => denied::answer(&call, &room, &denial),
        (Handler::InRoom(answer), Some(room), ..) => answer(call, room).await,
        (Handler::AtMessage(answer), Some(room), Some(position), _) => answer(call, room, position).await,
        (Handler::AtMessage(_), ..) => missing(LocalizedMessage::of("wrong-message")),
        (Handler::InRoom(_) | Handler::Following(_), None, ..) => missing(LocalizedMessage::of("no-page")),
    };
    if !response.headers().contains_key(header::SET_COOKIE) {
        for cookie in renewed {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

/// Leads from a path with a slash too many to the page that it means, if there is one.
fn elsewhere(path: &str, query: Option<&str>) -> Option<Response> {
    let mut tidied = loose_paths::tidied(path)?;
    let (resource, params) = PAGE.at(&tidied)?;
    if resource.is_in_room() && room(params.get("room")).is_none() {
        return None;
    }
    if let Some(query) = query {
        tidied.push('?');
        tidied.push_str(query);
    }
    // It begins with one slash, so it leads to no other host.
    HeaderValue::from_bytes(tidied.as_bytes()).ok().map(http::same_as)
}

async fn to_programs(w: &Worker, req: Request, path: &str, table: &'static Table<Answer>) -> Answer {
    w.app.identity.prepare(req.headers()).await;
    let Some((resource, params)) = table.at(path) else {
        let meant = loose_paths::tidied(path).filter(|tidied| table.at(tidied).is_some());
        let meant =
            meant.map_or(String::new(), |tidied| format!(", did you mean {}?", paths::shown(&tidied)));
        let path = paths::shown(path);
        let detail = format!("there is nothing at {path}{meant}; /api/openapi.json lists what there is");
        return Err(Problem::new(Kind::UnknownPath, detail));
    };
    let allow = HeaderValue::from_static(resource.allow());
    if table.preflight && req.method() == Method::OPTIONS {
        return Ok(cors::preflight(&allow, req.headers()));
    }
    let Some(route) = resource.route(req.method()) else {
        let path = paths::shown(path);
        let detail = format!("{path} does not take {}; it takes {}", req.method(), resource.allow());
        let mut response = Problem::new(Kind::WrongMethod, detail).response();
        http::set(&mut response, header::ALLOW, allow);
        return Ok(response);
    };
    let is_operators = !allows(Some(Role::Owner), route.2);
    let outside = match &route.3 {
        _ if is_operators => Some(Allowed::outside(operator::caller(&w.app, &req, route.2).await?, route.2)),
        Handler::Plain(_) => Some(Allowed::anything()),
        _ => None,
    };
    let (language, surface) = (Language::english(), Surface::Page);
    if let (Handler::Plain(answer), Some(allowed)) = (&route.3, &outside) {
        return answer(Call { w, req, allowed: allowed.clone(), params, language, surface }).await;
    }
    let room = room(params.get("room")).ok_or_else(|| Problem::new(Kind::InvalidRoom, ROOM_RULE))?;
    let decided = match outside {
        Some(allowed) => Ok(allowed),
        None => match of_ticket(w, &req, &room, route) {
            Some(decided) => decided,
            None => sender(w, &req, &room, route.2).await?,
        },
    };
    if let Handler::Following(answer) = route.3 {
        let call = Call { w, req, allowed: Allowed::anything(), params, language, surface };
        return answer(call, room, decided).await;
    }
    let call = Call { w, req, allowed: decided?, params, language, surface };
    match route.3 {
        Handler::Plain(answer) => answer(call).await,
        Handler::InRoom(answer) => answer(call, room).await,
        Handler::AtMessage(answer) => {
            let position = input::position("a message's position in the path", call.param("position"))?;
            answer(call, room, position).await
        }
        Handler::Following(answer) => {
            let decided = Ok(call.allowed.clone());
            answer(call, room, decided).await
        }
    }
}

/// Returns whoever asks of the page, or of a panel. A page of another site can make a browser come here,
/// which then is nobody in what it reads; what it writes is refused. A page around a panel cannot have its
/// token sent.
async fn visitor(w: &Worker, req: &Request, surface: Surface) -> Caller {
    Caller::of(match surface {
        Surface::Page => w.app.identity.visitor(req.headers()).ok_or(TokenError::Missing),
        Surface::Panel => {
            w.app.identity.prepare(req.headers()).await;
            w.app.identity.bearer(req.headers())
        }
    })
}

/// Decides about a stream of the API whose address has a ticket. `None`: the request has none, or is for something
/// else.
fn of_ticket(w: &Worker, req: &Request, room: &RoomName, route: &Route<Answer>) -> Option<Decision> {
    let Handler::Following(_) = route.3 else { return None };
    let opened = w.app.identity.open_ticket(&http::query(req, TICKET)?);
    // Also where everybody may read: whoever sends it takes one room for another.
    if opened.as_ref().is_ok_and(|ticket| *ticket.room != *room.as_str()) {
        return Some(Err(Denial::Nobody(TokenError::WrongRoom)));
    }
    let caller = Caller::of(opened.map(|ticket| ticket.person));
    Some(w.app.authority.decide(caller, room, route.2).map_err(|(_, denial)| denial))
}

/// Decides about a request of the API. Where nobody else may, the operator may.
async fn sender(w: &Worker, req: &Request, room: &RoomName, action: Action) -> Result<Decision, Problem> {
    let authority = &w.app.authority;
    let caller = Caller::of(w.app.identity.bearer(req.headers()));
    let (caller, denial) = match authority.decide(caller, room, action) {
        Ok(allowed) => return Ok(Ok(allowed)),
        Err(denied) => denied,
    };
    if matches!(denial, Denial::Nobody(TokenError::Forged(_) | TokenError::Malformed(_)))
        && let Some(token) = operator::token_of(&w.app, req).await?
    {
        let caller = Caller { admin: Some(token), ..caller };
        return Ok(authority.decide(caller, room, action).map_err(|(_, denial)| denial));
    }
    Ok(Err(denial))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::paths::RESERVED;

    #[test]
    fn only_the_operator_passes_at_the_operators_routes() {
        for route in api::routes::routes().into_iter().chain(admin::routes::routes()) {
            let is_operators = !allows(Some(Role::Owner), route.2);
            assert_eq!(is_operators, route.1.starts_with("/admin/"), "{}", route.1);
        }
        assert!(page::routes::routes().iter().all(|route| allows(Some(Role::Owner), route.2)));
    }

    #[test]
    fn every_first_part_of_a_path_is_reserved() {
        let programs = api::routes::routes().into_iter().chain(admin::routes::routes()).map(|route| route.1);
        for path in programs.chain(page::routes::routes().into_iter().map(|route| route.1)) {
            let first = path.split('/').nth(1).unwrap_or_default();
            // A dot is in no room's name, and an empty first part is none.
            let outside = first.is_empty() || first.contains(['{', '.']);
            assert!(outside || RESERVED.contains(&first), "{path}");
        }
        for name in RESERVED {
            assert!(room(Some(name)).is_none() && ROOM_RULE.contains(name), "{name}");
        }
    }

    #[test]
    fn of_all_paths_that_are_routed_three_are_streams() {
        let routed = api::routes::routes().into_iter().chain(admin::routes::routes()).map(|route| route.1);
        let routed: BTreeSet<_> =
            routed.chain(page::routes::routes().into_iter().map(|route| route.1)).collect();
        let filled = |path: &str| {
            path.split('/')
                .map(|part| if part.starts_with('{') { "x" } else { part })
                .collect::<Vec<_>>()
                .join("/")
        };
        let streams: Vec<_> = routed.into_iter().filter(|path| paths::is_stream(&filled(path))).collect();
        assert_eq!(streams, ["/api/v1/rooms/{room}/events", "/embed/{room}/messages", "/{room}/messages"]);
    }

    #[test]
    fn each_surface_has_the_paths_that_are_sent_to_it() {
        assert!(api::routes::routes().iter().all(|route| route.1.starts_with("/api/")));
        assert!(admin::routes::routes().iter().all(|route| route.1.starts_with("/admin/")));
    }

    #[test]
    fn the_methods_of_a_path_follow_from_its_rows() {
        for (allow, expected) in [
            (
                API.at("/api/v1/rooms/lobby/messages").map(|found| found.0.allow()),
                "GET, HEAD, POST, DELETE, OPTIONS",
            ),
            (
                API.at("/api/v1/rooms/lobby/messages/7").map(|found| found.0.allow()),
                "GET, HEAD, PATCH, DELETE, OPTIONS",
            ),
            (ADMIN.at("/admin/rooms/lobby/messages").map(|found| found.0.allow()), "DELETE"),
            (PAGE.at("/lobby/messages").map(|found| found.0.allow()), "GET, HEAD, POST, DELETE"),
            (PAGE.at("/new").map(|found| found.0.allow()), "GET, HEAD, POST"),
        ] {
            assert_eq!(allow, Some(expected));
        }
    }
}
