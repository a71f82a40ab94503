"""Generations, compiled once and evaluated over triggers: which objects a rule makes. Pure, asks nobody.

References: Kyverno 1.19 `pkg/background/generate` (`generator.go`, `data.go`, `clone.go`),
`pkg/background/common/labels.go`, whose texts are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.compiler import bodies
from pratique.compiler.context_loading import Attach, ContextEntries, place_of
from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.context import Context
from pratique.compiler.expressions.expression import Expression, compile_expression
from pratique.compiler.expressions.variables import Template
from pratique.compiler.loop_budget import LoopBudget
from pratique.compiler.selection import label_selector_matches
from pratique.grammar.errors import EvaluationError
from pratique.grammar.source import Location

Data: TypeAlias = Mapping[str, Any]

_PREFIX: Final = "generate.kyverno.io/"
_NOT_COPIED: Final = ("uid", "selfLink", "creationTimestamp", "managedFields", "resourceVersion")


class GenerationError(EvaluationError):
    """An object cannot be made; `location` is where it is written."""

    def __init__(self, code: str, message: str, location: Location | None) -> None:
        super().__init__(code, message)
        self.location = location


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who makes objects, as their labels tell: a policy, its namespace (empty for none), and a rule."""

    policy: str
    namespace: str
    rule: str


class CompiledGeneration:
    """A generation ready for many triggers; immutable."""

    __slots__ = ("_maker", "_parts")

    def __init__(self, maker: Maker, body: bodies.Generation, namespace: str | None) -> None:
        """Compile what a rule makes.

        Args:
            maker: the rule.
            body: the generation.
            namespace: that of a namespaced policy, which reads and makes nothing elsewhere.

        Raises:
            ExpressionError: a mistake that the checks at load time would have found.
        """
        self._maker = maker
        self._parts = tuple(
            (
                part.at,
                _Loop(part, namespace)
                if isinstance(part, bodies.GenerationLoop)
                else _Making(part, namespace),
            )
            for part in body.makes
        )

    def evaluate(
        self, trigger: Data, context: Context, attach: Attach, existing: Sequence[Data]
    ) -> tuple[dict[str, Any], ...]:
        """Return the objects that are made; what exists already, or is made twice, is not made again.

        Args:
            trigger: the resource that the rule is about.
            context: what expressions read.
            attach: adds the context entries of loops.
            existing: objects that can be copied.

        Raises:
            GenerationError: a value is missing, or the source of a copy is not there.
        """
        budget = LoopBudget()
        there = {_identity(each) for each in existing}
        made = []
        for at, part in self._parts:
            try:
                for found in part.objects(context, attach, existing, budget):
                    if _identity(found) not in there:
                        there.add(_identity(found))
                        made.append(self._labelled(found, trigger))
            except EvaluationError as error:
                place = place_of(error) or at.location
                raise GenerationError(error.code, error.message, place) from error
        return tuple(made)

    def _labelled(self, found: dict[str, Any], trigger: Data) -> dict[str, Any]:
        metadata = found["metadata"]
        group, _, version = str(trigger.get("apiVersion") or "").rpartition("/")
        about = _metadata(trigger)
        told = {
            "app.kubernetes.io/managed-by": "kyverno",
            f"{_PREFIX}policy-name": self._maker.policy,
            f"{_PREFIX}policy-namespace": self._maker.namespace,
            f"{_PREFIX}rule-name": self._maker.rule,
            f"{_PREFIX}trigger-version": version,
            f"{_PREFIX}trigger-group": group,
            f"{_PREFIX}trigger-kind": str(trigger.get("kind") or ""),
            f"{_PREFIX}trigger-namespace": str(about.get("namespace") or ""),
            f"{_PREFIX}trigger-uid": str(about.get("uid") or ""),
        }
        return {**found, "metadata": {**metadata, "labels": {**_labels(metadata), **told}}}


def _metadata(data: Data) -> Data:
    found = data.get("metadata")
    return found if isinstance(found, dict) else {}


def _labels(metadata: Data) -> Data:
    found = metadata.get("labels")
    return found if isinstance(found, dict) else {}


def _identity(data: Data) -> tuple[str, ...]:
    metadata = _metadata(data)
    parts = (data.get("apiVersion"), data.get("kind"), metadata.get("namespace"), metadata.get("name"))
    return tuple(str(part or "") for part in parts)


# --- one object ----------------------------------------------------------------------------------------


class _Making:
    """One object, or copies of all that a selector selects."""

    __slots__ = ("_make", "_own", "_template")

    def __init__(self, make: bodies.Make, own: str | None) -> None:
        self._make = make
        self._own = own
        written: dict[str, Any] = {
            "apiVersion": make.api_version,
            "kind": make.kind,
            "namespace": make.namespace,
            "name": make.name,
        }
        match make.source:
            case bodies.ObjectData(data=data):
                written["data"] = data
            case bodies.Copy() | bodies.Copies() as source:
                written["from"] = source.namespace
                written["clone"] = source.name if isinstance(source, bodies.Copy) else ""
        self._template = Template.compile(written, at=("generate",))

    def objects(
        self, context: Context, attach: Attach, existing: Sequence[Data], budget: LoopBudget
    ) -> Iterator[dict[str, Any]]:
        del attach, budget  # those of loops
        found = self._template.render(context)
        # INVARIANT: what is made, and what it is copied from, lies in the namespace of a namespaced policy
        # (R10, K27): judged on what the variables hold.
        for place in (found["namespace"], found.get("from", self._own)):
            if self._own is not None and place != self._own:
                text = f"a policy of namespace {self._own} makes and copies nothing in {place!r:.100}"
                raise EvaluationError("foreign-namespace", text)
        match self._make.source:
            case bodies.ObjectData():
                if found["data"] is not None:
                    yield _of_data(found)
            case bodies.Copy():
                yield from _copied(found, existing)
            case bodies.Copies() as source:
                yield from _all_copied(found, source, existing)


def _of_data(found: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(found["data"], dict):
        raise EvaluationError("bad-data", "the data of a generated object is no map")
    data = {"kind": found["kind"], **found["data"]}
    return _named({**data, "apiVersion": found["apiVersion"]}, found["namespace"], found["name"])


def _named(data: Data, namespace: str, name: str) -> dict[str, Any]:
    metadata = {key: value for key, value in _metadata(data).items() if key != "namespace"}
    metadata["name"] = name
    if namespace:
        metadata["namespace"] = namespace
    return {**data, "metadata": metadata}


def _copied(found: Mapping[str, Any], existing: Iterable[Data]) -> Iterator[dict[str, Any]]:
    if (found["from"], found["clone"]) == (found["namespace"], found["name"]):
        return  # nothing is copied onto itself
    wanted = (found["apiVersion"], found["kind"], found["from"], found["clone"])
    source = next((each for each in existing if _identity(each) == wanted), None)
    if source is None:
        place = "/".join((found["kind"], found["namespace"], found["name"]))
        raise EvaluationError("no-source", f"source resource {place} not found: {'/'.join(wanted)}")
    yield _copy(source, found["namespace"], found["name"])


def _all_copied(
    found: Mapping[str, Any], source: bodies.Copies, existing: Sequence[Data]
) -> Iterator[dict[str, Any]]:
    for kind in source.kinds:
        version, _, name = kind.rpartition("/")
        for each in existing:
            _, _, namespace, own_name = _identity(each)
            if (each.get("apiVersion"), each.get("kind")) != (version, name):
                continue
            if namespace != found["from"] or namespace == found["namespace"]:
                continue
            labels = {str(key): str(value) for key, value in _labels(_metadata(each)).items()}
            if source.selector is None or label_selector_matches(source.selector, labels):
                yield _copy(each, found["namespace"], own_name)


def _copy(source: Data, namespace: str, name: str) -> dict[str, Any]:
    """Return a copy without what belongs to the source alone."""
    metadata = {key: value for key, value in _metadata(source).items() if key not in _NOT_COPIED}
    if metadata.get("namespace", "") != namespace:
        metadata.pop("ownerReferences", None)
    group, _, version = str(source.get("apiVersion") or "").rpartition("/")
    told = {
        f"{_PREFIX}clone-source": "",
        f"{_PREFIX}source-group": group,
        f"{_PREFIX}source-version": version,
        f"{_PREFIX}source-kind": str(source.get("kind") or ""),
        f"{_PREFIX}source-namespace": str(metadata.get("namespace") or ""),
        f"{_PREFIX}source-uid": str(_metadata(source).get("uid") or ""),
    }
    metadata["labels"] = {**_labels(metadata), **told}
    return _named({**source, "metadata": metadata}, namespace, name)


# --- loops ---------------------------------------------------------------------------------------------


class _Loop:
    """The same for every element of a list."""

    __slots__ = ("_entries", "_list", "_making", "_preconditions")

    def __init__(self, loop: bodies.GenerationLoop, namespace: str | None) -> None:
        self._list: Expression = compile_expression(loop.list)
        self._making = _Making(loop.make, namespace)
        self._entries = ContextEntries.compile(loop.context, namespace=namespace)
        self._preconditions = None if loop.preconditions is None else Conditions.compile(loop.preconditions)

    def objects(
        self, context: Context, attach: Attach, existing: Sequence[Data], budget: LoopBudget
    ) -> Iterator[dict[str, Any]]:
        elements = context.query(self._list)
        for index, element in enumerate(elements if isinstance(elements, list) else [elements]):
            if element is None:
                continue
            inner = attach(self._entries, context.with_element(element, index))
            if self._preconditions is None or self._preconditions.evaluate(inner)[0]:
                for made in self._making.objects(inner, attach, existing, budget):
                    budget.spend(made)
                    yield made
            else:
                budget.spend()
