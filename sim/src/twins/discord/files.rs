//! Pictures beside messages: forms with files in, and the addresses under which they are found. No token is asked for there,
//! as on the platform.

use axum::{
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Discord, rest::Failure, state::Message};
use crate::{
    multipart,
    picture::{self, Picture},
};

/// The largest request body that is read, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 12 * 1024 * 1024;

/// The largest file of a bot, in bytes.
const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A picture beside a message.
#[derive(Clone, Debug)]
pub(super) struct File {
    name: String,
    bytes: Bytes,
    is_lost: bool,
}

impl File {
    pub(super) fn of(picture: &Picture) -> Self {
        let name = format!("{}.png", picture.name);
        Self { name, bytes: picture.bytes.clone(), is_lost: picture.is_lost }
    }

    /// As a person sees it.
    pub(super) fn seen(&self) -> String {
        picture::seen(&self.bytes)
    }

    /// As messages carry it.
    pub(super) fn wire(&self, message: &Message, host: &str) -> Value {
        let Message { id, channel, .. } = message;
        let url = format!("http://{host}/attachments/{channel}/{id}/{}", self.name);
        let seen = self.seen();
        json!({
            "id": id, "filename": self.name, "size": self.bytes.len(), "url": url,
            "proxy_url": url, "content_type": seen.split(' ').next(), "width": 1, "height": 1,
            "flags": 0,
        })
    }
}

/// The fields of a new message, and its file if it is a form with one.
pub(super) fn body(headers: &HeaderMap, body: &Bytes) -> Result<(Value, Option<File>), Failure> {
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        return Ok((serde_json::from_slice(body).unwrap_or_default(), None));
    }
    let parts = multipart::parts(kind, body);
    let fields = parts.iter().find(|it| it.name == "payload_json").map(multipart::Part::text);
    let fields: Value = serde_json::from_str(&fields.unwrap_or_default()).unwrap_or_default();
    let told = &fields["attachments"][0]["id"];
    let number = told.as_str().map_or_else(|| told.to_string(), str::to_owned);
    let mut files = parts.iter().filter(|it| it.is_file);
    let (Some(part), None) = (files.next(), files.next()) else {
        return Err(Failure::invalid_form("files: expected one"));
    };
    // A file that the fields do not tell of is shown under no name.
    if part.name != format!("files[{number}]") {
        return Err(Failure::invalid_form("attachments: Unknown attachment"));
    }
    if part.content.len() > FILE_BYTES_MAX {
        return Err(Failure::new(413, 40_005, "Request entity too large"));
    }
    let name = fields["attachments"][0]["filename"].as_str().unwrap_or("file").to_owned();
    Ok((fields, Some(File { name, bytes: part.content.clone(), is_lost: false })))
}

/// `GET /attachments/{channel}/{message}/{name}`.
pub(super) async fn download(
    Extract(twin): Extract<Discord>,
    Path((channel, id, name)): Path<(String, String, String)>,
) -> Response {
    let state = twin.state();
    let here = |it: &&Message| it.id == id && it.channel == channel;
    let file = state.messages.iter().find(here).and_then(|it| it.file.as_ref());
    match file.filter(|it| it.name == name && !it.is_lost) {
        Some(file) => ([(header::CONTENT_TYPE, "application/octet-stream")], file.bytes.clone())
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
