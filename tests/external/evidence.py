"""Whether a run of the conformance suite proves anything.

The suite passes scenarios in which nothing ran: a refusal is a text too, an empty list is a list, and a synthetic check
of the wire format succeeds with nobody there. So each scenario has to show something that only its fixture can have said.
What it shows is in the `details` of its checks, as `checks.json` holds them (0.2.0-alpha.12).
"""

import json
import os
import re

SCENARIOS = {"2025-06-18": 27, "2025-11-25": 33, "2026-07-28": 40, "tasks": 10}

TOOLS = {
    "test_simple_text", "test_image_content", "test_audio_content", "test_embedded_resource", "test_custom_header",
    "test_multiple_content_types", "test_error_handling", "test_tool_with_logging", "test_logging_tool", "greet",
    "test_tool_with_progress", "test_reconnection", "test_trigger_tool_change", "test_trigger_prompt_change",
    "test_sampling", "test_elicitation", "test_missing_capability", "test_streaming_elicitation", "slow_compute",
    "test_input_required_result_elicitation", "test_input_required_result_sampling", "failing_job", "multi_input",
    "test_input_required_result_list_roots", "test_input_required_result_request_state", "protocol_error_job",
    "test_input_required_result_multiple_inputs", "test_input_required_result_multi_round", "confirm_delete",
    "test_input_required_result_tampered_state", "test_input_required_result_capabilities", "test_tool_with_task",
    "json_schema_2020_12_tool", "test_elicitation_sep1034_defaults", "test_elicitation_sep1330_enums",
}
RESOURCES = {"test://static-text", "test://static-binary", "test://watched-resource"}
PROMPTS = {
    "test_simple_prompt", "test_prompt_with_arguments", "test_prompt_with_embedded_resource", "test_prompt_with_image",
    "test_input_required_result_prompt",
}

# What a run calls: whose records the audit log has to hold, and with which verdict. Each name is one of its spellings.
CONTENT = {
    "test_simple_text", "test_image_content", "test_audio_content", "test_embedded_resource",
    "test_multiple_content_types", "test_tool_with_progress", "test_simple_prompt", "test_prompt_with_arguments",
    "test_prompt_with_embedded_resource", "test_prompt_with_image", "static_text|test://static-text",
    "static_binary|test://static-binary", "template_data|test://template/{id}/data|test://template/123/data",
}
EARLIER = CONTENT | {"test_tool_with_logging", "test_sampling", "test_elicitation"}
INPUT = "test_input_required_result_"
CALLED = {
    "2025-06-18": EARLIER,
    "2025-11-25": EARLIER
    | {"test_elicitation_sep1034_defaults", "test_elicitation_sep1330_enums", "test_reconnection"},
    "2026-07-28": CONTENT
    | {"test_custom_header", "test_logging_tool", "test_trigger_tool_change", "test_trigger_prompt_change"}
    | {INPUT + it for it in ["elicitation", "sampling", "list_roots", "request_state", "multiple_inputs"]}
    | {INPUT + it for it in ["multi_round", "prompt"]},
    "tasks": {"greet", "slow_compute", "confirm_delete", "multi_input", "test_tool_with_task"},
}
# Called, and the function's own answer is an error.
FAILING = {
    "2025-06-18": {"test_error_handling"},
    "2025-11-25": {"test_error_handling"},
    "2026-07-28": {"test_error_handling"},
    "tasks": {"failing_job", "protocol_error_job"},
}


class Results:
    """The checks of one run, by scenario, without those that the suite's frame adds to each."""

    def __init__(self, by_scenario):
        self.by_scenario = by_scenario

    @classmethod
    def read(cls, folder, prefix=""):
        found = {}
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name, "checks.json")
            scenario = re.sub(r"-\d{4}-\d\d-\d\dT[\d-]+Z$", "", name.removeprefix("server-"))
            if os.path.exists(path) and scenario.startswith(prefix):
                with open(path) as file:
                    found[scenario] = json.load(file)
        return cls(found)

    def own(self, scenario):
        return [it for it in self.by_scenario.get(scenario, []) if not it["id"].startswith("wire-schema")]

    def details(self, scenario, check=None):
        """The details of one check; without a check's id, those of the one that is called as its scenario is."""
        for it in self.own(scenario):
            if it["id"] == (check or scenario):
                return it.get("details") or {}
        return {}

    def failed(self, scenario):
        return [it for it in self.by_scenario.get(scenario, []) if it["status"] == "FAILURE"]

    def warned(self, scenario):
        return [it for it in self.own(scenario) if it["status"] == "WARNING"]

    def texts(self, scenario, check=None):
        """The texts of a result that is no error, in a line."""
        result = self.details(scenario, check).get("result") or {}
        if not isinstance(result, dict) or result.get("isError"):
            return ""
        return " ".join(it.get("text", "") for it in result.get("content", []))


def says(check, *wanted):
    """The fixture's texts are in the result of a check."""
    return lambda it, scenario: all(text in it.texts(scenario, check) for text in wanted)


def shows(check=None, **wanted):
    """A check's details are these."""
    return lambda it, scenario: {key: it.details(scenario, check).get(key) for key in wanted} == wanted


def lists(key, wanted):
    return lambda it, scenario: wanted <= set(it.details(scenario).get(key) or [])


def all_of(*evidence):
    return lambda it, scenario: all(one(it, scenario) for one in evidence)


def succeeds(*checks):
    """These checks succeeded, as often as they were made."""
    def holds(it, scenario):
        statuses = {check: {one["status"] for one in it.own(scenario) if one["id"] == check} for check in checks}
        return all(found == {"SUCCESS"} for found in statuses.values())
    return holds


def nothing_skipped(it, scenario):
    return all(one["status"] == "SUCCESS" for one in it.own(scenario))


def with_those(*others):
    """It shows nothing by itself, so the scenarios that ask the same have to."""
    return lambda it, _: all(not problems(it, other) for other in others)


def error_text(it, scenario):
    result = it.details(scenario).get("result") or {}
    texts = [one.get("text") for one in result.get("content", [])]
    return result.get("isError") is True and texts == ["This tool intentionally returns an error for testing"]


def simple_text(it, scenario):
    result = it.details(scenario).get("result") or {}
    content = [{"type": "text", "text": "This is a simple text response for testing."}]
    return not result.get("isError") and result.get("content") == content


def reconnection(it, scenario):
    return "Reconnection test completed successfully" in json.dumps(it.own(scenario))


def logged(it, scenario):
    said = [log.get("data") for log in it.details(scenario).get("logs") or []]
    return said == ["Tool execution started", "Tool processing data", "Tool execution completed"]


def progressed(it, scenario):
    steps = [one.get("progress") for one in it.details(scenario).get("progressNotifications") or []]
    return steps == [0, 50, 100] and "progress executed successfully" in it.texts(scenario)


def filled(it, scenario):
    try:
        content = json.loads(it.details(scenario).get("content") or "null")
    except ValueError:
        return False
    return content == {"id": "123", "templateTest": True, "data": "Data for ID: 123"}


def message_says(check, wanted):
    def holds(it, scenario):
        details = it.details(scenario, check)
        return wanted in json.dumps(details.get("messages") or (details.get("result") or {}).get("messages"))
    return holds


def foreign_host_refused(it, scenario):
    # A missing token would do for the suite; what has to refuse is the check of Host and Origin.
    return it.details(scenario, "localhost-host-rebinding-rejected").get("statusCode") not in (None, 401)


def only_sampling(it, scenario):
    result = it.details(scenario, "sep-2322-respect-client-capabilities").get("result") or {}
    asked = [one.get("method") for one in (result.get("inputRequests") or {}).values()]
    return asked == ["sampling/createMessage"]


def asked_again(check):
    def holds(it, scenario):
        result = it.details(scenario, check).get("result") or {}
        return result.get("resultType") == "input_required" and "user_name" in (result.get("inputRequests") or {})
    return holds


def tampering_refused(it, scenario):
    answer = it.details(scenario, "sep-2322-reject-tampered-state").get("tamperedResponse") or {}
    return isinstance(answer.get("code"), int)


def stateless(it, scenario):
    # Subscriptions are skipped where they aren't offered; here they are.
    return nothing_skipped(it, scenario) and len(it.own(scenario)) >= 27


NAMES = [f"json-schema-2020-12-{key}" for key in ["tool-found", "$schema", "$defs", "additionalProperties"]]
ENUMS = [f"elicitation-sep1330-{key}" for key in
         ["untitled-single", "titled-single", "legacy-enumnames", "untitled-multi", "titled-multi"]]
DEFAULTS = [f"elicitation-sep1034-{key}-default" for key in ["string", "integer", "number", "enum", "boolean"]]

EVIDENCE = {
    "server-initialize": succeeds("server-initialize", "server-session-id-visible-ascii"),
    "server-session-lifecycle": nothing_skipped,
    "logging-set-level": shows(result={}),
    "ping": shows(result={}),
    "completion-complete": lambda it, scenario: (it.details(scenario).get("result") or {}).get("completion", {})
    .get("values") == ["testValue1", "testing"],
    "tools-list": lists("tools", TOOLS),
    "tools-call-simple-text": simple_text,
    "tools-call-image": shows(mimeType="image/png", hasData=True),
    "tools-call-audio": shows(hasAudioContent=True),
    "tools-call-embedded-resource": shows(resourceUri="test://embedded-resource"),
    "tools-call-mixed-content": shows(contentTypes=["text", "image", "resource"]),
    "tools-call-with-logging": logged,
    "tools-call-error": error_text,
    "tools-call-with-progress": progressed,
    "tools-call-sampling": says(None, "LLM response: This is a test response from the client"),
    "tools-call-elicitation": says(None, "User response: action=accept, username=testuser"),
    "json-schema-2020-12": succeeds(*NAMES),
    "elicitation-sep1034-defaults": succeeds(*DEFAULTS),
    "elicitation-sep1330-enums": succeeds(*ENUMS),
    "server-sse-polling": reconnection,
    "server-sse-multiple-streams": shows("server-accepts-multiple-post-streams", statuses=[200, 200, 200]),
    "resources-list": lists("resources", RESOURCES),
    "resources-read-text": shows(uri="test://static-text", mimeType="text/plain", hasText=True),
    "resources-read-binary": shows(uri="test://static-binary", mimeType="image/png", hasBlob=True),
    "resources-templates-read": all_of(shows(uri="test://template/123/data"), filled),
    "resources-subscribe": succeeds("resources-subscribe"),
    "resources-unsubscribe": succeeds("resources-unsubscribe"),
    "sep-2164-resource-not-found": shows("sep-2164-error-code", receivedErrorCode=-32602),
    "prompts-list": lists("prompts", PROMPTS),
    "prompts-get-simple": shows(messageCount=1),
    "prompts-get-with-args": message_says(None, "arg1='testValue1', arg2='testValue2'"),
    "prompts-get-embedded-resource": message_says(None, "Embedded resource content for testing."),
    "prompts-get-with-image": shows(messageCount=2),
    "dns-rebinding-protection": all_of(foreign_host_refused, nothing_skipped),
    "server-stateless": stateless,
    "caching": nothing_skipped,
    "http-header-validation": nothing_skipped,
    "http-custom-header-server-validation": nothing_skipped,
    "input-required-result-basic-elicitation": says("sep-2322-elicitation-complete", "Hello, Alice!"),
    "input-required-result-basic-sampling": says("sep-2322-sampling-complete", "Paris"),
    "input-required-result-basic-list-roots": says("sep-2322-list-roots-complete", "file:///test/root"),
    "input-required-result-request-state": says("sep-2322-request-state-complete", "state-ok"),
    "input-required-result-multiple-input-requests":
        says("sep-2322-multiple-inputs-complete", "Hello there!", "Alice", "file:///test/root"),
    "input-required-result-multi-round": says("sep-2322-multi-round-r3", "Alice", "blue"),
    "input-required-result-missing-input-response": asked_again("sep-2322-missing-response-rerequests"),
    "input-required-result-non-tool-request": message_says("sep-2322-non-tool-complete", "test context"),
    "input-required-result-result-type": asked_again("sep-2322-result-type-included"),
    "input-required-result-unsupported-methods": with_those("tools-list", "prompts-list"),
    "input-required-result-tampered-state": tampering_refused,
    "input-required-result-capability-check": only_sampling,
    "input-required-result-ignore-extra-params": says("sep-2322-ignore-unexpected-params", "Hello, Alice!"),
    "input-required-result-validate-input": with_those("input-required-result-basic-elicitation"),
    **{f"tasks-{name}": nothing_skipped for name in
       ["lifecycle", "capability-negotiation", "wire-fields", "request-state-removal", "mrtr-input", "request-headers",
        "dispatch-and-envelope", "required-task-error", "mrtr-composition"]},
}

# Scenarios that may pass without a SUCCESS of their own, why, and what they have to show instead.
EXCEPTIONS = {
    "input-required-result-ignore-extra-params": (
        "it answers a question that was never asked, without a requestState; doorman asks instead (a SHOULD)",
        asked_again("sep-2322-ignore-unexpected-params"),
    ),
    "server-sse-polling": (
        "resuming a stream is a SHOULD; what has to be there is the tool's answer",
        reconnection,
    ),
    "tasks-status-notifications": (
        "the suite itself always skips it",
        lambda it, scenario: [one["status"] for one in it.own(scenario)] == ["SKIPPED"],
    ),
}


def problems(results, scenario):
    """What is wrong with one scenario, in lines."""
    if scenario not in results.by_scenario:
        return ["it didn't run"]
    failed = [f"{it['id']}: {it.get('errorMessage') or 'failed'}"[:300] for it in results.failed(scenario)]
    if failed:
        return failed
    _, instead = EXCEPTIONS.get(scenario, (None, None))
    if instead and instead(results, scenario):
        return []
    found = []
    if not any(it["status"] == "SUCCESS" for it in results.own(scenario)):
        found.append("vacuous: nothing of its own succeeded")
    evidence = EVIDENCE.get(scenario)
    if evidence is None:
        found.append("vacuous: nobody has said what it has to show")
    elif not evidence(results, scenario):
        found.append("vacuous: what it shows isn't what its fixture says")
    return found


def judge(results, version):
    """What is wrong with a run, by scenario."""
    found = {scenario: problems(results, scenario) for scenario in results.by_scenario}
    if len(found) != SCENARIOS[version]:
        found["(all)"] = [f"{len(found)} scenarios ran, not {SCENARIOS[version]}"]
    return {scenario: lines for scenario, lines in found.items() if lines}


def unrecorded(records, version):
    """What a run calls and the audit log doesn't say so of."""
    verdicts = {}
    for record in records:
        verdicts.setdefault(record.get("capability"), set()).add(record.get("verdict"))
    found = []
    for names, verdict in [(CALLED[version], "ok"), (FAILING[version], "error")]:
        for name in sorted(names):
            seen = set().union(*(verdicts.get(one, set()) for one in name.split("|")))
            if verdict not in seen:
                found.append(f"{name}: the audit log has {sorted(seen) or 'nothing'}, not {verdict}")
    return found
