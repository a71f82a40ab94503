"""A Pod against a level, with exclusions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from pratique.compiler.bodies import PodSecurityExclusion
from pratique.compiler.pod_security.catalogue import CHECKS, CONTROLS
from pratique.compiler.pod_security.pods import CONTAINERS, Pod, items
from pratique.compiler.pod_security.violations import FieldError, Violation
from pratique.grammar import wildcard
from pratique.grammar.errors import EvaluationError

_VERSION: Final = re.compile(r"v1\.(0|[1-9]\d{0,8})")
_NUMBER: Final = re.compile(r"\d+")
_ANY_CONTAINER: Final = {"containers": [{"name": "fake"}]}


def evaluate(level: str, version: str, pod: Pod) -> tuple[Violation, ...]:
    """Return what breaks a level (`privileged`, `baseline` or `restricted`) of a version (`latest`, `v1.NN`).

    As in Kyverno 1.19, every level but `baseline` runs all checks, `privileged` too, and the baseline checks
    that a restricted one replaces in Kubernetes run beside it.

    Raises:
        EvaluationError: the version is none, or a value of the Pod has another type than the API's.
    """
    minor = _minor(version)
    found = []
    for check in CHECKS:
        if (level != "baseline" or not check.restricted) and (result := check.at(minor)(pod)):
            reason, errors = result
            found.append(Violation(check=check.name, reason=reason, errors=errors))
    return tuple(found)


def _minor(version: str) -> int | None:
    """Return the minor version of Kubernetes 1, None for the latest."""
    if version in ("", "latest"):
        return None
    found = _VERSION.fullmatch(version)
    if not found:
        raise EvaluationError(
            "bad-policy", f"failed to parse pod security api version: {version!r} is neither latest nor v1.NN"
        )
    return int(found[1])


def without(
    exclusions: Iterable[PodSecurityExclusion],
    found: Sequence[Violation],
    level: str,
    version: str,
    pod: Pod,
) -> tuple[Violation, ...]:
    """Return what is left of violations after exclusions.

    An exclusion without images lets pass what the Pod breaks by itself, and what a container without any
    security context breaks, once for each field; one with images what the containers with these images break.
    An error is let pass where each of its values is among `values` (all are, where none are given), in the
    field `restricted_field` (in any, where none is given).
    """
    for exclusion in exclusions:
        passing = evaluate(level, version, _looked_at(exclusion, pod))
        names = {name for name, control in CONTROLS.items() if control == exclusion.control}
        for violation in passing:
            if violation.check in names:
                found = _exempt(found, violation, exclusion)
    return tuple(found)


def _looked_at(exclusion: PodSecurityExclusion, pod: Pod) -> Pod:
    """Return the part of a Pod that an exclusion is about."""
    if not exclusion.images:
        return pod.with_containers_of(_ANY_CONTAINER)
    chosen = {
        each: [
            data for data in items(pod.spec, each) if _any(exclusion.images, (str(data.get("image") or ""),))
        ]
        for each in CONTAINERS
    }
    return Pod({}, chosen)


def _exempt(
    found: Sequence[Violation], passing: Violation, exclusion: PodSecurityExclusion
) -> list[Violation]:
    """Return violations without one error for each that an exclusion lets pass."""
    left = []
    for violation in found:
        errors = list(violation.errors)
        if violation.check == passing.check:
            for error in passing.errors:
                if _lets_pass(exclusion, error):
                    _remove_first(errors, error, by_container=bool(exclusion.images))
        if errors or not violation.errors:
            left.append(replace(violation, errors=tuple(errors)))
    return left


def _lets_pass(exclusion: PodSecurityExclusion, error: FieldError) -> bool:
    if exclusion.restricted_field and exclusion.restricted_field != _general(error.field):
        return False
    return not exclusion.values or all(_any(exclusion.values, (value,)) for value in error.values)


def _remove_first(errors: list[FieldError], passing: FieldError, *, by_container: bool) -> None:
    """Remove the first error of the same field (and container); the last takes its place, as in Kyverno."""
    for number, error in enumerate(errors):
        same = _general(error.field) == _general(passing.field)
        if same and (not by_container or not error.container or error.container == passing.container):
            last = errors.pop()
            if number < len(errors):
                errors[number] = last
            return


def _general(field: str) -> str:
    """Return a field with `*` for every number, as policies write it."""
    return _NUMBER.sub("*", field)


def _any(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    return any(wildcard.matches(pattern, text) for text in texts for pattern in patterns)
