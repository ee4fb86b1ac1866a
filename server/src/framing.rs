//! The sites that may show a room in a frame, as the settings say now, and the policy that tells browsers.
//!
//! A browser compares the policy with the pages around the frame, all of them, and with nothing that a
//! request says. So the address of a frame may name the page around it: then the policy names that page
//! alone, if it is allowed, and stays short.

use millchat::RoomName;

use crate::access::pattern::Pattern;
use crate::embed_origins::EmbedOrigins;
use crate::identity::site::SiteTable;

/// The parameter of a frame's address that names the page around it.
pub const HOST: &str = "host";
/// Longest list of origins in a policy, in bytes: some proxies take no more than 4 KiB of headers. Origins
/// behind it are allowed only where the address names the page.
pub const FRAME_ANCESTORS_BYTES_MAX: usize = 2_048;

/// The sites that may show rooms in a frame.
#[derive(Debug, Default)]
pub struct Framing {
    /// Those that may show every room.
    every_room: EmbedOrigins,
    /// Those that may show some: of each table the rooms and the origins.
    some_rooms: Vec<(Vec<Pattern>, EmbedOrigins)>,
}

impl Framing {
    /// Takes them from the settings.
    pub fn new(every_room: &EmbedOrigins, sites: &[SiteTable]) -> Self {
        let of_site = |site: &SiteTable| {
            let rooms = site.rooms().filter_map(|pattern| pattern.parse().ok()).collect();
            (rooms, site.origins().clone())
        };
        Self { every_room: every_room.clone(), some_rooms: sites.iter().map(of_site).collect() }
    }

    /// Returns the value of `frame-ancestors` for a frame with this room, or with none. `host`: the page that
    /// the frame's address names.
    pub fn ancestors(&self, room: Option<&RoomName>, host: Option<&str>) -> String {
        let is_of = |rooms: &[Pattern]| room.is_some_and(|room| rooms.iter().any(|it| it.matches(room)));
        let of_rooms = self.some_rooms.iter().filter(|(rooms, _)| is_of(rooms)).map(|(_, origins)| origins);
        let lists: Vec<&EmbedOrigins> = of_rooms.chain([&self.every_room]).collect();
        let mut ancestors = "'self'".to_owned();
        if lists.iter().any(|list| list.is_any()) {
            ancestors.push_str(" *");
            return ancestors;
        }
        if let Some(host) = host {
            if lists.iter().any(|list| list.has(host)) {
                ancestors.push(' ');
                ancestors.push_str(host);
            }
            return ancestors;
        }
        for source in lists.iter().flat_map(|list| list.sources()) {
            if ancestors.len() + 1 + source.len() > FRAME_ANCESTORS_BYTES_MAX {
                break;
            }
            ancestors.push(' ');
            ancestors.push_str(&source);
        }
        ancestors
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn framing(toml: &str) -> Framing {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case")]
        struct Settings {
            #[serde(default)]
            embed_origins: EmbedOrigins,
            #[serde(default)]
            site: Vec<SiteTable>,
        }
        let settings: Settings = toml::from_str(toml).unwrap();
        Framing::new(&settings.embed_origins, &settings.site)
    }

    #[test]
    fn a_frame_may_be_on_the_pages_that_the_settings_name_for_its_room() {
        let framing = framing(
            "embed-origins = [\"https://*.example.org\"]\n\
             [[site]]\nname = \"shop\"\norigins = [\"https://shop.example\"]\nrooms = [\"support-*\"]\n\
             [[site]]\nname = \"none\"\norigins = [\"https://none.example\"]\n",
        );
        let of = |room: &str, host| framing.ancestors(RoomName::new(room).ok().as_ref(), host);
        for (room, host, ancestors) in [
            ("support-7", None, "'self' https://shop.example https://*.example.org"),
            ("lobby", None, "'self' https://*.example.org"),
            ("a.b", None, "'self' https://*.example.org"),
            ("support-7", Some("https://shop.example"), "'self' https://shop.example"),
            ("lobby", Some("https://shop.example"), "'self'"),
            ("lobby", Some("https://a.example.org"), "'self' https://a.example.org"),
            ("support-7", Some("https://shop.example.evil"), "'self'"),
            ("support-7", Some("https://none.example"), "'self'"),
            ("support-7", Some("null"), "'self'"),
            ("support-7", Some("data:"), "'self'"),
            ("support-7", Some(""), "'self'"),
            ("support-7", Some("https://shop.example; script-src *"), "'self'"),
        ] {
            assert_eq!(of(room, host), ancestors, "{room} {host:?}");
        }
    }

    #[test]
    fn without_a_setting_only_the_chat_itself_shows_it_and_with_a_star_everybody() {
        let room = RoomName::new("lobby").unwrap();
        for host in [None, Some("https://shop.example")] {
            assert_eq!(framing("").ancestors(Some(&room), host), "'self'");
            assert_eq!(framing("embed-origins = [\"*\"]").ancestors(Some(&room), host), "'self' *");
        }
    }

    #[test]
    fn a_long_list_is_cut_behind_a_whole_origin_and_named_pages_are_allowed_still() {
        let origin = |number: usize| format!("https://a-rather-long-name-of-a-site-{number}.example");
        let origins: Vec<String> = (0..100).map(|number| format!("\"{}\"", origin(number))).collect();
        let framing = framing(&format!("embed-origins = [{}]", origins.join(", ")));
        let ancestors = framing.ancestors(None, None);
        assert!((1_900..=FRAME_ANCESTORS_BYTES_MAX).contains(&ancestors.len()), "{}", ancestors.len());
        assert!(ancestors.ends_with(".example"), "{ancestors}");
        assert_eq!(framing.ancestors(None, Some(&origin(99))), format!("'self' {}", origin(99)));
    }
}
