"""Conversions in tests: a policy in JSON or YAML, what becomes of it, and how the result reads."""

from __future__ import annotations

from typing import Any

from pratique.compiler import ir
from pratique.compiler.converting.model import Conversion, Draft
from pratique.compiler.converting.policies import convert
from pratique.compiler.converting.proof import Proved, prove
from pratique.compiler.converting.text import texts
from pratique.compiler.lower import lower
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.support_policies import cluster_policy


def conversion(written: str) -> Conversion:
    """Return what becomes of the one policy of a text."""
    content = read_policies(Source("policy.yaml", written))
    assert not content.errors, [str(error) for error in content.errors]
    lowered = lower(content.policies)
    assert not lowered.errors, [str(error) for error in lowered.errors]
    found = convert(content.policies[0], lowered.policies.policies[0])
    assert found is not None
    return found


def converted(entry: dict[str, Any] | None = None, **parts: Any) -> Conversion:
    """Return what becomes of a policy with one entry (see `cluster_policy`)."""
    return conversion(cluster_policy(entry, **parts))


def draft(entry: dict[str, Any] | None = None, **parts: Any) -> Draft:
    """Return the one document that a policy becomes."""
    (found,) = converted(entry, **parts).drafts
    return found


def codes(of: Conversion, *, engine: str = "pratique") -> list[str]:
    """Return the codes of the differences that count for an engine."""
    return [each.code for each in of.differences if engine == "kyverno" or not each.of_kyverno]


def read(*written: str) -> list[ir.Policy]:
    """Return what new documents read as."""
    found: list[ir.Policy] = []
    for text in written:
        content = read_policies(Source("converted.yaml", text))
        assert not content.errors, [str(error) for error in content.errors]
        lowered = lower((), content.cel_policies)
        assert not lowered.errors, [str(error) for error in lowered.errors]
        found += lowered.policies.policies
    return found


def proved(of: Conversion, *changes: tuple[str, str]) -> Proved:
    """Return how a policy and its conversion differ, once pieces of the new text were exchanged."""
    made = []
    for text in texts(of):
        for old, new in changes:
            assert old in text, (old, text)
            text = text.replace(old, new)
        made.append(text)
    return prove(of, read(*made))
