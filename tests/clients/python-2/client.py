"""Python SDK 2.x, either era: client.py MODE URL KEY | client.py MODE - COMMAND [ARGUMENT...]

MODE is `auto` (discover, else initialize), `legacy`, or `2026-07-28`.
"""

import asyncio
import os
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

TOOLS = ["fs_list", "fs_read", "fs_search", "fs_stat", "fs_tree", "http_fetch"]
REVISIONS = {"auto": "2026-07-28", "legacy": "2025-11-25", "2026-07-28": "2026-07-28"}


async def walk(mode, server):
    async with Client(server, mode=mode) as client:
        assert client.protocol_version == REVISIONS[mode], client.protocol_version
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == TOOLS, tools
        read = await client.call_tool("fs_read", {"path": "hello.txt"})
        assert not read.is_error and read.content[0].text == "hello, client\n", read
        assert read.structured_content["content"] == "hello, client\n", read
        refused = await client.call_tool("fs_read", {"path": "../outside"})
        assert refused.is_error, refused
        page = await client.call_tool("http_fetch", {"url": os.environ["SITE"]})
        assert not page.is_error and page.structured_content["body"] == "# hello, web", page
        post = await client.call_tool("http_fetch", {"url": os.environ["SITE"], "method": "POST", "body": "x"})
        assert not post.is_error and post.structured_content["status"] == 501, post
        elsewhere = await client.call_tool("http_fetch", {"url": "https://example.com/"})
        assert elsewhere.is_error, elsewhere
        guide = await client.read_resource("durward://guide")
        assert "fs_read" in guide.contents[0].text, guide
        print("revision", client.protocol_version)


async def main(mode, target, *rest):
    if target == "-":
        await walk(mode, StdioServerParameters(command=rest[0], args=list(rest[1:])))
        return
    headers = {"Authorization": f"Bearer {rest[0]}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        await walk(mode, streamable_http_client(target, http_client=http))


asyncio.run(main(*sys.argv[1:]))
