"""The official Python SDK 1.x against the fixture: stdio and HTTP. Usage: sdk_1.py FIXTURE"""

import base64

import anyio
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

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
        return types.ListRootsResult(roots=[types.Root(uri="file:///srv/one"), types.Root(uri="file:///srv/two")])

    async def log(self, params):
        self.logged.append(params)

    async def hear(self, message):
        if isinstance(message, types.ServerNotification):
            self.told.append(message.root)

    @property
    def updated(self):
        return [str(it.params.uri) for it in self.told if isinstance(it, types.ResourceUpdatedNotification)]

    def options(self):
        return {"elicitation_callback": self.elicit, "sampling_callback": self.sample, "logging_callback": self.log,
                "list_roots_callback": self.roots, "message_handler": self.hear}


async def refused(what, attempt, code, message=""):
    """It is answered with an error, and with this one."""
    try:
        result = await attempt
    except McpError as error:
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


async def tools(what, client):
    tools = {tool.name for tool in (await client.list_tools()).tools}
    check(f"{what}: sees what is granted and nothing else", "get_invoice" in tools and "purge" not in tools, tools)
    invoice = await client.call_tool("get_invoice", {"id": "INV-1"})
    check(f"{what}: structure", invoice.structuredContent["customer"] == "ACME", invoice)
    # The SDK validates structured content against the published schema and raises if it doesn't fit.
    for tool in ["contact", "contact_list", "whoami", "journal"]:
        result = await client.call_tool(tool, {})
        check(f"{what}: {tool}", not result.isError and result.structuredContent is not None, result)
        clean(f"{what}: {tool}", result.model_dump_json())
    for tool in ["contact_text", "contact_blocks", "contact_error", "explode", "fail_internal"]:
        result = await client.call_tool(tool, {})
        check(f"{what}: {tool}", result.isError == (tool not in ("contact_text", "contact_blocks")), result)
        clean(f"{what}: {tool}", result.model_dump_json())
    await refused(f"{what}: hidden", client.call_tool("purge", {}), -32602, "Unknown tool: purge")
    results = [await client.call_tool("limited", {}) for _ in range(6)]
    check(f"{what}: a rate limit", [result.isError for result in results] == [False] * 5 + [True], results)


async def resources(what, client):
    listed = await client.list_resources()
    check(f"{what}: resources", {str(it.uri) for it in listed.resources} == RESOURCES, listed)
    templates = await client.list_resource_templates()
    check(f"{what}: templates", {it.uriTemplate for it in templates.resourceTemplates} == TEMPLATES, templates)
    [welcome] = (await client.read_resource("memo://welcome")).contents
    check(f"{what}: text", (welcome.text, welcome.mimeType) == ("# Welcome", "text/markdown"), welcome)
    [noise] = (await client.read_resource("memo://noise")).contents
    check(f"{what}: blob", base64.b64decode(noise.blob) == NOISE and noise.mimeType == "image/png", noise)
    [page] = (await client.read_resource("pages://book/3")).contents
    check(f"{what}: a template", page.text == "book, page 3", page)
    # In small letters, for this SDK's URLs have a host, which it spells so.
    for uri in ["memo://contact", "memo://contact.bin", "invoice://inv-1"]:
        [contents] = (await client.read_resource(uri)).contents
        text = contents.text if hasattr(contents, "text") else base64.b64decode(contents.blob).decode()
        check(f"{what}: {uri}", "redacted:email" in text, contents)
        clean(f"{what}: {uri}", text + contents.model_dump_json())
    for uri in HIDDEN_RESOURCES:
        await refused(f"{what}: {uri} is not there", client.read_resource(uri), -32002, "Resource not found")
    await refused(f"{what}: a panic", client.read_resource("faulty://panic"), -32603, "incident")


async def prompts(what, client):
    listed = {it.name for it in (await client.list_prompts()).prompts}
    check(f"{what}: prompts", listed == PROMPTS, listed)
    remind = await client.get_prompt("remind", {"id": "INV-1", "tone": "firm", "days": "3"})
    check(f"{what}: a prompt", remind.messages[0].content.text == "Remind firmly of INV-1 in 3 days.", remind)
    introduce = (await client.get_prompt("introduce")).model_dump_json()
    check(f"{what}: redacted", introduce.count("redacted:email") == 2, introduce)
    clean(f"{what}: introduce", introduce)
    for name in HIDDEN_PROMPTS:
        await refused(f"{what}: {name} is not there", client.get_prompt(name, {"year": "2025"}), -32602, f"Unknown prompt: {name}")
    interview = await client.get_prompt("interview")
    check(f"{what}: a prompt that asks", interview.messages[0].content.text == "Ask about tea.", interview)


async def completions(what, client):
    async def complete(ref, name, value):
        return (await client.complete(ref, {"name": name, "value": value})).completion

    remind = types.PromptReference(type="ref/prompt", name="remind")
    invoice = types.ResourceTemplateReference(type="ref/resource", uri="invoice://{id}")
    check(f"{what}: completes a prompt", (await complete(remind, "id", "INV-1")).values == ["INV-1", "INV-10"])
    check(f"{what}: completes a choice", (await complete(remind, "tone", "k")).values == ["kind"])
    check(f"{what}: completes a template", (await complete(invoice, "id", "")).values == ["INV-1", "INV-2", "INV-10", "alice"])
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
        check(f"{what}: {host.action}", result.isError, result)
    host.action = "accept"
    once = await client.call_tool("ask_at_once", {})
    check(f"{what}: all at once", once.content[0].text == "tea; I say «redacted:email»; file:///srv/one file:///srv/two", once)
    host.asked.clear()
    contact = await client.call_tool("ask_of_contact", {})
    check(f"{what}: form, page and model", len(host.asked) == 3 and not contact.isError, (host.asked, contact))
    clean(f"{what}: what is asked", str(host.asked) + contact.model_dump_json())


async def messages(what, client, host):
    """Progress and log messages; `chat` logs two a level, at debug, info and error."""
    reports = []

    async def report(progress, total, message):
        reports.append(message)

    await client.call_tool("contact_progress", {}, progress_callback=report)
    check(f"{what}: progress", len(reports) == 3, reports)
    clean(f"{what}: progress", str(reports))
    for level, expected in [("info", 4), ("error", 2), ("debug", 6)]:
        host.logged.clear()
        if level != "info":
            await client.set_logging_level(level)
        await client.call_tool("chat", {})
        await until(f"{what}: log messages from {level}", lambda: len(host.logged) == expected)
        clean(f"{what}: log messages", str(host.logged))


async def updates(what, client, host):
    await client.subscribe_resource("memo://counter")
    for uri in HIDDEN_RESOURCES:
        await refused(f"{what}: no subscription to {uri}", client.subscribe_resource(uri), -32002, "Resource not found")
    host.told.clear()
    await client.call_tool("bump", {})
    await client.call_tool("relist", {})
    lists = {f"notifications/{kind}/list_changed" for kind in ["tools", "prompts", "resources"]}
    await until(f"{what}: hears of lists", lambda: {it.method for it in host.told} >= lists and host.updated)
    check(f"{what}: hears of a resource that it may see", host.updated == ["memo://counter"], host.told)
    await client.unsubscribe_resource("memo://counter")
    await client.call_tool("bump", {})
    check(f"{what}: hears no more", host.updated == ["memo://counter"], host.told)


async def tasks(what, client):
    """This SDK knows tasks as 2025-11-25 had them; the server has them since 2026-07-28, and runs the call as a call."""
    done = await client.call_tool("job", {"ms": 50})
    check(f"{what}: a job", done.content[0].text == "done for alice, «redacted:email»", done)
    check(f"{what}: no tasks of the earlier kind", client.get_server_capabilities().tasks is None)
    try:
        check(f"{what}: no such method", False, await client.experimental.get_task("a-task"))
    except McpError as error:
        # rmcp answers for the server that the client lacks a capability, where there is one handler for both generations.
        check(f"{what}: no such method", error.error.code in (-32601, -32021), error.error)


async def session(what, transport):
    host = Host()
    async with transport() as (read, write, *_), ClientSession(read, write, **host.options()) as client:
        await client.initialize()
        await tools(what, client)
        await resources(what, client)
        await prompts(what, client)
        await completions(what, client)
        await questions(what, client, host)
        await messages(what, client, host)
        await updates(what, client, host)
        await tasks(what, client)
    # A client that can't be asked.
    async with transport() as (read, write, *_), ClientSession(read, write) as client:
        await client.initialize()
        check(f"{what}: can't be asked", (await client.call_tool("confirm", {"id": "INV-1"})).isError)


async def pages(what, transport):
    """Three at a time, and all of them in the end."""
    async with transport() as (read, write, *_), ClientSession(read, write) as client:
        await client.initialize()
        for kind, attribute, least in [("tools", "tools", 40), ("resources", "resources", len(RESOURCES)),
                                       ("resource_templates", "resourceTemplates", len(TEMPLATES)),
                                       ("prompts", "prompts", len(PROMPTS))]:
            ask, names, cursor = getattr(client, f"list_{kind}"), [], None
            while True:
                page = await ask(params=types.PaginatedRequestParams(cursor=cursor))
                check(f"{what}: {kind}, three a page", 0 < len(getattr(page, attribute)) <= 3, page)
                names += [it.name for it in getattr(page, attribute)]
                if not (cursor := page.nextCursor):
                    break
            complete = len(names) == least or kind == "tools" and len(names) > least
            check(f"{what}: {kind}, all, each once", complete and len(set(names)) == len(names), names)


def run(fixture):
    def on_stdio(**settings):
        env = {**fixture.launched, **settings}
        return stdio_client(StdioServerParameters(command=fixture.binary, args=fixture.args, env=env))

    def over_http():
        return streamablehttp_client(url, headers={"Authorization": f"Bearer {TOKEN}"})

    anyio.run(session, "stdio", on_stdio)
    url = fixture.serve()
    anyio.run(session, "http", over_http)
    anyio.run(pages, "stdio", lambda: on_stdio(FIXTURE_PAGE_SIZE="3"))
    url = fixture.serve(FIXTURE_PAGE_SIZE="3")
    anyio.run(pages, "http", over_http)


main(run)
