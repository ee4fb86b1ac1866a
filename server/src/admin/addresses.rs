//! Addresses, for the operator: those from which an author wrote, and those that are banned. Both are in
//! memory only.

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;
use ipnet::IpNet;
use percent_encoding::percent_decode_str;

use super::moderate::author_id;
use super::operator::by;
use super::schema::{AddressBan, AddressBans, AuthorAddress, AuthorAddresses, BanTime};
use crate::api::input;
use crate::app::Worker;
use crate::body::NAME_BYTES_MAX;
use crate::client_ip::{self, counted_network};
use crate::http::{self, Response};
use crate::limit::{ADDRESS_BAN_MAX, ADDRESS_BANS_MAX};
use crate::problem::{Answer, Kind, Problem};
use crate::route_table::Call;

/// The newest addresses of an author.
pub fn of_author(call: &Call<'_>) -> Answer {
    let author = author_id(call.param("author"))?;
    let addresses = call.w.app.limits.addresses_of(&author).into_iter();
    let addresses = addresses
        .map(|(address, age)| AuthorAddress { address: address.to_string(), seconds_ago: age.as_secs() })
        .collect();
    Ok(http::json(StatusCode::OK, &AuthorAddresses { author_id: &author, addresses }))
}

/// The addresses that are banned.
pub fn bans(w: &Worker) -> Response {
    let bans = w.app.limits.bans().list().into_iter();
    let bans = bans
        .map(|(network, left)| AddressBan { network: network.to_string(), seconds_left: left.as_secs() })
        .collect();
    http::json(StatusCode::OK, &AddressBans { bans })
}

/// Bans an address or a network for a time.
pub async fn ban(call: Call<'_>) -> Answer {
    let (network, by) = (network(call.param("network"))?, by(&call)?);
    let BanTime { time } = input::read(call.w, call.req, NAME_BYTES_MAX).await?;
    let time = ban_time(&time)?;
    call.w.app.authority.confirm_outside(&call.allowed)?;
    tracing::info!(%network, by = %by.name, ?time, deed = "ban-address", "moderation");
    call.w.app.limits.bans().ban(network, time).map_err(|_full| {
        let detail =
            format!("there are {ADDRESS_BANS_MAX} bans of addresses, which is the most there can be");
        Problem::new(Kind::ListFull, detail)
    })?;
    call.w.app.metrics.moderated("ban-address");
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// Ends the ban of an address or a network.
pub fn unban(call: &Call<'_>) -> Answer {
    let (network, by) = (network(call.param("network"))?, by(call)?);
    tracing::info!(%network, by = %by.name, deed = "unban-address", "moderation");
    call.w.app.limits.bans().unban(network);
    call.w.app.metrics.moderated("unban-address");
    Ok(http::empty(StatusCode::NO_CONTENT))
}

/// An address or a network, as the rest of the path has it.
fn network(encoded: &str) -> Result<IpNet, Problem> {
    let text = percent_decode_str(encoded).decode_utf8_lossy();
    // One address of IPv6 is nothing: its owner has the whole network.
    let alone = text.parse::<IpAddr>().is_ok();
    let named = client_ip::network(&text);
    named.map(|named| if alone { counted_network(named.addr()) } else { named }).ok_or_else(|| {
        let detail =
            "the rest of the path is an address or a network: 203.0.113.7, 203.0.113.0/24, 2001:db8::/48";
        Problem::new(Kind::MalformedParameter, detail)
    })
}

fn ban_time(text: &str) -> Result<Duration, Problem> {
    let time = humantime::parse_duration(text).ok();
    time.filter(|time| !time.is_zero() && *time <= ADDRESS_BAN_MAX).ok_or_else(|| {
        let most = humantime::format_duration(ADDRESS_BAN_MAX);
        let detail = format!("`for` is a time such as 30m, 1h or 7d, at most {most}");
        Problem::new(Kind::InvalidBody, detail)
    })
}
