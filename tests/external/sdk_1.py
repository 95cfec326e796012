"""The official Python SDK 1.x against the fixture: stdio and HTTP. Usage: sdk_1.py FIXTURE"""

import anyio
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

from fixture import TOKEN, check, clean, main


async def session(what, transport):
    async with transport() as (read, write, *_), ClientSession(read, write) as client:
        await client.initialize()
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
        try:
            await client.call_tool("purge", {})
            check(f"{what}: hidden", False)
        except McpError as error:
            check(f"{what}: hidden", error.error.message == "Unknown tool: purge", error)
        reports = []

        async def report(progress, total, message):
            reports.append(message)

        await client.call_tool("contact_progress", {}, progress_callback=report)
        check(f"{what}: progress", len(reports) == 3, reports)
        clean(f"{what}: progress", str(reports))
        results = [await client.call_tool("limited", {}) for _ in range(6)]
        check(f"{what}: a rate limit", [result.isError for result in results] == [False] * 5 + [True], results)


def run(fixture):
    stdio = StdioServerParameters(command=fixture.binary, args=fixture.args, env=fixture.launched)
    anyio.run(session, "stdio", lambda: stdio_client(stdio))
    url = fixture.serve()
    anyio.run(session, "http", lambda: streamablehttp_client(url, headers={"Authorization": f"Bearer {TOKEN}"}))


main(run)
