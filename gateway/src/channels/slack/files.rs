//! Pictures on Slack: fetched with the bot's token, and shown by what Slack calls an external upload, in three steps.

use bytes::Bytes;
use creel_core::ids::MessageId;
use http_body_util::Full;
use hyper::{Request, header};
use serde::{Deserialize, Serialize};

use super::api::{ANSWER_BYTES_MAX, ANSWER_WAIT, Api, Body, is_final, is_passing, percent_encoded};
use crate::{
    channels::failure::Failure,
    http,
    media::{Picture, is_platform},
    net::Net,
};

/// The platform's own hosts, with all below them.
const HOSTS: [&str; 1] = ["slack.com"];

#[derive(Deserialize)]
struct UploadUrl {
    upload_url: String,
    file_id: String,
}

#[derive(Serialize)]
struct Complete<'a> {
    files: [Uploaded<'a>; 1],
    channel_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    initial_comment: &'a str,
}

#[derive(Serialize)]
struct Uploaded<'a> {
    id: &'a str,
    title: &'a str,
}

impl<N: Net> Api<N> {
    /// A file's content; none if it is more than `bytes_max`. The token is shown to the platform's own hosts alone.
    pub(super) async fn file(
        &self,
        address: &str,
        bytes_max: usize,
    ) -> Result<Option<Bytes>, Failure> {
        let request = Request::get(self.own(address)?)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .body(Full::default())
            .map_err(|_| Failure::Unreached("the address or the token cannot be used".into()))?;
        match self.http.exchange(request, ANSWER_WAIT, bytes_max).await {
            Ok((status, bytes)) if status.is_success() => Ok(Some(bytes)),
            Ok((status, _)) => Err(Failure::NotThePlatform { status: status.as_u16() }),
            Err(http::Error::TooLong) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Shows a picture with its words: Slack tells where it wants the picture, is given it there, and is told to show it.
    pub(super) async fn post_picture(
        &self,
        channel: &str,
        thread_ts: Option<&str>,
        (text, picture): (&str, &Picture),
    ) -> Result<Option<MessageId>, Failure> {
        let title = picture.file_name();
        let form = format!("filename={}&length={}", percent_encoded(&title), picture.bytes.len());
        let UploadUrl { upload_url, file_id } =
            self.call("files.getUploadURLExternal", Body::Form(form)).await?;
        if self.upload(&upload_url, picture).await.is_err() {
            let lost = |it: Failure| Failure::PictureLost(it.to_string());
            self.upload(&upload_url, picture).await.map_err(lost)?;
        }
        let body = Complete {
            files: [Uploaded { id: &file_id, title: &title }],
            channel_id: channel,
            thread_ts,
            initial_comment: text,
        };
        let body = serde_json::to_vec(&body).expect("a body of strings is plain data");
        let method = "files.completeUploadExternal";
        // It names the files alone: the message that shows them comes later.
        self.call::<serde_json::Value>(method, Body::Json(body)).await.map(|_| None)
    }

    /// Nobody sees the picture yet, so that this can be done again, or left. Its address is all it takes.
    async fn upload(&self, address: &str, picture: &Picture) -> Result<(), Failure> {
        let request = Request::post(self.own(address)?)
            .header(header::CONTENT_TYPE, picture.mime)
            .body(Full::new(picture.bytes.clone()))
            .map_err(|_| Failure::Unreached("the address cannot be used".into()))?;
        let within = ANSWER_WAIT + picture.upload_wait();
        match self.http.exchange(request, within, ANSWER_BYTES_MAX).await {
            Ok((status, _)) if status.is_success() => Ok(()),
            Ok((status, _)) => Err(Failure::NotThePlatform { status: status.as_u16() }),
            Err(error) => Err(error.into()),
        }
    }

    fn own<'a>(&self, address: &'a str) -> Result<&'a str, Failure> {
        let refused = || Failure::Unreached("the file is not on a host of the platform's".into());
        is_platform(address, &self.root, &HOSTS).then_some(address).ok_or_else(refused)
    }
}

/// Whether it may be the picture that Slack does not want, its size, its kind, or any file at all, or that did not arrive.
pub(super) fn is_refused_file(failure: &Failure) -> bool {
    match failure {
        Failure::Refused { .. } => !is_final(failure) && !is_passing(failure),
        Failure::NotThePlatform { status } => matches!(status, 400 | 403 | 413 | 415),
        Failure::PictureLost(_) => true,
        Failure::RetryAfter(_) | Failure::Unreached(_) | Failure::Ambiguous(_) => false,
    }
}
