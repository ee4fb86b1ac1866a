//! Invitations to a room: made and taken back by its owners, used by whoever has the secret.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use millchat::{Author, RoomName, Timestamp};

use super::input;
use super::members::given;
use super::room_shapes::{Accepted, Invitation, Invitations, NewInvitation, NewInvitationMade, Secret};
use crate::access::authority::Allowed;
use crate::access::decide::Standing;
use crate::access::denial::Denial;
use crate::access::invitations::{self, USES_MAX, UseError};
use crate::access::role::Role;
use crate::access::{deeds, kept};
use crate::admin::operator::doer;
use crate::app::Worker;
use crate::body::NAME_BYTES_MAX;
use crate::http;
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;
use crate::schema::{Span, Time};

/// Shortest and longest time for which an invitation is good, and that of one that does not say.
const TIMES: [Duration; 3] =
    [Duration::from_hours(1), Duration::from_hours(30 * 24), Duration::from_hours(7 * 24)];

/// Make an invitation: a link that gives whoever has it a role, not above your own.
pub async fn invite(call: Call<'_>, room: RoomName) -> Answer {
    let by = doer(&call)?;
    let Call { w, req, allowed, .. } = call;
    let origin = origin(w, req.headers());
    let new = input::read(w, req, NAME_BYTES_MAX).await?;
    Ok(http::json(StatusCode::CREATED, &make(w, &allowed, by, (&room, &origin), new).await?))
}

/// Returns the origin of the chat, as links name it: the public one, or that by which the request came.
pub fn origin(w: &Worker, headers: &HeaderMap) -> String {
    if let Some(public) = &w.app.public_url {
        return public.origin().to_owned();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let scheme = if w.app.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{host}")
}

/// Makes an invitation to a room, with a link at this origin.
pub async fn make(
    w: &Worker,
    allowed: &Allowed,
    by: Author,
    (room, origin): (&RoomName, &str),
    NewInvitation { role, expires_in, uses }: NewInvitation,
) -> Result<NewInvitationMade, Problem> {
    let role = given(&role)?;
    let uses = uses.unwrap_or(1);
    if !(1..=USES_MAX).contains(&uses) {
        return Err(Problem::new(Kind::InvalidBody, format!("`uses` is 1 to {USES_MAX}")));
    }
    let until = Timestamp(Timestamp::now().0 + time(expires_in)?.as_millis() as u64);
    if Some(role) > w.app.authority.confirm(allowed, room)?.role {
        return Err(Problem::new(Kind::NeedsRole, "nobody gives a higher role than their own"));
    }
    deeds::refuse_begun(&w.app.authority, room, invitations::KIND, invitations::INVITATIONS_MAX)?;
    tracing::info!(%room, by = %by.name, role = role.as_str(), uses, deed = "invite", "moderation");
    let (id, secret) = invitations::invite(&w.app.chat, room, (role, uses), until, by).await?;
    w.app.metrics.moderated("invite");
    let url = format!("{origin}/{room}#invite={secret}");
    Ok(NewInvitationMade { id, url, expires_at: Time(until) })
}

fn time(span: Option<Span>) -> Result<Duration, Problem> {
    let [least, most, default] = TIMES;
    let Span(time) = span.unwrap_or(Span(default));
    if !(least..=most).contains(&time) {
        return Err(Problem::new(Kind::InvalidBody, "`expires_in` is 1h at least, 30d at most"));
    }
    Ok(time)
}

/// The invitations of a room.
pub fn list(call: &Call<'_>, room: &RoomName) -> Answer {
    call.w.app.limits.read(&call.req)?;
    let invitations = invitations::list(&call.w.app.chat, room);
    let invitations = invitations.iter().map(Invitation::of).collect();
    Ok(http::json(StatusCode::OK, &Invitations { invitations }))
}

/// Take an invitation back.
pub async fn take_back(call: Call<'_>, room: RoomName) -> Answer {
    let (w, by, id) = (call.w, doer(&call)?, call.param("id"));
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Problem::new(
            Kind::MalformedParameter,
            "the last part of the path is the id of an invitation",
        ));
    }
    tracing::info!(%room, by = %by.name, deed = "uninvite", "moderation");
    invitations::take_back(&w.app.chat, &room, id, by).await?;
    w.app.metrics.moderated("uninvite");
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// Use an invitation. Whoever has its role already, or a higher one, uses nothing of it.
pub async fn accept(call: Call<'_>, room: RoomName) -> Answer {
    let Call { w, req, allowed, .. } = call;
    let author = allowed.caller.author()?.clone();
    w.app.limits.message(&author, &req)?;
    let Secret { secret } = input::read(w, req, NAME_BYTES_MAX).await?;
    let standing = w.app.authority.confirm(&allowed, &room)?;
    let role = use_once(w, &room, (author, standing), &secret).await?.as_str();
    Ok(http::json(StatusCode::OK, &Accepted { role }))
}

/// Uses an invitation for somebody who stands so, and returns the role that they have then.
pub async fn use_once(
    w: &Worker,
    room: &RoomName,
    (author, standing): (Author, Standing),
    secret: &str,
) -> Result<Role, Problem> {
    if standing.is_banned {
        return Err(Denial::Banned.into());
    }
    let unknown = || Problem::new(Kind::UnknownInvitation, "there is no such invitation, or no longer");
    let offered = invitations::role(&w.app.chat, room, secret).ok_or_else(unknown)?;
    if let Some(role) = standing.role.filter(|role| *role >= offered) {
        return Ok(role);
    }
    deeds::refuse_too_many_roles(&w.app.chat, room, &author.id)?;
    deeds::refuse_begun(&w.app.authority, room, kept::ROLE, deeds::ROLES_MAX)?;
    let (chat, room, secret) = (w.app.chat.clone(), room.clone(), secret.to_owned());
    // In a task of its own: if its user goes away meanwhile, the invitation is not used for nothing.
    let used = tokio::spawn(async move {
        let role = invitations::take(&chat, &room, &secret).await?;
        let (id, name) = (author.id.clone(), author.name.clone());
        // While it was used, an owner may have given them more.
        deeds::raise(&chat, &room, (&id, &name), role, author).await.map_err(UseError::Send)
    });
    match used.await.map_err(|_| Problem::new(Kind::Unavailable, "the server is about to end"))? {
        Ok(role) => Ok(role),
        Err(UseError::Unknown) => Err(unknown()),
        Err(UseError::Send(error)) => Err(error.into()),
    }
}
