"""The Telegram twin, as python-telegram-bot sees it."""

import asyncio
import datetime
import logging
import unittest

import twin
from telegram import Bot, BotCommand, Message, ReactionTypeEmoji, ReplyParameters
from telegram.constants import ChatAction, ChatMemberStatus
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter
from telegram.ext import Application, MessageHandler, filters

# unittest runs the loop in debug mode, which tells of every slow start.
logging.getLogger("asyncio").setLevel(logging.ERROR)

TOKEN = "7001:secret"
PERSON = 3001
FORUM = -100777
TOPIC = 42


class Telegram(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.address = self.enterContext(twin.serving("telegram", "--token", TOKEN))
        self.bot = self.another_bot(TOKEN)
        await self.bot.initialize()

    async def asyncTearDown(self):
        await self.bot.shutdown()

    def another_bot(self, token):
        return Bot(token, base_url=f"{self.address}/bot")

    def write(self, text, **where):
        return twin.call(f"{self.address}/twin/messages", {"text": text, **where})

    def seen(self):
        """What the person and the bot wrote, in order."""
        lines = twin.call(f"{self.address}/twin/messages")
        return [("bot" if it["is_bot"] else "person", it["text"]) for it in lines]

    async def newest(self):
        """The newest message, by a short poll."""
        updates = await self.bot.get_updates(offset=-1)
        return updates[-1].message

    async def test_the_bot_knows_itself(self):
        me = await self.bot.get_me()
        self.assertEqual((me.id, me.username, me.is_bot), (7001, "creel_bot", True))

    async def test_a_long_poll_brings_a_message_when_it_is_written(self):
        poll = asyncio.create_task(self.bot.get_updates(timeout=10, read_timeout=15))
        await asyncio.sleep(0.3)
        self.assertFalse(poll.done())
        self.write("/start now")
        [update] = await asyncio.wait_for(poll, 5)
        message = update.message
        self.assertEqual((message.text, message.from_user.id), ("/start now", PERSON))
        self.assertEqual((message.chat.type, message.chat.id), ("private", PERSON))
        self.assertEqual(message.parse_entities(), {message.entities[0]: "/start"})
        age = datetime.datetime.now(datetime.timezone.utc) - message.date
        self.assertLess(abs(age.total_seconds()), 60)

    async def test_an_offset_acknowledges(self):
        for text in ("one", "two", "three"):
            self.write(text)
        first, *_ = updates = await self.bot.get_updates()
        self.assertEqual([it.message.text for it in updates], ["one", "two", "three"])
        rest = await self.bot.get_updates(offset=first.update_id + 1, limit=1)
        self.assertEqual([it.message.text for it in rest], ["two"])

    async def test_a_second_poll_ends_the_first(self):
        poll = asyncio.create_task(self.bot.get_updates(timeout=10, read_timeout=15))
        await asyncio.sleep(0.3)
        # A bot has one connection for polls, so the second one comes from another process, as it would.
        async with self.another_bot(TOKEN) as second:
            await second.get_updates(timeout=0)
        with self.assertRaises(Conflict):
            await asyncio.wait_for(poll, 5)

    async def test_replies_edits_and_deletions_show(self):
        self.write("hello")
        asked = await self.newest()
        reply = await asked.reply_text("working…", do_quote=True)
        self.assertIsInstance(reply, Message)
        self.assertEqual(reply.reply_to_message.text, "hello")
        edited = await reply.edit_text("<b>done</b> &amp; dusted", parse_mode="HTML")
        self.assertEqual(edited.text, "done & dusted")
        with self.assertRaisesRegex(BadRequest, "not modified"):
            await reply.edit_text("done & dusted")
        self.assertEqual(self.seen(), [("person", "hello"), ("bot", "done & dusted")])
        self.assertTrue(await reply.delete())
        self.assertEqual(self.seen(), [("person", "hello")])

    async def test_topics_of_a_forum_are_kept_apart(self):
        self.write("in a topic @creel_bot", chat=FORUM, thread=TOPIC)
        asked = await self.newest()
        self.assertEqual((asked.chat.type, asked.chat.is_forum), ("supergroup", True))
        self.assertEqual((asked.message_thread_id, asked.is_topic_message), (TOPIC, True))
        self.assertEqual(list(asked.parse_entities().values()), ["@creel_bot"])
        reply = await self.bot.send_message(FORUM, "here", message_thread_id=TOPIC)
        self.assertEqual((reply.message_thread_id, reply.is_topic_message), (TOPIC, True))
        with self.assertRaisesRegex(BadRequest, "thread not found"):
            await self.bot.send_message(FORUM, "there", message_thread_id=43)

    async def test_the_platform_can_ask_for_patience(self):
        refusal = {"status": 429, "retry_after": 7}
        twin.call(f"{self.address}/twin/refusals", refusal)
        with self.assertRaises(RetryAfter) as refused:
            await self.bot.send_message(PERSON, "hello")
        self.assertEqual(refused.exception.retry_after, datetime.timedelta(seconds=7))
        await self.bot.send_message(PERSON, "hello")
        self.assertEqual(self.seen(), [("bot", "hello")])

    async def test_photos_travel_both_ways(self):
        self.write("look", image="cat")
        message = await self.newest()
        self.assertEqual((message.caption, len(message.photo)), ("look", 2))
        file = await self.bot.get_file(message.photo[-1].file_id)
        # The library would ask the platform's own host for the content.
        content = bytes(await self.bot.request.retrieve(
            f"{self.address}/file/bot{TOKEN}/{file.file_path.rsplit(TOKEN + '/')[-1]}"))
        self.assertTrue(content.startswith(b"\x89PNG"))
        self.assertEqual(len(content), file.file_size)
        sent = await self.bot.send_photo(PERSON, twin.PNG, caption="<b>mine</b>", parse_mode="HTML")
        self.assertEqual((sent.caption, sent.photo[-1].file_size), ("mine", len(twin.PNG)))
        with self.assertRaises(BadRequest):
            await self.bot.send_photo(PERSON, b"no picture")

    async def test_a_wrong_token_is_refused(self):
        for token in ("7001:wrong", "7002:secret"):
            with self.assertRaises(InvalidToken):
                await self.another_bot(token).initialize()

    async def test_what_is_not_valid_is_refused(self):
        refused = [
            ("too long", self.bot.send_message(PERSON, "é" * 4097)),
            ("chat not found", self.bot.send_message(9, "hello")),
            ("text is empty", self.bot.send_message(PERSON, " ")),
            ("unsupported parse_mode", self.bot.send_message(PERSON, "x", parse_mode="BBCode")),
            ("replied not found", self.bot.send_message(
                PERSON, "x", reply_parameters=ReplyParameters(99))),
            ("edit not found", self.bot.edit_message_text("x", PERSON, 99)),
            ("delete not found", self.bot.delete_message(PERSON, 99)),
            ("HTTPS URL", self.bot.set_webhook("http://example.org")),
        ]
        for words, call in refused:
            with self.subTest(words), self.assertRaisesRegex(BadRequest, f"(?i){words}"):
                await call
        self.assertEqual((await self.bot.send_message(PERSON, "é" * 4096)).text, "é" * 4096)

    async def test_chores_are_answered(self):
        bot = self.bot
        commands = [BotCommand("stop", "Stop the run")]
        self.assertTrue(await bot.set_my_commands(commands))
        self.assertEqual(list(await bot.get_my_commands()), commands)
        self.assertTrue(await bot.delete_my_commands())
        self.assertEqual(list(await bot.get_my_commands()), [])
        self.assertTrue(await bot.delete_webhook(drop_pending_updates=True))
        self.assertEqual((await bot.get_webhook_info()).url, "")
        self.assertTrue(await bot.send_chat_action(PERSON, ChatAction.TYPING))
        self.assertEqual((await bot.get_chat(PERSON)).type, "private")
        member = await bot.get_chat_member(PERSON, PERSON)
        self.assertEqual(member.status, ChatMemberStatus.MEMBER)
        sent = await bot.send_message(PERSON, "react to this")
        self.assertTrue(await sent.set_reaction([ReactionTypeEmoji("👀")]))
        with self.assertRaisesRegex(BadRequest, "Query is too old"):
            await bot.answer_callback_query("1")

    async def test_a_whole_application_converses(self):
        async def echo(update, _):
            await update.message.reply_text(f"You said: {update.message.text}")

        application = Application.builder().token(TOKEN).base_url(f"{self.address}/bot").build()
        application.add_handler(MessageHandler(filters.TEXT, echo))
        async with application:
            await application.start()
            await application.updater.start_polling(timeout=5)
            for text in ("one", "two"):
                self.write(text)
            expected = {("bot", "You said: one"), ("bot", "You said: two")}
            async with asyncio.timeout(10):
                while not expected <= set(self.seen()):
                    await asyncio.sleep(0.05)
            await application.updater.stop()
            await application.stop()


if __name__ == "__main__":
    unittest.main(argv=["test_telegram"], verbosity=2)
