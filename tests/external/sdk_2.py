"""The official Python SDK 2.x against the fixture: stdio and HTTP, both generations. Usage: sdk_2.py FIXTURE"""

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from fixture import TOKEN, check, clean, main


async def session(what, open_client, modern, http):
    async with open_client() as client:
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
            try:
                await client.call_tool(hidden, {})
                check(f"{what}: {hidden} is not there", False)
            except MCPError as error:
                check(f"{what}: {hidden} is not there", error.error.code == -32602 and error.error.message == f"Unknown tool: {hidden}", error)

        reports = []

        async def report(progress, total, message):
            reports.append(message)

        done = await client.call_tool("contact_progress", {}, progress_callback=report)
        check(f"{what}: progress", not done.is_error and (len(reports) == 3 or modern and http), reports)
        clean(f"{what}: progress", str(reports))

        # Cancelled by the client: the call ends, the connection doesn't.
        with anyio.move_on_after(0.3) as scope:
            await client.call_tool("slow", {"ms": 60_000})
        check(f"{what}: cancelled", scope.cancelled_caught)
        journal = await client.call_tool("journal", {})
        check(f"{what}: stopped", journal.structured_content["slow"]["ended"] == 0, journal)

        results = [await client.call_tool("limited", {}) for _ in range(6)]
        check(f"{what}: five pass", not any(result.is_error for result in results[:5]), results)
        refused = results[5]
        check(f"{what}: the sixth doesn't", refused.is_error and refused.meta["doorman/verdict"] == "rate_limited", refused)
        check(f"{what}: and says when", refused.meta["doorman/retryAfterMs"] > 0, refused)


def run(fixture):
    for modern in [False, True]:
        mode = "2026-07-28" if modern else "legacy"
        stdio = StdioServerParameters(command=fixture.binary, args=fixture.args, env=fixture.launched)
        anyio.run(session, f"stdio {mode}", lambda: Client(stdio, mode=mode), modern, False)
        url = fixture.serve()

        def over_http(token=TOKEN):
            http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=30)
            return Client(streamable_http_client(url, http_client=http), mode=mode)

        anyio.run(session, f"http {mode}", over_http, modern, True)

        async def refused():
            try:
                async with over_http("wrong") as client:
                    await client.list_tools()
            except BaseException as error:
                return repr(error) + repr(getattr(error, "exceptions", ""))
            return ""

        seen = anyio.run(refused)
        check(f"http {mode}: a wrong token is refused", seen and "token" not in seen.replace("wrong", ""), seen)
    # Left to itself, the client finds the later generation.
    async def negotiated():
        async with Client(StdioServerParameters(command=fixture.binary, args=fixture.args, env=fixture.launched)) as client:
            return client.session.protocol_version

    check("auto", anyio.run(negotiated) == "2026-07-28")


main(run)
