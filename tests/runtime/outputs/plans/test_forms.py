"""Every form of a plan, as files that people have looked at; `pytest --rewrite-golden` writes them anew."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pratique.runtime.explaining import ExplainReport
from pratique.runtime.outputs.plans import dot, json_form, mermaid, saved, text
from pratique.runtime.outputs.plans.drawing import drawing
from pratique.runtime.outputs.plans.forms import render
from pratique.runtime.outputs.text import Palette
from tests.conftest import Golden
from tests.support_explain import made, story
from tests.support_schemas import schema_errors

PLAIN = Palette()
FORMS = {"text": "txt", "json": "json", "mermaid": "mmd", "dot": "dot"}


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("text", "story"),
        ("text", "why"),
        ("text", "ran"),
        ("text", "everything"),
        ("json", "ran"),
        ("json", "everything"),
        ("mermaid", "ran"),
        ("dot", "ran"),
    ],
)
def test_golden(
    name: str, form: str, golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    golden(f"plans/{name}.{FORMS[form]}", render(form, made(name, monkeypatch, tmp_path), PLAIN))


def test_golden_plan(golden: Golden, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    golden("plans/everything.plan.json", render("plan", made("everything", monkeypatch, tmp_path), PLAIN))


def test_nothing_drives_the_terminal(plan: ExplainReport) -> None:
    for form in ("text", "json", "mermaid", "dot", "html", "plan"):
        assert all(c.isprintable() or c == "\n" for c in render(form, plan, PLAIN)), form


def test_colour_changes_no_text(plan: ExplainReport) -> None:
    painted = text.render(plan, Palette(enabled=True))
    assert "\x1b[" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == text.render(plan, PLAIN)


def test_json_fits_its_schema(plan: ExplainReport) -> None:
    data = json.loads(json_form.render(plan))
    assert schema_errors("explanation-v1", data) == []


def test_the_saved_plan_fits_its_schema(plan: ExplainReport) -> None:
    data = json.loads(saved.render(plan))
    assert schema_errors("plan-v1", data) == []


def test_every_question_is_shown_once_in_text(plan: ExplainReport) -> None:
    shown = re.findall(r"#(\d+) [a-z ]+  (?!.*\(see above\))", text.render(plan, PLAIN))
    roots = {rule.root for rule in plan.explanation.rules}
    expected = sorted(q.number for q in plan.explanation.questions if q.number not in roots)
    assert sorted(map(int, shown)) == expected


def test_drawings_have_every_question_and_every_line(plan: ExplainReport) -> None:
    drawn = drawing(plan)
    assert [box.number for box in drawn.boxes] == [q.number for q in plan.explanation.questions]
    assert len(drawn.lines) == sum(len(q.inputs) for q in plan.explanation.questions)
    for source, user in drawn.lines:
        assert f"  q{source} --> q{user}\n" in mermaid.render(plan)
        assert f"  q{source} -> q{user};\n" in dot.render(plan)


def test_labels_of_mermaid_hold_nothing_that_means_something(plan: ExplainReport) -> None:
    labels = re.findall(r'"(.*)"', mermaid.render(plan))
    assert len(labels) == len(drawing(plan).boxes) + len(drawing(plan).stages)
    for label in labels:
        bare = re.sub(r"#\d+;|<br/>", "", label)
        assert not set(bare) & set('"#&<>`;\\|{}[]()'), label


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz: apt-get install graphviz")
def test_graphviz_reads_the_graph(plan: ExplainReport) -> None:
    done = subprocess.run(
        ["dot", "-Tplain"], input=dot.render(plan), capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    nodes = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("node ")]
    assert len(nodes) == len(drawing(plan).boxes)


def test_plans_do_not_depend_on_what_else_was_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain = made("story", monkeypatch, tmp_path)
    assert saved.render(plain) == saved.render(story(images=("nginx",)))
