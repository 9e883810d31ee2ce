"""The golden messages in tests/golden/wire, replayed against the application on the reference engine.

The same files are replayed against web/client.js: what passes here and there is the wire. A file that is missing or
has other answers is a failure, never a reason to write it anew.
"""

import base64
import json
from pathlib import Path

import pytest

from findling import errors, wire

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((GOLDEN / "wire").glob("*.json"))}
EXCHANGES = {name: case for name, case in CASES.items() if "request" in case}


def revive(value):
    """A golden value with its `{"$base64": ...}` as bytes."""
    if isinstance(value, dict):
        return base64.b64decode(value["$base64"]) if set(value) == {"$base64"} else {key: revive(item) for key, item in value.items()}
    return [revive(item) for item in value] if isinstance(value, list) else value


def approximately(value):
    """A golden value whose fractions may differ in the last digits of f32."""
    if isinstance(value, dict):
        return {key: approximately(item) for key, item in value.items()}
    if isinstance(value, list):
        return [approximately(item) for item in value]
    return pytest.approx(value, abs=1e-6) if isinstance(value, float) else value


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_golden_request_gets_its_golden_answers(app, run, name):
    case = EXCHANGES[name]
    posted = []

    async def exchange():
        for message in case["given"]:
            before = []
            await app.answer(revive(message), before.append)
            assert "result" in before[-1], before[-1]
        await app.answer(revive(case["request"]), posted.append)

    run(exchange())
    assert posted == approximately(revive(case["answers"]))


def test_every_verb_has_a_golden_exchange_that_succeeds():
    succeeded = {case["request"]["verb"] for case in EXCHANGES.values() if "result" in case["answers"][-1]}
    assert succeeded == {*wire.VERBS, "cancel"}


def test_every_golden_error_has_the_one_shape_and_a_known_code():
    found = [answer["error"] for case in EXCHANGES.values() for answer in case["answers"] if "error" in answer]
    found += [event["error"] for event in CASES["events"]["events"] if "error" in event]
    assert len(found) >= 5
    for error in found:
        assert set(error) == {"code", "message", "detail"}
        assert errors.from_object(**error).as_object() == error


def test_the_error_classes_have_the_golden_codes_one_each():
    codes = json.loads((GOLDEN / "codes.json").read_text(encoding="utf-8"))
    assert list(errors.CLASSES) == codes
    assert {each.code for each in errors.FindlingError.__subclasses__() if each.__module__ == "findling.errors"} == set(codes)


def test_an_error_of_an_unknown_code_becomes_a_bug_that_remembers_it():
    error = errors.from_object("melted", "it is warm", {"degrees": 40})
    assert error.as_object() == {"code": "bug", "message": "it is warm", "detail": {"degrees": 40, "code": "melted"}}
