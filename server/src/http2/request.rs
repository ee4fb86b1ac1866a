//! A request of HTTP/2 in the form that all handlers know: its authority is the header `Host`.

use hyper::Request;
use hyper::header::{self, HeaderValue};

/// Sets the header `Host` to the authority of the request. A request that has another one beside it keeps both,
/// and is refused as malformed (RFC 9113, 8.3.1).
pub fn name_host<B>(req: &mut Request<B>) {
    let Some(authority) = req.uri().authority() else { return };
    let Ok(host) = HeaderValue::try_from(authority.as_str()) else { return };
    if !req.headers().get_all(header::HOST).iter().any(|given| *given == host) {
        req.headers_mut().append(header::HOST, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Malformed, refuse_malformed};

    #[test]
    fn the_authority_is_the_host_and_another_host_beside_it_is_refused() {
        for (uri, hosts, refused) in [
            ("https://chat.example/lobby", &[][..], None),
            ("https://chat.example/lobby", &["chat.example"], None),
            ("https://chat.example/lobby", &["evil.example"], Some(Malformed::Host)),
            ("https://chat.example/lobby", &["chat.example", "evil.example"], Some(Malformed::Host)),
            ("/lobby", &["chat.example"], None),
            ("/lobby", &[], Some(Malformed::Host)),
        ] {
            let mut req = Request::builder().version(hyper::Version::HTTP_2).uri(uri).body(()).unwrap();
            for host in hosts {
                req.headers_mut().append(header::HOST, HeaderValue::from_static(host));
            }
            name_host(&mut req);
            assert_eq!(refuse_malformed(&req).err(), refused, "{uri} {hosts:?}");
            if refused.is_none() {
                assert_eq!(req.headers()[header::HOST], "chat.example");
            }
        }
    }
}
