"""The official Inspector's command line against the fixture. Usage: inspector.py FIXTURE NODE_MODULES"""

import json
import os
import subprocess
import sys

from fixture import TOKEN, check, clean, main


def run(fixture):
    modules = os.path.abspath(sys.argv[2])
    command = [os.path.join(modules, ".bin", "node"), os.path.join(modules, ".bin", "mcp-inspector"), "--cli", "-q",
               "--format", "json", "--stored-auth-only"]
    # It keeps its state somewhere; here it ends with the test.
    env = {"HOME": fixture.dir.name, "PATH": os.path.join(modules, ".bin") + ":/usr/bin:/bin"}

    def inspect(target, *args):
        done = subprocess.run([*command, *target, *args], env=env, capture_output=True, text=True, timeout=60)
        clean("the inspector", done.stdout + done.stderr)
        return done.returncode, done.stdout, done.stderr

    def over_http(token=TOKEN):
        auth = ["--header", f"Authorization: Bearer {token}"] if token else []
        return [url, "--transport", "http", *auth]

    url = fixture.serve()
    eras = ["legacy", "modern"]
    # It passes on no variable that isn't said.
    variables = [part for name, value in fixture.launched.items() for part in ("-e", f"{name}={value}")]
    # `--` must stand before the server's command, so that its options aren't taken for the Inspector's.
    stdio = ["--", fixture.binary, *fixture.args]
    for era in eras:
        for name, target, after in [("stdio", variables, stdio), ("http", over_http(), [])]:
            what = f"{name} {era}"
            options = ["--protocol-era", era]
            code, out, err = inspect(target, *options, "--method", "tools/list", *after)
            tools = {tool["name"] for tool in found(out)["tools"]} if code == 0 else set()
            check(f"{what}: list", {"hello", "get_invoice"} <= tools and "purge" not in tools, (code, out[-300:], err))
            call = [*options, "--method", "tools/call", "--tool-name"]
            code, out, err = inspect(target, *call, "get_invoice", "--tool-args-json", '{"id":"INV-1"}', *after)
            check(f"{what}: call", code == 0 and found(out)["structuredContent"]["customer"] == "ACME", (code, out, err))
            code, out, err = inspect(target, *call, "contact", "--tool-args-json", "{}", *after)
            check(f"{what}: redacted", code == 0 and "redacted:email" in out, (code, out, err))
            code, out, err = inspect(target, *call, "fail_user", "--tool-args-json", '{"text":"no such thing"}', *after)
            check(f"{what}: an error is rc 5", code == 5 and "no such thing" in out + err, (code, out, err))
            code, out, err = inspect(target, *call, "purge", "--tool-args-json", "{}", *after)
            check(f"{what}: what is hidden is rc 5", code == 5, (code, out, err))
    for token in [None, "wrong"]:
        code, out, err = inspect(over_http(token), "--method", "tools/list")
        check(f"http: no or a wrong token is rc 3 ({token})", code == 3, (code, out, err))


def found(out):
    result = json.loads(out)
    return result.get("result", result)


main(run)
