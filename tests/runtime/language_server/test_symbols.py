from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pratique.grammar.source import Source
from pratique.runtime.language_server.symbols import MAX_NAME, Symbol, symbols
from tests.support_lint import policy_text

ENTRIES = """\
verifyImages:
- imageReferences: ["ghcr.io/acme/*", "quay.io/acme/*"]
  attestors:
  - entries:
    - keyless: {issuer: "https://accounts.google.com", subject: "release@acme.example"}
    - attestor:
        entries:
        - keys: {publicKeys: "k8s://sec/key"}
  attestations:
  - type: https://slsa.dev/provenance/v1
    attestors:
    - entries:
      - certificates: {certChain: "PEM"}
- image: "old.io/*"
"""


def outline(found: Iterator[Symbol] | list[Symbol] | tuple[Symbol, ...], indent: str = "") -> list[str]:
    lines = []
    for symbol in found:
        lines.append(f"{indent}{symbol.kind.name} {symbol.name} | {symbol.detail}")
        lines += outline(symbol.parts, f"{indent}  ")
    return lines


def everything(found: list[Symbol] | tuple[Symbol, ...]) -> Iterator[Symbol]:
    for symbol in found:
        yield symbol
        yield from everything(symbol.parts)


def of(text: str) -> list[Symbol]:
    return symbols(Source("p.yaml", text))


def test_a_policy() -> None:
    assert outline(of(policy_text(ENTRIES))) == [
        "Module example | ClusterPolicy",
        "  Function verify | rule",
        "    Array ghcr.io/acme/* | and 1 more",
        "      Key release@acme.example | keyless",
        "      Key k8s://sec/key | keys",
        "      Key PEM | certificates",
        "    Array old.io/* | ",
    ]


def test_policies_of_lists_and_of_many_documents() -> None:
    item = "- " + policy_text(ENTRIES).replace("\n", "\n  ")
    text = f"apiVersion: v1\nkind: List\nitems:\n{item}\n---\na: 1\n---\n{policy_text(ENTRIES)}"
    assert [symbol.name for symbol in of(text)] == ["example", "example"]


@pytest.mark.parametrize(
    "part",
    [
        "metadata: [a]",
        "metadata: {name: [a]}",
        "metadata: {name: ''}",
        "spec: 3",
        "spec: {rules: 3}",
        "spec: {rules: [3, {verifyImages: [3, {attestors: [{entries: [{keyless: 3}, 4]}]}]}]}",
    ],
)
def test_policies_with_mistakes_have_an_outline(part: str) -> None:
    (found,) = of(f"apiVersion: kyverno.io/v1\nkind: Policy\n{part}\n")
    assert (found.name, found.detail) == ("(without a name)", "Policy")


def test_names_are_on_one_line_and_short() -> None:
    text = policy_text("verifyImages: []").replace("name: example", f'name: "a\\n{"b" * 200}"')
    (found,) = of(text)
    assert found.name.startswith("a bbb")
    assert len(found.name) == MAX_NAME


def test_what_stands_elsewhere_has_no_symbol() -> None:
    head = "apiVersion: kyverno.io/v1\nkind: Policy\n"
    (found,) = of(f"{head}metadata: {{name: n, x: &r [{{name: far}}]}}\nspec: {{rules: *r}}\n")
    assert [rule.name for rule in found.parts] == ["far"]
    shared = f"x: &e [{{keys: {{kms: k}}}}]\n{policy_text('verifyImages: [{attestors: [{entries: *e}]}]')}"
    assert [symbol.name for symbol in everything(of(shared))] == ["example", "verify", "(without a name)"]


@given(st.data())
def test_names_stand_within_their_symbols(data: st.DataObject) -> None:
    # Editors refuse the whole outline otherwise.
    lines = policy_text(ENTRIES).splitlines()
    for _ in range(data.draw(st.integers(0, 3))):
        del lines[data.draw(st.integers(0, len(lines) - 1))]
    for symbol in everything(of("\n".join(lines))):
        assert symbol.span.start <= symbol.named.start <= symbol.named.end <= symbol.span.end
        assert symbol.name


def test_what_is_no_policy_has_no_outline() -> None:
    assert of("kind: Service\napiVersion: v1\n") == []
    assert of("a: [") == []
