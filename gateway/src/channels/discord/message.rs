//! One `MESSAGE_CREATE`, read as an inbound message.

use creel_core::{
    ids::{AccountId, Channel, GuildId, MessageId, PeerId, RoleId, SenderId, ThreadId},
    media::{self, Image, Source},
    message::Inbound,
    origin::{Origin, Peer, PeerKind, Route, Thread},
};
use serde::Deserialize;

use super::{CHANNEL, frame::Me};

/// A message, with what we understand of it.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    id: String,
    pub(super) channel_id: String,
    pub(super) guild_id: Option<String>,
    author: User,
    member: Option<Member>,
    #[serde(default)]
    content: String,
    #[serde(default)]
    r#type: u8,
    webhook_id: Option<String>,
    #[serde(default)]
    mentions: Vec<User>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(rename = "referenced_message")]
    answered: Option<Referenced>,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    username: String,
    global_name: Option<String>,
    #[serde(default)]
    bot: bool,
}

#[derive(Debug, Deserialize)]
struct Member {
    nick: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Attachment {
    content_type: Option<String>,
    url: Option<String>,
    size: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Referenced {
    author: User,
}

impl Message {
    /// Whether a person wrote it, in words of her own: neither a bot, nor we, nor the platform itself.
    pub(super) fn is_a_persons(&self, me: &Me) -> bool {
        let by_bot = self.author.bot || self.webhook_id.is_some() || self.author.id == me.id;
        // 0 is a message, 19 one that answers another; the rest tells of joins, pins, names of threads.
        !by_bot && matches!(self.r#type, 0 | 19)
    }
}

/// The message, for the core; none if it says nothing. `parent` is the channel that its channel is a thread of.
pub(super) fn inbound(
    message: Message,
    parent: Option<String>,
    account: &AccountId,
    me: &Me,
) -> Option<Inbound> {
    let mentioned = mentions(&message, me);
    let Message { id, channel_id, guild_id, author, member, content, attachments, .. } = message;
    let media = attachments.first().map(|it| format!("<media:{}>", it.kind()));
    let words = if content.trim().is_empty() { media? } else { content };
    let direct = guild_id.is_none();
    let peer = match (direct, &parent) {
        (true, _) => Peer { kind: PeerKind::Direct, id: PeerId::new(&author.id).ok()? },
        (false, Some(parent)) => Peer { kind: PeerKind::Channel, id: PeerId::new(parent).ok()? },
        (false, None) => Peer { kind: PeerKind::Channel, id: PeerId::new(&channel_id).ok()? },
    };
    let thread = parent.filter(|_| !direct).and_then(|_| ThreadId::new(&channel_id).ok());
    let (nick, roles) = member.map(|it| (it.nick, it.roles)).unwrap_or_default();
    Some(Inbound {
        message: MessageId::new(&id).ok()?,
        mentioned: mentioned || direct,
        media: attachments.into_iter().map(Attachment::into_media).collect(),
        merged: Vec::new(),
        text: without_address(&words, me).to_owned(),
        sender_name: nick.or(author.global_name).unwrap_or(author.username),
        origin: Origin {
            route: Route {
                channel: Channel::new(CHANNEL).expect("a constant name"),
                account: account.clone(),
                peer,
                thread: thread.map(Thread::Thread),
            },
            sender: SenderId::new(&author.id).ok()?,
            guild: guild_id.and_then(|it| GuildId::new(&it).ok()),
            team: None,
            roles: roles.iter().filter_map(|it| RoleId::new(it).ok()).collect(),
        },
    })
}

impl Attachment {
    /// What came with the words, by the name that OpenClaw gives it.
    fn kind(&self) -> &'static str {
        let kind = self.content_type.as_deref().and_then(|it| it.split('/').next());
        match kind {
            Some("image") => "image",
            Some("video") => "video",
            Some("audio") => "audio",
            _ => "document",
        }
    }

    /// It as the core knows it. A picture's address is all that fetches it.
    fn into_media(self) -> media::Attachment {
        match (self.kind(), self.url) {
            ("image", Some(url)) => media::Attachment::Image(Image {
                mime: self.content_type.map(Into::into),
                bytes: self.size,
                source: Source::Platform(url.into()),
            }),
            _ => media::Attachment::Other,
        }
    }
}

fn mentions(message: &Message, me: &Me) -> bool {
    let answers_us = message.answered.as_ref().is_some_and(|it| it.author.id == me.id);
    answers_us || message.mentions.iter().any(|it| it.id == me.id)
}

/// The text without our mention at its beginning, where people write it to address us: a command behind it is one.
fn without_address<'a>(text: &'a str, me: &Me) -> &'a str {
    let mentions = [format!("<@{}>", me.id), format!("<@!{}>", me.id)];
    let rest = mentions.iter().find_map(|it| text.trim_start().strip_prefix(it.as_str()));
    rest.map(str::trim_start).filter(|it| !it.is_empty()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Reads a message of user 3001 with these further fields, in a thread of `parent` if there is one, and shows what the
    /// gateway would see.
    fn check(fields: &Value, parent: Option<&str>) -> String {
        let mut message = json!({
            "id": "7", "channel_id": "800", "content": "hi", "type": 0,
            "author": { "id": "3001", "username": "alice", "global_name": "Alice" },
        });
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let message: Message = serde_json::from_value(message).unwrap();
        let me = Me { id: "99".into(), username: "creel".into() };
        let account = AccountId::new("default").unwrap();
        if !message.is_a_persons(&me) {
            return "not a person's".into();
        }
        let Some(it) = inbound(message, parent.map(str::to_owned), &account, &me) else {
            return "-".into();
        };
        let Origin { route, guild, roles, .. } = it.origin;
        let thread = route.thread.map_or("-".into(), |it| it.id().to_string());
        let guild = guild.map_or("-".into(), |it| it.to_string());
        let roles: Vec<_> = roles.iter().map(RoleId::as_str).collect();
        format!(
            "{:?} {} thread {thread} guild {guild} roles {roles:?} {}: {:?} mentioned={} media={}",
            route.peer.kind,
            route.peer.id,
            it.sender_name,
            it.text,
            it.mentioned,
            it.media.len()
        )
    }

    #[test]
    fn a_direct_chat_is_its_persons_and_always_speaks_to_us() {
        insta::assert_snapshot!(
            check(&json!({}), None),
            @r#"Direct 3001 thread - guild - roles [] Alice: "hi" mentioned=true media=0"#
        );
    }

    #[test]
    fn a_thread_is_in_its_channel() {
        let member = json!({ "nick": "Al", "roles": ["42", "43"] });
        let fields = json!({ "guild_id": "900", "channel_id": "801", "member": member });
        insta::assert_snapshot!(
            check(&fields, Some("800")),
            @r#"Channel 800 thread 801 guild 900 roles ["42", "43"] Al: "hi" mentioned=false media=0"#
        );
        insta::assert_snapshot!(
            check(&fields, None),
            @r#"Channel 801 thread - guild 900 roles ["42", "43"] Al: "hi" mentioned=false media=0"#
        );
    }

    #[test]
    fn a_mention_or_an_answer_speaks_to_us_and_our_name_before_a_command_goes() {
        let us = json!({ "id": "99", "username": "creel", "bot": true });
        let mention = json!({ "guild_id": "900", "content": "<@99> /stop", "mentions": [us] });
        insta::assert_snapshot!(
            check(&mention, None),
            @r#"Channel 800 thread - guild 900 roles [] Alice: "/stop" mentioned=true media=0"#
        );
        let answer =
            json!({ "guild_id": "900", "type": 19, "referenced_message": { "author": us } });
        assert!(check(&answer, None).contains("mentioned=true"));
        let other =
            json!({ "guild_id": "900", "content": "<@98> hi", "mentions": [{ "id": "98" }] });
        assert!(check(&other, None).contains(r#""<@98> hi" mentioned=false"#));
    }

    #[test]
    fn what_no_person_said_is_not_a_message() {
        let bot = json!({ "author": { "id": "5", "bot": true } });
        assert_eq!(check(&bot, None), "not a person's");
        assert_eq!(check(&json!({ "author": { "id": "99" } }), None), "not a person's");
        assert_eq!(check(&json!({ "webhook_id": "5" }), None), "not a person's");
        assert_eq!(check(&json!({ "type": 7 }), None), "not a person's");
    }

    #[test]
    fn media_without_words_has_a_placeholder_and_nothing_says_nothing() {
        let image = json!({ "content": "", "attachments": [{ "content_type": "image/png" }] });
        assert!(check(&image, None).contains(r#""<media:image>" mentioned=true media=1"#));
        assert_eq!(check(&json!({ "content": "" }), None), "-");
        let two = json!({ "attachments": [
            { "content_type": "image/png", "url": "https://cdn.discordapp.com/1", "size": 5 },
            { "content_type": "video/mp4", "url": "https://cdn.discordapp.com/2", "size": 6 },
        ] });
        assert!(check(&two, None).contains(r#""hi" mentioned=true media=2"#));
    }
}
