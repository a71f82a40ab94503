"""The page of a plan: as it is written, and in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from pratique.runtime.explaining import ExplainReport
from pratique.runtime.outputs.plans import page
from pratique.runtime.outputs.plans.drawing import drawing
from pratique.runtime.outputs.plans.graph import WIDTH
from tests.runtime.outputs.plans.conftest import REPORTS
from tests.support_browser import BROWSER, NO_BROWSER, Element, Seen, opened, painted, parsed
from tests.support_explain import HOSTILE, made, report
from tests.support_policies import cluster_policy

browser = pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)


def many(count: int) -> list[str]:
    """Return policies with patterns and signers of their own, and what they share."""
    found = []
    for number in range(count):
        keyless = {
            "issuer": "https://accounts.google.com",
            "subject": f"team-{number % 40}@acme.example",
            "rekor": {"url": "https://rekor.sigstore.dev"},
        }
        entry = {
            "imageReferences": [f"ghcr.io/team-{number}/*"],
            "attestors": [{"entries": [{"keyless": keyless}]}],
        }
        annotations = {"pod-policies.kyverno.io/autogen-controllers": "none"}
        found.append(cluster_policy(entry, metadata={"name": f"p{number}", "annotations": annotations}))
    return found


# --- as it is written --------------------------------------------------------------------------------------


def test_nothing_comes_from_elsewhere(plan: ExplainReport) -> None:
    text = page.render(plan)
    for element in parsed(text):
        assert element.tag not in ("link", "img", "iframe", "object", "embed")
        assert not {"src", "srcset", "data", "poster", "action"} & set(element.attributes), element
        assert element.attributes.get("href", "#").startswith("#")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    assert not re.search(r"url\(|@import", style[1])


def test_only_its_own_script_may_run(plan: ExplainReport) -> None:
    elements = parsed(page.render(plan))
    (policy,) = (e.attributes["content"] for e in elements if e.attributes.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    data, script = (e for e in elements if e.tag == "script")
    assert data.attributes["type"] == "application/json"
    (style,) = (e for e in elements if e.tag == "style")
    for name, element in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not any(name.startswith("on") or name == "style" for e in elements for name in e.attributes)


def test_texts_of_policies_stay_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = page.render(made("hostile", monkeypatch, tmp_path))
    assert "<img" not in text
    assert text.count("<script") == text.count("</script>") == 2
    shown = "".join(e.text for e in parsed(text) if e.tag == "summary" or "tree" in e.classes)
    assert HOSTILE[:30] in shown


def test_every_question_is_a_button_and_every_line_is_drawn(plan: ExplainReport) -> None:
    elements = parsed(page.render(plan))
    boxes = [e for e in elements if "box" in e.classes]
    drawn = drawing(plan)
    assert [int(e.attributes["data-number"]) for e in boxes] == [box.number for box in drawn.boxes]
    assert all(e.tag == "button" and e.attributes["type"] == "button" for e in boxes)
    assert sum(e.tag == "path" for e in elements) == len(drawn.lines)
    style = next(e.text for e in elements if e.tag == "style")
    assert all(f"#question-{box.number}{{left:" in style for box in drawn.boxes)
    data = json.loads(next(e.text for e in elements if e.attributes.get("id") == "plan-data"))
    assert data["lines"] == [list(line) for line in drawn.lines]


def test_what_is_drawn_is_said_in_lists_too(plan: ExplainReport) -> None:
    elements = parsed(page.render(plan))
    lists = " ".join(e.text for e in elements if "tree" in e.classes)
    for question in plan.explanation.questions[: -len(plan.explanation.rules)]:
        assert f"#{question.number} {question.stage}" in lists
    assert any(e.attributes.get("id") == "lists" for e in elements)
    assert any(e.attributes.get("href") == "#lists" for e in elements)


def test_it_can_be_used_without_a_mouse_and_without_eyes(plan: ExplainReport) -> None:
    elements = parsed(page.render(plan))
    assert next(e for e in elements if e.tag == "html").attributes["lang"] == "en"
    assert next(e.tag for e in elements if re.fullmatch(r"h\d", e.tag)) == "h1"
    inputs = {e.attributes["id"] for e in elements if e.tag == "input"}
    assert inputs == {e.attributes["for"] for e in elements if e.tag == "label"}
    assert all(e.attributes.get("aria-label") for e in elements if e.tag in ("nav", "section"))
    assert next(e for e in elements if e.tag == "svg").attributes["aria-hidden"] == "true"
    assert all(e.attributes["scope"] == "col" for e in elements if e.tag == "th")
    assert not any(int(e.attributes.get("tabindex", "0")) > 0 for e in elements)


def test_pages_are_the_same_every_time(plan: ExplainReport) -> None:
    assert page.render(plan) == page.render(plan)


# --- in a browser ------------------------------------------------------------------------------------------


def heights(seen: Seen) -> dict[str, float]:
    """Return the height of each box, by its number, as the style sheet of the page has it."""
    (style,) = (e.text for e in seen.elements if e.tag == "style")
    found = re.findall(r"#question-(\d+)\{left:\d+px;top:\d+px;height:(\d+)px\}", style)
    return {number: float(height) for number, height in found}


def shown(seen: Seen) -> list[Element]:
    return [box for box in seen.by_class("box") if not box.is_hidden]


def assert_apart(seen: Seen, step: int = 1) -> None:
    """Check that no box covers another; every `step`-th of them is looked at."""
    height, frames = heights(seen), []
    for box in shown(seen)[::step]:
        left, top = box.pixels("left"), box.pixels("top")
        frames.append((left, top, left + WIDTH, top + height[box.attributes["data-number"]]))
    for number, (left, top, right, bottom) in enumerate(frames):
        for other in frames[:number]:
            assert other[2] <= left or right <= other[0] or other[3] <= top or bottom <= other[1]


def written(folder: Path, report: ExplainReport) -> Path:
    path = folder / "plan.html"
    path.write_text(page.render(report), encoding="utf-8")
    return path


@browser
def test_what_a_browser_complains_about_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text("<p class=a>x</p><script>throw new Error('no')</script>")
    seen = opened(broken)
    assert len(seen.complaints) == 1
    assert [e.text for e in seen.by_class("a")] == ["x"]


@browser
@pytest.mark.parametrize("name", REPORTS)
def test_the_script_runs(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = made(name, monkeypatch, tmp_path)
    seen = opened(written(tmp_path, plan))
    assert seen.complaints == ()
    count = len(plan.explanation.questions)
    assert seen.by_id("plan-status").text == f"All rules: {count} questions shown"
    assert not next(e for e in seen.elements if e.tag == "nav").is_hidden
    assert len(shown(seen)) == count
    assert_apart(seen)
    assert not any(e.tag == "img" for e in seen.elements)


@browser
def test_one_rule_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = made("everything", monkeypatch, tmp_path)
    seen = opened(written(tmp_path, plan), "#rule-2")
    rule = plan.explanation.rules[1]
    expected = {q.number for q in plan.explanation.questions if rule.planned.number in q.rules}
    assert {int(box.attributes["data-number"]) for box in shown(seen)} == expected
    assert seen.by_id("plan-status").text == f"autogen-verify: {len(expected)} questions shown"
    assert_apart(seen)
    (pressed,) = (
        e
        for e in seen.elements
        if e.tag == "button" and "data-root" in e.attributes and e.attributes["aria-pressed"] == "true"
    )
    assert pressed.text.startswith("autogen-verify")
    paths = [e for e in seen.elements if e.tag == "path" and not e.is_hidden]
    lines = [line for line in drawing(plan).lines if set(line) <= expected]
    assert len(paths) == len(lines)
    stages = {q.stage for q in plan.explanation.questions if q.number in expected}
    headings = [e.text for e in seen.by_class("stage") if not e.is_hidden]
    assert headings == [str(stage) for stage in drawing(plan).stages if stage in stages]


@browser
def test_one_question(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plan = made("story", monkeypatch, tmp_path)
    listing = next(q for q in plan.explanation.questions if q.stage == "list")
    seen = opened(written(tmp_path, plan), f"#question-{listing.number}")
    (chosen,) = seen.by_class("chosen")
    assert chosen.attributes["data-number"] == str(listing.number)
    (detail,) = seen.by_class("detail")
    assert listing.text in detail.text
    assert f"needs the answers of #{listing.inputs[0]}" in detail.text
    near = {int(box.attributes["data-number"]) for box in seen.by_class("box") if "near" in box.classes}
    assert set(listing.inputs) <= near
    assert {rule.root for rule in plan.explanation.rules} <= near


@browser
def test_500_rules_are_readable(tmp_path: Path) -> None:
    plan = report(tmp_path, "\n---\n".join(many(500)))
    path = written(tmp_path, plan)
    assert path.stat().st_size < 4_000_000
    first = opened(path)
    assert first.complaints == ()
    assert len(first.by_class("box")) == len(plan.explanation.questions)
    assert 5 <= len(shown(first)) <= 12  # one rule, since all at once are too many
    everything = opened(path, "#rules")
    assert len(shown(everything)) == len(plan.explanation.questions)
    assert_apart(everything, 7)


@browser
@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark(dark: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = written(tmp_path, made("story", monkeypatch, tmp_path))
    rows = painted(path, dark=dark, size=(1200, 800))
    assert len(rows) == 800
    mean = sum(map(sum, rows)) / sum(map(len, rows))
    assert mean < 60 if dark else mean > 200
    colors = {row[n : n + 3] for row in rows[::3] for n in range(0, len(row), 3)}
    assert len(colors) > 50  # text and lines, not an empty sheet
