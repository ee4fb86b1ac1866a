//! Parameters of a query that a route does not know.
//!
//! Most of what clients add decides nothing: a number against caches, a tag of who counts clicks. A parameter
//! that was meant to say where to begin decides what its reader misses, and must not be passed over in
//! silence. So what is not known to be harmless is refused.

use millchat::EventId;

use crate::problem::{Kind, Problem};

/// Names by which clients make an address unique, so that no cache answers, and nothing else.
const AGAINST_CACHES: [&str; 11] =
    ["", "_", "t", "ts", "r", "v", "cb", "rnd", "rand", "nocache", "cachebuster"];
/// The beginning of the names by which clicks are counted.
const OF_CLICKS: &str = "utm_";

/// Refuses a query with a parameter that is not among the known ones and may decide what its sender misses.
/// `known` lists them in words.
pub fn refuse_unknown(
    query: Option<&str>,
    is_known: impl Fn(&str) -> bool,
    known: &str,
) -> Result<(), Problem> {
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if !is_known(&name) && !is_harmless(&name, &value) {
            let detail = format!("`{name}` is not a parameter here; those are {known}");
            return Err(Problem::new(Kind::MalformedParameter, detail));
        }
    }
    Ok(())
}

fn is_harmless(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // `?1700000000000` is a number against caches too.
    let is_number = value.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let decides_nothing = is_number || name.starts_with(OF_CLICKS) || AGAINST_CACHES.contains(&name.as_str());
    decides_nothing && value.parse::<EventId>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(query: &str) -> bool {
        refuse_unknown(Some(query), |name| name == "history", "history").is_err()
    }

    #[test]
    fn what_may_decide_where_to_begin_is_refused_and_what_decides_nothing_is_not() {
        for query in [
            "",
            "history=7",
            "_=1700000000000",
            "T=0.123",
            "1700000000000",
            "&&",
            "utm_source=mail&utm_medium=x",
            "nocache=true",
        ] {
            assert!(!is_refused(query), "{query}");
        }
        for query in [
            "since=17",
            "lastId=17",
            "cursor=abc",
            "from=5f3c9a2e-3",
            "History=7",
            "history=7&after=3",
            "utm_source=5f3c9a2e-3",
            "_=5f3c9a2e-3",
            "5f3c9a2e-3",
            "id%20=3",
        ] {
            assert!(is_refused(query), "{query}");
        }
        assert!(refuse_unknown(None, |_| false, "").is_ok());
    }
}
