from __future__ import annotations

import pytest

from tests.support_lint import findings


def messages(comment: str, *codes: str) -> list[str]:
    part = f'verifyImages:\n- imageReferences:\n  - "ghcr.io/acme/*" # pratique: {comment}\n'
    return [finding.problem.message for finding in findings(part, *(codes or ("PRQ001", "PRQ044")))]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("ignore[PRQ001] was broken", "there is nothing of `PRQ001` to ignore here"),
        ("ignore-file[PRQ001] was broken", "there is nothing of `PRQ001` to ignore here"),
        ("ignore[PRQ999] typo", "there is no rule `PRQ999` to ignore"),
        ("ignore[] all", "this comment names no rule to ignore"),
        ("ignore[PRQ001]", "this comment gives no reason, and silences nothing"),
    ],
)
def test_what_is_wrong_with_a_comment(comment: str, message: str) -> None:
    assert messages(comment) == [message]


def test_rules_that_were_not_asked_leave_their_comments_alone() -> None:
    assert messages("ignore[PRQ001] was broken", "PRQ044") == []


def test_it_cannot_be_silenced() -> None:
    assert len(messages("ignore[PRQ001, PRQ044] was broken")) == 2
