//! Where an answer's pictures may come from: a model says which, and a model can be talked into anything.
//!
//! - A path is a file in the folder of the agent that shows it, also after links are followed. Other agents' folders, the
//!   configuration, and the rest of the machine are not for sending.
//! - An address begins with `https://` and names a public host. What is connected to is the very number that was looked up
//!   and checked, and redirects are not followed; so an answer cannot make the gateway ask the network it stands in.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use creel_core::media::Presented;
use http_body_util::Full;
use hyper::{Request, Uri};

use super::{Picture, Unavailable, public::PublicOnly};
use crate::{
    http::{self, Http},
    net::Net,
    outside::Outside,
};

/// How long an address may take.
const FETCH_WAIT: Duration = Duration::from_secs(20);

/// The picture that an answer shows.
///
/// # Errors
///
/// Says why it cannot be shown. The log says more.
pub async fn load<N: Net>(
    outside: &Outside<N>,
    presented: &Presented,
    bytes_max: usize,
) -> Result<Picture, Unavailable> {
    let source = &*presented.source;
    let bytes = match source.split_once("://") {
        Some(("https", _)) => fetch(outside, source, bytes_max).await?,
        Some(("file", path)) => read(outside, presented, path, bytes_max).await?,
        Some(_) => return Err(Unavailable::NotAllowed("expected `https://` or a path")),
        None => read(outside, presented, source, bytes_max).await?,
    };
    Picture::new(bytes, bytes_max)
}

async fn read<N: Net>(
    outside: &Outside<N>,
    presented: &Presented,
    path: &str,
    bytes_max: usize,
) -> Result<Bytes, Unavailable> {
    let Some(folder) = outside.workspaces.get(&presented.agent) else {
        return Err(Unavailable::NotAllowed("this agent has no folder"));
    };
    let read = folder.read(Path::new(path), bytes_max).await;
    read.map_err(|error| {
        tracing::warn!(%error, agent = %presented.agent, "read an image of an answer");
        match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                Unavailable::NotAllowed("it is not in the agent's folder")
            }
            std::io::ErrorKind::FileTooLarge => Unavailable::TooLarge(bytes_max),
            _ => Unavailable::NotFetched,
        }
    })
}

async fn fetch<N: Net>(
    outside: &Outside<N>,
    address: &str,
    bytes_max: usize,
) -> Result<Bytes, Unavailable> {
    let not_allowed = Unavailable::NotAllowed("expected the address of a public host");
    let address: Uri = address.parse().map_err(|_| not_allowed.clone())?;
    let request = Request::get(address).body(Full::new(Bytes::new()));
    let request = request.map_err(|_| not_allowed)?;
    let public = Http::new(PublicOnly(outside.http.net().clone()));
    match public.exchange(request, FETCH_WAIT, bytes_max).await {
        Ok((status, bytes)) if status.is_success() => Ok(bytes),
        Ok((status, _)) => {
            tracing::warn!(%status, "fetch an image of an answer");
            Err(Unavailable::NotFetched)
        }
        Err(http::Error::TooLong) => Err(Unavailable::TooLarge(bytes_max)),
        Err(error) => {
            tracing::warn!(%error, "fetch an image of an answer");
            Err(Unavailable::NotFetched)
        }
    }
}
