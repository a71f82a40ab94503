"""What is wrong with policies in CEL: what Kyverno and Kubernetes refuse when they are created.

References: Kyverno 1.19 `pkg/cel/policies/*/validate.go`, `pkg/cel/compiler/http.go`; Kubernetes 1.36
`pkg/apis/admissionregistration/validation`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.cel import syntax
from pratique.compiler.cel_bodies import CEL_BODIES
from pratique.compiler.cel_policies.compilation import Compiler, Route
from pratique.compiler.cel_policies.compiled import compile_anew
from pratique.compiler.cel_policies.image_checks import image_problems
from pratique.compiler.cel_policies.lower import LoweredCel, lower_cel
from pratique.grammar.documents import BindingDocument, CelDocument
from pratique.grammar.errors import PolicyError

_HTTP: Final = "http.* is not allowed in namespaced policies; set --allowHTTPInNamespacedPolicies to enable"
_CRON: Final = re.compile(
    r"@(?:yearly|annually|monthly|weekly|daily|hourly)|[\w*/?,#-]+(?:\s+[\w*/?,#-]+){4,6}"
)


def read_policy(
    document: CelDocument, bindings: Sequence[BindingDocument] = ()
) -> tuple[ir.Policy | None, list[PolicyError]]:
    """Return the IR of a policy, or what is wrong with it."""
    errors = check_document(document)
    if errors:
        return None, errors
    lowered = lower_cel(document, bindings)
    body = lowered.policy.rules[0].body
    assert isinstance(body, CEL_BODIES)  # noqa: S101 (that is what there is lowered)
    errors = mistakes(lowered, compile_anew(body, fails_open=lowered.policy.fail_open)[1])
    return (None if errors else lowered.policy), errors


def check_document(document: CelDocument, *, authorizing: bool = False) -> list[PolicyError]:
    """Return what is wrong with a policy besides its expressions.

    Args:
        document: the policy.
        authorizing: policies over requests of HTTP or Envoy are wanted.
    """
    spec = document.model.spec
    found = [
        PolicyError(code, text, document.location(*route))
        for code, text, route in (
            *_mode(spec, authorizing=authorizing),
            *_problems(document.model.kind, spec),
        )
    ]
    return sorted(found, key=lambda error: error.location.span if error.location else ())


def authorizing_mode(document: CelDocument) -> str:
    """Return `HTTP` or `Envoy` for a policy over such requests; none of a namespace is. Else nothing."""
    model = document.model
    mode = getattr(getattr(model.spec, "evaluation", None), "mode", None)
    return mode if model.kind == "ValidatingPolicy" and mode in ("HTTP", "Envoy") else ""


def _mode(spec: Any, *, authorizing: bool) -> Iterator[tuple[str, str, Route]]:
    mode = getattr(getattr(spec, "evaluation", None), "mode", None)
    route = ("spec", "evaluation", "mode")
    if mode in ("HTTP", "Envoy") and not authorizing:
        text = f"policies over {mode} requests are judged by `pratique test` alone, and only if cluster-wide"
        yield "unsupported-field", text, route


def _problems(kind: str, spec: Any) -> Iterator[tuple[str, str, Route]]:
    evaluation = getattr(spec, "evaluation", None)
    mode = getattr(evaluation, "mode", None) or "Kubernetes"
    constraints = spec.match_constraints
    if mode == "Kubernetes" and not (constraints and constraints.resource_rules) and not _is_about_json(kind):
        text = "a matchConstraints with at least one resource rule is required"
        yield "missing-value", text, ("spec", "matchConstraints")
    for name, field in (
        ("match_conditions", "matchConditions"),
        ("conditions", "conditions"),
        ("variables", "variables"),
    ):
        yield from _duplicates(getattr(spec, name, ()), ("spec", field))
    for number, mutation in enumerate(getattr(spec, "mutations", ())):
        yield from _mutation(mutation, ("spec", "mutations", number))
    for number, made in enumerate(getattr(spec, "generate", ())):
        if bool(made.expression) == (made.template is not None):
            text = "exactly one of expression or template must be set"
            yield "wrong-value", text, ("spec", "generate", number)
    if kind.endswith("MutatingPolicy"):
        yield from _never_evaluated(evaluation)
    if kind.endswith("ImageValidatingPolicy"):
        yield from image_problems(spec)
    if kind.endswith("DeletingPolicy") and not _CRON.fullmatch(spec.schedule.strip()):
        text = "schedule spec in the deletingPolicy is not in proper cron format"
        yield "wrong-value", text, ("spec", "schedule")


def _never_evaluated(evaluation: Any) -> Iterator[tuple[str, str, Route]]:
    if not evaluation or not evaluation.admission or evaluation.admission.enabled:
        return
    if not (evaluation.mutate_existing and evaluation.mutate_existing.enabled):
        text = "disabling both admission and mutateExisting evaluation modes is not allowed"
        yield "wrong-value", text, ("spec", "evaluation")


def _is_about_json(kind: str) -> bool:
    """Say whether a policy of a kind can do without constraints, since it also is about any JSON."""
    return kind.endswith("DeletingPolicy")


def _duplicates(named: Any, route: Route) -> Iterator[tuple[str, str, Route]]:
    counts = Counter(each.name for each in named)
    for number, each in enumerate(named):
        if counts[each.name] > 1:
            counts[each.name] = 0
            yield "duplicate-name", f"{each.name!a:.80} is declared twice", (*route, number, "name")


def _mutation(mutation: Any, route: Route) -> Iterator[tuple[str, str, Route]]:
    is_json = mutation.patch_type == "JSONPatch"
    holder = mutation.json_patch if is_json else mutation.apply_configuration
    if holder is None or not holder.expression:
        field = "jsonPatch" if is_json else "applyConfiguration"
        text = f"patchType {mutation.patch_type} needs an expression under `{field}`"
        yield "missing-value", text, route


def mistakes(lowered: LoweredCel, compiler: Compiler) -> list[PolicyError]:
    """Return what is wrong with the expressions of a policy, each at its place in the text."""
    found = [
        PolicyError(error.code, error.message, _place(lowered, node, error.path, error.offset))
        for node, error in compiler.mistakes
    ]
    if any(rule.resources.namespace for rule in lowered.policy.rules):
        found += _http(lowered, compiler)
    return sorted(found, key=lambda error: error.location.span if error.location else ())


def _http(lowered: LoweredCel, compiler: Compiler) -> Iterator[PolicyError]:
    for node, route, program in compiler.programs:
        for part in syntax.walk(program.root):
            if isinstance(part, syntax.Identifier) and part.name == "http":
                yield PolicyError("http-not-allowed", _HTTP, _place(lowered, node, route, part.offset))
                return


def _place(lowered: LoweredCel, node: object, route: Route, offset: int) -> Any:
    start = lowered.routes.get(id(node), ("spec",))
    return lowered.document.character(*start, *route, offset=offset)
