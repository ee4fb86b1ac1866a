//! The generated page `docs/access.md`: every route, and what it needs by the code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::super::role::Role;
use super::super::table::{Action, allows};
use crate::{admin, api, page};

/// A title, and the paths that are under it.
type Surface = (&'static str, fn(&str) -> bool);

/// The page, as it is stored.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/access.md");
/// The variable that has the test write the page instead.
const WRITE: &str = "MILLCHAT_WRITE_DOCS";

const HEAD: &str = "# Who may do what

This page is generated from the router's tables and the table of rights (`server/src/access/table.rs`). A test
fails when it is not current: `MILLCHAT_WRITE_DOCS=1 cargo test -p millchat-server --lib the_page_of_rights`
writes it again. Another test walks every line of it, over sockets.

The role is the highest that the settings, the token and the room's own list of members give. Somebody without a
role has what the room's `guests` says: nothing, reading, or reading and writing. Nobody writes without a token. A
ban overrides every role but the operator's.

The admin token is nobody's: it has no author. Where something is written or done in an author's name (a message, an
edit, a reaction, a flag, one's own name), it may, but there is nobody to do it, and the answer is 401 `forged-token`.
Use the token of a person who is an operator there, or of a program.

";

fn mark(role: Option<Role>, action: Action) -> &'static str {
    if allows(role, action) { "✓" } else { "" }
}

fn written() -> String {
    let mut rows: BTreeMap<(String, String), Action> = BTreeMap::new();
    let of_api = api::routes::routes().into_iter().map(|row| (row.1, row.0.to_string(), row.2));
    let of_admin = admin::routes::routes().into_iter().map(|row| (row.1, row.0.to_string(), row.2));
    let of_page = page::routes::routes().into_iter().map(|row| (row.1, row.0.to_string(), row.2));
    rows.extend(
        of_api
            .chain(of_admin)
            .chain(of_page)
            .map(|(path, method, action)| ((path.to_owned(), method), action)),
    );
    let mut out = HEAD.to_owned();
    let surfaces: [Surface; 4] = [
        ("The API", |path| path.starts_with("/api/")),
        ("The operator's routes", |path| path.starts_with("/admin/")),
        ("The page", |path| !["/api/", "/admin/", "/embed/"].iter().any(|other| path.starts_with(other))),
        ("The panel", |path| path.starts_with("/embed/")),
    ];
    for (title, is_of) in surfaces {
        let _ = writeln!(out, "## {title}\n");
        out.push_str(
            "| route | action | no role | reader | writer | moderator | owner | operator | admin token |\n",
        );
        out.push_str("|---|---|---|---|---|---|---|---|---|\n");
        for ((path, method), action) in rows.iter().filter(|((path, _), _)| is_of(path)) {
            let marks = std::iter::once(None).chain(Role::ALL.map(Some)).map(|role| mark(role, *action));
            let marks: Vec<_> = marks.collect();
            let _ = writeln!(out, "| `{method} {path}` | {action:?} | {} |", marks.join(" | "));
        }
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

#[test]
fn the_page_of_rights_is_current() {
    let written = written();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(PAGE, &written).unwrap();
    }
    assert!(std::fs::read_to_string(PAGE).unwrap_or_default() == written, "write it again: see its head");
}
