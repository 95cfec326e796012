"""The official Inspector's command line against the fixture. Usage: inspector.py FIXTURE NODE_MODULES"""

import base64
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from fixture import HIDDEN_PROMPTS, HIDDEN_RESOURCES, NOISE, PROMPTS, RESOURCES, TEMPLATES, TOKEN, check, clean, main


def run(fixture):
    modules = os.path.abspath(sys.argv[2])
    command = [os.path.join(modules, ".bin", "node"), os.path.join(modules, ".bin", "mcp-inspector"), "--cli", "-q",
               "--format", "json", "--stored-auth-only"]
    # It keeps its state somewhere; here it ends with the test. What node has compiled it needn't compile again.
    env = {"HOME": fixture.dir.name, "NODE_COMPILE_CACHE": fixture.path("compiled"), "PATH": os.path.join(modules, ".bin") + ":/usr/bin:/bin"}

    def inspect(target, *args):
        done = subprocess.run([*command, *target, *args], env=env, capture_output=True, text=True, timeout=60)
        clean("the inspector", done.stdout + done.stderr)
        return done.returncode, done.stdout, done.stderr

    def over_http(token=TOKEN):
        auth = ["--header", f"Authorization: Bearer {token}"] if token else []
        return [url, "--transport", "http", *auth]

    url = fixture.serve()
    # It passes on no variable that isn't said.
    variables = [part for name, value in fixture.launched.items() for part in ("-e", f"{name}={value}")]

    def target(name):
        # `--` must stand before the server's command, so that its options aren't taken for the Inspector's.
        return (variables, ["--", fixture.binary, *fixture.args]) if name == "stdio" else (over_http(), [])

    def tools(what, ask):
        code, out, err = ask("tools/list")
        tools = {tool["name"] for tool in found(out)["tools"]} if code == 0 else set()
        check(f"{what}: list", {"hello", "get_invoice"} <= tools and "purge" not in tools, (code, out[-300:], err))

        def call(name, arguments="{}"):
            return ask("tools/call", "--tool-name", name, "--tool-args-json", arguments)

        code, out, err = call("get_invoice", '{"id":"INV-1"}')
        check(f"{what}: call", code == 0 and found(out)["structuredContent"]["customer"] == "ACME", (code, out, err))
        code, out, err = call("contact")
        check(f"{what}: redacted", code == 0 and "redacted:email" in out, (code, out, err))
        code, out, err = call("fail_user", '{"text":"no such thing"}')
        check(f"{what}: an error is rc 5", code == 5 and "no such thing" in out + err, (code, out, err))
        code, out, err = call("purge")
        check(f"{what}: what is hidden is rc 5", code == 5, (code, out, err))

    def resources(what, ask):
        for method, kind, member, expected in [("resources/list", "resources", "uri", RESOURCES),
                                               ("resources/templates/list", "resourceTemplates", "uriTemplate", TEMPLATES)]:
            code, out, err = ask(method)
            seen = {it[member] for it in found(out)[kind]} if code == 0 else set()
            check(f"{what}: {method}", seen == expected, (code, out, err))
        code, out, err = ask("resources/read", "--uri", "memo://noise")
        contents = found(out)["contents"][0] if code == 0 else {}
        check(f"{what}: a blob", base64.b64decode(contents.get("blob", "")) == NOISE, (code, out, err))
        code, out, err = ask("resources/read", "--uri", "memo://contact")
        check(f"{what}: a text, redacted", code == 0 and "redacted:email" in out, (code, out, err))
        code, out, err = ask("resources/read", "--uri", HIDDEN_RESOURCES[0])
        check(f"{what}: a hidden resource", code != 0 and "Resource not found" in out + err, (code, out, err))

    def prompts(what, ask):
        code, out, err = ask("prompts/list")
        seen = {it["name"] for it in found(out)["prompts"]} if code == 0 else set()
        check(f"{what}: prompts", seen == PROMPTS, (code, out, err))
        arguments = ["--prompt-args", "id=INV-1", "tone=firm", "days=3"]
        code, out, err = ask("prompts/get", "--prompt-name", "remind", *arguments)
        check(f"{what}: a prompt", code == 0 and "Remind firmly of INV-1 in 3 days." in out, (code, out, err))
        code, out, err = ask("prompts/get", "--prompt-name", HIDDEN_PROMPTS[0], "--prompt-args", "year=2025")
        check(f"{what}: a hidden prompt", code != 0 and f"Unknown prompt: {HIDDEN_PROMPTS[0]}" in out + err, (code, out, err))

    def strangers(what, ask):
        for token in [None, "wrong"]:
            code, out, err = inspect(over_http(token), "--method", "tools/list")
            check(f"{what}: no or a wrong token is rc 3 ({token})", code == 3, (code, out, err))

    def all_of(checks, name, era):
        before, after = target(name)
        checks(f"{name} {era}", lambda method, *args: inspect(before, "--protocol-era", era, "--method", method, *args, *after))

    # A start of it takes a second: several are under way at once.
    pairs = [(tools, name, era) for name in ["stdio", "http"] for era in ["legacy", "modern"]]
    pairs += [(checks, name, era) for checks in [resources, prompts] for name, era in [("stdio", "modern"), ("http", "legacy")]]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(all_of, *it) for it in [*pairs, (strangers, "http", "legacy")]]:
            done.result()


def found(out):
    result = json.loads(out)
    return result.get("result", result)


main(run)
