"""The three rules about what happens to digests and proofs."""

import pytest

from tests.support_lint import findings, old_action, patterns, policy_text

CODES = ("PRQ031", "PRQ032", "PRQ033")


def found(more: str, *include: str, audit: bool = False) -> list[str]:
    text = policy_text(patterns(*(include or ("ghcr.io/acme/*",)), more=more))
    if audit:
        text = text.replace("Enforce", "Audit")
    return [finding.code for finding in findings(text, *CODES)]


NEITHER = "mutateDigest: false\nverifyDigest: false\n"


@pytest.mark.parametrize(
    ("more", "codes"),
    [
        ("", []),
        ("mutateDigest: true\nverifyDigest: true\nrequired: true\n", []),
        ("mutateDigest: false\n", ["PRQ031"]),
        (NEITHER, ["PRQ032"]),
        ("verifyDigest: false\n", []),
        ("required: false\n", ["PRQ033"]),
        (f"{NEITHER}required: false\n", ["PRQ032", "PRQ033"]),
    ],
)
def test_settings(more: str, codes: list[str]) -> None:
    assert sorted(found(more)) == codes


def test_rules_that_nowhere_enforce() -> None:
    assert found(f"{NEITHER}required: false\n", audit=True) == []
    assert found("mutateDigest: false\n", audit=True) == ["PRQ031"]


def test_an_override_enforces() -> None:
    overrides = "  validationFailureActionOverrides: [{action: Enforce, namespaces: [prod]}]\n"
    text = old_action(patterns("ghcr.io/acme/*", more=NEITHER), "Audit", overrides)
    assert [finding.code for finding in findings(text, *CODES)] == ["PRQ032"]


def test_patterns_for_digests_alone_need_no_digest() -> None:
    assert found("mutateDigest: false\n", "ghcr.io/acme/*@*") == []
    assert found(NEITHER, "ghcr.io/acme/*@*") == []


def test_patterns_that_match_nothing_are_left_alone() -> None:
    assert found(f"{NEITHER}required: false\n", "registry.k8s.io/") == []


def test_the_setting_is_marked_and_an_image_shown() -> None:
    [finding] = findings(patterns("ghcr.io/acme/*", more="required: false\n"), "PRQ033")
    place = finding.location
    assert place is not None
    line = place.source.line(place.span.start.line)
    assert line[place.span.start.column - 1 : place.span.end.column - 1] == "required: false"
    assert finding.problem.examples[0].text == "ghcr.io/acme/app:1.4.2"
