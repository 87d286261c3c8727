"""A client for the suite's client scenarios, on the Python SDK 2.x: python drive.py URL KEY

Lists what the server at URL offers and uses all of it, which is what the client scenarios ask of a
client. URL is the gate's, so the suite's answer is about the hop from the gate to
its upstream.
"""

import asyncio
import json
import os
import sys

import httpx2
from mcp import Client, types
from mcp.client.streamable_http import streamable_http_client

SCENARIO = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
REVISION = os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", "2026-07-28")
CONTEXT = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
SAMPLES = {"integer": 2, "number": 2.5, "boolean": True, "array": [], "object": {}}


def sample(field):
    """A value for one field: its default, else its first choice, else something of its type."""
    choices = field.get("enum") or [SAMPLES.get(field.get("type"), "text")]
    return field.get("default", choices[0])


def filled(schema, names=None):
    """An object that `schema` accepts, with the fields `names` or all of them."""
    fields = schema.get("properties", {})
    return {name: sample(fields[name]) for name in (fields if names is None else names)}


async def on_elicitation(context, params):
    return types.ElicitResult(action="accept", content=filled(params.requested_schema))


async def call(client, name, arguments):
    """Calls a tool; what goes wrong is for the suite to judge, and what is refused is said."""
    try:
        answer = await client.call_tool(name, arguments)
        if answer.is_error:
            print(f"{name}: {answer.content}", file=sys.stderr)
    except Exception as error:
        print(f"{name}: {error}", file=sys.stderr)


async def use_tools(client):
    tools = (await client.list_tools()).tools
    if SCENARIO == "json-schema-ref-no-deref":
        return  # that server knows no other method
    if "toolCalls" in CONTEXT:
        for wanted in CONTEXT["toolCalls"]:
            await call(client, wanted["name"], wanted["arguments"])
        return
    schemas = {tool.name: tool.input_schema for tool in tools}
    for name, schema in schemas.items():
        if name == "json_schema_2020_12_tool":
            continue
        arguments = filled(schema, schema.get("required", []))
        if name == "json_schema_echo":
            arguments = {"schema": schemas["json_schema_2020_12_tool"]}
        await call(client, name, arguments)


async def main(url, key):
    mode = "legacy" if REVISION < "2026" else "auto"
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        server = streamable_http_client(url, http_client=http)
        async with Client(server, mode=mode, elicitation_callback=on_elicitation) as client:
            await use(client)


async def use(client):
    offered = client.server_capabilities
    await use_tools(client)
    if offered.resources:
        for resource in (await client.list_resources()).resources:
            await client.read_resource(resource.uri)
    if offered.prompts:
        for prompt in (await client.list_prompts()).prompts:
            needed = {argument.name: "text" for argument in prompt.arguments or []}
            await client.get_prompt(prompt.name, needed)


asyncio.run(main(*sys.argv[1:]))
