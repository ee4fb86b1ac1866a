//! Fetching a picture.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode, Uri};

use super::image::Image;
use crate::outgoing::{Bounds, Outgoing, Trust};

/// Longest time of a fetch.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest picture, in bytes.
const PICTURE_BYTES_MAX: usize = 256 * 1024;
/// Longest address of a picture, in bytes.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// Returns the picture at an address, if that is at one of these hosts and all is as it should be. The reason
/// why not is in the log.
pub async fn fetch(outgoing: &Outgoing, hosts: &[String], address: &str) -> Option<Image> {
    let uri: Uri = (address.len() <= ADDRESS_BYTES_MAX).then(|| address.parse().ok()).flatten()?;
    let host = uri.host().filter(|host| hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host)))?;
    let host = host.to_owned();
    let mut request = Request::get(uri).body(Bytes::new()).ok()?;
    let accepted = HeaderValue::from_static("image/webp, image/png, image/jpeg, image/gif");
    request.headers_mut().insert(header::ACCEPT, accepted);
    let bounds = Bounds { bytes_max: PICTURE_BYTES_MAX, timeout: FETCH_TIMEOUT, is_global_only: true };
    match outgoing.call(&Trust::system(), request, bounds).await {
        Ok(answer) if answer.status() == StatusCode::OK => {
            let image = Image::of(answer.into_body());
            if image.is_none() {
                tracing::info!(host, "a user's picture is no PNG, JPEG, WebP or GIF");
            }
            image
        }
        Ok(answer) => {
            tracing::info!(host, status = %answer.status(), "a user's picture is not there");
            None
        }
        Err(error) => {
            tracing::info!(%error, "a user's picture is not fetched");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_picture_of_another_host_or_of_an_inner_one_is_not_asked_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let hosts = ["localhost", "127.0.0.1", "[::1]", "169.254.169.254", "avatars.example.org"];
        let hosts = hosts.map(str::to_owned);
        for address in [
            format!("https://localhost:{port}/a.png"),
            format!("https://127.0.0.1:{port}/a.png"),
            format!("http://127.0.0.1:{port}/a.png"),
            format!("https://[::1]:{port}/a.png"),
            format!("https://avatars.example.org@127.0.0.1:{port}/a.png"),
            "https://169.254.169.254/latest".to_owned(),
            "https://other.example.org/a.png".to_owned(),
            "file:///etc/passwd".to_owned(),
            "data:image/png;base64,AAAA".to_owned(),
            String::new(),
            format!("https://avatars.example.org/{}", "x".repeat(ADDRESS_BYTES_MAX)),
        ] {
            assert_eq!(fetch(&Outgoing::default(), &hosts, &address).await, None, "{address}");
        }
        // Whoever came before would be taken first.
        let own = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, first) = listener.accept().await.unwrap();
        assert_eq!(first, own.local_addr().unwrap(), "nobody came");
    }
}
