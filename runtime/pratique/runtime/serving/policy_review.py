"""What is said when somebody applies a policy: what cannot be enforced is refused, what lint finds is told.

References: Kubernetes dynamic admission control; Kyverno 1.19 `pkg/webhooks/policy`.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.lint.base import SEVERITIES, Finding, Severity, lint
from pratique.grammar.documents import PolicyDocument
from pratique.runtime.admission.review import Review
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.kubernetes.types import EXCEPTIONS
from pratique.runtime.serving.live_exceptions import ANYWHERE, read_exception
from pratique.runtime.serving.policy_objects import ReadPolicy, place, read_policy

PATH: Final = "/policies"
MAX_LINES: Final = 20
"""Mistakes that one answer lists."""

_LOG: Final = logging.getLogger(__name__)


class PolicyReviewer:
    """Judges policies that are about to be written."""

    def __init__(self, refused: Severity | None = None, exceptions: str = "") -> None:
        """Take what is refused, and where exceptions count.

        Args:
            refused: least severity of findings for which a policy is refused; None for none.
            exceptions: namespace, `live_exceptions.ANYWHERE`, or empty for nowhere.
        """
        self._exceptions = exceptions
        self._refused = SEVERITIES[: SEVERITIES.index(refused) + 1] if refused else ()

    async def verdict(self, review: Review, seconds: float) -> Verdict:
        """Return the verdict on a policy, after `seconds` at the latest.

        Lint that takes longer says nothing; what cannot be enforced is refused in any case.
        """
        item = review.object
        if item is None or (review.old_object is not None and _demands(item) == _demands(review.old_object)):
            return Verdict(allowed=True)
        if item.get("kind") == EXCEPTIONS.kind:
            return self._of_exception(dict(item))
        read = await asyncio.to_thread(read_policy, dict(item))
        if read.policy is None:
            return Verdict(allowed=False, message=_refusal(read.source.name, list(read.lines())))
        try:
            async with asyncio.timeout(seconds):
                found = await asyncio.to_thread(findings, read)
        except TimeoutError:
            _LOG.warning("lint of %s is not done within %.1f seconds", read.source.name, seconds)
            return Verdict(allowed=True, warnings=("lint took too long and says nothing",))
        lines = [line(each) for each in found]
        if any(each.severity in self._refused for each in found):
            return Verdict(allowed=False, message=_refusal(read.source.name, lines))
        return Verdict(allowed=True, warnings=tuple(lines))

    def _of_exception(self, item: Any) -> Verdict:
        read = read_exception(item)
        if read.exemption is None:
            return Verdict(allowed=False, message=_refusal(read.name, read.lines()))
        if self._exceptions in (ANYWHERE, read.exemption.namespace):
            return Verdict(allowed=True)
        where = (
            f"exceptions count in namespace {self._exceptions}" if self._exceptions else "no exceptions count"
        )
        return Verdict(allowed=True, warnings=(f"this exempts nobody: {where} (--exceptions-in)",))


def findings(read: ReadPolicy) -> tuple[Finding, ...]:
    """Return what lint finds in a policy by itself."""
    if read.policy is None:
        return ()
    # Rules about the form of a text know the classic kinds.
    documents = [read.document] if isinstance(read.document, PolicyDocument) else []
    return lint(ir.PolicySet(policies=(read.policy,)), documents=documents, today=datetime.now(UTC).date())


def line(finding: Finding) -> str:
    """Return a finding in one line: `PRQ001 [error] spec.rules[0]... (7:5): message; help`."""
    problem = finding.problem
    help = f"; {problem.help}" if problem.help else ""
    return f"{finding.code} [{finding.severity}] {place(finding.location)}{problem.message}{help}"


def _refusal(name: str, lines: list[str]) -> str:
    shown = lines[:MAX_LINES] + ([f"and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else [])
    text = "\n".join(f"  {each}" for each in shown)
    return f"{name} is refused; places are those of `kubectl get -o yaml`:\n{text}"


def _demands(item: Any) -> Any:
    """Return what a policy is: an update that leaves it alone only changes notes about it."""
    metadata = item.get("metadata") or {}
    return item.get("spec"), metadata.get("annotations")
