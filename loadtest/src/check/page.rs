//! The blocks of our own page's stream: a patch that appends a message, the place that follows it, or
//! something that is not logged.
//!
//! The page receives less than the readers of the API: it has no `prev`. So a reader of it is checked by what
//! was acknowledged, as one of another chat is, and by places that only increase. A message counts when its
//! place has come: a connection that is cut between the two brings the patch again, which is promised to do
//! no harm.

use millchat::{EventId, Position};
use millchat_testkit::sse::Fields;

use crate::check::stamp::Stamp;

/// The text before the position of the row that a patch appends.
const ROW: &[u8] = b"selector #messages:not(:has(#m-";
/// The text before the row's markup.
const ELEMENTS: &[u8] = b"\nelements ";

/// The content of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageBlock {
    /// A message of this run to append.
    Row(PageRow),
    /// The place up to which the page is complete.
    Place(EventId),
    /// Something else for the page to show.
    Other,
    /// A comment, or a field for the client itself.
    Nothing,
}

/// The row of a message of this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRow {
    /// The position that its id names.
    pub position: Position,
    /// The stamp in its markup.
    pub stamp: Stamp,
}

impl PageBlock {
    /// Reads a block. An error names what is wrong with it.
    pub fn parse(block: &[u8], run: u32) -> Result<Self, &'static str> {
        let fields = Fields::parse(block);
        let Some(data) = fields.data else { return Ok(Self::Nothing) };
        if let Some(id) = fields.id {
            let id = std::str::from_utf8(id).unwrap_or_default();
            let signal = format!("signals {{\"_place\":\"{id}\"}}");
            if fields.event != b"datastar-patch-signals" || *data != *signal.as_bytes() {
                return Err("an id of the page's stream is not the place that it moves to");
            }
            return id.parse().map(Self::Place).map_err(|_| "an id is not a place");
        }
        let Some(row) = data.strip_prefix(ROW) else { return Ok(Self::Other) };
        let at = memchr::memmem::find(row, ELEMENTS).ok_or("a patch has no elements")?;
        let digits = row.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let position = std::str::from_utf8(&row[..digits]).ok().and_then(|digits| digits.parse().ok());
        let position = position.ok_or("a patch's row has no position")?;
        Ok(match Stamp::find(&row[at..], run)[..] {
            [] => Self::Other,
            [stamp] => Self::Row(PageRow { position, stamp }),
            _ => return Err("a patch appends more than one message"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_message_is_a_row_and_then_its_place() {
        let stamp = Stamp { run: 7, sequence: 1, due: Duration::from_millis(5), stream: 0, number: 0 };
        let said = stamp.write(80);
        let patch = format!(
            "event: datastar-patch-elements\ndata: selector #messages:not(:has(#m-12))\ndata: mode append\n\
             data: elements <li id=\"m-12\"><div>{said}</div></li>\n\n"
        );
        assert_eq!(
            PageBlock::parse(patch.as_bytes(), 7),
            Ok(PageBlock::Row(PageRow { position: 12, stamp }))
        );
        // A message of another run is ignored.
        assert_eq!(PageBlock::parse(patch.as_bytes(), 8), Ok(PageBlock::Other));
        let place = "event: datastar-patch-signals\nid: 5f3c9a2e-12\n\
             data: signals {\"_place\":\"5f3c9a2e-12\"}\n\n";
        let Ok(PageBlock::Place(at)) = PageBlock::parse(place.as_bytes(), 7) else { panic!() };
        assert_eq!((at.to_string().as_str(), at.position), ("5f3c9a2e-12", 12));
    }

    #[test]
    fn an_id_that_is_not_the_place_is_an_error_and_what_is_not_logged_is_told_apart() {
        let lying = "event: datastar-patch-signals\nid: 5f3c9a2e-12\n\
             data: signals {\"_place\":\"5f3c9a2e-13\"}\n\n";
        assert!(PageBlock::parse(lying.as_bytes(), 7).is_err());
        let presence = b"event: datastar-patch-elements\ndata: elements <span id=\"here\"></span>\n\n";
        assert_eq!(PageBlock::parse(presence, 7), Ok(PageBlock::Other));
        assert_eq!(PageBlock::parse(b"retry: 1000\n\n", 7), Ok(PageBlock::Nothing));
    }
}
