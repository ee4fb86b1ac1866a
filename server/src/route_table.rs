//! Tables of routes: rows of a method, a path, the action that it is, and a handler. The methods that a path takes, and so
//! what is answered with 405, follow from its rows.

use std::future::ready;
use std::pin::Pin;

use hyper::Method;
use matchit::{Params, Router};
use millchat::{Position, RoomName};

use crate::access::authority::Allowed;
use crate::access::denial::Denial;
use crate::access::table::Action;
use crate::app::Worker;
use crate::http::Request;
use crate::page::i18n::Language;
use crate::room_address::Surface;

/// The methods that there are, in the order in which the `Allow` header lists them.
const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];

/// A row of a table. HEAD goes where GET does. The router decides if the action is allowed before it calls the
/// handler.
pub struct Route<R>(pub Method, pub &'static str, pub Action, pub Handler<R>);

/// An answer on its way.
pub type Answering<'a, R> = Pin<Box<dyn Future<Output = R> + 'a>>;

/// An answer that is there at once.
pub fn now<R: 'static>(answer: R) -> Answering<'static, R> {
    Box::pin(ready(answer))
}

/// A handler, by the names in its path.
pub enum Handler<R> {
    /// Neither a room nor a message.
    Plain(for<'a> fn(Call<'a>) -> Answering<'a, R>),
    /// A room, as `{room}`.
    InRoom(for<'a> fn(Call<'a>, RoomName) -> Answering<'a, R>),
    /// A message of a room, as `{room}` and `{position}`.
    AtMessage(for<'a> fn(Call<'a>, RoomName, Position) -> Answering<'a, R>),
    /// A room that is followed: a stream says itself why it is not allowed.
    Following(for<'a> fn(Call<'a>, RoomName, Decision) -> Answering<'a, R>),
}

/// The decision about a stream.
pub type Decision = Result<Allowed, Denial>;

/// A request with its context, as the router hands it to a handler.
pub struct Call<'a> {
    /// The thread that serves it.
    pub w: &'a Worker,
    /// The request itself.
    pub req: Request,
    /// The person who asks, and their standing in the room. A stream gets it by itself.
    pub allowed: Allowed,
    /// The values of the route's parameters in its path.
    pub params: Params<'a, 'a>,
    /// The language of the answer. Programs are answered in English.
    pub language: &'static Language,
    /// The surface that it is for.
    pub surface: Surface,
}

impl<'a> Call<'a> {
    /// Returns a parameter of the path, undecoded; empty when the route has none of this name.
    pub fn param(&self, name: &str) -> &'a str {
        self.params.get(name).unwrap_or_default()
    }
}

/// All that one path takes.
pub struct Resource<R> {
    routes: Vec<Route<R>>,
    allow: String,
}

impl<R> Resource<R> {
    /// The methods that it takes, as the `Allow` header lists them.
    pub fn allow(&self) -> &str {
        &self.allow
    }

    /// The route of a method.
    pub fn route(&self, method: &Method) -> Option<&Route<R>> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.routes.iter().find(|route| route.0 == method)
    }

    /// Tells if its path names a room.
    pub fn is_in_room(&self) -> bool {
        self.routes.iter().any(|route| !matches!(route.3, Handler::Plain(_)))
    }
}

/// The routes of one surface, by path.
pub struct Table<R> {
    router: Router<Resource<R>>,
    /// Pages of other origins may ask beforehand what a path takes.
    pub preflight: bool,
}

impl<R> Table<R> {
    /// A table of these rows.
    pub fn new(rows: Vec<Route<R>>, preflight: bool) -> Self {
        let mut resources: Vec<(&'static str, Vec<Route<R>>)> = Vec::new();
        for row in rows {
            match resources.iter_mut().find(|(path, _)| *path == row.1) {
                Some((_, routes)) => routes.push(row),
                None => resources.push((row.1, vec![row])),
            }
        }
        let mut router = Router::new();
        for (path, rows) in resources {
            let mut resource = Resource { routes: rows, allow: String::new() };
            let takes = |method: &&Method| {
                resource.route(method).is_some() || (preflight && *method == Method::OPTIONS)
            };
            let names: Vec<&str> = METHODS.iter().filter(takes).map(Method::as_str).collect();
            resource.allow = names.join(", ");
            router.insert(path, resource).expect("the table has no two paths in conflict");
        }
        Self { router, preflight }
    }

    /// Returns the resource at a path, with the parameters that the path has.
    pub fn at<'t, 'p>(&'t self, path: &'p str) -> Option<(&'t Resource<R>, Params<'t, 'p>)> {
        self.router.at(path).ok().map(|found| (found.value, found.params))
    }
}
