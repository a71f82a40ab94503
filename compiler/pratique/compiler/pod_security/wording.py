"""Violations in Kyverno's words."""

from __future__ import annotations

from collections.abc import Iterable

from pratique.compiler.pod_security.pods import CONTROLLERS
from pratique.compiler.pod_security.violations import FieldError, Value, Violation


def describe(violations: Iterable[Violation], kind: str) -> str:
    """Return the violations of a resource of `kind`, fields at their place in the resource.

    As in Kyverno 1.19, every `spec` in a field is moved under the template, and `metadata` in Pods too.
    """
    return "".join(_one(violation, kind) for violation in violations)


def _one(violation: Violation, kind: str) -> str:
    errors = ", ".join(_error(error, kind) for error in violation.errors)
    return f"(Forbidden reason: {violation.reason}, field error list: [{errors}])"


def _error(error: FieldError, kind: str) -> str:
    field = error.field
    if kind in CONTROLLERS:
        field = field.replace("spec", "spec.template.spec")
    elif kind == "CronJob":
        field = field.replace("spec", "spec.jobTemplate.spec.template.spec")
    field = field.replace("metadata", "spec.template.metadata")
    if error.required:
        return f"{field}: Required value"
    if error.value is None or error.value == "":
        return f"{field}: Forbidden"
    return f"{field} is forbidden, forbidden values found: {_go(error.value)}"


def _go(value: Value) -> str:
    """Return a value as Go prints it with `%+v`."""
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return f"[{' '.join(value)}]"
        case _:
            return str(value)
