//! The way back from a provider.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION, SET_COOKIE};

use super::failure::{self, Failed};
use crate::app::Worker;
use crate::avatars;
use crate::http::{self, Response};
use crate::identity::NewUser;
use crate::page::error;
use crate::route_table::Call;
use crate::sign_in::{Answer, Login, Pending, SignInError, SignedIn, Target};

/// The label of the metric for a sign-in that went well.
const OUTCOME_DONE: &str = "done";

/// `GET /auth/{login}/callback`: begins the session of who came back, and leads to where they wanted to go.
pub async fn callback(call: Call<'_>) -> Response {
    let (w, language, name) = (call.w, call.language, call.param("login"));
    let Some(login) = w.app.logins.get(name) else {
        return failure::page(language, Failed::NoLogin, None);
    };
    if let Err(limited) = w.app.limits.login(&call.req) {
        return error::of(language, limited);
    }
    let query = |name| http::query(&call.req, name);
    let state = query("state");
    let answer = Answer { code: query("code"), iss: query("iss"), error: query("error") };
    let identity = &w.app.identity;
    let pending = Pending::come_back(identity, call.req.headers(), name, state.as_deref());
    // Used up, however it ends.
    let forget = pending.as_ref().ok().map(|pending| Pending::forget(identity, &pending.state));
    let target = pending.as_ref().map_or_else(|_| Target::of(None), Pending::target);
    let finished = match pending {
        Ok(pending) => finish(w, login, &pending, &answer).await,
        Err(error) => Err(error),
    };
    let mut response = match finished {
        Ok((new, picture)) => match identity.begin_user(call.req.headers(), new).await {
            Ok((person, cookie)) => {
                fetch_picture(w, login, &person.author.id, picture);
                w.app.metrics.signed_in(name, OUTCOME_DONE);
                // By which the settings name somebody; it is in no answer.
                let sub = person.sub.as_deref().unwrap_or_default();
                tracing::info!(login = name, sub, author = %person.author.id, "somebody signed in");
                let mut response = http::empty(StatusCode::SEE_OTHER);
                let place = HeaderValue::from_str(&target.to_header());
                http::set(&mut response, LOCATION, place.unwrap_or(HeaderValue::from_static("/")));
                response.headers_mut().append(SET_COOKIE, cookie);
                response
            }
            Err(full) => {
                w.app.metrics.signed_in(name, "not-stored");
                tracing::warn!(login = name, error = %full, "a sign-in was not stored");
                error::of(language, full)
            }
        },
        Err(error) => failure::told(w, language, (name, &target), &error),
    };
    if let Some(forget) = forget {
        response.headers_mut().append(SET_COOKIE, forget);
    }
    response
}

async fn finish(
    w: &Worker,
    login: &Login,
    pending: &Pending,
    answer: &Answer,
) -> Result<(NewUser, Option<String>), SignInError> {
    // Before anything is asked: of two that come back at once, one goes on.
    if !w.app.logins.used.is_first(&pending.state) {
        return Err(SignInError::Expired("this sign-in has come back before"));
    }
    let signed_in = login.finish(&w.app.logins.outgoing, pending, answer).await?;
    let SignedIn { login, sub, name, groups, picture } = signed_in;
    Ok((NewUser { login, sub, name, groups }, picture))
}

/// Fetches the picture of a user in the background; nobody waits for it.
fn fetch_picture(w: &Worker, login: &Login, id: &Arc<str>, address: Option<String>) {
    let hosts = login.settings.avatar_hosts.clone();
    let Some(address) = address.filter(|_| !hosts.is_empty()) else {
        w.app.avatars.set(id, None);
        return;
    };
    let (app, id) = (Arc::clone(&w.app), Arc::clone(id));
    // It ends within its time, and each takes one of the places for calls.
    tokio::spawn(async move {
        let image = avatars::fetch(&app.logins.outgoing, &hosts, &address).await;
        app.avatars.set(&id, image);
    });
}
