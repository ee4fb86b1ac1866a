//! Names in paths: what a room may be called, and which first parts of paths are something else than a room.

use std::borrow::Cow;
use std::sync::LazyLock;

use millchat::RoomName;

use crate::identity::API_TOKEN_FORM;

/// The beginning of the operator's paths.
pub const OPERATORS: &str = "/admin/";
/// The beginning of the addresses of incoming webhooks; the token of one follows.
pub const HOOKS: &str = "/api/v1/hooks/";
/// The beginning of the paths of panels: rooms in frames of other sites.
pub const PANELS: &str = "/embed/";
/// The path of signing in, and the beginning of all paths of sessions at the page.
const AUTH: &str = "/auth";
/// The end of a sign-in in a popup.
pub const SIGNED_IN_PATH: &str = "/auth/done";
/// The path of a backup.
pub const BACKUP_PATH: &str = "/admin/backup";
/// The path of the metrics.
pub const METRICS_PATH: &str = "/metrics";
/// The path that ends a session at the page.
pub const SIGN_OUT_PATH: &str = "/auth/logout";
/// The probes.
pub const PROBES: [&str; 3] = ["/healthz", "/readyz", METRICS_PATH];
/// First parts of paths that are, or will be, something else than a room.
pub const RESERVED: [&str; 11] =
    ["admin", "api", "assets", "auth", "avatars", "demo", "embed", "healthz", "metrics", "new", "readyz"];
/// The same, for people.
pub static RESERVED_LIST: LazyLock<String> = LazyLock::new(|| RESERVED.join(", "));
/// The rule, for programs.
pub const ROOM_RULE: &str = "A room's name is 1 to 64 of A-Z a-z 0-9 _ -, and none of admin, api, assets, \
    auth, avatars, demo, embed, healthz, metrics, new, readyz.";

/// Returns true for the paths of signing in and out.
pub fn is_auth(path: &str) -> bool {
    path.strip_prefix(AUTH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The room a path names, unless the name is outside the rule or reserved.
pub fn room(name: Option<&str>) -> Option<RoomName> {
    name.filter(|name| !RESERVED.contains(name)).and_then(|name| RoomName::new(name).ok())
}

/// Returns a path as errors may name it: up to an API token in it.
pub fn shown(path: &str) -> Cow<'_, str> {
    match path.split_once(API_TOKEN_FORM) {
        Some((before, _)) => format!("{before}{API_TOKEN_FORM}…").into(),
        None => path.into(),
    }
}

/// Returns true if a GET of this path is answered by a stream that does not end, if it is answered at all.
pub fn is_stream(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').skip(1).take(6).collect();
    match parts[..] {
        // The panel of a room of that name.
        ["embed", _] => false,
        ["api", "v1", "rooms", _, "events"] | [_, "messages"] | ["embed", _, "messages"] => true,
        _ => false,
    }
}

/// Returns the room of a panel's path.
pub fn room_of_panel(path: &str) -> Option<RoomName> {
    room(path.strip_prefix(PANELS)?.split('/').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tricks_with_paths_name_no_room() {
        for name in ["..%2f", "..", "%2e%2e", "a%20b", "", "a.b", "caf\u{e9}"] {
            assert!(room(Some(name)).is_none(), "{name}");
        }
        assert!(room(Some("Lobby_2-x")).is_some());
    }

    #[test]
    fn the_panel_of_a_room_that_is_called_messages_is_no_stream() {
        for (path, room, expected) in [
            ("/embed/messages", Some("messages"), false),
            ("/embed/messages/messages", Some("messages"), true),
            ("/embed/lobby", Some("lobby"), false),
            ("/embed/embed/name", None, false),
            ("/lobby/messages", None, true),
        ] {
            assert_eq!(is_stream(path), expected, "{path}");
            assert_eq!(room_of_panel(path).as_ref().map(RoomName::as_str), room, "{path}");
        }
    }
}
