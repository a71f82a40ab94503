from __future__ import annotations

from lsprotocol import types

from pratique.compiler.lint.base import Finding, catalogue
from pratique.compiler.lint.mistakes import as_finding
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location, Source, Span
from pratique.runtime.language_server.diagnostics import UNNECESSARY, Reader, diagnostic
from pratique.runtime.language_server.documents import Positions
from tests.support_lint import findings, patterns

EVERYTHING = Reader(pages={"PRQ001": "file:///pages/PRQ001.md"})
PLAIN = Reader.of(types.ClientCapabilities(), types.PositionEncodingKind.Utf16, EVERYTHING.pages)


def positions(source: Source) -> Positions:
    return Positions(source.text, types.PositionEncodingKind.Utf16)


def lost() -> Finding:
    (finding,) = findings(patterns("registry.k8s.io/"), "PRQ001")
    return finding


def test_a_finding_with_its_witness_and_page() -> None:
    found = diagnostic(lost(), EVERYTHING, positions)
    assert found.range == types.Range(types.Position(15, 8), types.Position(15, 26))
    assert (found.severity, found.code, found.source) == (
        types.DiagnosticSeverity.Error,
        "PRQ001",
        "pratique",
    )
    assert found.code_description == types.CodeDescription(href="file:///pages/PRQ001.md")
    assert found.related_information is not None
    assert [each.message for each in found.related_information] == [
        "would then match: registry.k8s.io/etcd:3.5.6-0"
    ]
    assert found.message.endswith("help: write `registry.k8s.io/*`")
    assert "would then match" not in found.message


def test_an_editor_that_shows_no_related_places_has_the_witness_in_the_message() -> None:
    found = diagnostic(lost(), PLAIN, positions)
    assert found.related_information is None
    assert found.code_description is None
    assert "\nwould then match: registry.k8s.io/etcd:3.5.6-0\n" in found.message


def test_text_without_effect_is_faded() -> None:
    (finding,) = findings(patterns("ghcr.io/acme/*", "ghcr.io/acme/app*"), "PRQ008")
    assert diagnostic(finding, EVERYTHING, positions).tags == [types.DiagnosticTag.Unnecessary]
    assert diagnostic(finding, PLAIN, positions).tags is None
    assert diagnostic(lost(), EVERYTHING, positions).tags is None


def test_the_names_of_rules_are_right() -> None:
    assert {rule.name for rule in catalogue()} >= UNNECESSARY


def test_related_places_are_in_their_own_documents() -> None:
    here, there = Source("/p/a.yaml", "é: 1\n"), Source("/p/b c.yaml", "😋: 1\n")
    error = PolicyError(
        "duplicate-policy",
        "declared twice",
        Location(here, Span.at(1, 1)),
        related=[("first declared here", Location(there, Span.at(1, 2)))],
    )
    found = diagnostic(as_finding(error), EVERYTHING, positions)
    assert found.related_information == [
        types.DiagnosticRelatedInformation(
            location=types.Location(
                "file:///p/b%20c.yaml", types.Range(types.Position(0, 2), types.Position(0, 3))
            ),
            message="first declared here",
        )
    ]


def test_a_mistake_without_a_place_is_at_the_start() -> None:
    found = diagnostic(as_finding(PolicyError("too-large", "too large")), EVERYTHING, positions)
    assert found.range == types.Range(types.Position(0, 0), types.Position(0, 0))


def test_what_pratique_does_not_read_is_no_error_of_the_author() -> None:
    found = diagnostic(as_finding(PolicyError("unsupported-kind", "not yet")), EVERYTHING, positions)
    assert found.severity is types.DiagnosticSeverity.Information
