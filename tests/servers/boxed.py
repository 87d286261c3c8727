"""Servers that fetch, in a box with a way out to one host: boxed.py DURWARD HOST OTHER NAME:TOOL COMMAND... [-- NAME:TOOL COMMAND...]

HOST is reached; OTHER, which is up as well, this machine's loopback and a cloud's metadata are not.
"""

import asyncio
import http.server
import ipaddress
import json
import os
import socket
import sys
import tempfile
import threading
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

CANARY = "the canary was reached"


class Canary(http.server.BaseHTTPRequestHandler):
    """Says so, and counts."""

    hits = 0

    def do_GET(self):
        Canary.hits += 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CANARY.encode())

    def log_message(self, *_):
        pass


def networks(host):
    """Where this place's own name server leads, if that is no public address."""
    found = {info[4][0] for info in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)}
    return [address for address in found if not ipaddress.ip_address(address).is_global]


async def said(session, tool, url):
    result = await session.call_tool(tool, {"url": url})
    return "".join(getattr(part, "text", "") for part in result.content)


async def main():
    durward, host, other, *rest = sys.argv[1:]
    servers = {}
    for words in " ".join(rest).split(" -- "):
        title, *command = words.split()
        name, tool = title.split(":")
        servers[name] = (tool, command)
    canary = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    threading.Thread(target=canary.serve_forever, daemon=True).start()
    inside = f"http://127.0.0.1:{canary.server_port}/"
    egress = {"hosts": [host], "networks": networks(host)}
    sandbox = {"network": "egress", "egress": egress}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "durward.yaml"
        # Where TLS is looked into on the way, its authority is named by these.
        env = {name: os.environ[name] for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS") if name in os.environ}
        entry = lambda command: {"command": command, "env": env, "sandbox": sandbox, "capabilities": ["tools"]}
        config.write_text(json.dumps({
            "version": 1,
            "state": f"{folder}/state",
            "files": {"root": folder},
            "servers": {name: entry(command) for name, (_, command) in servers.items()},
        }))
        own = StdioServerParameters(
            command=durward, args=["--config", str(config), "stdio"], env=dict(os.environ), cwd=folder
        )
        async with stdio_client(own) as streams, ClientSession(*streams) as session:
            await session.initialize()
            for name, (tool, _) in servers.items():
                for _ in range(200):
                    if any(it.name == f"{name}__{tool}" for it in (await session.list_tools()).tools):
                        break
                    await asyncio.sleep(0.3)
                ask = lambda url: said(session, f"{name}__{tool}", url)
                reached = await ask(f"https://{host}/")
                print(f"{name}: {host}: {reached[:100]!r}")
                assert reached and not any(word in reached.lower() for word in ("error", "failed", "refused")), reached
                for url in (f"https://{other}/", inside, inside.replace("127.0.0.1", "localhost"),
                            "http://169.254.169.254/latest/meta-data/"):
                    text = await ask(url)
                    print(f"{name}: {url}: {text[:160]!r}")
                    assert CANARY not in text
                    assert any(word in text.lower() for word in ("error", "failed", "refused", "blocked", "403")), text
    assert Canary.hits == 0


asyncio.run(main())
