#!/usr/bin/env python3
"""Runs a Python class with `get_tools` and `execute` as a plugin of durward.

    durward-plugin.py manifest handler.py [--tier TIER] [--class NAME]    prints the manifest
    durward-plugin.py run handler.py [--class NAME]                       serves it; durward does this

A tool is a dict, or an object, with `name`, `description` and `input_schema` (or `inputSchema`), and perhaps `title`,
`tier` and `output_schema`. `execute(tool_name, arguments)` gives back a text, a dict `{"content": ..., "isError": ...}`, or
an object with `content` and `is_error`; it may be a coroutine. An exception is the tool's error. What it prints goes to
stderr. The class is `Plugin`, unless said. Plugins written for mcp-secure-server find their base classes.
"""

import argparse
import asyncio
import dataclasses
import importlib.util
import inspect
import json
import os
import re
import sys
import traceback
import types


@dataclasses.dataclass
class ToolDefinition:
    """A tool, as mcp-secure-server has it."""

    name: str
    description: str
    input_schema: dict


@dataclasses.dataclass
class ToolResult:
    """What a tool gives back, as mcp-secure-server has it."""

    content: list
    is_error: bool = False


class PluginBase:
    """The base class, as mcp-secure-server has it."""


def stand_in():
    """Where plugins of mcp-secure-server look for their base classes, there is this file."""
    for package in ("mcp_secure_server", "src"):
        if importlib.util.find_spec(package):
            continue
        for name in (package, f"{package}.plugins", f"{package}.plugins.base"):
            sys.modules[name] = types.ModuleType(name)
        base = sys.modules[f"{package}.plugins.base"]
        base.ToolDefinition, base.ToolResult, base.PluginBase = ToolDefinition, ToolResult, PluginBase


def load(path, class_name):
    """An object of the plugin's class. What lies beside it can be imported."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    stand_in()
    spec = importlib.util.spec_from_file_location("durward_plugin_handler", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    if not hasattr(module, class_name):
        sys.exit(f"{path} has no class `{class_name}`; name it with --class")
    return getattr(module, class_name)()


def member(of, *names):
    """The first of these that a dict or an object has."""
    for name in names:
        found = of.get(name) if isinstance(of, dict) else getattr(of, name, None)
        if found is not None:
            return found
    return None


def tools_of(plugin):
    tools = plugin.get_tools()
    return asyncio.run(tools) if inspect.isawaitable(tools) else tools


def manifest(plugin, path, class_name, tier):
    """JSON is YAML, so each value is written as JSON."""
    text = lambda value: json.dumps(value, ensure_ascii=False)
    folder = os.path.basename(os.path.dirname(os.path.abspath(path)))
    name = member(plugin, "name")
    if name != folder:
        print(f"note: named `{folder}` after its folder, as durward wants it", file=sys.stderr)
    args = ["run", os.path.basename(path)] + (["--class", class_name] if class_name != "Plugin" else [])
    lines = [
        f"name: {text(folder)}",
        f"version: {text(str(member(plugin, 'version') or '0'))}",
        f"executable: {text(os.path.basename(__file__))}",
        f"args: {text(args)}",
        f"files: {text([os.path.basename(path)])}",
        "mode: persistent",
        "tools:",
    ]
    for tool in tools_of(plugin):
        entries = {
            "name": re.sub(r"[^A-Za-z0-9_-]", "_", member(tool, "name")),
            "title": member(tool, "title"),
            "description": member(tool, "description"),
            "tier": member(tool, "tier") or tier,
            "input_schema": member(tool, "input_schema", "inputSchema"),
            "output_schema": member(tool, "output_schema", "outputSchema"),
        }
        said = [f"{key}: {text(value)}" for key, value in entries.items() if value is not None]
        lines += ["  - " + said[0]] + ["    " + line for line in said[1:]]
    return "\n".join(lines)


def answer(plugin, tool, arguments):
    """What the class gives back, by durward's contract."""
    try:
        result = plugin.execute(tool, arguments)
        if inspect.isawaitable(result):
            result = asyncio.run(result)
    except Exception as error:  # whatever it is, it is the tool's
        traceback.print_exc()
        return {"content": f"{type(error).__name__}: {error}", "isError": True}
    if result is None or isinstance(result, str):
        return {"content": result or ""}
    said = {
        "content": member(result, "content"),
        "isError": bool(member(result, "isError", "is_error")),
        "structuredContent": member(result, "structuredContent", "structured_content"),
    }
    return {key: value for key, value in said.items() if value is not None}


def run(plugin, asked, out):
    """One object a line, until stdin is closed."""
    own = {re.sub(r"[^A-Za-z0-9_-]", "_", member(tool, "name")): member(tool, "name") for tool in tools_of(plugin)}
    for line in asked:
        call = json.loads(line)
        if call.get("cancel"):
            continue  # one call at a time: it is done by now
        said = answer(plugin, own.get(call["tool"], call["tool"]), call["arguments"])
        try:
            text = json.dumps({"id": call["id"], **said})
        except (TypeError, ValueError) as error:
            text = json.dumps({"id": call["id"], "content": f"its result is no JSON: {error}", "isError": True})
        out.write(text + "\n")
        out.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["manifest", "run"])
    parser.add_argument("handler", help="the file with the class")
    parser.add_argument("--class", dest="class_name", default="Plugin", metavar="NAME")
    parser.add_argument("--tier", default="operate", choices=["read", "operate", "danger"])
    given = parser.parse_args()
    # stdin and stdout are the protocol's, also for what the class starts: that finds nothing to read, and what it
    # prints goes to stderr.
    asked, out = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    plugin = load(given.handler, given.class_name)
    if given.command == "manifest":
        print(manifest(plugin, given.handler, given.class_name, given.tier), file=out)
    else:
        run(plugin, asked, out)


if __name__ == "__main__":
    main()
