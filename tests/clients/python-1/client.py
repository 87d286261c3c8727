"""Python SDK 1.x, legacy era: client.py URL KEY | client.py - COMMAND [ARGUMENT...]"""

import asyncio
import os
import sys

import httpx
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

TOOLS = ["fs_list", "fs_read", "fs_search", "fs_stat", "fs_tree", "http_fetch"]


async def walk(streams):
    async with ClientSession(*streams[:2]) as session:
        agreed = await session.initialize()
        assert agreed.protocolVersion == "2025-11-25", agreed
        assert agreed.serverInfo.name == "durward", agreed
        tools = (await session.list_tools()).tools
        assert [tool.name for tool in tools] == TOOLS, tools
        read = await session.call_tool("fs_read", {"path": "hello.txt"})
        assert not read.isError and read.content[0].text == "hello, client\n", read
        assert read.structuredContent["content"] == "hello, client\n", read
        refused = await session.call_tool("fs_read", {"path": "../outside"})
        assert refused.isError, refused
        page = await session.call_tool("http_fetch", {"url": os.environ["SITE"]})
        assert not page.isError and page.structuredContent["body"] == "# hello, web", page
        post = await session.call_tool("http_fetch", {"url": os.environ["SITE"], "method": "POST", "body": "x"})
        assert not post.isError and post.structuredContent["status"] == 501, post
        elsewhere = await session.call_tool("http_fetch", {"url": "https://example.com/"})
        assert elsewhere.isError, elsewhere
        guide = await session.read_resource("durward://guide")
        assert "fs_read" in guide.contents[0].text, guide
        print("revision", agreed.protocolVersion)


async def main(target, *rest):
    if target == "-":
        async with stdio_client(StdioServerParameters(command=rest[0], args=list(rest[1:]))) as streams:
            await walk(streams)
        return
    headers = {"Authorization": f"Bearer {rest[0]}"}
    async with httpx.AsyncClient(headers=headers, timeout=30) as http:
        async with streamable_http_client(target, http_client=http) as streams:
            await walk(streams)


asyncio.run(main(*sys.argv[1:]))
