"""CPU time and accuracy of `doorman-server redact`, of mcp-doorman and of Presidio's pattern recognizers, on the same texts.

Called by the bench with the server, a manifest that asks for all kinds, the labelled sentences, and the texts; prints JSON.
"""

import json
import resource
import subprocess
import sys
import time

from mcp_doorman.redaction import DEFAULT_VALUE_PATTERNS, Redactor
from presidio_analyzer import predefined_recognizers as presidio

KINDS = ["email", "phone", "ssn", "card", "iban"]
RUNS = 5
# Of those that are slow only so much of a text, and the time is multiplied.
PART = 1_000_000


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_process(command, path):
    def once():
        before = cpu_of_children()
        with open(path, "rb") as text:
            subprocess.run(command, stdin=text, stdout=subprocess.DEVNULL, check=True)
        return cpu_of_children() - before

    return sorted(once() for _ in range(RUNS))[RUNS // 2] * 1e3


def of_function(function, lines):
    size = sum(len(line) + 1 for line in lines)
    part, taken = [], 0
    for line in lines:
        part.append(line)
        taken += len(line) + 1
        if taken >= PART:
            break
    began = time.process_time()
    for line in part:
        function(line)
    return (time.process_time() - began) * 1e3 * size / taken


recognizers = {
    "email": presidio.EmailRecognizer(),
    "phone": presidio.PhoneRecognizer(),
    "ssn": presidio.UsSsnRecognizer(),
    "card": presidio.CreditCardRecognizer(),
    "iban": presidio.IbanRecognizer(),
}


def of_presidio(text):
    found = []
    for kind, recognizer in recognizers.items():
        for it in recognizer.analyze(text, recognizer.supported_entities, None) or []:
            found.append((kind, it.start, it.end))
    return found


def of_mcp_doorman(text):
    kinds = ["email", "phone", "ssn", "card"]
    return [(kind, it.start(), it.end()) for kind, rule in zip(kinds, DEFAULT_VALUE_PATTERNS) for it in rule.finditer(text)]


def accuracy(find, sentences):
    scores = {kind: [0, 0, 0] for kind in KINDS}
    for sentence, found in zip(sentences, find([it["text"] for it in sentences])):
        labelled = {tuple(span) for span in sentence["spans"]}
        found = set(found)
        for kind in KINDS:
            its, mine = ({span for span in spans if span[0] == kind} for spans in (labelled, found))
            for i, number in enumerate([len(its & mine), len(mine), len(its)]):
                scores[kind][i] += number
    return scores


def main(server, manifest, sentences, *texts):
    with open(sentences, encoding="utf-8") as file:
        sentences = json.load(file)
    for sentence in sentences:
        # A line each; the places stay.
        sentence["text"] = sentence["text"].replace("\n", " ").replace("\r", " ")

    def of_doorman(lines):
        command = [server, "redact", "--spans"]
        done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
        for line in done.stdout.split("\n")[:-1]:
            yield [(it["kind"], it["start"], it["end"]) for it in json.loads(line)["spans"]]

    times = {}
    redactor = Redactor()
    for path in texts:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        times[path] = {
            "doorman": of_process([server, "redact"], path),
            "all kinds": of_process([server, "redact", "--manifest", manifest], path),
            "mcp-doorman": of_function(redactor.redact, lines),
            "Presidio": of_function(of_presidio, lines),
        }
    found = {
        "doorman": accuracy(of_doorman, sentences),
        "mcp-doorman": accuracy(lambda all: map(of_mcp_doorman, all), sentences),
        "Presidio": accuracy(lambda all: map(of_presidio, all), sentences),
    }
    json.dump({"ms": times, "found": found}, sys.stdout)


main(*sys.argv[1:])
