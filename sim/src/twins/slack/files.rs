//! Files: those of people, which the bot's token opens, and those of the bot, which it uploads in three steps.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, State as Extract},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    Slack,
    events::shown,
    state::State,
    web_api::{Refusal, Taken, delay, is_ts, refused, text},
};
use crate::{
    multipart,
    picture::{self, Picture},
};

/// The largest request body that is read, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What completing an upload takes of us.
const COMPLETE_FIELDS: &[&str] =
    &["files", "channel_id", "thread_ts", "initial_comment", "token", "team_id"];

/// Every file, by its id.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, File>);

#[derive(Debug)]
struct File {
    name: String,
    /// None until it is uploaded.
    bytes: Option<Bytes>,
    length: usize,
    is_lost: bool,
    /// Whether people see it.
    shared: bool,
}

impl Files {
    /// Keeps a person's picture. It as events carry it.
    pub(super) fn keep(&mut self, picture: &Picture, host: &str) -> Value {
        let name = format!("{}.png", picture.name);
        let id = self.add(File {
            name,
            length: picture.bytes.len(),
            bytes: Some(picture.bytes.clone()),
            is_lost: picture.is_lost,
            shared: true,
        });
        self.wire(&id, host)
    }

    fn add(&mut self, file: File) -> String {
        let id = format!("F{:07}", self.0.len() + 1);
        self.0.insert(id.clone(), file);
        id
    }

    fn wire(&self, id: &str, host: &str) -> Value {
        let File { name, bytes, length, .. } = &self.0[id];
        let seen = bytes.as_ref().map(|it| picture::seen(it)).unwrap_or_default();
        let url = format!("http://{host}/files-pri/T1-{id}/{name}");
        json!({
            "id": id, "name": name, "title": name, "mimetype": seen.split(' ').next(),
            "size": length, "mode": "hosted", "is_external": false, "file_access": "visible",
            "url_private": url, "url_private_download": url,
        })
    }

    /// A file that is uploaded and not shown yet.
    fn waiting(&mut self, id: &str) -> Option<&mut File> {
        self.0.get_mut(id).filter(|it| it.bytes.is_some() && !it.shared)
    }
}

/// `files.getUploadURLExternal`.
pub(super) fn upload_url(state: &mut State, arguments: &Map<String, Value>) -> Value {
    let length = arguments.get("length");
    let length = length.and_then(|it| it.as_u64().or_else(|| it.as_str()?.parse().ok()));
    let length = length.and_then(|it| usize::try_from(it).ok()).filter(|it| *it > 0);
    let name = text(arguments, "filename").to_owned();
    let (Some(length), false) = (length, name.is_empty()) else {
        return json!({ "ok": false, "error": "invalid_arguments" });
    };
    let file = File { name, bytes: None, length, is_lost: false, shared: false };
    let id = state.files.add(file);
    let url = format!("http://{}/upload/v1/{id}", state.host);
    json!({ "ok": true, "upload_url": url, "file_id": id })
}

/// `POST /upload/v1/{id}`, with the file as it is or in a form.
pub(super) async fn upload(
    Extract(twin): Extract<Slack>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let kind =
        headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let bytes = if kind.starts_with("multipart/form-data") {
        let file = multipart::parts(kind, &body).into_iter().find(|it| it.is_file);
        file.map(|it| it.content).unwrap_or_default()
    } else {
        body
    };
    let mut state = twin.state();
    match state.files.0.get_mut(&id).filter(|it| it.bytes.is_none()) {
        Some(file) if file.length == bytes.len() => {
            file.bytes = Some(bytes);
            format!("OK - {}", file.length).into_response()
        }
        Some(_) => (StatusCode::BAD_REQUEST, "another length was told").into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `files.completeUploadExternal`: shows one file with its words.
pub(super) fn complete(
    state: &mut State,
    account: &str,
    arguments: &Map<String, Value>,
) -> Result<Taken, Box<Refusal>> {
    if !arguments.keys().all(|it| COMPLETE_FIELDS.contains(&it.as_str())) {
        return refused(None, 400, "invalid_arguments");
    }
    // In a form it is JSON in a text.
    let files = match arguments.get("files") {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        given => given.cloned().unwrap_or_default(),
    };
    let id = files[0]["id"].as_str().unwrap_or_default();
    let thread = Some(text(arguments, "thread_ts")).filter(|it| !it.is_empty());
    if !thread.is_none_or(is_ts) {
        return refused(None, 400, "invalid_thread_ts");
    }
    let Some(place) = state.place(account, text(arguments, "channel_id"), thread) else {
        return refused(None, 404, "channel_not_found");
    };
    if files.as_array().map(Vec::len) != Some(1) || state.files.waiting(id).is_none() {
        return refused(Some(place), 400, "file_not_found");
    }
    let delay = delay(state, &place)?;
    let file = state.files.waiting(id);
    let images = file.and_then(|it| {
        it.shared = true;
        it.bytes.as_ref().map(|it| picture::seen(it))
    });
    state.show(place, shown(text(arguments, "initial_comment")), images.into_iter().collect());
    let file = state.files.wire(id, &state.host);
    Ok(Taken { answer: json!({ "ok": true, "files": [file] }), delay })
}

/// `GET /files-pri/T1-{id}/{name}`. Who shows no token is sent to where people log in, as on the platform.
pub(super) async fn download(
    Extract(twin): Extract<Slack>,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let mut state = twin.state();
    let token = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = token.and_then(|it| it.strip_prefix("Bearer ")).unwrap_or_default();
    if state.bot(token).is_none() {
        let login = [(header::LOCATION, "https://creel.slack.com/")];
        return (StatusCode::FOUND, login).into_response();
    }
    let id = id.split_once('-').map_or(id.as_str(), |it| it.1);
    let file = state.files.0.get(id).filter(|it| it.name == name && !it.is_lost);
    match file.and_then(|it| it.bytes.clone()) {
        Some(bytes) => ([(header::CONTENT_TYPE, "image/png")], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
