//! Files of the platform: what is known by an id, where it is, and its content.

use std::collections::BTreeMap;

use axum::{
    http::{StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    Telegram,
    call::{Call, Failure, Outcome},
    state::State,
};
use crate::picture::{self, Picture};

/// The largest file that a bot can download, in bytes.
const DOWNLOAD_BYTES_MAX: usize = 20 * 1024 * 1024;

/// The largest photo that a bot can send, in bytes.
const PHOTO_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A photo in its sizes, the smallest first: ids of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Photo(Vec<String>);

#[derive(Debug)]
struct File {
    bytes: Bytes,
    side: u32,
    is_lost: bool,
}

/// Every file, by its id.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, File>);

impl Files {
    /// Keeps a person's picture as a photo.
    pub(super) fn keep(&mut self, picture: &Picture) -> Photo {
        let small = self.add(picture::thumbnail(&picture.name), 90, picture.is_lost);
        Photo(vec![small, self.add(picture.bytes.clone(), 1_280, picture.is_lost)])
    }

    /// Keeps what a bot uploaded.
    fn keep_upload(&mut self, bytes: Bytes) -> Photo {
        Photo(vec![self.add(bytes, 1_280, false)])
    }

    fn add(&mut self, bytes: Bytes, side: u32, is_lost: bool) -> String {
        let id = format!("AgACCreel{:06}", self.0.len() + 1);
        self.0.insert(id.clone(), File { bytes, side, is_lost });
        id
    }

    /// The photo as messages carry it.
    pub(super) fn wire(&self, photo: &Photo) -> Value {
        let size = |id: &String| {
            let File { bytes, side, .. } = &self.0[id];
            json!({
                "file_id": id,
                "file_unique_id": format!("u{id}"),
                "width": side,
                "height": side,
                "file_size": bytes.len(),
            })
        };
        photo.0.iter().map(size).collect()
    }

    /// The photo as a person sees it.
    pub(super) fn seen(&self, photo: &Photo) -> Vec<String> {
        photo.0.last().map(|it| picture::seen(&self.0[it].bytes)).into_iter().collect()
    }

    /// `getFile`.
    pub(super) fn locate(&self, call: &Call) -> Outcome {
        let id = call.text("file_id").unwrap_or_default();
        let file = self.0.get(&id).filter(|it| !it.is_lost).ok_or_else(|| {
            Failure::bad_request("wrong file_id or the file is temporarily unavailable")
        })?;
        if file.bytes.len() > DOWNLOAD_BYTES_MAX {
            return Err(Failure::bad_request("file is too big"));
        }
        Ok(json!({
            "file_id": id,
            "file_unique_id": format!("u{id}"),
            "file_size": file.bytes.len(),
            "file_path": format!("photos/{id}.png"),
        }))
    }
}

/// The photo of a `sendPhoto`: a file in the form, or the id of one that is here.
pub(super) fn photo(state: &mut State, call: &Call) -> Result<Photo, Failure> {
    let given = call.text("photo");
    let attached = given.as_deref().and_then(|it| it.strip_prefix("attach://"));
    if let Some(bytes) = call.file(attached.unwrap_or("photo")).cloned() {
        if bytes.len() > PHOTO_BYTES_MAX {
            return Err(Failure::new(413, "Request Entity Too Large"));
        }
        if !picture::seen(&bytes).starts_with("image/") {
            return Err(Failure::bad_request("IMAGE_PROCESS_FAILED"));
        }
        return Ok(state.files.keep_upload(bytes));
    }
    match given {
        Some(id) if state.files.0.contains_key(&id) => Ok(Photo(vec![id])),
        Some(_) => Err(Failure::bad_request("wrong file identifier/HTTP URL specified")),
        None => Err(Failure::bad_request("there is no photo in the request")),
    }
}

/// `GET /file/bot<token>/<path>`; none if that is not what is asked for.
pub(super) fn download(twin: &Telegram, uri: &Uri) -> Option<Response> {
    let (token, path) = uri.path().strip_prefix("/file/bot")?.split_once('/')?;
    let token = percent_decode_str(token).decode_utf8().ok()?;
    let state = twin.state();
    let id = path.strip_prefix("photos/").and_then(|it| it.strip_suffix(".png"));
    let found = state.bot_index(&token).and_then(|_| state.files.0.get(id?));
    let found = found.filter(|it| !it.is_lost);
    let Some(File { bytes, .. }) = found else {
        let body = json!({ "ok": false, "error_code": 404, "description": "Not Found" });
        return Some((StatusCode::NOT_FOUND, axum::Json(body)).into_response());
    };
    Some(([(CONTENT_TYPE, "application/octet-stream")], bytes.clone()).into_response())
}
