"""Each tool of a server, called directly and through durward: compare.py SERVER DURWARD COMMAND [ARGUMENT...]

Run in a folder of its own, which it empties before each of the two.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

SERVER_INFO = "io.modelcontextprotocol/serverInfo"
WORK = Path("inside").absolute()


def furnish():
    """The same files before either."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "folder").mkdir(parents=True)
    (WORK / "a.txt").write_text("one\ntwo\n")
    quiet = {"stdout": subprocess.DEVNULL, "check": True, "cwd": WORK}
    dates = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    names = ["-c", "user.name=n", "-c", "user.email=n@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "main"], **quiet)
    subprocess.run(["git", "config", "user.name", "n"], **quiet)
    subprocess.run(["git", "config", "user.email", "n@example.com"], **quiet)
    subprocess.run(["git", "add", "."], **quiet)
    subprocess.run(["git", *names, "commit", "-qm", "first"], env={**os.environ, **dates}, **quiet)


async def answers(command, prefix, steps, scheme=""):
    """What each step answers, in order; every tool must have a step."""
    server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    found = []
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        own = {}
        # A server that takes long to start is listed once it has.
        for _ in range(100):
            tools = (await session.list_tools()).tools
            own = {tool.name.removeprefix(prefix): tool for tool in tools if tool.name.startswith(prefix)}
            if own:
                break
            await asyncio.sleep(0.3)
        missed = set(own) - {step["tool"] for step in steps}
        assert not missed, f"no step calls {sorted(missed)}"
        for name, tool in sorted(own.items()):
            found.append((f"definition of {name}", {**tool.model_dump(by_alias=True, mode="json"), "name": name}))
        for step in steps:
            if "skipped" in step:
                continue
            result = await session.call_tool(prefix + step["tool"], step["arguments"])
            result = result.model_dump(by_alias=True, mode="json")
            # durward speaks 2026-07-28 with a server that can, whose answers then say who it is.
            meta = {key: value for key, value in (result["_meta"] or {}).items() if key != SERVER_INFO}
            result["_meta"] = meta or None
            text = json.dumps(result)
            # A resource is named with its server, so that its URI leads back there.
            if scheme:
                text = text.replace(f'"uri": "{scheme}', '"uri": "')
            # What depends on the time or on chance is left out by name.
            for pattern in step.get("differs", []):
                text = re.sub(pattern, "(differs)", text)
            found.append((step["tool"], text))
    return found


async def main(name, durward, *command):
    text = Path(__file__).with_name("calls.json").read_text()
    steps = json.loads(text.replace("$WORK", str(WORK)).replace("$WEB", os.environ.get("WEB", "")))[name]
    furnish()
    direct = await answers(list(command), "", steps)
    furnish()
    servers = {name: {"command": list(command), "sandbox": "host"}}
    config = Path("durward.yaml")
    config.write_text(json.dumps({"version": 1, "servers": servers}))
    state = Path("state").absolute()
    through = await answers([durward, "stdio", "--state", str(state), "--config", str(config)], f"{name}__", steps, f"{name}+")
    for one, other in zip(direct, through, strict=True):
        assert one == other, f"{one[0]}\ndirectly {one[1]}\nthrough  {other[1]}"
    print(len([step for step in steps if "skipped" not in step]), "calls, the same answers")


asyncio.run(main(*sys.argv[1:]))
