"""A server of 2025-11-25 on standard input and output, with the tools that the suite's `tasks-*` scenarios call for,
as tasks of that revision's core (basic/utilities/tasks). No SDK has both these and the suite's tools."""

import json
import sys
import threading
import time
from datetime import datetime, timezone

RELATED = "io.modelcontextprotocol/related-task"
PROPERTIES = {
    "greet": {"name": {"type": "string"}},
    "slow_compute": {"seconds": {"type": "number"}, "label": {"type": "string"}},
    "failing_job": {},
    "protocol_error_job": {},
    "confirm_delete": {"filename": {"type": "string"}},
    "multi_input": {},
    "test_tool_with_task": {},
}

out = threading.Lock()
answers = {}
changed = threading.Condition()
tasks = {}


class Fault(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.error = {"code": code, "message": message}


def send(message):
    with out:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def now():
    return datetime.now(timezone.utc).isoformat()


def form(message, properties):
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"message": message, "requestedSchema": schema}


def ask(question, own=None):
    """Asks the client, and waits."""
    if own:
        question = {**question, "_meta": {RELATED: {"taskId": own}}}
    with changed:
        number = f"ask-{len(answers)}"
        answers[number] = None
    send({"id": number, "method": "elicitation/create", "params": question})
    with changed:
        changed.wait_for(lambda: answers[number] is not None, 60)
        return answers[number] or {"action": "cancel"}


def text(said, is_error=False):
    return {"content": [{"type": "text", "text": said}], "isError": is_error}


class Task:
    def __init__(self, tool, arguments, ttl, known):
        self.id = f"task-{len(tasks) + 1}"
        self.status, self.end = "working", None
        self.created = self.updated = now()
        self.ttl = ttl
        # What it wants to know, and what it has heard.
        self.questions, self.heard = [], []
        self.known = known
        tasks[self.id] = self
        threading.Thread(target=self.work, args=(tool, arguments), daemon=True).start()

    def shown(self):
        return {
            "taskId": self.id, "status": self.status, "createdAt": self.created,
            "lastUpdatedAt": self.updated, "ttl": self.ttl, "pollInterval": 100,
        }

    def become(self, status, end=None):
        with changed:
            if self.status != "cancelled":
                self.status, self.end, self.updated = status, end, now()
            changed.notify_all()
        send({"method": "notifications/tasks/status", "params": self.shown()})

    def want(self, *questions):
        """Waits until somebody who waits for the result was asked."""
        self.questions = list(questions)
        self.become("input_required")
        with changed:
            changed.wait_for(lambda: len(self.heard) == len(questions) or self.status == "cancelled")
        if self.status != "cancelled":
            self.become("working")
        return self.heard

    def work(self, tool, arguments):
        try:
            result = self.run(tool, arguments)
            self.become("failed" if result["isError"] else "completed", {"result": result})
        except Fault as fault:
            self.become("failed", {"error": fault.error})

    def run(self, tool, arguments):
        if tool == "slow_compute":
            seconds = arguments.get("seconds", 1)
            with changed:
                changed.wait_for(lambda: self.status == "cancelled", seconds)
            return text(f"{arguments.get('label', 'computation')} done in {seconds} s")
        if tool == "failing_job":
            time.sleep(1)
            return text("The job failed, as it should.", True)
        if tool == "protocol_error_job":
            time.sleep(0.2)
            raise Fault(-32603, "The job broke, as it should")
        if tool == "confirm_delete":
            question = form("Delete it?", {"confirm": {"type": "boolean"}})
            return text(json.dumps(self.want(question)))
        if tool == "multi_input":
            value = {"value": {"type": "string"}}
            return text(json.dumps(self.want(form("Value A", value), form("Value B", value))))
        return text(f"Done for {self.known}")

    def result(self):
        """`tasks/result`: asks whatever is open, and waits for the end."""
        with changed:
            changed.wait_for(lambda: self.questions or self.end or self.status == "cancelled")
            questions, self.questions = self.questions, []
        def put(question):
            answer = ask(question, self.id)
            with changed:
                self.heard.append(answer)
                changed.notify_all()
        for question in questions:
            threading.Thread(target=put, args=(question,), daemon=True).start()
        with changed:
            changed.wait_for(lambda: self.end or self.status == "cancelled")
        if self.end is None:
            raise Fault(-32603, "The task was cancelled")
        if "error" in self.end:
            raise Fault(**self.end["error"])
        return {**self.end["result"], "_meta": {RELATED: {"taskId": self.id}}}


def task_of(params):
    try:
        return tasks[params["taskId"]]
    except KeyError:
        raise Fault(-32602, "There is no such task") from None


def call(params):
    tool, arguments = params["name"], params.get("arguments", {})
    if tool not in PROPERTIES:
        raise Fault(-32602, f"Unknown tool: {tool}")
    if tool == "greet":
        return text(f"Hello, {arguments.get('name')}!")
    if "task" not in params:
        raise Fault(-32601, "This tool is called as a task")
    known = None
    if tool == "test_tool_with_task":
        answer = ask(form("Your name?", {"name": {"type": "string"}}))
        known = answer.get("content", {}).get("name")
    return {"task": Task(tool, arguments, params["task"].get("ttl", 600_000), known).shown()}


def cancel(params):
    task = task_of(params)
    if task.status in ("completed", "failed", "cancelled"):
        raise Fault(-32602, "The task has ended")
    task.become("cancelled")
    return task.shown()


def tools():
    for name, properties in PROPERTIES.items():
        support = "forbidden" if name == "greet" else "required"
        schema = {"type": "object", "properties": properties}
        yield {"name": name, "inputSchema": schema, "execution": {"taskSupport": support}}


def initialize(_):
    capabilities = {"tools": {}, "tasks": {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}}
    server = {"name": "legacy-tasks", "version": "1"}
    return {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": server}


METHODS = {
    "initialize": initialize,
    "ping": lambda _: {},
    "tools/list": lambda _: {"tools": list(tools())},
    "tools/call": call,
    "tasks/get": lambda params: task_of(params).shown(),
    "tasks/result": lambda params: task_of(params).result(),
    "tasks/cancel": cancel,
}


def answer(message):
    try:
        method = METHODS.get(message["method"])
        if method is None:
            raise Fault(-32601, "Method not found")
        send({"id": message["id"], "result": method(message.get("params", {}))})
    except Fault as fault:
        send({"id": message["id"], "error": fault.error})


for line in sys.stdin:
    message = json.loads(line)
    if "method" in message and "id" in message:
        threading.Thread(target=answer, args=(message,), daemon=True).start()
    elif "id" in message:
        with changed:
            answers[message["id"]] = message.get("result", {"action": "cancel"})
            changed.notify_all()
