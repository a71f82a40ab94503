"""Whether a policy in CEL is about a request: rules over resources and selectors, judged in full.

References: Kubernetes 1.36 `apiserver/pkg/admission/plugin/webhook/predicates`; Kyverno 1.19
`pkg/cel/matching`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pratique.compiler.cel_bodies import Constraints, Dialect, ResourceRule
from pratique.compiler.cel_policies.request import Request
from pratique.compiler.ir import LabelRequirement, LabelSelector
from pratique.grammar.errors import EvaluationError

_NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The label that every namespace has: its name."""


def is_about(constraints: Constraints | None, request: Request, dialect: Dialect) -> bool:
    """Say whether a policy with such constraints is about a request; one without any is about none.

    Raises:
        EvaluationError: `namespace-unknown`: the answer depends on labels that nobody knows.
    """
    if constraints is None:
        return False
    if any(_names(rule, request) for rule in constraints.excluded):
        return False
    if constraints.rules and not any(_names(rule, request) for rule in constraints.rules):
        return False
    selector = constraints.object_selector
    if selector and not any(selects(selector, labels) for labels in _object_labels(request, dialect)):
        return False
    return _selects_namespace(constraints.namespace_selector, request)


def of_any(constraints: Constraints | None) -> Constraints | None:
    """Return constraints that ask for no operation: where nothing is requested, there is none."""
    if constraints is None:
        return None
    rules = tuple(replace(rule, operations=("*",)) for rule in constraints.rules)
    return replace(constraints, rules=rules)


def is_simple(constraints: Constraints | None) -> bool:
    """Say whether there is one rule and nothing else: Kyverno's command line tells such policies apart."""
    return constraints is not None and (
        len(constraints.rules) == 1
        and not constraints.rules[0].names
        and not constraints.excluded
        and not _tests(constraints.namespace_selector)
        and not _tests(constraints.object_selector)
    )


def _names(rule: ResourceRule, request: Request) -> bool:
    """Say whether a rule names the resource and the operation of a request."""
    resource = request.resource
    if not (
        _among(request.operation, rule.operations)
        and _among(resource.group, rule.groups)
        and _among(resource.version, rule.versions)
    ):
        return False
    if not any(_is_resource(name, resource.name, request.subresource) for name in rule.resources):
        return False
    is_namespaced = bool(request.namespace) and not _is_namespace(request)
    if rule.scope != "*" and is_namespaced != (rule.scope == "Namespaced"):
        return False
    return not rule.names or _is_named(rule.names, request)


def _among(value: str, values: tuple[str, ...]) -> bool:
    return value in values or "*" in values


def _is_resource(pattern: str, resource: str, subresource: str) -> bool:
    base, _, below = pattern.partition("/")
    return base in ("*", resource) and below in ("*", subresource)


def _is_namespace(request: Request) -> bool:
    return request.resource.group == "" and request.resource.name == "namespaces"


def _is_named(names: tuple[str, ...], request: Request) -> bool:
    """Say whether the object has one of the names; one without a name has a prefix of its own."""
    if request.name:
        return request.name in names
    prefix = _metadata(request.object).get("generateName")
    return request.object is not None and any(
        (prefix if isinstance(prefix, str) else "").startswith(name) for name in names
    )


# --- selectors -----------------------------------------------------------------------------------------


def _tests(selector: LabelSelector | None) -> bool:
    return selector is not None and bool(selector.match_labels or selector.requirements)


def _object_labels(request: Request, dialect: Dialect) -> list[Mapping[str, str]]:
    """Return the labels of both objects; one of them must be selected.

    For Kyverno an object that is not there has no labels, so that `DoesNotExist` selects it.
    """
    objects = (request.object, request.old_object)
    return [_labels(each) for each in objects if each is not None or dialect is Dialect.KYVERNO]


def _selects_namespace(selector: LabelSelector | None, request: Request) -> bool:
    if selector is None or not _tests(selector):
        return True
    is_own = _is_namespace(request) and not request.subresource
    if not request.namespace and not is_own:
        return True  # what is in no namespace is never left out
    if is_own and request.operation in ("CREATE", "UPDATE"):
        return selects(selector, _labels(request.object))
    name = request.namespace or request.name
    given = request.namespace_labels
    if given is None and any(key != _NAME_LABEL for key in _keys(selector)):
        text = f"the labels of namespace {name!r} are not known, so its namespaceSelector cannot be judged"
        raise EvaluationError("namespace-unknown", text)
    return selects(selector, {_NAME_LABEL: name, **(given or {})})


def _keys(selector: LabelSelector) -> list[str]:
    return [key for key, _ in selector.match_labels] + [each.key for each in selector.requirements]


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Say whether a selector selects something with such labels.

    Raises:
        EvaluationError: `bad-selector`: it has an operator that there is not.
    """
    return all(labels.get(key) == value for key, value in selector.match_labels) and all(
        _holds(requirement, labels.get(requirement.key)) for requirement in selector.requirements
    )


def _holds(requirement: LabelRequirement, value: str | None) -> bool:
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case operator:
            raise EvaluationError("bad-selector", f"{operator!r} is not a valid label selector operator")


def _metadata(data: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = data.get("metadata") if data else None
    return found if isinstance(found, dict) else {}


def _labels(data: Mapping[str, Any] | None) -> Mapping[str, str]:
    found = _metadata(data).get("labels")
    return found if isinstance(found, dict) else {}
