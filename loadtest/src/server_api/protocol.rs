//! The protocol of a server.

use crate::server_api::template::Template;

/// The protocol of a server.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// Our own server; readers read the API's stream.
    Millchat,
    /// Our own server; readers read the page's stream.
    Page,
    /// Any other chat, described by templates.
    Template(Box<Template>),
}
