"""The Python SDK's own OAuth client logs in to an MCP server and calls it, with nothing but the server's URL.

    oauth_client.py MCP_URL [--call TOOL[=JSON]]… [--mode legacy|2026-07-28] [--account NAME] [--document URL]

401 → RFC 9728 metadata → the authorization server's → registration, or a client ID metadata document →
authorization code with PKCE → token → call. Nobody is there to log in: the authorization server has to complete that
by itself, as authority.mjs does. It checks each step, and prints what it saw in one line of JSON, without tokens."""

import argparse
import json
import logging
import sys
from urllib.parse import parse_qs, urljoin, urlsplit

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.auth.utils import extract_field_from_www_auth
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

from fixture import check

CALLBACK = "http://127.0.0.1:8123/callback"  # nobody listens there: the code is taken from the redirect


class LoginFailed(Exception):
    """The authorization server gave no code."""


class Kept(TokenStorage):
    """Tokens and registration, for as long as this runs."""

    tokens = client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Browser:
    """Follows an authorization request to where the code is. It keeps cookies, as a browser does."""

    def __init__(self, account):
        self.account, self.asked, self.found = account, [], None

    async def open(self, url):
        self.asked.append({name: value[0] for name, value in parse_qs(urlsplit(url).query).items()})
        url += f"&login_hint={self.account}" if self.account else ""
        async with httpx2.AsyncClient() as http:
            for _ in range(10):
                answer = await http.get(url)
                if not answer.is_redirect:
                    raise LoginFailed(f"{answer.status_code}: {answer.text[:300]}")
                url = urljoin(url, answer.headers["location"])
                if url.startswith(CALLBACK):
                    self.found = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
                    if "code" in self.found:
                        return
                    raise LoginFailed(f"not granted: {self.found}")
        raise LoginFailed("ten redirects, and no code")

    async def close(self):
        return AuthorizationCodeResult(code=self.found["code"], state=self.found["state"], iss=self.found.get("iss"))


async def run(given):
    browser, kept, seen, challenges = Browser(given.account), Kept(), [], []

    async def note(answer):
        request = answer.request
        bare = str(request.url).split("?")[0]
        seen.append(f"{answer.status_code} {request.method} {bare}")
        if answer.status_code in (401, 403):
            fields = ["error", "scope", "resource_metadata"]
            challenges.append({it: extract_field_from_www_auth(answer, it) for it in fields} | {"at": bare})

    asked = OAuthClientMetadata(redirect_uris=[CALLBACK], client_name="doorman's tests")
    provider = OAuthClientProvider(given.url, asked, kept, browser.open, browser.close, given.document)
    calls = {}
    async with httpx2.AsyncClient(auth=provider, event_hooks={"response": [note]}, timeout=30) as http:
        async with Client(streamable_http_client(given.url, http_client=http), mode=given.mode) as client:
            tools = sorted(tool.name for tool in (await client.list_tools()).tools)
            for call in given.call:
                tool, _, arguments = call.partition("=")
                try:
                    result = await client.call_tool(tool, json.loads(arguments or "{}"))
                    calls[tool] = {"is_error": result.is_error, "structured": result.structured_content,
                                   "text": [it.text for it in result.content if it.type == "text"]}
                except MCPError as error:
                    calls[tool] = {"refused": error.error.message, "code": error.error.code}

    check("a stranger is refused, and told where to ask",
          challenges and challenges[0]["at"] == given.url and challenges[0]["resource_metadata"], challenges)
    first, context = challenges[0], provider.context
    check("the metadata is where the challenge says", f"200 GET {first['resource_metadata']}" in seen, seen)
    prm, authority = context.protected_resource_metadata, context.oauth_metadata
    check("the resource is the server's URL", str(prm.resource) == given.url, prm)
    check("the issuer is the one that the server names", str(authority.issuer) == str(prm.authorization_servers[0]), prm)
    registered = f"201 POST {authority.registration_endpoint}" in seen
    check("registered, or known by its document", registered != bool(given.document), seen)
    known = kept.client.client_id
    check("a document's URL is the client's name", known == given.document or registered, known)
    check("a user was asked for this resource", all(it["resource"] == given.url for it in browser.asked), browser.asked)
    check("with PKCE", all(it["code_challenge_method"] == "S256" for it in browser.asked), browser.asked)
    check("a token", f"200 POST {authority.token_endpoint}" in seen, seen)
    check("then the server answers", seen[-1].startswith("20") and f"200 POST {given.url}" in seen, seen)
    shown = {"requests": seen, "challenges": challenges, "asked": [it.get("scope") for it in browser.asked],
             "scope": kept.tokens.scope, "client": known, "tools": tools, "calls": calls}
    print(json.dumps(shown))


def causes(error):
    """Why it failed, out of the groups that the SDK's tasks put it in."""
    parts = getattr(error, "exceptions", None)
    return [line for part in parts for line in causes(part)] if parts else [repr(error)]


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("url")
parser.add_argument("--call", action="append", default=[], help="a tool, and its arguments in JSON")
parser.add_argument("--mode", default="legacy", help="the protocol's generation")
parser.add_argument("--account", help="who logs in; without it, who the authorization server says")
parser.add_argument("--document", help="the client ID metadata document's URL (https), instead of a registration")
logging.disable()  # what fails is said below
try:
    anyio.run(run, parser.parse_args())
except Exception as error:
    for line in causes(error):
        print(f"    FAILED {line}")
    sys.exit(1)
