"""Policies in CEL in tests: written as YAML, compiled, and evaluated over objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from textwrap import indent
from typing import Any

from pratique.compiler import ir
from pratique.compiler.cel.program import World
from pratique.compiler.cel_bodies import CEL_BODIES, CelExemption
from pratique.compiler.cel_policies.admission import mutated, validated
from pratique.compiler.cel_policies.checks import read_policy
from pratique.compiler.cel_policies.compiled import CompiledCel, ready
from pratique.compiler.cel_policies.evaluation import Outcome
from pratique.compiler.cel_policies.image_run import VerifiedImages
from pratique.compiler.cel_policies.image_validating import CompiledImages
from pratique.compiler.cel_policies.mutating import CompiledMutating
from pratique.compiler.cel_policies.request import Coordinates, Request
from pratique.compiler.cel_policies.validating import CompiledValidating
from pratique.compiler.lower import lower_cel_exceptions
from pratique.compiler.structured_merge import shape_of
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.support_cel import world

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "nginx:1.25"}]},
}
PODS = '{apiGroups: [""], apiVersions: [v1], operations: ["*"], resources: [pods]}'
DEPLOYMENTS = '{apiGroups: [apps], apiVersions: [v1], operations: ["*"], resources: [deployments]}'


def text(kind: str, spec: str, *, group: str = "policies.kyverno.io/v1", rules: str = PODS) -> str:
    """Return a policy about Pods with a specification."""
    name = "{name: p, namespace: shop}" if kind.startswith("Namespaced") else "{name: p}"
    constraints = f"  matchConstraints: {{resourceRules: [{rules}]}}\n" if rules else ""
    return f"apiVersion: {group}\nkind: {kind}\nmetadata: {name}\nspec:\n{constraints}{indent(spec, '  ')}\n"


def policy(written: str) -> ir.Policy:
    """Return the IR of the one policy of a text; bindings in it count."""
    file = read_policies(Source("p.yaml", written))
    assert not file.errors, [str(error) for error in file.errors]
    found, errors = read_policy(file.cel_policies[0], file.bindings)
    assert found is not None, [str(error) for error in errors]
    return found


def mistakes(written: str) -> list[str]:
    """Return what is wrong with the one policy of a text: place, code and message of each mistake."""
    file = read_policies(Source("p.yaml", written))
    assert not file.errors, [str(error) for error in file.errors]
    return [str(error) for error in read_policy(file.cel_policies[0])[1]]


def exemptions(*written: str) -> tuple[CelExemption, ...]:
    """Return the exemptions of texts."""
    found = [d for each in written for d in read_policies(Source("e.yaml", each)).cel_exceptions]
    lowered, errors = lower_cel_exceptions(found)
    assert not errors, [str(error) for error in errors]
    assert len(lowered) == len(written)
    return lowered


def compiled(written: str, lifting: tuple[CelExemption, ...] = (), form: int = 0) -> CompiledCel:
    """Return a compiled policy, or one of its forms for controllers."""
    found = policy(written)
    body = found.rules[form].body
    assert isinstance(body, CEL_BODIES)
    return ready(body, lifting, fails_open=found.fail_open)


def request(
    data: Mapping[str, Any] | None = POD,
    *,
    operation: str = "CREATE",
    old: Mapping[str, Any] | None = None,
    resource: str = "pods",
    **fields: Any,
) -> Request:
    """Return a request for an object."""
    seen = data or old or {}
    group, _, version = str(seen.get("apiVersion", "v1")).rpartition("/")
    metadata = seen.get("metadata") or {}
    return Request(
        kind=Coordinates(group, version, str(seen.get("kind"))),
        resource=Coordinates(group, version, resource),
        name=metadata.get("name", ""),
        namespace=metadata.get("namespace", ""),
        operation=operation,
        object=data,
        old_object=old,
        **fields,
    )


def outcome(
    written: str,
    asked: Request | None = None,
    *,
    lifting: tuple[CelExemption, ...] = (),
    ask: Callable[[Any], Any] | None = None,
    form: int = 0,
    **options: Any,
) -> Outcome | None:
    """Return what a policy says of a request, by default of a new Pod."""
    asked = asked or request()
    made: World = world(ask)
    found = compiled(written, lifting, form)
    shape = shape_of(asked.kind.group, asked.kind.name)
    is_bound = found.scope.scope.dialect == "kubernetes"
    match found:
        case CompiledValidating() if is_bound:
            return validated(found, asked, made)
        case CompiledMutating() if is_bound:
            return mutated(found, asked, made, shape)
        case CompiledMutating():
            return found.evaluate(asked.bindings(found.scope.scope.dialect), made, shape, **options)
        case CompiledImages():
            verified = options.get("verified") or VerifiedImages()
            judged = found.evaluate(asked.bindings(found.scope.scope.dialect), made, verified, asked.resource)
            return judged and found.proved(judged, verified)
        case _:
            return found.evaluate(asked.bindings(found.scope.scope.dialect), made)


def said(written: str, asked: Request | None = None, **options: Any) -> tuple[str, str] | None:
    """Return status and message of `outcome`."""
    found = outcome(written, asked, **options)
    return None if found is None else (str(found.status), found.message)
