//! The address of a room for browsers: its page, or the panel of a page of another site. All that the page of
//! a room asks for is below the address at which it is.

use std::fmt;

use millchat::RoomName;

use crate::paths::PANELS;

/// The place where a room is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The page of the room. Its reader is known by their cookie.
    Page,
    /// A frame in the page of another site. Its reader is known by their bearer token, and by no cookie: a
    /// page around a frame could make them click.
    Panel,
}

impl Surface {
    /// Returns the surface of a path.
    pub fn of(path: &str) -> Self {
        if path.starts_with(PANELS) { Self::Panel } else { Self::Page }
    }
}

/// The address of a room: `/lobby`, or `/embed/lobby`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomAddress<'a> {
    surface: Surface,
    room: &'a str,
}

impl<'a> RoomAddress<'a> {
    /// The address of a room on this surface.
    pub fn new(surface: Surface, room: &'a RoomName) -> Self {
        Self { surface, room: room.as_str() }
    }

    /// The address of its page.
    pub fn page(room: &'a RoomName) -> Self {
        Self::new(Surface::Page, room)
    }

    /// Returns the room's name.
    pub fn room(self) -> &'a str {
        self.room
    }

    /// Returns true if it is of a panel.
    pub fn is_panel(self) -> bool {
        self.surface == Surface::Panel
    }
}

impl fmt::Display for RoomAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = if self.is_panel() { PANELS } else { "/" };
        write!(f, "{before}{}", self.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_is_below_a_path_of_its_own() {
        let room = RoomName::new("lobby").unwrap();
        for (path, address) in
            [("/embed/lobby/name", "/embed/lobby"), ("/lobby/name", "/lobby"), ("/embedded", "/lobby")]
        {
            assert_eq!(RoomAddress::new(Surface::of(path), &room).to_string(), address);
        }
    }
}
