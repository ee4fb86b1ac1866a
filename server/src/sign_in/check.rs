//! The logins of the settings, held against each other and the public address.

use hyper::Uri;

use super::settings::{LOGINS_MAX, LoginSettings};
use crate::outgoing::check_address;
use crate::public_url::PublicUrl;

/// Returns the first fault as a sentence.
pub fn check(logins: &[LoginSettings], public_url: Option<&PublicUrl>) -> Result<(), String> {
    let Some(first) = logins.first() else { return Ok(()) };
    let login = format!(
        "the login `{}` needs public-url, the https address by which browsers reach the chat",
        first.name
    );
    let Some(url) = public_url else {
        return Err(format!("{login}, such as https://chat.example.org; providers send people back there"));
    };
    let is_good = url.origin().parse::<Uri>().is_ok_and(|uri| check_address(&uri).is_ok());
    if !is_good {
        return Err(format!(
            "{login}; {url} is plain http, by which everybody on the way could take a sign-in"
        ));
    }
    if logins.len() > LOGINS_MAX {
        return Err(format!("there are {} logins; the limit is {LOGINS_MAX}", logins.len()));
    }
    for (at, login) in logins.iter().enumerate() {
        if logins[..at].iter().any(|before| before.name == login.name) {
            return Err(format!("there are two logins of the name `{}`", login.name));
        }
    }
    Ok(())
}

/// Returns the groups that `only` of any login names.
pub fn groups_of_only(logins: &[LoginSettings]) -> impl Iterator<Item = String> {
    let named = logins.iter().flat_map(|login| login.only.iter().flatten());
    named.filter_map(|who| who.strip_prefix('@').map(ToOwned::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str) -> LoginSettings {
        let text = format!("name = \"{name}\"\nkind = \"github\"\nclient-id = \"x\"");
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn a_login_needs_an_address_that_nobody_on_the_way_can_read() {
        let url = |text: &str| Some(text.parse::<PublicUrl>().unwrap());
        for (url, words) in [
            (None, Some("needs public-url")),
            (url("http://chat.example.org"), Some("plain http")),
            (url("http://10.0.0.1:8080"), Some("plain http")),
            (url("https://chat.example.org"), None),
            (url("http://127.0.0.1:8080"), None),
            (url("http://localhost:8080"), None),
        ] {
            let checked = check(&[login("corp")], url.as_ref());
            assert_eq!(checked.is_err(), words.is_some(), "{url:?}");
            let sentence = checked.err().unwrap_or_default();
            assert!(sentence.contains(words.unwrap_or_default()), "{sentence}");
            assert_eq!(check(&[], url.as_ref()), Ok(()));
        }
        let https = url("https://chat.example.org");
        let twice = check(&[login("corp"), login("x"), login("corp")], https.as_ref()).unwrap_err();
        assert!(twice.contains("`corp`"), "{twice}");
        let many: Vec<_> = (0..=LOGINS_MAX).map(|n| login(&format!("l{n}"))).collect();
        assert!(check(&many, https.as_ref()).unwrap_err().contains("17"));
    }
}
