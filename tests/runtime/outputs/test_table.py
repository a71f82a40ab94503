from __future__ import annotations

import re

from pratique.compiler.ir import Action
from pratique.runtime.decision import Check, Report, Stage, Status
from pratique.runtime.outputs.formats import RenderOptions
from pratique.runtime.outputs.table import NOTHING, render
from pratique.runtime.outputs.view import View
from tests.conftest import Golden
from tests.support_reports import mixed, result, story, wrongly_signed

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def test_golden_story(golden: Golden) -> None:
    golden("outputs/story.txt", render(View(story()), RenderOptions()))


def test_golden_mixed(golden: Golden) -> None:
    golden("outputs/mixed.txt", render(View(mixed()), RenderOptions(cost=True)))


def test_golden_detailed(golden: Golden) -> None:
    golden("outputs/mixed.detailed.txt", render(View(mixed()), RenderOptions(detailed=True)))


def test_colour_changes_nothing_but_colour() -> None:
    for detailed in (False, True):
        plain = render(View(mixed()), RenderOptions(detailed=detailed))
        colored = render(View(mixed()), RenderOptions(detailed=detailed, color=True))
        assert colored != plain
        assert ANSI.sub("", colored) == plain
        assert "\x1b" not in plain


def test_the_last_line_is_that_of_kyverno_apply() -> None:
    text = render(View(story()), RenderOptions())
    assert text.endswith("\n\npass: 12, fail: 1, warn: 0, error: 0, skip: 0\n")


def test_an_empty_result_does_not_look_like_a_good_one() -> None:
    text = render(View(Report(results=(), rules=3, resources=1)), RenderOptions())
    assert text.splitlines() == [
        "Applying 3 policy rules to 1 resource...",
        "",
        NOTHING,
        "",
        "pass: 0, fail: 0, warn: 0, error: 0, skip: 0",
    ]


def test_messages_of_one_policy_and_resource_are_numbered_together() -> None:
    results = tuple(result((wrongly_signed(),), rule=rule) for rule in ("one", "two"))
    text = render(View(Report(results=results)), RenderOptions())
    assert text.count("policy kube-system/check-images -> resource kube-system/Pod/etcd failed:") == 1
    assert re.findall(r"^(\d) - (\w+) failed to verify", text, re.M) == [("1", "one"), ("2", "two")]


def test_audit_warnings_are_worded_as_kyverno_words_them() -> None:
    report = Report(results=(result((wrongly_signed(),), action=Action.AUDIT),))
    assert "Pod/etcd failed:" in render(View(report), RenderOptions())
    assert "Pod/etcd failed as audit warning:" in render(View(report, audit_warn=True), RenderOptions())


def test_a_message_cannot_pass_for_a_line_of_the_report() -> None:
    message = "no matching signatures: first\n second\npass: 13, fail: 0, warn: 0, error: 0, skip: 0"
    report = Report(results=(result((Check(stage=Stage.VERIFY, status=Status.FAIL, message=message),)),))
    lines = render(View(report), RenderOptions()).splitlines()
    assert [line for line in lines if line.startswith("pass:")] == [
        "pass: 0, fail: 1, warn: 0, error: 0, skip: 0"
    ]
    assert "     second" in lines


def test_the_table_shows_what_was_found_not_what_a_report_is_told_to_say() -> None:
    one = result((wrongly_signed(),), properties=(("failMessage", "all is well"),))
    text = render(View(Report(results=(one,))), RenderOptions())
    assert "subject mismatch" in text
    assert "all is well" not in text
