"""A pattern about a field that the kinds of its rule do not have.

## What it does

Reports keys of `validate.pattern`, `anyPattern` and `mutate.patchStrategicMerge` that no kind has which the
rule matches, and patterns that are a map or a list where the field holds something else. The fields are those
of Kubernetes itself; rules that match custom resources, or kinds by wildcards, are left alone.

## Why

The API server drops fields that are not in the schema, so that no object ever has one. A pattern about it
fails for every object, or, behind an anchor, demands nothing of any: a condition `()` always skips, `=()` and
`X()` always pass. Nothing says so. A patch with such a field changes nothing.

## Example

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: no-host-network
spec:
  rules:
  - name: host-network
    match:
      any:
      - resources:
          kinds: [Pod]
    validate:
      message: Host networks are not allowed.
      pattern:
        spec:
          =(hostNetwrok): false
```

## Instead

```yaml
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: no-host-network
spec:
  rules:
  - name: host-network
    match:
      any:
      - resources:
          kinds: [Pod]
    validate:
      message: Host networks are not allowed.
      pattern:
        spec:
          =(hostNetwork): false
```

## Limits

Patterns inside loops are not looked at, nor are variables in expressions. A kind that is written without its
group counts as that of Kubernetes, but for those of which there are well-known namesakes (`Service`,
`Ingress`, `Job`, `NetworkPolicy`): their group has to be written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from pratique.compiler.api_fields import Field, Schema, Shape, schema
from pratique.compiler.api_kinds import BUILT_IN
from pratique.compiler.lint.base import Basis, Problem, Severity, rule
from pratique.compiler.lint.facts import Facts
from pratique.grammar import wildcard
from pratique.grammar.documents import PolicyDocument
from pratique.grammar.documents.kyverno import MatchResources, Rule
from pratique.grammar.kinds import KindError, parse_kind

_NAMESAKES: Final = frozenset({"Service", "Ingress", "Job", "NetworkPolicy"})
"""Kinds of Kubernetes whose name other well-known groups have, too."""
_GROUPS: Final = {kind: group for group, kinds in BUILT_IN.items() for kind in kinds if kind != "Event"}

Route: TypeAlias = tuple[str | int, ...]


class _Found(NamedTuple):
    """What is wrong at a route of a pattern, with the path of the field in words."""

    route: Route
    path: str
    text: str
    advice: str = ""


@rule("PRQ052", Severity.WARNING)
def check(facts: Facts) -> Iterator[Problem]:
    """Yield the parts of patterns that contradict the schema of every kind of their rule."""
    for document in facts.documents:
        for number, written in enumerate(document.model.spec.rules):
            patterns = list(_patterns(written))
            kinds = _kinds(written.match) if patterns else []
            if kinds:
                yield from _problems(document, patterns, ("spec", "rules", number), kinds)


def _problems(
    document: PolicyDocument, patterns: Iterable[tuple[Route, Any]], route: Route, kinds: list[str]
) -> Iterator[Problem]:
    known = schema()
    for place, pattern in patterns:
        told = [
            {found.route: found for found in _contradictions(pattern, known.of_kind(kind) or {}, known)}
            for kind in kinds
        ]
        for where, found in told[0].items():
            if all(where in others for others in told):
                yield Problem(
                    message=f"{found.text} {_named(kinds)} in Kubernetes {known.version}",
                    location=document.location(*route, *place, *where, key=True),
                    label="is never there" if "no field" in found.text else "is something else",
                    basis=Basis.PROVED,
                    help=found.advice or "remove it, or name the field that is meant",
                )


def _named(kinds: list[str]) -> str:
    return f"of {' or '.join(f'`{kind}`' for kind in kinds)}"


def _kinds(match: MatchResources) -> list[str]:
    """Return the kinds that a rule matches; none where some of them is not known."""
    described = [part.resources for part in (*match.any, *match.all)] or [match.resources]
    found: list[str] = []
    for each in described:
        if each is None or not each.kinds:
            return []
        for text in each.kinds:
            kind = _built_in(text)
            if kind is None:
                return []
            found.append(kind)
    return list(dict.fromkeys(found))


def _built_in(text: str) -> str | None:
    """Return the kind of Kubernetes that a selector names alone; None for any other selector."""
    try:
        parts = parse_kind(text)
    except KindError:
        return None
    group = _GROUPS.get(parts.kind)
    if group is None or parts.subresource or schema().of_kind(parts.kind) is None:
        return None
    if parts.version not in ("*", "v1"):
        return None  # of another version the fields may be others
    if parts.group == "*":
        return None if parts.kind in _NAMESAKES and parts.version == "*" else parts.kind
    return parts.kind if parts.group == group else None


def _patterns(written: Rule) -> Iterator[tuple[Route, Any]]:
    if written.validation:
        if written.validation.pattern is not None:
            yield ("validate", "pattern"), written.validation.pattern
        several = written.validation.any_pattern
        for number, each in enumerate(several if isinstance(several, list) else ()):
            yield ("validate", "anyPattern", number), each
    if written.mutate and not written.mutate.targets and written.mutate.patch_strategic_merge is not None:
        yield ("mutate", "patchStrategicMerge"), written.mutate.patch_strategic_merge


def _contradictions(
    pattern: Any, fields: dict[str, Field], known: Schema, route: Route = (), path: str = ""
) -> Iterator[_Found]:
    """Yield what is wrong with a pattern for an object with some fields."""
    if not isinstance(pattern, dict):
        return
    from pratique.compiler.patterns import parse_anchor

    for written, below in pattern.items():
        anchor = parse_anchor(written)
        key = anchor.key if anchor else written
        if not wildcard.is_literal(key) or "{{" in key or "$(" in key:
            continue
        where, name = (*route, written), f"{path}.{key}" if path else key
        field = fields.get(key)
        if field is not None:
            yield from _inside(below, field, known, where, name)
        elif key.startswith("$"):
            continue  # directives of merges
        else:
            from difflib import get_close_matches

            meant = get_close_matches(key, fields, n=1, cutoff=0.75)
            advice = f"did you mean `{meant[0]}`?" if meant else ""
            yield _Found(where, name, f"`{name}` is no field", advice)


def _inside(below: Any, field: Field, known: Schema, route: Route, path: str) -> Iterator[_Found]:
    fields = known.types.get(field.below, {})
    match field.shape:
        case Shape.OBJECT if isinstance(below, dict) and field.below:
            yield from _contradictions(below, fields, known, route, path)
        case Shape.LIST if isinstance(below, list) and field.below:
            for number, element in enumerate(below):
                yield from _contradictions(element, fields, known, (*route, number), f"{path}[]")
        case Shape.MAP if isinstance(below, dict) and field.below:
            for key, each in below.items():
                yield from _contradictions(each, fields, known, (*route, key), f"{path}.*")
        case Shape.SCALAR if isinstance(below, dict | list) and below:
            written = "a map" if isinstance(below, dict) else "a list"
            yield _Found(route, path, f"`{path}` is written as {written}, and holds a single value")
        case Shape.LIST if isinstance(below, dict) and below:
            yield _Found(route, path, f"`{path}` is written as a map, and holds a list")
        case Shape.OBJECT | Shape.MAP if isinstance(below, list):
            yield _Found(route, path, f"`{path}` is written as a list, and holds a map")
        case _:
            return
