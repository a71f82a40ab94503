"""Objects as rules left them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from pratique.runtime.decision import Check, Report, RuleResult, Stage, Status
from pratique.runtime.outputs import changed_resources
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.view import View
from tests.support_reports import mixed


def rendered(*checks: Check) -> tuple[str, list[Any]]:
    """Return the text for a rule result with these checks, and its documents."""
    result: RuleResult = replace(mixed().results[0], policy="p", rule="r", checks=checks)
    text = changed_resources.render(View(Report(results=(result,))), RenderOptions())
    return text, list(yaml.safe_load_all(text))


def check(**fields: Any) -> Check:
    return Check(stage=Stage.MUTATE, status=Status.PASS, message="", **fields)


def pod(label: str, name: str = "a") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"x": label}}}


def test_each_object_stands_once_as_it_was_left() -> None:
    text, documents = rendered(check(patched=pod("1")), check(patched=pod("2"), made=(pod("3", "made"),)))
    assert documents == [pod("2"), pod("3", "made")]
    assert text.startswith("# p, rule r\n")


def test_existing_objects_are_among_them() -> None:
    assert rendered(check(target=pod("1", "old")))[1] == [pod("1", "old")]


def test_nothing() -> None:
    text, documents = rendered(check())
    assert (text, documents) == ("# no rule changed or generated anything\n", [])
