//! The pictures in memory.

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::image::Image;

/// Most bytes of all pictures. When there are more, those go that were not asked for lately, and their users
/// have initials until they sign in again.
const PICTURES_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes that a picture takes beside its own.
const OVERHEAD_BYTES: u64 = 256;
/// About this many pictures fit into that: 16 KiB each.
const PICTURES_EXPECTED: usize = 1_024;

/// The pictures of users, by id.
pub struct Avatars(Cache<String, Image, Bytes>);

#[derive(Clone)]
struct Bytes;

impl Weighter<String, Image> for Bytes {
    fn weight(&self, id: &String, image: &Image) -> u64 {
        image.bytes.len() as u64 + id.len() as u64 + OVERHEAD_BYTES
    }
}

impl Default for Avatars {
    fn default() -> Self {
        Self(Cache::with_weighter(PICTURES_EXPECTED, PICTURES_BYTES_MAX, Bytes))
    }
}

impl Avatars {
    /// Returns the picture of a user.
    pub fn get(&self, id: &str) -> Option<Image> {
        self.0.get(id)
    }

    /// Keeps the picture of a user, or forgets the one that there was.
    pub fn set(&self, id: &str, image: Option<Image>) {
        match image {
            Some(image) => self.0.insert(id.to_owned(), image),
            None => drop(self.0.remove(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_take_no_more_memory_than_they_may() {
        let avatars = Avatars::default();
        let image = Image { content_type: "image/png", bytes: vec![0; 256 * 1024].into() };
        for number in 0..200 {
            avatars.set(&format!("u_{number}"), Some(image.clone()));
        }
        assert!(avatars.0.weight() <= PICTURES_BYTES_MAX);
        let kept = (0..200).filter(|number| avatars.get(&format!("u_{number}")).is_some()).count();
        assert!((1..=64).contains(&kept), "{kept}");
        avatars.set("u_x", Some(image));
        avatars.set("u_x", None);
        assert_eq!(avatars.get("u_x"), None);
    }
}
