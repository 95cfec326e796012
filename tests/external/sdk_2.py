"""The official Python SDK 2.x against the fixture: stdio and HTTP, both generations. Usage: sdk_2.py FIXTURE"""

import base64
from typing import Literal

import anyio
import httpx2
import mcp_types as types
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.extension import ClientExtension, ResultClaim
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import (
    ListenNotSupportedError,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ToolsListChanged,
)
from pydantic import Field

from fixture import (
    HIDDEN_PROMPTS,
    HIDDEN_RESOURCES,
    HIDDEN_TEMPLATES,
    NOISE,
    PROMPTS,
    RESOURCES,
    TEMPLATES,
    TOKEN,
    check,
    clean,
    main,
)


class Host:
    """What is behind the client: it answers questions, and remembers what it was asked and told."""

    def __init__(self):
        self.action, self.asked, self.logged, self.told = "accept", [], [], []

    async def elicit(self, _, params):
        self.asked.append(params)
        content = {"sure": True, "times": 2} if "sure" in str(params) else {"topic": "tea"}
        accepts = self.action == "accept" and params.mode == "form"
        return types.ElicitResult(action=self.action, content=content if accepts else None)

    async def sample(self, _, params):
        self.asked.append(params)
        text = types.TextContent(type="text", text="I say ada@example.com")
        return types.CreateMessageResult(role="assistant", content=text, model="a-model")

    async def roots(self, _):
        self.asked.append("roots")
        return types.ListRootsResult(roots=[types.Root(uri="file:///srv/one"), types.Root(uri="file:///srv/two")])

    async def log(self, params):
        self.logged.append(params)

    async def hear(self, message):
        self.told.append(message)

    @property
    def updated(self):
        return [it.params.uri for it in self.told if getattr(it, "method", "") == "notifications/resources/updated"]

    def options(self):
        return {"elicitation_callback": self.elicit, "sampling_callback": self.sample, "logging_callback": self.log,
                "list_roots_callback": self.roots, "message_handler": self.hear}


class TaskId(types.RequestParams):
    task_id: str = Field(alias="taskId")


class TaskGet(types.Request[TaskId, Literal["tasks/get"]]):
    name_param = "taskId"
    method: Literal["tasks/get"] = "tasks/get"


class Task(types.Result):
    result_type: Literal["task"] = Field(alias="resultType")
    task_id: str = Field(alias="taskId")
    status: str


class TaskState(types.Result):
    task_id: str = Field(alias="taskId")
    status: str
    result: types.CallToolResult | None = None


class Tasks(ClientExtension):
    """The SDK knows no tasks, but how an extension adds a kind of result: this one asks until a task has ended."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self):
        self.seen = []

    def claims(self):
        return [ResultClaim(result_type="task", model=Task, resolve=self.ended)]

    async def ended(self, task, context):
        with anyio.fail_after(10):
            while True:
                request = TaskGet(params=TaskId(taskId=task.task_id))
                state = await context.session.send_request(request, TaskState)
                self.seen.append(state)
                if state.status != "working":
                    return state.result
                await anyio.sleep(0.05)


async def refused(what, attempt, code, message=""):
    """It is answered with an error, and with this one."""
    try:
        result = await attempt
    except MCPError as error:
        check(what, error.error.code == code and message in error.error.message, error.error)
        clean(what, str(error.error))
    else:
        check(what, False, result)


async def until(what, holds):
    """Waits for what comes in its own time."""
    with anyio.move_on_after(5):
        while not holds():
            await anyio.sleep(0.01)
    check(what, holds())


async def tools(what, client, host):
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    check(f"{what}: sees what is granted", {"get_invoice", "hello", "docs_read"} <= set(tools), tools.keys())
    check(f"{what}: sees nothing else", not {"purge", "refund", "unlisted", "docs_write"} & set(tools), tools.keys())
    check(f"{what}: hints", tools["get_invoice"].annotations.read_only_hint is True)

    invoice = await client.call_tool("get_invoice", {"id": "INV-1"})
    check(f"{what}: structure", invoice.structured_content == {"id": "INV-1", "customer": "ACME", "amount": 12.5}, invoice)

    # The SDK validates structured content against the published schema and raises if it doesn't fit.
    for tool in ["contact", "contact_list", "whoami", "journal", "echo"]:
        result = await client.call_tool(tool, {"value": {"email": "ada@example.com"}} if tool == "echo" else {})
        check(f"{what}: {tool}", not result.is_error and result.structured_content is not None, result)
        clean(f"{what}: {tool}", result.model_dump_json())
    for tool in ["contact_text", "contact_blocks", "contact_error", "explode", "fail_internal"]:
        result = await client.call_tool(tool, {})
        check(f"{what}: {tool}", result.is_error == (tool not in ("contact_text", "contact_blocks")), result)
        clean(f"{what}: {tool}", result.model_dump_json())

    invalid = await client.call_tool("constrained", {"count": 0, "code": "A"})
    check(f"{what}: mistakes", invalid.is_error and "count" in invalid.content[0].text and "code" in invalid.content[0].text, invalid)
    for hidden in ["purge", "no_such_tool"]:
        await refused(f"{what}: {hidden} is not there", client.call_tool(hidden, {}), -32602, f"Unknown tool: {hidden}")

    # Cancelled by the client: the call ends, the connection doesn't.
    with anyio.move_on_after(0.3) as scope:
        await client.call_tool("slow", {"ms": 60_000})
    check(f"{what}: cancelled", scope.cancelled_caught)
    journal = await client.call_tool("journal", {})
    check(f"{what}: stopped", journal.structured_content["slow"]["ended"] == 0, journal)

    results = [await client.call_tool("limited", {}) for _ in range(6)]
    check(f"{what}: five pass", not any(result.is_error for result in results[:5]), results)
    sixth = results[5]
    check(f"{what}: the sixth doesn't", sixth.is_error and sixth.meta["doorman/verdict"] == "rate_limited", sixth)
    check(f"{what}: and says when", sixth.meta["doorman/retryAfterMs"] > 0, sixth)


async def resources(what, client, modern):
    listed = await client.list_resources()
    check(f"{what}: resources", {it.uri for it in listed.resources} == RESOURCES, listed)
    templates = await client.list_resource_templates()
    check(f"{what}: templates", {it.uri_template for it in templates.resource_templates} == TEMPLATES, templates)
    welcome = next(it for it in listed.resources if it.uri == "memo://welcome")
    check(f"{what}: described", (welcome.mime_type, welcome.size) == ("text/markdown", 9), welcome)
    [welcome] = (await client.read_resource("memo://welcome")).contents
    check(f"{what}: text", (welcome.uri, welcome.text) == ("memo://welcome", "# Welcome"), welcome)
    [noise] = (await client.read_resource("memo://noise")).contents
    check(f"{what}: blob", base64.b64decode(noise.blob) == NOISE and noise.mime_type == "image/png", noise)
    [page] = (await client.read_resource("pages://one%20book/3")).contents
    check(f"{what}: a template", page.text == "one book, page 3", page)
    for uri in ["memo://contact", "memo://contact.bin", "invoice://INV-1"]:
        [contents] = (await client.read_resource(uri)).contents
        text = contents.text if hasattr(contents, "text") else base64.b64decode(contents.blob).decode()
        check(f"{what}: {uri}", "redacted:email" in text, contents)
        clean(f"{what}: {uri}", text + contents.model_dump_json())
    for uri in HIDDEN_RESOURCES:
        code = -32602 if modern else -32002
        await refused(f"{what}: {uri} is not there", client.read_resource(uri), code, "Resource not found")
    await refused(f"{what}: no number", client.read_resource("pages://a/12"), -32602, "number")
    for uri, message in {"invoice://missing": "no such invoice", "faulty://panic": "incident", "faulty://internal": "incident",
                         "faulty://hang": "took too long"}.items():
        await refused(f"{what}: {uri}", client.read_resource(uri), -32603, message)


async def prompts(what, client, host):
    listed = {it.name: it for it in (await client.list_prompts()).prompts}
    check(f"{what}: prompts", set(listed) == PROMPTS, listed)
    arguments = {it.name: it.required for it in listed["remind"].arguments}
    check(f"{what}: arguments", arguments == {"id": True, "tone": True, "days": False}, listed["remind"])
    remind = await client.get_prompt("remind", {"id": "INV-1", "tone": "firm", "days": "3"})
    texts = [(it.role, it.content.text) for it in remind.messages]
    check(f"{what}: a prompt", texts == [("user", "Remind firmly of INV-1 in 3 days."), ("assistant", "Of course.")], texts)
    introduce = (await client.get_prompt("introduce")).model_dump_json()
    check(f"{what}: redacted", introduce.count("redacted:email") == 2, introduce)
    clean(f"{what}: introduce", introduce)
    for name in HIDDEN_PROMPTS:
        await refused(f"{what}: {name} is not there", client.get_prompt(name, {"year": "2025"}), -32602, f"Unknown prompt: {name}")
    await refused(f"{what}: no tone", client.get_prompt("remind", {"id": "INV-1", "tone": "rude"}), -32602, "tone")
    interview = await client.get_prompt("interview")
    check(f"{what}: a prompt that asks", interview.messages[0].content.text == "Ask about tea.", interview)


async def completions(what, client):
    async def complete(ref, name, value):
        return (await client.complete(ref, {"name": name, "value": value})).completion

    remind = types.PromptReference(type="ref/prompt", name="remind")
    invoice = types.ResourceTemplateReference(type="ref/resource", uri="invoice://{id}")
    found = await complete(remind, "id", "INV-1")
    check(f"{what}: completes a prompt", (found.values, found.total) == (["INV-1", "INV-10"], 2), found)
    check(f"{what}: completes a choice", (await complete(remind, "tone", "k")).values == ["kind"])
    found = await complete(invoice, "id", "")
    check(f"{what}: completes a template", found.values == ["INV-1", "INV-2", "INV-10", "alice"], found)
    for name in HIDDEN_PROMPTS:
        ref = types.PromptReference(type="ref/prompt", name=name)
        await refused(f"{what}: completes no {name}", complete(ref, "year", ""), -32602, f"Unknown prompt: {name}")
    for uri, variable in HIDDEN_TEMPLATES.items():
        ref = types.ResourceTemplateReference(type="ref/resource", uri=uri)
        await refused(f"{what}: completes no {uri}", complete(ref, variable, ""), -32602, "Unknown resource template")


async def questions(what, client, host):
    host.asked.clear()
    done = await client.call_tool("confirm", {"id": "INV-1"})
    check(f"{what}: accepted", done.content[0].text == "did INV-1 2 times", done)
    for host.action in ["decline", "cancel"]:
        result = await client.call_tool("confirm", {"id": "INV-1"})
        check(f"{what}: {host.action}", result.is_error, result)
    host.action = "accept"
    turn = await client.call_tool("ask_in_turn", {})
    check(f"{what}: one after the other", turn.content[0].text == "tea and tea", turn)
    check(f"{what}: nobody is asked twice", len(host.asked) == 5, host.asked)
    once = await client.call_tool("ask_at_once", {})
    check(f"{what}: all at once", once.content[0].text == "tea; I say «redacted:email»; file:///srv/one file:///srv/two", once)
    host.asked.clear()
    contact = await client.call_tool("ask_of_contact", {})
    check(f"{what}: form, page and model", len(host.asked) == 3 and not contact.is_error, (host.asked, contact))
    clean(f"{what}: what is asked", str(host.asked) + contact.model_dump_json())


async def messages(what, client, host, modern):
    """Progress and log messages; `chat` logs two a level, at debug, info and error."""
    reports = []

    async def report(progress, total, message):
        reports.append(message)

    done = await client.call_tool("contact_progress", {}, progress_callback=report)
    check(f"{what}: progress", not done.is_error and len(reports) == 3, reports)
    clean(f"{what}: progress", str(reports))

    levels = [("info", 4), ("error", 2), ("debug", 6)]
    for level, expected in levels:
        host.logged.clear()
        meta = {"io.modelcontextprotocol/logLevel": level} if modern else None
        if not modern and level != "info":
            await client.set_logging_level(level)
        await client.call_tool("chat", {}, meta=meta)
        await until(f"{what}: log messages from {level}", lambda: len(host.logged) == expected)
        clean(f"{what}: log messages", str(host.logged))
    if modern:
        host.logged.clear()
        await client.call_tool("chat", {})
        check(f"{what}: no log messages unless asked for", not host.logged, host.logged)


async def updates(what, client, host, modern):
    subscribed = ["memo://counter", "memo://ledger", "ledger://1", "invoice://INV-1"]
    if modern:
        every = {f"{kind}_list_changed": True for kind in ["tools", "prompts", "resources"]}
        async with client.listen(resource_subscriptions=subscribed, **every) as heard:
            clean(f"{what}: honored", str(heard.honored))
            await client.call_tool("bump", {})
            await client.call_tool("relist", {})
            events = []
            with anyio.move_on_after(5):
                while len(events) < 4:
                    events.append(await anext(heard))
            expected = {ResourceUpdated("memo://counter"), ToolsListChanged(), PromptsListChanged(), ResourcesListChanged()}
            check(f"{what}: hears of all that it may see", set(events) == expected, events)
            with anyio.move_on_after(0.1):
                check(f"{what}: and of nothing else", False, await anext(heard))
        return
    try:
        async with client.listen(resource_subscriptions=subscribed):
            check(f"{what}: no listening", False)
    except ListenNotSupportedError:
        pass
    for uri in [subscribed[0], subscribed[3]]:
        await client.subscribe_resource(uri)
    for uri in HIDDEN_RESOURCES:
        await refused(f"{what}: no subscription to {uri}", client.subscribe_resource(uri), -32002, "Resource not found")
    host.told.clear()
    await client.call_tool("bump", {})
    await client.call_tool("relist", {})
    lists = [f"notifications/{kind}/list_changed" for kind in ["tools", "prompts", "resources"]]
    told = lambda: {getattr(it, "method", "") for it in host.told}
    await until(f"{what}: hears of lists", lambda: told() >= {*lists, "notifications/resources/updated"})
    check(f"{what}: hears of a resource that it may see", host.updated == ["memo://counter"], host.told)
    await client.unsubscribe_resource("memo://counter")
    await client.call_tool("bump", {})
    await client.call_tool("hello", {})
    check(f"{what}: hears no more", host.updated == ["memo://counter"], host.told)


async def tasks(what, open_client, modern):
    """With the extension the call goes on as a task; in the earlier generation, and without it, it is an ordinary call."""
    for extension in [Tasks(), None]:
        async with open_client(extensions=[extension] if extension else None) as client:
            done = await client.call_tool("job", {"ms": 100})
            check(f"{what}: a job", done.content[0].text == "done for alice, «redacted:email»", done)
            if extension:
                states = [it.status for it in extension.seen]
                check(f"{what}: as a task", (states[-1:] == ["completed"]) == modern, states)
                clean(f"{what}: a task", str(extension.seen))


async def session(what, open_client, modern):
    host = Host()
    async with open_client(**host.options()) as client:
        await tools(what, client, host)
        await resources(what, client, modern)
        await prompts(what, client, host)
        await completions(what, client)
        await questions(what, client, host)
        await messages(what, client, host, modern)
        await updates(what, client, host, modern)
    await tasks(what, open_client, modern)
    # A client that can't be asked.
    async with open_client() as client:
        if modern:
            await refused(f"{what}: can't be asked", client.call_tool("confirm", {"id": "INV-1"}), -32021)
        else:
            check(f"{what}: can't be asked", (await client.call_tool("confirm", {"id": "INV-1"})).is_error)


async def pages(what, open_client):
    """Three at a time, and all of them in the end."""
    async with open_client() as client:
        for kind, expected in [("tools", 40), ("resources", len(RESOURCES)), ("resource_templates", len(TEMPLATES)),
                               ("prompts", len(PROMPTS))]:
            ask, names, cursor = getattr(client, f"list_{kind}"), [], None
            while True:
                page = await ask(cursor=cursor)
                entries = getattr(page, kind)
                check(f"{what}: {kind}, three a page", 0 < len(entries) <= 3, page)
                names += [it.name for it in entries]
                if not (cursor := page.next_cursor):
                    break
            check(f"{what}: {kind}, each once", len(set(names)) == len(names), names)
            check(f"{what}: {kind}, all", len(names) == expected or kind == "tools" and len(names) > expected, names)
            await refused(f"{what}: {kind}, no such page", ask(cursor="e30="), -32602)


def run(fixture):
    for modern in [False, True]:
        mode = "2026-07-28" if modern else "legacy"

        def on_stdio(settings={}, **options):
            launched = {**fixture.launched, **settings}
            return Client(StdioServerParameters(command=fixture.binary, args=fixture.args, env=launched), mode=mode, **options)

        def over_http(token=TOKEN, **options):
            http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
            return Client(streamable_http_client(url, http_client=http), mode=mode, **options)

        anyio.run(session, f"stdio {mode}", on_stdio, modern)
        url = fixture.serve()
        anyio.run(session, f"http {mode}", over_http, modern)

        async def stranger():
            try:
                async with over_http("wrong") as client:
                    await client.list_tools()
            except BaseException as error:
                return repr(error) + repr(getattr(error, "exceptions", ""))
            return ""

        seen = anyio.run(stranger)
        check(f"http {mode}: a wrong token is refused", seen and "token" not in seen.replace("wrong", ""), seen)
        anyio.run(pages, f"stdio {mode}", lambda: on_stdio({"FIXTURE_PAGE_SIZE": "3"}))
        url = fixture.serve(FIXTURE_PAGE_SIZE="3")
        anyio.run(pages, f"http {mode}", over_http)

    # Left to itself, the client finds the later generation.
    async def negotiated():
        async with Client(StdioServerParameters(command=fixture.binary, args=fixture.args, env=fixture.launched)) as client:
            features = client.server_capabilities
            check("auto: features", features.resources.subscribe and features.prompts and features.completions, features)
            return client.session.protocol_version

    check("auto", anyio.run(negotiated) == "2026-07-28")


main(run)
