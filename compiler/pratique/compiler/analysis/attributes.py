"""Whether one attribute of a point can pass some tests and fail others.

Names, namespaces and images are texts; kinds and operations come from finite lists; labels and annotations
are decided key by key. What people write in policies is decided exactly; wildcards in keys and in the names
of kinds give examples but no proofs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import Final, TypeAlias

from pratique.compiler import ir
from pratique.compiler.analysis.formulas import Decision, Share, Test, Value
from pratique.compiler.languages.automata import Automaton
from pratique.compiler.languages.expressions import (
    ALL_CHARACTERS,
    Expression,
    both,
    chars,
    concat,
    one_of,
    optional,
    repeat,
)
from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.references import Universe, images
from pratique.compiler.languages.search import MAX_STATES, Proof, Unknown, Witness
from pratique.compiler.languages.sets import AllOf, AnyOf, NotIn, TextSet
from pratique.compiler.languages.wording import example
from pratique.compiler.selection import Target, kind_matches
from pratique.grammar.wildcard import matches

KIND: Final = "kind"
OPERATION: Final = "operation"
NAME: Final = "name"
NAMESPACE: Final = "namespace"
IMAGE: Final = "image"
LABELS: Final = "labels"
ANNOTATIONS: Final = "annotations"
NAMESPACE_LABELS: Final = "namespace labels"

OPERATIONS: Final = ("CREATE", "UPDATE", "DELETE", "CONNECT")

Kind: TypeAlias = tuple[str, str, str, str]
"""Group, version, kind, subresource."""

BEARERS: Final[tuple[Kind, ...]] = (
    ("", "v1", "Pod", ""),
    ("apps", "v1", "Deployment", ""),
    ("apps", "v1", "StatefulSet", ""),
    ("apps", "v1", "DaemonSet", ""),
    ("apps", "v1", "ReplicaSet", ""),
    ("batch", "v1", "Job", ""),
    ("batch", "v1", "CronJob", ""),
    ("", "v1", "ReplicationController", ""),
    ("", "v1", "Pod", "ephemeralcontainers"),
)
"""Kinds of Kubernetes itself that hold images."""

MAX_LABELINGS: Final = 500
"""Ways to give keys to pairs whose keys are wildcards."""


@dataclass(frozen=True, slots=True)
class TextIn:
    """The text is matched by some glob."""

    attribute: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KindIn:
    """The kind is selected by some selector."""

    selectors: tuple[ir.KindSelector, ...]

    @property
    def attribute(self) -> str:
        """Return `kind`."""
        return KIND


@dataclass(frozen=True, slots=True)
class OperationIn:
    """The operation is one of these."""

    operations: tuple[str, ...]

    @property
    def attribute(self) -> str:
        """Return `operation`."""
        return OPERATION


@dataclass(frozen=True, slots=True)
class HasPair:
    """Some key and its value are matched by two globs."""

    attribute: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class HasKey:
    """The key is there; with one of `values` where these are given."""

    attribute: str
    key: str
    values: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not looked into: who sends the request, a precondition. True or false at will."""

    text: str

    @property
    def attribute(self) -> str:
        """Return a name for this condition alone."""
        return f"condition {self.text}"


@lru_cache(maxsize=20_000)
def decide(attribute: str, share: Share, max_states: int = MAX_STATES) -> Decision:
    """Return a value of `attribute` that passes and fails what `share` says; see `formulas.Decide`.

    Each search for a text takes `max_states` at most.
    """
    passing, failing = share
    match attribute:
        case "kind":
            return _kind(passing, failing)
        case "operation":
            return _operation(passing, failing)
        case "labels" | "annotations" | "namespace labels":
            return _pairs(passing, failing, _PAIR_VALUES[attribute](), max_states)
        case "name" | "namespace" | "image":
            return _text(passing, failing, _TEXTS[attribute](), max_states)
        case _:
            return Value(bool(passing))


def _text(passing: Iterable[Test], failing: Iterable[Test], universe: Universe, max_states: int) -> Decision:
    inside = [_globs(test) for test in _in_order(passing)]
    outside = [NotIn(_globs(test)) for test in _in_order(failing)]
    answer = example(AllOf((*inside, *outside)), universe, max_states=max_states)
    return Value(answer.text, answer.states) if isinstance(answer, Witness) else answer


def _in_order(tests: Iterable[Test]) -> list[Test]:
    """Return tests in an order that no hash decides."""
    return sorted(tests, key=repr)


def _globs(test: Test) -> TextSet:
    patterns = test.patterns if isinstance(test, TextIn) else ()
    return AnyOf(tuple(Glob.parse(pattern) for pattern in patterns))


def _operation(passing: Iterable[Test], failing: Iterable[Test]) -> Decision:
    def allowed(test: Test) -> tuple[str, ...]:
        return test.operations if isinstance(test, OperationIn) else ()

    inside, outside = [allowed(test) for test in passing], [allowed(test) for test in failing]
    for operation in OPERATIONS:
        if all(operation in each for each in inside) and not any(operation in each for each in outside):
            return Value(operation)
    return Proof(len(OPERATIONS))


def _kind(passing: Iterable[Test], failing: Iterable[Test]) -> Decision:
    inside = [test.selectors for test in passing if isinstance(test, KindIn)]
    outside = [test.selectors for test in failing if isinstance(test, KindIn)]
    selectors = [selector for each in (*inside, *outside) for selector in each]
    tried = 0
    for group, version, kind, subresource in _kinds(selectors):
        tried += 1
        target = Target(group=group, version=version, kind=kind, subresource=subresource)
        if all(any(kind_matches(s, target) for s in each) for each in inside) and not any(
            kind_matches(s, target) for each in outside for s in each
        ):
            return Value((group, version, kind, subresource))
    if all(_is_plain(s.group) and _is_plain(s.version) and _is_plain(s.kind) for s in selectors):
        return Proof(tried)
    return Unknown("kinds are named by wildcards")


def _is_plain(pattern: str) -> bool:
    return pattern == "*" or not _has_wildcard(pattern)


def _has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def _kinds(selectors: Sequence[ir.KindSelector]) -> Iterator[Kind]:
    """Yield kinds among which there is one of each sort that the selectors tell apart, real ones first."""
    yield from BEARERS
    names = dict.fromkeys(_sample(s.kind, "Custom") for s in selectors)
    groups = dict.fromkeys((*(_sample(s.group, "example.com") for s in selectors), "example.com", ""))
    versions = dict.fromkeys((*(_sample(s.version, "v1") for s in selectors), "v1", "v1beta1"))
    subresources = dict.fromkeys(("", *(_sample(s.subresource, "status") for s in selectors), "status"))
    known = {(group, kind): version for group, version, kind, _ in BEARERS}
    kinds = {kind for _, kind in known}
    for name, group, version, subresource in product((*names, "Custom"), groups, versions, subresources):
        if name not in kinds or known.get((group, name)) == version:
            yield group, version, name, subresource


def _sample(pattern: str, filling: str) -> str:
    return filling if pattern == "*" else pattern.replace("*", "x").replace("?", "x")


def _pairs(passing: Iterable[Test], failing: Iterable[Test], values: Universe, max_states: int) -> Decision:
    """Give keys to all that must be there, then decide the value of each key by itself."""
    inside, outside = _in_order(passing), _in_order(failing)
    keys = list(dict.fromkeys(_key(test) for test in (*inside, *outside) if not _is_free(test)))
    free = [test for test in inside if _is_free(test)]
    choices = [_candidates(_key(test), keys) for test in free]
    unknown: Unknown | None = None
    for number, chosen in enumerate(product(*choices)):
        if number == MAX_LABELINGS:
            break
        given = [(_key(test), test) for test in inside if not _is_free(test)]
        labels = _labels([*given, *zip(chosen, free, strict=True)], outside, values, max_states)
        if isinstance(labels, Unknown):
            unknown = labels
        elif not isinstance(labels, Proof):
            return Value(labels)
    return unknown or (Unknown("keys are named by wildcards") if free else Proof())


def _candidates(pattern: str, keys: Sequence[str]) -> tuple[str, ...]:
    fresh = (pattern.replace("*", filling).replace("?", "x") for filling in ("x", "", "app", "y"))
    return tuple(
        dict.fromkeys((*(text for text in fresh if text), *(k for k in keys if matches(pattern, k))))
    )


def _labels(
    given: Sequence[tuple[str, Test]], outside: Sequence[Test], universe: Universe, max_states: int
) -> Mapping[str, str] | Proof | Unknown:
    labels: dict[str, str] = {}
    for key in dict.fromkeys(key for key, _ in given):
        demands = [_values(test) for name, test in given if name == key]
        bans = [NotIn(_values(test)) for test in outside if _speaks_of(test, key)]
        answer = example(AllOf((*demands, *bans)), universe, max_states=max_states)
        if not isinstance(answer, Witness):
            return answer
        labels[key] = answer.text
    return labels


def _key(test: Test) -> str:
    return test.key if isinstance(test, HasPair | HasKey) else ""


def _is_free(test: Test) -> bool:
    """Say whether a test leaves open which key it is about; only pairs may have wildcards in their keys."""
    return isinstance(test, HasPair) and _has_wildcard(test.key)


def _speaks_of(test: Test, key: str) -> bool:
    return matches(test.key, key) if isinstance(test, HasPair) else _key(test) == key


def _values(test: Test) -> TextSet:
    match test:
        case HasPair(value=value):
            return Glob.parse(value)
        case HasKey(values=values) if values is not None:
            return AnyOf(tuple(_exactly(value) for value in values))
        case _:
            return AllOf(())


def _exactly(text: str) -> TextSet:
    """Return `text` alone, whatever characters it has; values with wildcards are no valid labels."""
    return AnyOf(()) if _has_wildcard(text) else Glob.parse(text)


_LOWER: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_ALPHANUMERIC: Final = _LOWER + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _bounded(expression: Expression, longest: int) -> Expression:
    return both(expression, repeat(chars(ALL_CHARACTERS), 0, longest))


def _within(first: str, inner: str) -> Expression:
    """Return texts that start and end with a character of `first`."""
    return concat(one_of(first), optional(repeat(one_of(inner)), one_of(first)))


def _universe(
    name: str,
    expression: Expression,
    longest: int,
    pieces: Callable[[str], tuple[str, ...]],
    *examples: str,
) -> Universe:
    return Universe(
        name=name,
        relaxed=Automaton(expression),
        exact=Automaton(_bounded(expression, longest)),
        longest=longest,
        safe_length=longest,
        pieces=pieces,
        examples=examples,
    )


def _word(text: str) -> tuple[str, ...]:
    return ("app", "web", "prod") if not text or not text[-1].isalnum() else ("-app", "-1", "x")


@cache
def namespaces() -> Universe:
    """Return the names of namespaces: DNS labels (RFC 1123)."""
    examples = ("default", "prod", "team-a", "kube-system")
    return _universe("namespaces", _within(_LOWER, _LOWER + "-"), 63, _word, *examples)


@cache
def names() -> Universe:
    """Return the names of resources: DNS subdomains (RFC 1123)."""
    label = _within(_LOWER, _LOWER + "-")
    return _universe("names", concat(label, repeat(concat(one_of("."), label))), 253, _word, "app", "web-1")


@cache
def label_values() -> Universe:
    """Return the values of labels.

    References: Kubernetes, "Labels and Selectors", syntax and character set.
    """
    value = optional(_within(_ALPHANUMERIC, _ALPHANUMERIC + "-_."))
    return _universe("label values", value, 63, _word, "app", "true", "prod")


@cache
def annotation_values() -> Universe:
    """Return the values of annotations: any text."""
    return _universe("annotations", repeat(chars(ALL_CHARACTERS)), 4096, _word, "app", "true")


_TEXTS: Final[Mapping[str, Callable[[], Universe]]] = {NAME: names, NAMESPACE: namespaces, IMAGE: images}
_PAIR_VALUES: Final[Mapping[str, Callable[[], Universe]]] = {
    LABELS: label_values,
    ANNOTATIONS: annotation_values,
    NAMESPACE_LABELS: label_values,
}
