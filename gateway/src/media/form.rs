//! `multipart/form-data`: how platforms take pictures.

use std::fmt::Write as _;

use bytes::Bytes;
use ring::digest;

use super::Picture;

/// A form with at most one file.
#[derive(Debug)]
pub struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// An empty form for a file. What parts its fields is drawn from the file's digest, so that it is not in the file.
    pub fn new(content: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, content);
        let mut boundary = "creel-".to_owned();
        for byte in digest.as_ref().iter().take(16) {
            write!(boundary, "{byte:02x}").expect("writing to a string");
        }
        Self { boundary, body: Vec::new() }
    }

    /// Adds a field.
    pub fn field(&mut self, name: &str, value: &str) {
        self.head(&format!("name=\"{name}\""), None);
        self.body.extend_from_slice(value.as_bytes());
        self.body.extend_from_slice(b"\r\n");
    }

    /// Adds a picture.
    pub fn file(&mut self, name: &str, picture: &Picture) {
        let place = format!("name=\"{name}\"; filename=\"{}\"", picture.file_name());
        self.head(&place, Some(picture.mime));
        self.body.extend_from_slice(&picture.bytes);
        self.body.extend_from_slice(b"\r\n");
    }

    /// The content type and the body.
    pub fn finish(mut self) -> (String, Bytes) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), Bytes::from(self.body))
    }

    fn head(&mut self, place: &str, kind: Option<&str>) {
        let kind = kind.map_or_else(String::new, |it| format!("Content-Type: {it}\r\n"));
        let boundary = &self.boundary;
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; {place}\r\n{kind}\r\n");
        self.body.extend_from_slice(head.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_its_fields_and_its_file() {
        let picture = Picture { mime: "image/png", bytes: Bytes::from_static(b"PNG") };
        let mut form = Form::new(&picture.bytes);
        form.field("chat_id", "5");
        form.file("photo", &picture);
        let (kind, body) = form.finish();
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap().replace(boundary, "B");
        let expected = "--B\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n5\r\n\
                        --B\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"image.png\"\r\n\
                        Content-Type: image/png\r\n\r\nPNG\r\n--B--\r\n";
        assert_eq!(body, expected);
    }
}
