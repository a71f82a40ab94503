"""Levels of the Pod Security Standards as the check of a rule, with what exemptions lift of it.

References: Kyverno 1.19 `pkg/engine/handlers/validation/validate_pss.go`, whose texts are kept.
"""

from __future__ import annotations

from pratique.compiler import bodies
from pratique.compiler.pod_security import Pod, describe, evaluate, without
from pratique.compiler.validations.model import Outcome, Scene, Status
from pratique.grammar.errors import EvaluationError


class PodSecurityValidation:
    """A level that Pods and what makes Pods must keep; immutable."""

    __slots__ = ("_check", "_rule")

    def __init__(self, rule: str, check: bodies.PodSecurity) -> None:
        """Take the name of the rule, which messages tell, and its check."""
        self._rule = rule
        self._check = check

    def evaluate(self, scene: Scene) -> Outcome | None:
        """Return what the rule says of a resource; None where it is deleted."""
        if scene.resource is None:
            return None
        try:
            pod = Pod.of(scene.resource)
        except EvaluationError as error:
            return Outcome(Status.ERROR, f"Error while getting new resource: {error.message}")
        level, version = self._check.level, self._check.version
        try:
            found = without(self._check.exclusions, evaluate(level, version, pod), level, version, pod)
            if not found:
                return Outcome(Status.PASS, f"Validation rule '{self._rule}' passed.")
            lifted = [control for each in scene.lifting for control in each.controls]
            found = without(lifted, found, level, version, pod)
        except EvaluationError as error:
            return Outcome(Status.ERROR, error.message)
        if not found:
            keys = ", ".join(each.key for each in scene.lifting)
            return Outcome(Status.SKIP, f"rule is skipped due to policy exceptions {keys}")
        text = describe(found, str(scene.resource.get("kind")))
        told = f"Validation rule '{self._rule}' failed. It violates PodSecurity \"{level}:{version}\": {text}"
        return Outcome(Status.FAIL, told)
