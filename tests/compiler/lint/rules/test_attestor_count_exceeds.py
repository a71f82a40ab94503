from __future__ import annotations

import textwrap

import pytest

from tests.support_lint import findings, patterns, reported

CODE = "PRQ018"
ONE = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR+G9FlLjf3TGLVrcMzkTZUPw4
o7BrZWXl0Ta0NqxuBxP9ULS4eoGJ6Ka7oM3FrcV4uA8SQhRuZQ9EVDhiXQ==
-----END PUBLIC KEY-----
"""
TWO = ONE.replace("XQ==", "YQ==")


def keys(*pems: str, more: str = "") -> str:
    text = textwrap.indent("".join(pems), "      ")
    return f"- keys:\n    publicKeys: |\n{text}" + textwrap.indent(more, "  ")


def keyless(subject: str, more: str = "") -> str:
    named = f"    issuer: https://accounts.google.com\n    subject: '{subject}'\n"
    return f"- keyless:\n{named}    rekor: {{url: https://rekor.sigstore.dev}}\n{textwrap.indent(more, '  ')}"


def entry(*parts: str, count: int | None = None, name: str = "attestors") -> str:
    head = f"{name}:\n- " + (f"count: {count}\n  entries:\n" if count else "entries:\n")
    return patterns("ghcr.io/acme/*", more=head + textwrap.indent("".join(parts), "  "))


@pytest.mark.parametrize(
    "text",
    [
        entry(keys(ONE), keys(ONE), count=2),
        entry(keys(ONE), keys(ONE.replace("\n", "\n\n"))),
        entry(keys(ONE, ONE)),
        entry(keys(ONE, more="annotations: {a: b}\n"), keys(ONE), count=2),
        entry(keyless("a@acme.example"), keyless("a@acme.example", "annotations: {a: b}\n"), count=2),
        entry(keys(ONE), keys(TWO), keys(ONE), count=3),
    ],
)
def test_the_same_signer_again(text: str) -> None:
    (found,) = findings(text, CODE)
    assert "no image passes" in found.problem.message
    assert found.problem.related or "count" not in text


@pytest.mark.parametrize(
    "text",
    [
        entry(keys(ONE), keys(TWO), count=2),
        entry(keys(ONE), keys(ONE), count=1),
        entry(keys(ONE), keys(TWO), keys(ONE), count=2),
        entry(keyless("a@acme.example"), keyless("*@acme.example"), count=2),
        entry("- attestor:\n" + textwrap.indent("entries:\n" + keys(ONE), "    "), keys(TWO), count=2),
    ],
)
def test_what_can_be_reached(text: str) -> None:
    assert findings(text, CODE) == []


def test_nested_sets() -> None:
    inner = "- attestor:\n" + textwrap.indent("entries:\n" + keys(ONE) + keys(ONE), "    ")
    (found,) = findings(entry(keys(TWO), inner, count=1), CODE)
    assert found.problem.related[0][0] == "named again here"


def test_statements_are_left_alone() -> None:
    by = textwrap.indent(f"attestors:\n- entries:\n{textwrap.indent(keys(ONE) + keys(ONE), '  ')}", "  ")
    text = patterns("ghcr.io/acme/*", more=f"attestations:\n- type: https://slsa.dev/provenance/v1\n{by}")
    assert findings(text, CODE) == []


def test_a_count_beyond_the_entries() -> None:
    (found,) = reported(entry(keyless("a@acme.example"), count=2), CODE)
    assert found.location is not None
    assert found.location.source.line(found.location.span.start.line).strip() == "- count: 2"
    assert found.problem.help == "lower `count` to at most 1, or name more attestors"


def test_a_count_of_keys_that_stand_in_one_entry() -> None:
    (found,) = reported(entry(keys(ONE, TWO, ONE), count=2), CODE)
    assert "write each of the 3 keys as an entry of its own" in found.problem.help
