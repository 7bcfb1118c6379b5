"""The twin's servers of tools, as MCP's own library sees them."""

import asyncio
import unittest

import twin
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


class Tools(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.address = self.enterContext(twin.serving("mcp")) + "/mcp/demo"

    async def session(self, act):
        async with streamable_http_client(self.address) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                return await act(session)

    async def test_tools_are_listed(self):
        listed = await self.session(lambda it: it.list_tools())
        self.assertEqual([it.name for it in listed.tools], ["fail", "hello", "slow"])

    async def test_a_tool_answers(self):
        result = await self.session(lambda it: it.call_tool("hello", {"any": 1}))
        self.assertFalse(result.is_error)
        self.assertEqual([it.text for it in result.content], ["hello"])

    async def test_a_tool_fails(self):
        result = await self.session(lambda it: it.call_tool("fail", {}))
        self.assertTrue(result.is_error)
        self.assertEqual(result.content[0].text, "it failed")

    async def test_a_call_may_be_given_up(self):
        async def impatient(session):
            with self.assertRaises(TimeoutError):
                await asyncio.wait_for(session.call_tool("slow", {}), 0.5)
            return await session.call_tool("hello", {})

        result = await self.session(impatient)
        self.assertEqual(result.content[0].text, "hello")


if __name__ == "__main__":
    unittest.main(argv=["test_mcp"], verbosity=2)
