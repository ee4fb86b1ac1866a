//! Signing in at a provider: OpenID Connect, GitHub, or OAuth 2 with an address that says who the user is.
//!
//! The Authorization Code flow with PKCE. A sign-in begins with an address of the provider and a cookie that
//! holds all that is needed to come back ([`Pending`], protected by a MAC, good once and for ten minutes); it
//! ends with [`SignedIn`], or with a [`SignInError`]. Nothing here knows pages or sessions: the page's routes
//! begin and end it, and [`crate::identity`] makes the session.

mod check;
mod error;
mod hidden;
mod id_token;
mod login;
mod logins;
mod pending;
mod provider;
mod settings;
mod target;
mod used;

pub use check::{check, groups_of_only};
pub use error::SignInError;
pub use login::{Answer, Login, LoginError, SignedIn};
pub use logins::Logins;
pub use pending::Pending;
pub use settings::LoginSettings;
pub use target::Target;
