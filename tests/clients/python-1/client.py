"""Python SDK 1.x, legacy era: client.py URL KEY | client.py - COMMAND [ARGUMENT...]"""

import asyncio
import json
import os
import sys
import uuid
from pathlib import Path

import httpx
from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

TOOLS = [
    *("fs_copy", "fs_delete", "fs_edit", "fs_list", "fs_mkdir", "fs_move", "fs_read"),
    *("fs_search", "fs_stat", "fs_tree", "fs_write", "http_fetch"),
]


async def on_elicitation(context, params):
    return types.ElicitResult(action="accept", content={"name": "Ada"})


async def hands(client):
    """Each call of calls.json, in a room of its own."""
    text = Path(__file__).parent.with_name("calls.json").read_text()
    room = f"room-{uuid.uuid4().hex}"
    for step in json.loads(text.replace("$ROOM", room).replace("$WEB", os.environ["WEB"])):
        if "resource" in step:
            read = await client.read_resource(step["resource"])
            assert read.contents[0].text == step["text"], read
            continue
        result = await client.call_tool(step["tool"], step["arguments"])
        result = result.model_dump(by_alias=True)
        refused = (result.get("_meta") or {}).get("dev.durward/refusal", {}).get("code")
        assert refused == step.get("refused"), (step, result)
        if "says" in step:
            assert step["says"] in result["content"][0]["text"], (step, result)
        for key, value in step.get("expect", {}).items():
            assert result["structuredContent"][key] == value, (step, result)


async def walk(streams):
    async with ClientSession(*streams[:2], elicitation_callback=on_elicitation) as session:
        agreed = await session.initialize()
        assert agreed.protocolVersion == "2025-11-25", agreed
        assert agreed.serverInfo.name == "durward", agreed
        tools = (await session.list_tools()).tools
        names = [tool.name for tool in tools]
        assert [name for name in names if "__" not in name] == TOOLS, names
        for server in ("legacy", "modern"):
            assert f"{server}__test_simple_text" in names, names
        read = await session.call_tool("fs_read", {"path": "hello.txt"})
        assert not read.isError and read.content[0].text == "hello, client\n", read
        assert read.structuredContent["content"] == "hello, client\n", read
        refused = await session.call_tool("fs_read", {"path": "../outside"})
        assert refused.isError, refused
        guide = await session.read_resource("durward://guide")
        assert "fs_read" in guide.contents[0].text, guide
        await hands(session)
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
