//! Asking a running server for its log, line by line.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{HeaderMap, Response, header};
use tokio::time::timeout;

use super::at_server::{SILENCE_MAX, reason};
use super::failure::Failure;
use super::progress;
use super::server_address::ServerAddress;
use crate::export_format::LINE_BYTES_MAX;
use crate::identity::operator::AdminToken;
use crate::paths::BACKUP_PATH;
use crate::resolve::AnyError;

/// Gets the log of the server at `url`; each of its lines goes to `take`.
pub fn lines(
    url: &ServerAddress,
    token: &AdminToken,
    skip_damaged: bool,
    take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::refused)?.block_on(async {
        tokio::select! {
            done = follow(url, (token, skip_damaged), take) => done,
            _ = progress::stopped() => Err(progress::interrupted()),
        }
    })
}

async fn follow(
    url: &ServerAddress,
    (token, skip_damaged): (&AdminToken, bool),
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let silent =
        |_| Failure::Refused(format!("{url} did not answer within {} seconds", SILENCE_MAX.as_secs()));
    let unreached =
        |error: &dyn std::fmt::Display| Failure::Refused(format!("{url} cannot be reached: {error}"));
    let answered = timeout(SILENCE_MAX, ask(url, token, skip_damaged)).await.map_err(silent)?;
    let response = answered.map_err(|error| unreached(&error))?;
    if !response.status().is_success() {
        return Err(Failure::Refused(format!("{url} gives no backup: {}", reason(response).await)));
    }
    let mut body = response.into_body();
    let mut rest = Vec::new();
    loop {
        let cut = |what: &dyn std::fmt::Display| {
            Failure::failed(format!("the backup was cut off: {what}; nothing was left behind"))
        };
        let frame = timeout(SILENCE_MAX, body.frame()).await.map_err(|_| cut(&"the server fell silent"))?;
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|error| cut(&error))?.into_data() else { continue };
        let mut data = &data[..];
        while let Some(end) = memchr::memchr(b'\n', data) {
            let (line, after) = data.split_at(end + 1);
            if rest.is_empty() {
                take(line)?;
            } else {
                rest.extend_from_slice(line);
                take(&rest)?;
                rest.clear();
            }
            data = after;
        }
        rest.extend_from_slice(data);
        if rest.len() > LINE_BYTES_MAX {
            return Err(cut(&"a line has no end"));
        }
    }
    // A line without its end is part of one: the last line will be missed.
    Ok(())
}

async fn ask(
    url: &ServerAddress,
    token: &AdminToken,
    skip_damaged: bool,
) -> Result<Response<Incoming>, AnyError> {
    let path = format!("{BACKUP_PATH}{}", if skip_damaged { "?skip-damaged" } else { "" });
    url.get(&path, HeaderMap::from_iter([(header::AUTHORIZATION, token.bearer())])).await
}
