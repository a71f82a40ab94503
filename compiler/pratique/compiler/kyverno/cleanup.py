"""`CleanupPolicy` and `ClusterCleanupPolicy` to the IR, and what Kyverno refuses when one is created.

References: Kyverno 1.19 `api/kyverno/v2/cleanup_policy_types.go`, `pkg/validation/cleanuppolicy`, whose texts
are repeated.

DEVIATION: an empty `match` is refused, and so is an empty `exclude`; for Kyverno each stands for every
object, so that everything would be deleted, or nothing
(`tests/compiler/kyverno/test_cleanup.py::test_deviation_empty_selections_are_refused`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pratique.compiler import bodies, ir
from pratique.compiler.context_loading import ContextEntries
from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.errors import ExpressionError
from pratique.compiler.kyverno.context import lower_entries, mistakes
from pratique.compiler.kyverno.regions import Place, region
from pratique.compiler.kyverno.selection_checks import Problem, exception_problems
from pratique.compiler.schedules import is_schedule
from pratique.grammar.documents import CleanupDocument
from pratique.grammar.documents.context import ContextEntry
from pratique.grammar.documents.exceptions import ExceptionMatch
from pratique.grammar.documents.selection import MatchResources, ResourceFilter
from pratique.grammar.errors import PolicyError
from pratique.grammar.source import Location

_NOT_ALLOWED = "{} is not allowed in CleanUp Policy"


def check_cleanup(document: CleanupDocument) -> list[PolicyError]:
    """Return every reason not to accept the policy."""
    name = document.model.metadata.name
    return [
        PolicyError(
            each.code,
            f"invalid policy {name}: {each.text}",
            document.location(*each.route),
            help=each.help,
        )
        for each in _problems(document)
    ]


def _problems(document: CleanupDocument) -> Iterator[Problem]:
    model, spec = document.model, document.model.spec
    if model.kind == "ClusterCleanupPolicy" and model.metadata.namespace:
        text = "a ClusterCleanupPolicy should not have the namespace defined"
        yield Problem(text, ("metadata", "namespace"))
    yield from _context(spec.context, _namespace(document), document.location)
    if not is_schedule(spec.schedule):
        text = "schedule spec in the cleanupPolicy is not in proper cron format"
        yield Problem(text, ("spec", "schedule"), help="write five fields, such as `0 3 * * *`, or `@daily`")
    for name, block in (("match", spec.match), ("exclude", spec.exclude)):
        if block is None:
            continue
        if not block.any and not block.all:
            help = "name objects under `any` or `all`" if name == "match" else "remove it"
            yield Problem(f"{name} selects nothing", ("spec", name), "empty-selection", help)
        namespaced = model.kind == "CleanupPolicy"
        found = exception_problems(_filters(block), background=True, name=name, namespaced=namespaced)
        yield from _below("spec", found)
    if spec.exclude and any(one == other for one in spec.match.any for other in spec.exclude.any):
        text = "CleanupPolicy is matching an empty set"
        yield Problem(text, ("spec", "exclude"), "empty-selection", "exclude less")
    if spec.conditions is not None:
        try:
            Conditions.compile(_conditions(document))
        except ExpressionError as error:
            yield Problem(error.message, ("spec", "conditions", *error.path), error.code)


def _below(route: str, found: Iterator[Problem]) -> Iterator[Problem]:
    return (each._replace(route=(route, *each.route)) for each in found)


def _context(entries: Sequence[ContextEntry], namespace: str | None, place: Place) -> Iterator[Problem]:
    for number, entry in enumerate(entries):
        route = ("spec", "context", number)
        for what, source in (("ImageRegistry", entry.image_registry), ("ConfigMap", entry.config_map)):
            if source is not None:
                yield Problem(_NOT_ALLOWED.format(what), route)
        wrong = list(mistakes(entry, namespaced=namespace is not None))
        yield from (Problem(text, (*route, *place)) for text, place in wrong)
        if not wrong:
            try:
                ContextEntries.compile(lower_entries([entry], place), namespace=namespace)
            except ExpressionError as error:
                yield Problem(error.message, (*route, *error.path[1:]), error.code)


def lower_cleanup(document: CleanupDocument) -> ir.Policy:
    """Return the IR of a policy that `check_cleanup` had nothing against: one rule, called as the policy."""

    def place(*parts: str | int) -> Location:
        return document.location("spec", *parts)

    model, spec = document.model, document.model.spec
    namespace = _namespace(document)
    at = ir.At(location=document.location("metadata", "name"))
    exclude = _filters(spec.exclude) if spec.exclude else None
    rule = ir.Rule(
        name=model.metadata.name,
        resources=region(_filters(spec.match), exclude, namespace, place),
        body=bodies.Cleanup(
            schedule=spec.schedule,
            conditions=_conditions(document),
            propagation=spec.deletion_propagation_policy or "",
            at=ir.At(location=place("conditions") if spec.conditions else place()),
        ),
        context=lower_entries(spec.context, place) if spec.context else (),
        at=at,
    )
    return ir.Policy(
        kind=model.kind,
        name=model.metadata.name,
        namespace=namespace,
        rules=(rule,),
        annotations=tuple(sorted((model.metadata.annotations or {}).items())),
        at=at,
    )


def _namespace(document: CleanupDocument) -> str | None:
    model = document.model
    return (model.metadata.namespace or "default") if model.kind == "CleanupPolicy" else None


def _conditions(document: CleanupDocument) -> dict[str, object] | None:
    written = document.model.spec.conditions
    return written.model_dump(mode="json", exclude_unset=True) if written is not None else None


def _filters(block: ExceptionMatch) -> MatchResources:
    """Return filters without operations: nobody asks for anything when objects are looked through."""
    return MatchResources(any=tuple(map(_lasting, block.any)), all=tuple(map(_lasting, block.all)))


def _lasting(written: ResourceFilter) -> ResourceFilter:
    if written.resources is None:
        return written
    return written.model_copy(update={"resources": written.resources.model_copy(update={"operations": ()})})
