"""Starts the fixture server for an external client, and checks what that client saw."""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

SCOPES = "[invoices:read, misc:use, docs:read]"
TOKEN = "token-of-alice"
SECRET = 'hunter2/"held"+secret&='
PRIVATE = ["ada@example.com", "202 555 0143", "123-45-6789", "4111 1111 1111 1111", "4111111111111111",
           "k-abcdef", "k-ghijkl", "p-mnopqr", SECRET]

# What alice sees beside tools: all of it, and no more.
RESOURCES = {f"memo://{name}" for name in ["welcome", "counter", "contact", "contact.bin", "noise", "essay"]}
TEMPLATES = {"invoice://{id}", "pages://{book}/{number}", "faulty://{how}", "docs:///{+path}"}
PROMPTS = {"greet_somebody", "remind", "introduce", "interview", "open_book", "stumble", "docs_summarize"}
# Some that she may not have, some that nobody has.
HIDDEN_RESOURCES = ["memo://ledger", "ledger://1", "work:///note.txt", "memo://nothing", "nothing://1"]
HIDDEN_TEMPLATES = {"ledger://{page}": "page", "work:///{+path}": "path", "nothing://{id}": "id"}
HIDDEN_PROMPTS = ["close_books", "work_summarize", "nothing"]

NOISE = bytes([0x89, 0x50, 0x4E, 0x47, 0, 0xFF])


class Fixture:
    """A directory with a manifest and a token, and the ways to start the binary with it."""

    def __init__(self, binary):
        self.binary = binary
        self.dir = tempfile.TemporaryDirectory()
        manifest, tokens = self.path("reader.yaml"), self.path("tokens.yaml")
        with open(manifest, "w") as file:
            file.write(f"agent_type: reader\nscopes: {SCOPES}\n")
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        with open(os.open(tokens, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"tokens:\n  - {{sha256: {digest}, agent_id: alice, agent_type: reader}}\n")
        for instance in ["docs", "work"]:
            os.makedirs(self.path("base", instance))
        self.granted = ["--manifest", manifest, "--tokens", tokens]
        self.starts = 0
        self.env = {"DOORMAN_LOG": "off", "FIXTURE_BASE": self.path("base"), "FIXTURE_SECRET": SECRET}
        self.launched = {**self.env, "AGENT_ID": "alice", "AGENT_TYPE": "reader"}
        self.server = None

    def path(self, *names):
        return os.path.join(self.dir.name, *names)

    @property
    def args(self):
        """Its arguments, with an audit file for each start: no two processes may share one."""
        self.starts += 1
        return [*self.granted, "--audit-log", self.path(f"audit-{self.starts}.jsonl")]

    def serve(self, **settings):
        """Starts it on HTTP, with these variables too, and returns its URL."""
        self.stop()
        command = [self.binary, *self.args, "--http", "127.0.0.1:0"]
        self.server = subprocess.Popen(command, env={**self.env, **settings}, stderr=subprocess.PIPE, text=True)
        for line in self.server.stderr:
            found = re.match(r"serving MCP on (http://\S+)", line)
            if found:
                # Nobody reads what it says after that, and a full pipe would stop it.
                threading.Thread(target=self.server.stderr.read, daemon=True).start()
                return found[1]
        raise SystemExit("the fixture didn't start")

    def stop(self):
        if self.server:
            self.server.terminate()
            self.server.wait(20)
            self.server = None


def check(what, holds, seen=""):
    """One line a check; the first that fails ends the run."""
    if not holds:
        print(f"    FAILED {what}: {seen}")
        sys.exit(1)
    check.count += 1


check.count = 0


def clean(what, text):
    """Nothing private is in a text."""
    for private in PRIVATE:
        check(f"{what} without {private}", private not in text, text)


def main(run):
    began = time.monotonic()
    fixture = Fixture(os.path.abspath(sys.argv[1]))
    try:
        run(fixture)
    finally:
        fixture.stop()
    print(f"    {check.count} checks in {time.monotonic() - began:.1f} s")
