"""What is counted of reviews."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pratique.compiler.plan import Plan
from pratique.runtime.admission.review import Review
from pratique.runtime.admission.verdict import Verdict
from pratique.runtime.metrics import Metrics, Series
from pratique.runtime.phases import Phase
from pratique.runtime.phases import Review as Observed

MAX_VERDICTS: Final = 5_000
"""Combinations of policy, rule, result and operation that are counted apart: tenants may write policies."""


class Measures:
    """Counts reviews and the verdicts of rules.

    Args:
        metrics: is added to.
        plan: returns what is in force.
    """

    def __init__(self, metrics: Metrics, plan: Callable[[], Plan]) -> None:
        self._plan = plan
        self._pruned_for: Plan | None = None
        self._reviews = metrics.counter(
            "pratique_admission_reviews_total", "Answers to reviews.", ("webhook", "outcome", "dry_run")
        )
        self._seconds = metrics.histogram(
            "pratique_admission_review_duration_seconds", "Time from a review to its answer.", ("webhook",)
        )
        self._phases = metrics.histogram(
            "pratique_admission_phase_duration_seconds",
            "Time that a review spent in one phase, if it had it.",
            ("phase",),
        )
        self._by_phase: dict[int, Series] = {}
        self._attacks = metrics.counter(
            "pratique_admission_digest_mismatches_total",
            "Results of rules for which a registry answered other bytes than those asked for.",
        )
        self._verdicts = metrics.counter(
            "pratique_admission_verdicts_total",
            "Results of rules at admission.",
            ("policy", "rule", "result", "operation"),
            MAX_VERDICTS,
        )
        metrics.gauge("pratique_policies", "Policies in force.", lambda: len(plan().policies.policies))
        metrics.gauge("pratique_rules", "Rules in force, generated ones included.", lambda: len(plan().rules))

    def answered(self, webhook: str, outcome: str, dry_run: str, observed: Observed) -> None:
        """Count an answer, and where its time went."""
        observed.finish(outcome, outcome if outcome in ("error", "refused") else "")
        self._reviews.add(webhook, outcome, dry_run)
        whole = 0.0
        for number, seconds in enumerate(observed.seconds):
            if seconds:
                whole += seconds
                series = self._by_phase.get(number)
                if series is None:
                    series = self._by_phase[number] = self._phases.of(Phase(number).label)
                series.observe(seconds)
        self._seconds.observe(whole, webhook)

    def turned_away(self, webhook: str, outcome: str) -> None:
        """Count a request that was not read."""
        self._reviews.add(webhook, outcome, "")

    def judged(self, review: Review, verdict: Verdict) -> None:
        """Count what became of each rule."""
        for outcome in verdict.outcomes:
            if outcome.attack:
                self._attacks.add()
            self._verdicts.add(outcome.policy.key, outcome.rule.name, outcome.status.value, review.operation)

    def results(self) -> Iterator[tuple[str, str, str, float]]:
        """Yield policy, rule, result and how often it was, over all operations that were counted apart."""
        for (policy, rule, result, _), number in self._verdicts.values():
            yield policy, rule, result, number

    def prune(self) -> None:
        """Forget verdicts of policies that are in force no more, so that others may be counted by name."""
        plan = self._plan()
        if plan is not self._pruned_for:
            self._pruned_for = plan
            keys = {policy.key for policy in plan.policies.policies}
            self._verdicts.forget(lambda labels: labels[0] not in keys)
