//! One update, read as an inbound message.

use creel_core::{
    ids::{AccountId, Channel, MessageId, PeerId, SenderId, ThreadId},
    media::{Attachment, Image, Source},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route, Thread},
};
use serde::{Deserialize, de::IgnoredAny};

use super::{CHANNEL, api::Me};

#[derive(Deserialize)]
struct Update {
    message: Option<Message>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the Bot API's")]
struct Message {
    message_id: i64,
    from: Option<User>,
    chat: Chat,
    text: Option<String>,
    caption: Option<String>,
    #[serde(default)]
    entities: Vec<Entity>,
    #[serde(default)]
    caption_entities: Vec<Entity>,
    message_thread_id: Option<i64>,
    #[serde(default)]
    is_topic_message: bool,
    reply_to_message: Option<Box<ReplyTo>>,
    photo: Option<Vec<File>>,
    sticker: Option<IgnoredAny>,
    video: Option<IgnoredAny>,
    video_note: Option<IgnoredAny>,
    animation: Option<IgnoredAny>,
    audio: Option<IgnoredAny>,
    voice: Option<IgnoredAny>,
    document: Option<File>,
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "file_id")]
    id: String,
    mime_type: Option<String>,
    #[serde(rename = "file_size")]
    size: Option<u64>,
    #[serde(default)]
    width: u64,
    #[serde(default)]
    height: u64,
}

#[derive(Deserialize)]
struct ReplyTo {
    from: Option<User>,
}

#[derive(Deserialize)]
struct User {
    id: i64,
    #[serde(default)]
    is_bot: bool,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    r#type: String,
    #[serde(default)]
    is_forum: bool,
}

#[derive(Deserialize)]
struct Entity {
    r#type: String,
    offset: usize,
    length: usize,
    user: Option<User>,
}

/// The update's id, and the message in it if it is one for us. An update that is neither is skipped, with its id, so
/// that it cannot block those behind it.
pub(super) fn read(
    raw: serde_json::Value,
    account: &AccountId,
    me: &Me,
) -> (Option<i64>, Option<Inbound>) {
    let id = raw.get("update_id").and_then(serde_json::Value::as_i64);
    let update = serde_json::from_value::<Update>(raw);
    if update.is_err() {
        // Without the error, which would quote the message's words.
        tracing::warn!(update = id, "this update is not understood and skipped");
    }
    let message = update.ok().and_then(|it| it.message);
    (id, message.and_then(|it| inbound(&it, account, me)))
}

fn inbound(message: &Message, account: &AccountId, me: &Me) -> Option<Inbound> {
    let from = message.from.as_ref().filter(|it| !it.is_bot)?;
    let direct = message.chat.r#type == "private";
    let kind = if direct { PeerKind::Direct } else { PeerKind::Group };
    let route = Route {
        channel: Channel::new(CHANNEL).expect("a constant name"),
        account: account.clone(),
        peer: Peer { kind, id: PeerId::new(&message.chat.id.to_string()).ok()? },
        thread: topic(message).and_then(|it| ThreadId::new(&it).ok()).map(Thread::Topic),
    };
    let media = media_kind(message);
    // Without words and media it tells of the chat itself: somebody joined, a title changed. Nobody asks us anything.
    let placeholder = media.map(|it| format!("<media:{it}>"));
    let words = message.text.as_ref().or(message.caption.as_ref()).cloned().or(placeholder)?;
    let (text, addressee) = addressed(words);
    let for_us = addressee.as_ref().map(|it| it.eq_ignore_ascii_case(&me.username));
    if for_us == Some(false) {
        return None;
    }
    let sender_name = format!("{} {}", from.first_name, from.last_name).trim().to_owned();
    Some(Inbound {
        message: MessageId::new(&message.message_id.to_string()).ok()?,
        mentioned: for_us.is_some() || direct || mentions(message, me),
        media: media.map(|_| attachment(message)).into_iter().collect(),
        merged: Vec::new(),
        origin: Origin {
            route,
            sender: SenderId::new(&from.id.to_string()).ok()?,
            guild: None,
            team: None,
            roles: Vec::new(),
        },
        text,
        sender_name,
    })
}

/// The forum topic. Messages of a plain group's reply threads carry a thread id too, but are no topics.
fn topic(message: &Message) -> Option<String> {
    match (message.is_topic_message, message.message_thread_id) {
        (true, Some(id)) => Some(id.to_string()),
        (_, _) if message.chat.is_forum => Some("1".to_owned()),
        (_, _) => None,
    }
}

/// Splits the name off a command that is addressed to one bot: `/stop@creel_bot now` is `/stop now`, for `creel_bot`.
fn addressed(text: String) -> (String, Option<String>) {
    let Some(command) = text.split_whitespace().next().filter(|it| it.starts_with('/')) else {
        return (text, None);
    };
    let Some((name, bot)) = command.split_once('@') else { return (text, None) };
    let rest = text.trim_start().strip_prefix(command).unwrap_or_default();
    (format!("{name}{rest}"), Some(bot.to_owned()))
}

/// What came with the words, by the name that OpenClaw gives it.
fn media_kind(message: &Message) -> Option<&'static str> {
    let Message { photo, sticker, video, video_note, animation, audio, voice, document, .. } =
        message;
    let is_image = document.as_ref().is_some_and(File::is_image);
    if photo.is_some() || is_image {
        return Some("image");
    }
    let kinds = [
        (sticker, "sticker"),
        (video, "video"),
        (video_note, "video"),
        (animation, "video"),
        (audio, "audio"),
        (voice, "audio"),
    ];
    let found = kinds.into_iter().find(|(it, _)| it.is_some()).map(|(_, name)| name);
    found.or(document.as_ref().map(|_| "document"))
}

/// A photo comes in several sizes, of which the largest is the photo.
fn attachment(message: &Message) -> Attachment {
    let photo = message.photo.iter().flatten().max_by_key(|it| it.width * it.height);
    let file = photo.or_else(|| message.document.as_ref().filter(|it| it.is_image()));
    file.map_or(Attachment::Other, |it| {
        Attachment::Image(Image {
            mime: it.mime_type.as_deref().map(Into::into),
            bytes: it.size,
            source: Source::Platform(it.id.as_str().into()),
        })
    })
}

impl File {
    fn is_image(&self) -> bool {
        self.mime_type.as_deref().is_some_and(|it| it.starts_with("image/"))
    }
}

fn mentions(message: &Message, me: &Me) -> bool {
    let answers_us = message.reply_to_message.as_ref().and_then(|it| it.from.as_ref());
    let texts = [(&message.text, &message.entities), (&message.caption, &message.caption_entities)];
    let mut entities = texts.into_iter().flat_map(|(text, entities)| {
        entities.iter().map(move |it| (text.as_deref().unwrap_or_default(), it))
    });
    answers_us.is_some_and(|it| it.id == me.id)
        || entities.any(|(text, entity)| match entity.r#type.as_str() {
            "text_mention" => entity.user.as_ref().is_some_and(|it| it.id == me.id),
            "mention" => {
                mentioned_name(text, entity).is_some_and(|it| it.eq_ignore_ascii_case(&me.username))
            }
            _ => false,
        })
}

/// The name behind the `@`. Entities count in UTF-16 code units.
fn mentioned_name(text: &str, entity: &Entity) -> Option<String> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let end = entity.offset.checked_add(entity.length)?;
    let name = String::from_utf16(units.get(entity.offset..end)?).ok()?;
    name.strip_prefix('@').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Reads a message by user 3001 in chat `chat` with these further fields, and shows what the gateway would see.
    fn check(chat: &serde_json::Value, fields: &serde_json::Value) -> String {
        let mut message = json!({
            "message_id": 7, "chat": chat,
            "from": {"id": 3001, "is_bot": false, "first_name": "Al", "last_name": "Ice"},
        });
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let account = AccountId::new("default").unwrap();
        let me = Me { id: 99, username: "creel_bot".into() };
        let (id, inbound) = read(json!({"update_id": 5, "message": message}), &account, &me);
        assert_eq!(id, Some(5));
        let Some(it) = inbound else { return "-".into() };
        let thread = it.origin.route.thread.map_or("-".into(), |it| it.id().to_string());
        format!(
            "{:?} {} topic {thread} from {} ({}): {:?} mentioned={} media={}",
            it.origin.route.peer.kind,
            it.origin.route.peer.id,
            it.origin.sender,
            it.sender_name,
            it.text,
            it.mentioned,
            it.media.iter().map(shown).next().unwrap_or("none".into())
        )
    }

    fn shown(attachment: &Attachment) -> String {
        match attachment {
            Attachment::Image(Image { mime, bytes, source: Source::Platform(id) }) => {
                format!("{id} {mime:?} {bytes:?}")
            }
            other => format!("{other:?}"),
        }
    }

    fn private() -> serde_json::Value {
        json!({"id": 3001, "type": "private"})
    }

    fn group() -> serde_json::Value {
        json!({"id": -100_777, "type": "supergroup"})
    }

    #[test]
    fn a_direct_message_always_speaks_to_us() {
        insta::assert_snapshot!(
            check(&private(), &json!({"text": "hi"})),
            @r#"Direct 3001 topic - from 3001 (Al Ice): "hi" mentioned=true media=none"#
        );
    }

    #[test]
    fn a_topic_is_a_thread_and_a_reply_thread_is_not() {
        let topic = json!({"text": "hi", "message_thread_id": 42, "is_topic_message": true});
        insta::assert_snapshot!(
            check(&group(), &topic),
            @r#"Group -100777 topic 42 from 3001 (Al Ice): "hi" mentioned=false media=none"#
        );
        insta::assert_snapshot!(
            check(&group(), &json!({"text": "hi", "message_thread_id": 42})),
            @r#"Group -100777 topic - from 3001 (Al Ice): "hi" mentioned=false media=none"#
        );
    }

    #[test]
    fn a_mention_counts_utf16_units_and_ignores_case() {
        let entities = json!([{"type": "mention", "offset": 3, "length": 10}]);
        insta::assert_snapshot!(
            check(&group(), &json!({"text": "🦞 @Creel_Bot hi", "entities": entities})),
            @r#"Group -100777 topic - from 3001 (Al Ice): "🦞 @Creel_Bot hi" mentioned=true media=none"#
        );
        let entities = json!([{"type": "mention", "offset": 0, "length": 10}]);
        let other = check(&group(), &json!({"text": "@other_bot hi", "entities": entities}));
        assert!(other.contains("mentioned=false"), "{other}");
    }

    #[test]
    fn media_has_its_caption_or_a_placeholder_and_its_caption_may_mention_us() {
        let entities = json!([{"type": "mention", "offset": 0, "length": 10}]);
        let fields = json!({"photo": [], "caption": "@creel_bot?", "caption_entities": entities});
        insta::assert_snapshot!(
            check(&group(), &fields),
            @r#"Group -100777 topic - from 3001 (Al Ice): "@creel_bot?" mentioned=true media=Other"#
        );
        insta::assert_snapshot!(
            check(&private(), &json!({"voice": {"duration": 2}})),
            @r#"Direct 3001 topic - from 3001 (Al Ice): "<media:audio>" mentioned=true media=Other"#
        );
    }

    #[test]
    fn a_photo_is_its_largest_size_and_a_file_may_be_an_image() {
        let sizes = json!([
            {"file_id": "small", "width": 90, "height": 60, "file_size": 100},
            {"file_id": "large", "width": 900, "height": 600, "file_size": 9000},
            {"file_id": "middle", "width": 300, "height": 200},
        ]);
        insta::assert_snapshot!(
            check(&private(), &json!({"photo": sizes})),
            @r#"Direct 3001 topic - from 3001 (Al Ice): "<media:image>" mentioned=true media=large None Some(9000)"#
        );
        let file = json!({"file_id": "f", "mime_type": "image/png"});
        insta::assert_snapshot!(
            check(&private(), &json!({"document": file, "caption": "look"})),
            @r#"Direct 3001 topic - from 3001 (Al Ice): "look" mentioned=true media=f Some("image/png") None"#
        );
        let file = json!({"file_id": "f", "mime_type": "text/plain"});
        insta::assert_snapshot!(
            check(&private(), &json!({"document": file})),
            @r#"Direct 3001 topic - from 3001 (Al Ice): "<media:document>" mentioned=true media=Other"#
        );
    }

    #[test]
    fn news_of_the_chat_itself_is_no_message() {
        assert_eq!(check(&group(), &json!({"new_chat_members": [], "new_chat_title": "x"})), "-");
    }

    #[test]
    fn a_command_for_us_loses_our_name_and_one_for_another_bot_is_not_ours() {
        let ours = check(&group(), &json!({"text": "/stop@creel_bot"}));
        assert!(ours.contains(r#""/stop" mentioned=true"#), "{ours}");
        assert_eq!(check(&group(), &json!({"text": "/stop@other_bot"})), "-");
    }

    #[test]
    fn bots_and_updates_that_are_not_understood_are_skipped() {
        let from = json!({"id": 5, "is_bot": true, "first_name": "B"});
        assert_eq!(check(&group(), &json!({"text": "hi", "from": from})), "-");
        assert_eq!(check(&group(), &json!({"text": 5})), "-");
    }
}
