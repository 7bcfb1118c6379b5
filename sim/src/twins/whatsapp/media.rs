//! Media: `POST /<version>/<number>/media`, `GET /<version>/<media>`, and the address that this tells.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    WhatsApp,
    call::{Failure, caller, check_version},
};
use crate::{
    multipart,
    picture::{self, Picture},
};

/// The largest image that can be uploaded, in bytes.
const IMAGE_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Every file, by its id.
#[derive(Debug, Default)]
pub(super) struct Media(BTreeMap<String, File>);

#[derive(Debug)]
struct File {
    bytes: Bytes,
    mime: String,
    is_lost: bool,
}

impl Media {
    /// Keeps a person's picture. Its id.
    pub(super) fn keep(&mut self, picture: &Picture) -> String {
        self.add(picture.bytes.clone(), picture::MIME.to_owned(), picture.is_lost)
    }

    fn add(&mut self, bytes: Bytes, mime: String, is_lost: bool) -> String {
        let id = format!("{}", 700_000_000_000_001 + self.0.len());
        self.0.insert(id.clone(), File { bytes, mime, is_lost });
        id
    }

    /// A file as a person sees it.
    pub(super) fn seen(&self, id: &str) -> Option<String> {
        self.0.get(id).map(|it| picture::seen(&it.bytes))
    }

    /// What is told of a file; none if there is no such file.
    pub(super) fn describe(&self, id: &str, host: &str) -> Option<Value> {
        let file = self.0.get(id).filter(|it| !it.is_lost)?;
        Some(json!({
            "messaging_product": "whatsapp",
            "url": format!("http://{host}/v0.0/download/{id}"),
            "mime_type": file.mime,
            "sha256": picture::seen(&file.bytes),
            "file_size": file.bytes.len(),
            "id": id,
        }))
    }
}

/// `POST /<version>/<number>/media`.
pub(super) async fn upload(
    Extract(twin): Extract<WhatsApp>,
    Path((version, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let taken = check_version(&version).and_then(|()| {
        if caller(&twin, &headers)?.id != number {
            return Err(Failure::new(400, 100, "(#100) Unknown number"));
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        take(&twin, kind.unwrap_or_default(), &body)
    });
    taken.map(Json).into_response()
}

fn take(twin: &WhatsApp, kind: &str, body: &Bytes) -> Result<Value, Failure> {
    let parts = multipart::parts(kind, body);
    let text = |name: &str| parts.iter().find(|it| it.name == name).map(multipart::Part::text);
    if text("messaging_product").as_deref() != Some("whatsapp") {
        return Err(Failure::parameter("The parameter messaging_product is required."));
    }
    let file = parts.iter().find(|it| it.is_file && it.name == "file");
    let file = file.ok_or_else(|| Failure::parameter("The parameter file is required."))?;
    let seen = picture::seen(&file.content);
    let mime = seen.split(' ').next().unwrap_or_default();
    if !["image/png", "image/jpeg"].contains(&mime) {
        let what = format!(
            "Param file must be a file with one of the following types: image/jpeg, image/png. Received file of type '{mime}'."
        );
        return Err(Failure::parameter(&what));
    }
    if file.content.len() > IMAGE_BYTES_MAX {
        return Err(Failure::new(400, 131_053, "(#131053) Media upload error"));
    }
    let id = twin.state().media.add(file.content.clone(), mime.to_owned(), false);
    Ok(json!({ "id": id }))
}

/// The address that a file's description tells. It wants the token too.
pub(super) async fn download(
    Extract(twin): Extract<WhatsApp>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(failure) = caller(&twin, &headers) {
        return failure.into_response();
    }
    let state = twin.state();
    match state.media.0.get(&id).filter(|it| !it.is_lost) {
        Some(file) => {
            ([(header::CONTENT_TYPE, file.mime.clone())], file.bytes.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
