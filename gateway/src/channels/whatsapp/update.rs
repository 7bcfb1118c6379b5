//! A call's body, read as inbound messages. Source: the public documentation of the Cloud API's webhooks.

use std::collections::BTreeMap;

use creel_core::{
    ids::{Channel, MessageId, PeerId, SenderId},
    media::{Attachment, Image, Source},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route},
};
use serde::Deserialize;
use serde_json::Value;

use super::{Account, CHANNEL};

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    field: String,
    value: Value,
}

#[derive(Deserialize)]
struct Content {
    metadata: Metadata,
    #[serde(default)]
    contacts: Vec<Contact>,
    #[serde(default)]
    messages: Vec<Value>,
}

#[derive(Deserialize)]
struct Metadata {
    phone_number_id: String,
}

#[derive(Deserialize)]
struct Contact {
    wa_id: String,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Message {
    from: String,
    id: String,
    r#type: String,
    text: Option<Text>,
    button: Option<Button>,
    interactive: Option<Interactive>,
    image: Option<Media>,
    video: Option<Media>,
    document: Option<Media>,
}

#[derive(Deserialize)]
struct Text {
    body: String,
}

#[derive(Deserialize)]
struct Button {
    text: String,
}

#[derive(Deserialize)]
struct Interactive {
    button_reply: Option<Choice>,
    list_reply: Option<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    title: String,
}

#[derive(Deserialize)]
struct Media {
    caption: Option<String>,
    id: Option<String>,
    mime_type: Option<String>,
}

/// The messages in a signed body, in order; none if it is no body of the platform's. What is not a message for this
/// number, such as a status, is skipped, and so is a message that is not understood: it must not block the others.
pub(super) fn read(body: &[u8], account: &Account) -> Option<Vec<Inbound>> {
    // A list would be read as the fields of an object, in order.
    let body: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
    let update: Update = serde_json::from_value(Value::Object(body)).ok()?;
    let changes = update.entry.into_iter().flat_map(|it| it.changes);
    let contents = changes
        .filter(|it| it.field == "messages")
        .filter_map(|it| serde_json::from_value::<Content>(it.value).ok())
        .filter(|it| it.metadata.phone_number_id == account.phone_number_id);
    Some(contents.flat_map(|it| of_content(it, account)).collect())
}

fn of_content(content: Content, account: &Account) -> Vec<Inbound> {
    let names: BTreeMap<String, String> =
        content.contacts.into_iter().filter_map(|it| Some((it.wa_id, it.profile?.name))).collect();
    let messages = content.messages.into_iter().filter_map(|raw| {
        let message = serde_json::from_value::<Message>(raw);
        if message.is_err() {
            // Without the error, which would quote the message's words.
            tracing::warn!("a message is not understood and skipped");
        }
        message.ok()
    });
    messages.filter_map(|it| inbound(&it, &names, account)).collect()
}

fn inbound(
    message: &Message,
    names: &BTreeMap<String, String>,
    account: &Account,
) -> Option<Inbound> {
    let (text, media) = words(message)?;
    let number = format!("+{}", message.from.trim_start_matches('+'));
    let name = names.get(&message.from).filter(|it| !it.trim().is_empty());
    Some(Inbound {
        message: MessageId::new(&message.id).ok()?,
        mentioned: true,
        media,
        merged: Vec::new(),
        origin: Origin {
            route: Route {
                channel: Channel::new(CHANNEL).expect("a constant name"),
                account: account.id.clone(),
                peer: Peer { kind: PeerKind::Direct, id: PeerId::new(&number).ok()? },
                thread: None,
            },
            sender: SenderId::new(&number).ok()?,
            guild: None,
            team: None,
            roles: Vec::new(),
        },
        text,
        sender_name: name.cloned().unwrap_or(number),
    })
}

/// What a message says, and what came with it. Reactions and notices of the platform say nothing.
fn words(message: &Message) -> Option<(String, Vec<Attachment>)> {
    let media = |kind: &str, media: Option<&Media>| {
        let caption = media.and_then(|it| it.caption.clone());
        let text = caption.unwrap_or_else(|| format!("<media:{kind}>"));
        Some((text, vec![Attachment::Other]))
    };
    let text = |text: &str| Some((text.to_owned(), Vec::new()));
    let Message { text: words, button, interactive, image, video, document, .. } = message;
    match message.r#type.as_str() {
        "text" => text(&words.as_ref()?.body),
        "button" => text(&button.as_ref()?.text),
        "interactive" => {
            let Interactive { button_reply, list_reply } = interactive.as_ref()?;
            text(&button_reply.as_ref().or(list_reply.as_ref())?.title)
        }
        "image" => {
            let (text, _) = media("image", image.as_ref())?;
            Some((text, vec![picture(image.as_ref())]))
        }
        "video" => media("video", video.as_ref()),
        "document" if document.as_ref().is_some_and(Media::is_image) => {
            let (text, _) = media("image", document.as_ref())?;
            Some((text, vec![picture(document.as_ref())]))
        }
        "document" => media("document", document.as_ref()),
        kind @ ("audio" | "sticker") => media(kind, None),
        _ => None,
    }
}

fn picture(media: Option<&Media>) -> Attachment {
    let found = media.and_then(|it| Some((it.id.as_deref()?, it.mime_type.as_deref())));
    found.map_or(Attachment::Other, |(id, mime)| {
        Attachment::Image(Image {
            mime: mime.map(Into::into),
            bytes: None,
            source: Source::Platform(id.into()),
        })
    })
}

impl Media {
    fn is_image(&self) -> bool {
        self.mime_type.as_deref().is_some_and(|it| it.starts_with("image/"))
    }
}

#[cfg(test)]
mod tests {
    use creel_core::ids::AccountId;
    use serde_json::json;

    use super::*;
    use crate::secret::Secret;

    fn account() -> Account {
        Account {
            id: AccountId::new("default").unwrap(),
            phone_number_id: "1001".to_owned(),
            access_token: Secret::new("t"),
            app_secret: Secret::new("s"),
            verify_token: Secret::new("v"),
            api_root: "http://platform".to_owned(),
            path: "/w".to_owned(),
            media_bytes_max: 1_000_000,
        }
    }

    fn change(number: &str, messages: &Value) -> Value {
        json!({ "field": "messages", "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550000", "phone_number_id": number },
            "contacts": [{ "wa_id": "15551", "profile": { "name": "Ann" } }],
            "messages": messages,
        } })
    }

    fn check(entries: &Value) -> Vec<String> {
        let body = json!({ "object": "whatsapp_business_account", "entry": entries }).to_string();
        let found = read(body.as_bytes(), &account()).unwrap();
        let shown = |it: Inbound| {
            let (peer, sender) = (it.origin.route.peer.id, it.origin.sender);
            format!(
                "{} {peer} {sender} {}: {} media={}",
                it.message,
                it.sender_name,
                it.text,
                it.media.len()
            )
        };
        found.into_iter().map(shown).collect()
    }

    fn text(id: &str, from: &str, body: &str) -> Value {
        json!({ "from": from, "id": id, "timestamp": "1", "type": "text", "text": { "body": body } })
    }

    #[test]
    fn a_body_may_hold_several_entries_changes_and_messages() {
        let first = change("1001", &json!([text("a", "15551", "one"), text("b", "15552", "two")]));
        let second = change("1001", &json!([text("c", "15551", "three")]));
        let third = change("1001", &json!([text("d", "15551", "four")]));
        let found = check(
            &json!([{ "id": "1", "changes": [first, second] }, { "id": "2", "changes": [third] }]),
        );
        assert_eq!(
            found,
            [
                "a +15551 +15551 Ann: one media=0",
                "b +15552 +15552 +15552: two media=0",
                "c +15551 +15551 Ann: three media=0",
                "d +15551 +15551 Ann: four media=0",
            ]
        );
    }

    #[test]
    fn other_numbers_statuses_and_what_is_not_understood_are_skipped() {
        let status = json!({ "field": "messages", "value": {
            "metadata": { "phone_number_id": "1001" }, "statuses": [{ "id": "x", "status": "read" }],
        } });
        let other = change("2002", &json!([text("a", "15551", "not ours")]));
        let odd = change("1001", &json!([{ "id": 7 }, text("b", "15551", "ours")]));
        let closed = json!({ "field": "account_update", "value": { "event": "x" } });
        let found = check(&json!([{ "id": "1", "changes": [status, other, odd, closed] }]));
        assert_eq!(found, ["b +15551 +15551 Ann: ours media=0"]);
        assert!(read(b"[]", &account()).is_none());
    }

    #[test]
    fn each_kind_of_message_says_what_it_can() {
        let of = |fields: Value| {
            let mut message = json!({ "from": "15551", "id": "a", "timestamp": "1" });
            message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            check(&json!([{ "id": "1", "changes": [change("1001", &json!([message]))] }])).join("|")
        };
        let image = json!({ "id": "m", "mime_type": "image/png", "caption": "look" });
        assert!(of(json!({ "type": "image", "image": image })).ends_with("look media=1"));
        assert!(
            of(json!({ "type": "audio", "audio": { "id": "m" } }))
                .ends_with("<media:audio> media=1")
        );
        let choice =
            json!({ "type": "button_reply", "button_reply": { "id": "1", "title": "Yes" } });
        assert!(
            of(json!({ "type": "interactive", "interactive": choice })).ends_with(": Yes media=0")
        );
        assert!(
            of(json!({ "type": "button", "button": { "text": "No" } })).ends_with(": No media=0")
        );
        assert_eq!(of(json!({ "type": "reaction", "reaction": { "emoji": "x" } })), "");
        assert_eq!(of(json!({ "type": "text" })), "");
    }
}
