"""Objects as rules left them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.grammar.errors import UsageError
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


def written(folder: Path, *checks: Check) -> dict[str, Any]:
    result: RuleResult = replace(mixed().results[0], policy="p", rule="r", checks=checks)
    changed_resources.write_folder(View(Report(results=(result,))), folder)
    return {each.name: yaml.safe_load(each.read_text()) for each in folder.iterdir()}


def test_a_file_for_each_object(tmp_path: Path) -> None:
    there = pod("1", "b")
    there["metadata"]["namespace"] = "shop"
    found = written(tmp_path / "new" / "out", check(patched=pod("1"), made=(there,)))
    assert found == {"pod-a.yaml": pod("1"), "pod-shop-b.yaml": there}


@pytest.mark.parametrize("name", ["../../evil", "..", "a/b", "x" * 900, "\u202e", ""])
def test_hostile_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    found = written(tmp_path / "out", check(patched=pod("1", name), made=(pod("2", "a"),)))
    assert len(found) == 2
    assert {each.name for each in tmp_path.iterdir()} == {"out"}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        written(tmp_path / "file" / "x", check(patched=pod("1")))
