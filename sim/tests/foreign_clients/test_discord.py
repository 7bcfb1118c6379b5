"""The Discord twin, as discord.py sees it."""

import asyncio
import functools
import io
import logging
import unittest

import discord
import twin
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

logging.getLogger("asyncio").setLevel(logging.ERROR)
logging.getLogger("discord").setLevel(logging.CRITICAL)

# The twin offers no compression, which is the client's own choice.
PLAIN = functools.partial(DiscordWebSocket.from_client.__func__, DiscordWebSocket, compress=False)
DiscordWebSocket.from_client = staticmethod(PLAIN)

TOKEN = "creel-discord"
PERSON, GUILD, ROOM, THREAD, ROLE = 3001, 900, 800, 801, 42


class Client(discord.Client):
    """Keeps what it hears."""

    def __init__(self):
        intents = discord.Intents(guilds=True, messages=True, message_content=True)
        super().__init__(intents=intents)
        self.heard = asyncio.Queue()
        self.resumes = asyncio.Queue()

    async def on_message(self, message):
        if message.author != self.user:
            await self.heard.put(message)

    async def on_resumed(self):
        await self.resumes.put(True)


class Discord(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.address = self.enterContext(twin.serving("discord", "--token", TOKEN))
        Route.BASE = f"{self.address}/api/v10"
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self.address.replace("http", "ws"))
        self.client = Client()

    async def connect(self):
        await self.client.login(TOKEN)
        self.running = asyncio.create_task(self.client.connect())
        await asyncio.wait_for(self.client.wait_until_ready(), twin.PATIENCE)

    async def asyncTearDown(self):
        await self.client.close()

    def write(self, text, **where):
        return twin.call(f"{self.address}/twin/messages", {"text": text, **where})

    def seen(self):
        lines = twin.call(f"{self.address}/twin/messages")
        return [it["content"] for it in lines if it["author"]["bot"]]

    async def next(self):
        return await asyncio.wait_for(self.client.heard.get(), twin.PATIENCE)

    async def test_a_direct_message_and_its_answer(self):
        await self.connect()
        self.write("hello")
        message = await self.next()
        self.assertEqual((message.content, message.author.id), ("hello", PERSON))
        self.assertIsInstance(message.channel, discord.DMChannel)
        reply = await message.reply("hi", mention_author=False)
        self.assertEqual(reply.reference.message_id, message.id)
        self.assertEqual(self.seen(), ["hi"])

    async def test_a_message_in_a_guild_has_roles_and_mentions(self):
        await self.connect()
        self.write("hello", chat="room", mention=True)
        message = await self.next()
        self.assertEqual((message.guild.id, message.channel.id), (GUILD, ROOM))
        self.assertIn(ROLE, [it.id for it in message.author.roles])
        self.assertIn(self.client.user, message.mentions)

    async def test_a_thread_has_its_channel(self):
        await self.connect()
        self.write("hello", chat="thread")
        message = await self.next()
        self.assertIsInstance(message.channel, discord.Thread)
        self.assertEqual((message.channel.id, message.channel.parent_id), (THREAD, ROOM))

    async def test_a_text_that_is_too_long_is_refused(self):
        await self.connect()
        room = self.client.get_channel(ROOM)
        await room.send("é" * 2000)
        with self.assertRaises(discord.HTTPException) as refusal:
            await room.send("é" * 2001)
        self.assertEqual((refusal.exception.status, refusal.exception.code), (400, 50035))

    async def test_a_rate_limit_is_waited_for(self):
        await self.connect()
        twin.call(f"{self.address}/twin/refusals", {"chat": "room", "status": 429, "retry_after": 1})
        begun = asyncio.get_running_loop().time()
        await self.client.get_channel(ROOM).send("patience")
        self.assertGreaterEqual(asyncio.get_running_loop().time() - begun, 1)
        self.assertEqual(self.seen(), ["patience"])

    async def test_edits_and_deletions(self):
        await self.connect()
        message = await self.client.get_channel(ROOM).send("one")
        await message.edit(content="two")
        self.assertEqual(self.seen(), ["two"])
        await message.delete()
        self.assertEqual(self.seen(), [])

    async def test_a_cut_connection_is_resumed_and_the_backlog_comes_once(self):
        await self.connect()
        twin.call(f"{self.address}/twin/cuts", {"code": 4000})
        self.write("while you were away")
        message = await self.next()
        self.assertEqual(message.content, "while you were away")
        await asyncio.wait_for(self.client.resumes.get(), twin.PATIENCE)
        self.assertTrue(self.client.heard.empty())

    async def test_files_travel_both_ways(self):
        await self.connect()
        self.write("look", image="cat")
        [attachment] = (await self.next()).attachments
        content = await attachment.read()
        self.assertTrue(content.startswith(b"\x89PNG"))
        self.assertEqual((attachment.size, attachment.content_type), (len(content), "image/png"))
        file = discord.File(io.BytesIO(twin.PNG), filename="dot.png")
        sent = await self.client.get_channel(ROOM).send("mine", file=file)
        self.assertEqual((sent.content, sent.attachments[0].filename), ("mine", "dot.png"))
        self.assertEqual(await sent.attachments[0].read(), twin.PNG)
        alone = discord.File(io.BytesIO(twin.PNG), filename="dot.png")
        self.assertEqual((await self.client.get_channel(ROOM).send(file=alone)).content, "")

    async def test_a_file_that_is_too_large_is_refused(self):
        await self.connect()
        file = discord.File(io.BytesIO(twin.PNG + bytes(11 * 1024 * 1024)), filename="dot.png")
        with self.assertRaises(discord.HTTPException) as refusal:
            await self.client.get_channel(ROOM).send(file=file)
        self.assertEqual((refusal.exception.status, refusal.exception.code), (413, 40005))

    async def test_a_wrong_token_is_refused(self):
        with self.assertRaises(discord.LoginFailure):
            await self.client.login("wrong")


if __name__ == "__main__":
    unittest.main(argv=["test_discord"])
