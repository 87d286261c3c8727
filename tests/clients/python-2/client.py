"""Python SDK 2.x, either era: client.py MODE URL KEY | client.py MODE - COMMAND [ARGUMENT...]

MODE is `auto` (discover, else initialize), `legacy`, or `2026-07-28`.
"""

import asyncio
import json
import os
import sys
import uuid
from pathlib import Path

import httpx2
from mcp import Client, StdioServerParameters, types
from mcp.client.streamable_http import streamable_http_client

TOOLS = [
    *("fs_copy", "fs_delete", "fs_edit", "fs_list", "fs_mkdir", "fs_move", "fs_read"),
    *("fs_search", "fs_stat", "fs_tree", "fs_write", "http_fetch"),
]
REVISIONS = {"auto": "2026-07-28", "legacy": "2025-11-25", "2026-07-28": "2026-07-28"}


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


async def walk(mode, server):
    async with Client(server, mode=mode, elicitation_callback=on_elicitation) as client:
        assert client.protocol_version == REVISIONS[mode], client.protocol_version
        tools = (await client.list_tools()).tools
        names = [tool.name for tool in tools]
        assert [name for name in names if "__" not in name] == TOOLS, names
        for server in ("legacy", "modern"):
            assert f"{server}__test_simple_text" in names, names
        read = await client.call_tool("fs_read", {"path": "hello.txt"})
        assert not read.is_error and read.content[0].text == "hello, client\n", read
        assert read.structured_content["content"] == "hello, client\n", read
        refused = await client.call_tool("fs_read", {"path": "../outside"})
        assert refused.is_error, refused
        guide = await client.read_resource("durward://guide")
        assert "fs_read" in guide.contents[0].text, guide
        await hands(client)
        print("revision", client.protocol_version)


async def main(mode, target, *rest):
    if target == "-":
        await walk(mode, StdioServerParameters(command=rest[0], args=list(rest[1:])))
        return
    headers = {"Authorization": f"Bearer {rest[0]}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        await walk(mode, streamable_http_client(target, http_client=http))


asyncio.run(main(*sys.argv[1:]))
