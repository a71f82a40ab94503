"""The schema of custom resources says what the models say."""

import re
from collections.abc import Iterator
from typing import Any

from pratique.grammar.documents import ClusterPolicy
from pratique.grammar.documents.openapi import schema
from tests.grammar.documents.test_kyverno import FIELDS

SCHEMA = schema(ClusterPolicy)


def lines(found: dict[str, Any], path: str) -> Iterator[str]:
    """Yield what a schema says in the form of the file of facts, without defaults."""
    match found:
        case {"type": "object", "properties": dict(properties)}:
            assert found["x-kubernetes-preserve-unknown-fields"] is True
            for name, below in properties.items():
                required = "!" if name in found.get("required", ()) else ""
                yield from lines(below, f"{path}.{name}{required}")
        case {"type": "object", "additionalProperties": dict(below)}:
            if below.get("type"):
                yield from lines(below, f"{path}{{}}")
            else:
                yield f"{path}: any"
        case {"type": "array", "items": dict(items)}:
            yield from lines(items, f"{path}[]")
        case {"enum": list(choices)}:
            yield f"{path}: {' | '.join(sorted(choices))}"
        case {"type": str(type)}:
            yield f"{path}: {'text' if type == 'string' else type}"
        case _:
            assert found.get("x-kubernetes-preserve-unknown-fields") is True
            yield f"{path}: any"


def test_fields_types_and_choices_are_those_of_kyverno_s_schema() -> None:
    """Only what holds itself is open, where the model is deeper than a structural schema can say."""
    expected = {re.sub(r" = .*", "", line) for line in FIELDS.read_text("utf-8").splitlines()}
    found = set(lines(SCHEMA["properties"]["spec"], "spec"))
    differing = {line.partition(":")[0] for line in expected ^ found}
    assert all(".attestor" in place or ".foreach" in place for place in differing), sorted(differing)


def test_limits_are_said() -> None:
    rule = SCHEMA["properties"]["spec"]["properties"]["rules"]["items"]
    assert rule["properties"]["name"].items() >= {"type": "string", "minLength": 1, "maxLength": 63}.items()
    entry = rule["properties"]["verifyImages"]["items"]["properties"]
    assert (
        entry["attestors"]["items"]["properties"]["count"].items()
        >= {"type": "integer", "minimum": 1}.items()
    )


def test_fields_are_explained() -> None:
    assert "description" in SCHEMA["properties"]["spec"]["properties"]["rules"]
    assert "description" not in schema(ClusterPolicy, described=False)["properties"]["spec"]
