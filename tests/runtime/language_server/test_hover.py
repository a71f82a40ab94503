from __future__ import annotations

import textwrap

import pytest

from pratique.grammar.source import Position
from pratique.runtime.language_server.analysis import analyse
from pratique.runtime.language_server.documents import OpenDocument
from pratique.runtime.language_server.hover import Hover, hover
from tests.support_lint import old_action, patterns, policy_text

ENTRY = textwrap.dedent("""\
    verifyImages:
    - imageReferences:
      - "ghcr.io/acme/*"
      - "registry.k8s.io/"
      skipImageReferences:
      - "ghcr.io/acme/sandbox*"
      - "quay.io/*"
      attestors:
      - count: 1
        entries:
        - keyless:
            issuer: https://token.actions.githubusercontent.com
            subjectRegExp: "https://github.com/.*"
            rekor: {url: "https://rekor.sigstore.dev"}
        - attestor:
            count: 1
            entries:
            - keys: {publicKeys: "k8s://sec/one"}
            - keys: {publicKeys: "k8s://sec/two"}
      attestations:
      - type: https://slsa.dev/provenance/v1
        attestors:
        - entries:
          - keys: {publicKeys: "k8s://sec/three"}
    """)


def at(text: str, needle: str) -> Hover | None:
    """Return what is shown at the first place of `needle`."""
    before, found, _ = text.partition(needle)
    assert found
    place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
    return hover(analyse(OpenDocument.of("file:///p.yaml", 1, text), {}), place)


def shown(needle: str, text: str = "") -> str:
    found = at(text or policy_text(ENTRY), needle)
    assert found is not None
    return found.markdown


def test_a_pattern_by_examples() -> None:
    text = shown('"ghcr.io/acme/*"')
    assert text.startswith(
        "`ghcr.io/acme/*` matches\n\n- by tag: `ghcr.io/acme/app:1.4.2`\n"
        "- by digest: `ghcr.io/acme/app@sha256:"
    )
    assert (
        "- `*` crosses `/`: `ghcr.io/acme/acme/app:1.4.2`\n\nand does not match\n\n- `ghcr.io/app:1.4.2`\n"
        in text
    )
    assert text.endswith("\n\n`ghcr.io/acme/sandbox*` leaves out: `ghcr.io/acme/sandbox:1.4.2`")


def test_the_span_is_that_of_the_text_with_its_quotes() -> None:
    found = at(policy_text(ENTRY), '"ghcr.io/acme/*"')
    assert found is not None
    assert found.span == ((16, 9), (16, 25))


def test_a_pattern_that_matches_nothing() -> None:
    text = shown('"registry.k8s.io/"')
    assert text.startswith("`registry.k8s.io/` matches no image (proved): every image reference")
    assert text.endswith("\n\nWrite `registry.k8s.io/*`.")


def test_a_pattern_without_a_known_remedy() -> None:
    assert shown('"ghcr.io//', policy_text(patterns("ghcr.io//a:1"))).endswith("`.")


def test_a_form_without_images_is_proved_to_have_none() -> None:
    assert "- by digest: none (proved)\n" in shown('"ghcr.io/a', policy_text(patterns("ghcr.io/acme/app:*")))


def test_patterns_of_a_skip_list_say_what_they_take_away() -> None:
    assert shown('"ghcr.io/acme/sandbox*"').endswith(
        "\n\nLeft out of the entry by this pattern alone: `ghcr.io/acme/sandbox:1.4.2`"
    )
    assert shown('"quay.io/*"').endswith("\n\nLeft out of the entry by this pattern alone: none (proved)")


def test_patterns_of_a_policy_with_mistakes_are_shown_too() -> None:
    broken = policy_text(ENTRY).replace("- name: verify", "- name: verify\n    preconditions: 3")
    assert shown('"ghcr.io/acme/*"', broken.replace("kinds:", "kindz:")).startswith(
        "`ghcr.io/acme/*` matches"
    )


def test_a_pattern_with_variables() -> None:
    text = policy_text(patterns("ghcr.io/{{ request.namespace }}/*"))
    assert shown('"ghcr', text) == (
        "`ghcr.io/{{ request.namespace }}/*` holds variables:"
        " which images it matches is known once they have values."
    )


def test_an_identity_in_words_with_who_is_accepted() -> None:
    sections = shown('"https://github.com/.*"').split("\n\n")
    assert sections[:3] == [
        "Demanded: a signature by an identity in which there is `https://github.com/.*`,"
        " vouched for by `https://token.actions.githubusercontent.com`",
        "Accepted, for example: `https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main`,"
        " vouched for by `https://token.actions.githubusercontent.com`",
        "Accepted, too: **a workflow of any GitHub repository**, such as"
        " `https://github.com/attacker/attack/.github/workflows/release.yml@refs/heads/main`",
    ]
    assert sections[3].startswith("`subjectRegExp`: Regular expression (RE2)")


def test_the_smallest_set_around_a_place_is_told() -> None:
    inner = shown('"k8s://sec/one"')
    assert inner.startswith("Demanded: a signature by the key `k8s://sec/one`\n")
    keys = "- a signature by the key `k8s://sec/one`\n- a signature by the key `k8s://sec/two`"
    assert shown("attestor:").startswith(f"Demanded: any of\n\n{keys}\n")
    whole = shown("count: 1")
    assert whole.startswith("Demanded: any of\n\n- a signature by an identity")
    assert "\n- any of\n  - a signature by the key `k8s://sec/one`\n" in whole


def test_a_statement_in_words() -> None:
    assert shown("https://slsa.dev").startswith(
        "Demanded: a signed statement of type `https://slsa.dev/provenance/v1`\n\n"
        "- a signature by the key `k8s://sec/three`\n"
    )
    assert shown('"k8s://sec/three"').startswith("Demanded: a signature by the key `k8s://sec/three`\n")


@pytest.mark.parametrize("needle", ["name: verify", "verify\n", "verifyImages", "attestors", "attestations"])
def test_a_rule_in_words(needle: str) -> None:
    text = shown(needle)
    assert text.startswith(
        "Each image that matches `ghcr.io/acme/*` or `registry.k8s.io/`"
        " without `ghcr.io/acme/sandbox*` and without `quay.io/*` needs\n\n- any of\n"
    )
    assert "\n- a signed statement of type `https://slsa.dev/provenance/v1`\n  - a signature by" in text
    assert (
        "\n\nA failure refuses the request (`Enforce`).\n"
        "The digest that was verified is written into the resource.\n" in text
    )


def test_every_entry_of_a_rule_is_told() -> None:
    two = """\
    verifyImages:
    - imageReferences: ["a.io/*"]
    - {imageReferences: ["b.io/*"], required: false, verifyDigest: false}
    """
    text = shown("verifyImages", policy_text(two))
    assert "Each image that matches `a.io/*` needs\n\n- proof by another entry of the rule\n" in text
    assert "Of images that match `b.io/*` nothing is demanded." in text


@pytest.mark.parametrize(
    ("needle", "text"),
    [
        ("validationFailureAction", "`validationFailureAction`: What a failure does: `Enforce` refuses"),
        ("Enforce", "`validationFailureAction`: What a failure does"),
        ("- Pod", "`kinds`: Kinds, as `Kind`"),
        ("skipImageReferences", "`skipImageReferences`: Patterns of images that are left out again"),
    ],
)
def test_fields_are_described(needle: str, text: str) -> None:
    policy = old_action(ENTRY)
    policy = policy.replace("- Pod", "-  Pod") if needle == "- Pod" else policy
    assert shown("Pod" if needle == "- Pod" else needle, policy).startswith(text)


def test_what_is_no_field_is_left_alone() -> None:
    assert at(policy_text(ENTRY).replace("  name: example", "  name: example\nfoo: bar"), "foo") is None


def test_policies_of_other_documents_are_not_mixed_up() -> None:
    other = policy_text(patterns("quay.io/acme/*")).replace("example", "other").replace("Enforce", "Audit")
    text = shown(
        "verify\n", f"{policy_text(ENTRY)}---\n{other}".replace("name: verify\n", "name: verify\n", 1)
    )
    assert "quay.io/acme" not in text
