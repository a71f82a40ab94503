from __future__ import annotations

import pytest

from pratique.compiler.lint.predicates import PREDICATES, predicate


def test_names_and_types_are_unique() -> None:
    names = [name for each in PREDICATES for name in each.names]
    assert len(names) == len(set(names))
    assert len({each.uri for each in PREDICATES}) == len(PREDICATES)


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v1"),
        ("https://spdx.dev/Document/v2.3", "https://spdx.dev/Document"),
        ("https://cyclonedx.org/bom/v1.4", "https://cyclonedx.org/bom"),
        ("https://openvex.dev/ns/v0.2.0", "https://openvex.dev/ns"),
        ("https://slsa.dev/provenance/v1/v1", None),
        ("https://acme.example/report/v1", None),
    ],
)
def test_versions_of_formats(uri: str, known: str | None) -> None:
    found = predicate(uri)
    assert (found.uri if found else None) == known
