//! The protocol of a server.

use crate::server_api::template::Template;

/// How one speaks to it.
#[derive(Debug, Clone)]
pub enum Speech {
    /// As to our own server, whose readers read the API's stream.
    Millchat,
    /// As to our own server, whose readers read the page's.
    Page,
    /// By templates.
    Template(Box<Template>),
}
