//! The part of the document for the people of a room: roles, bans, invitations, flags, and what moderators do to
//! the room.

use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterIn};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::Type;

use super::operator::by;
use super::parts::{
    body_problems, gives, in_room, parameter, position, problems, query, room, takes, writing,
};
use crate::problem::Kind;

/// The paths and what they take.
pub(super) fn paths() -> Vec<(String, Vec<(HttpMethod, Operation)>)> {
    let room = "/api/v1/rooms/{room}";
    let purge = of_room("purgeRoom", "Take all messages of a room away; for its owners", "It is empty");
    let path = |behind: &str| format!("{room}{behind}");
    vec![
        (path("/closed"), vec![(HttpMethod::Put, close()), (HttpMethod::Delete, open())]),
        (path("/messages"), vec![(HttpMethod::Delete, purge)]),
        (path("/members"), vec![(HttpMethod::Get, members())]),
        (path("/members/{author}"), vec![(HttpMethod::Put, give()), (HttpMethod::Delete, take_back())]),
        (path("/authors/{author}/messages"), vec![(HttpMethod::Delete, delete_author())]),
        (path("/bans"), vec![(HttpMethod::Get, bans())]),
        (path("/bans/{author}"), vec![(HttpMethod::Put, ban()), (HttpMethod::Delete, unban())]),
        (path("/invitations"), vec![(HttpMethod::Get, invitations()), (HttpMethod::Post, invite())]),
        (path("/invitations/accept"), vec![(HttpMethod::Post, accept())]),
        (path("/invitations/{id}"), vec![(HttpMethod::Delete, uninvite())]),
        (path("/flags"), vec![(HttpMethod::Get, flags())]),
        (path("/flags/{position}"), vec![(HttpMethod::Delete, unflag())]),
        (path("/messages/{position}/flags"), vec![(HttpMethod::Post, flag())]),
    ]
}

/// Problems of something that is done to a room or to its people.
fn deed(kinds: &[Kind]) -> Vec<Kind> {
    let own = [
        Kind::InvalidRoom,
        Kind::NeedsRole,
        Kind::MalformedParameter,
        Kind::ListFull,
        Kind::RateLimited,
        Kind::OutcomeUnknown,
        Kind::Busy,
        Kind::Unavailable,
        Kind::DiskFull,
    ];
    in_room(&[kinds, &own].concat())
}

fn of_people(id: &str, summary: &str) -> OperationBuilder {
    writing(id, summary).parameter(room())
}

fn done(op: OperationBuilder, done: &str) -> OperationBuilder {
    op.response("204", ResponseBuilder::new().description(done).build())
}

fn author() -> Parameter {
    parameter("author", ParameterIn::Path, Type::String, "The author's id, percent-encoded")
}

fn after() -> Parameter {
    query("after", Type::String, "Only those after this author's id")
}

fn of_room(id: &str, summary: &str, done: &str) -> Operation {
    let op = of_people(id, summary).parameter(by()).response("200", gives(done, "Receipt"));
    problems(op, &deed(&[])).build()
}

fn close() -> Operation {
    of_room("closeRoomAsModerator", "Close a room to writing; for its moderators", "It is closed")
}

fn open() -> Operation {
    of_room("openRoomAsModerator", "Open a room to writing again; for its moderators", "It is open")
}

fn members() -> Operation {
    let op = of_people("listMembers", "The roles that were given in a room; for its moderators")
        .parameter(after())
        .response("200", gives("By author's id", "Members"));
    problems(op, &deed(&[])).build()
}

fn give() -> Operation {
    let op = of_people("giveRole", "Give somebody a role, not above your own; for the owners of the room")
        .parameter(author())
        .parameter(by())
        .request_body(Some(takes("GivenRole")));
    body_problems(done(op, "They have it"), &deed(&[Kind::InvalidName])).build()
}

fn take_back() -> Operation {
    let op = of_people("takeRole", "Take back the role that somebody was given; for the owners of the room")
        .parameter(author())
        .parameter(by());
    problems(done(op, "They have none of the room"), &deed(&[])).build()
}

fn delete_author() -> Operation {
    let op = of_people("deleteAuthorMessages", "Delete what an author wrote in a room; for its moderators")
        .description(Some(
            "One request looks at 1,000 messages at most, newest first, and deletes 100 at most. Ask again with \
             `before` until it is null.",
        ))
        .parameter(author())
        .parameter(query("before", Type::Integer, "Only messages before this position"))
        .parameter(by())
        .response("200", gives("They are deleted", "AuthorDeleted"));
    problems(op, &deed(&[Kind::LogUnreadable])).build()
}

fn bans() -> Operation {
    let op = of_people("listRoomBans", "The bans from a room; for its moderators")
        .parameter(after())
        .response("200", gives("By author's id", "RoomBans"));
    problems(op, &deed(&[])).build()
}

fn ban() -> Operation {
    let op =
        of_people("banFromRoom", "Ban somebody from a room, for good or until a time; for its moderators")
            .parameter(author())
            .parameter(by())
            .request_body(Some(takes("BanUntil")));
    body_problems(done(op, "They are banned from it"), &deed(&[])).build()
}

fn unban() -> Operation {
    let op = of_people("unbanFromRoom", "Take a ban from a room back; for its moderators")
        .parameter(author())
        .parameter(by());
    problems(done(op, "They are not banned from it"), &deed(&[])).build()
}

fn invitations() -> Operation {
    let op = of_people("listInvitations", "The invitations of a room; for its owners")
        .response("200", gives("Without their secrets", "Invitations"));
    problems(op, &deed(&[])).build()
}

fn invite() -> Operation {
    let op = of_people("invite", "Make an invitation: a link that gives whoever has it a role; for owners")
        .parameter(by())
        .request_body(Some(takes("NewInvitation")))
        .response("201", gives("The link is shown only here", "NewInvitationMade"));
    body_problems(op, &deed(&[])).build()
}

fn accept() -> Operation {
    let op = of_people("acceptInvitation", "Use an invitation, once per author")
        .request_body(Some(takes("Secret")))
        .response("200", gives("The role that you have now", "Accepted"));
    body_problems(op, &deed(&[Kind::UnknownInvitation, Kind::Banned])).build()
}

fn uninvite() -> Operation {
    let id = parameter("id", ParameterIn::Path, Type::String, "The invitation's id");
    let op = of_people("takeInvitation", "Take an invitation back; for the owners of the room").parameter(id);
    problems(done(op.parameter(by()), "Nobody can use it"), &deed(&[])).build()
}

fn flag() -> Operation {
    let op = of_people("flagMessage", "Flag a message for the moderators of its room, once")
        .parameter(position())
        .request_body(Some(takes("Reason")));
    let kinds = [Kind::UnknownMessage, Kind::MessageDeleted, Kind::Banned, Kind::LogUnreadable];
    body_problems(done(op, "They see it"), &deed(&kinds)).build()
}

fn flags() -> Operation {
    let op = of_people("listFlags", "The flags of a room; for its moderators")
        .parameter(query("after", Type::Integer, "Only those of messages after this position"))
        .response("200", gives("By message; not those of deleted ones", "Flags"));
    problems(op, &deed(&[Kind::LogUnreadable])).build()
}

fn unflag() -> Operation {
    let op = of_people("clearFlags", "Take all flags of a message away; for the moderators of the room");
    problems(done(op.parameter(position()).parameter(by()), "It has none"), &deed(&[])).build()
}
