"""Judges one review within its time. Whatever goes wrong counts against the request, never for it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from pratique.compiler import ir
from pratique.grammar.errors import EvaluationError, UsageError
from pratique.runtime.admission.review import Review
from pratique.runtime.admission.verdict import Outcome, Verdict, decide, outcomes
from pratique.runtime.applicable import Applicable, applicable
from pratique.runtime.decision import Status
from pratique.runtime.engine import Engine

MAX_IMAGES: Final = 2_000
"""Images of one object; more are refused before anything is asked (W16)."""

_LOG: Final = logging.getLogger("pratique.admission")


class Judge:
    """Answers reviews by one engine at a time; `engine` may be set to another while requests are judged.

    INVARIANT: a request is judged by the engine that was set when it came (F26).
    """

    def __init__(self, engine: Engine) -> None:
        self.use(engine)

    def use(self, engine: Engine) -> None:
        """Judge by `engine` from the next request on.

        Raises:
            UsageError: a rule selects by roles: the API server does not send them, and a rule that is
                silently not matched is worse than none (R6).
        """
        for planned in engine.plan.rules:
            for wanted in planned.rule.resources.match.filters:
                if wanted.roles or wanted.cluster_roles:
                    name = f"{planned.policy.key}.{planned.rule.name}"
                    raise UsageError(f"{name} matches roles or clusterRoles, which admission does not know")
        self.engine = engine

    async def verdict(
        self,
        review: Review,
        *,
        mutating: bool,
        seconds: float,
        namespace_labels: Mapping[str, str] | None = None,
    ) -> Verdict:
        """Return the verdict on a review, after `seconds` at the latest.

        Args:
            review: the request.
            mutating: the answer may carry a patch.
            seconds: what is left of the API server's patience.
            namespace_labels: None where they are not known.
        """
        engine = self.engine
        if review.object is None and review.old_object is None:
            return Verdict(allowed=True)  # CONNECT without an object: there is nothing that runs
        resource = review.resource(namespace_labels)
        if len(resource.images) > MAX_IMAGES:
            text = f"{resource.id} has more than {MAX_IMAGES} images"
            return Verdict(allowed=False, message=text)
        rules = applicable(engine.plan, resource)
        if not rules:
            return Verdict(allowed=True)
        try:
            async with asyncio.timeout(seconds):
                results = await engine.judge(resource, rules)
        except TimeoutError:
            return decide(_unfinished(rules, seconds), resource)
        except EvaluationError as error:
            return decide(_all(rules, error.message), resource)
        except Exception:
            number = secrets.token_hex(4)
            _LOG.exception("defect %s while judging %s", number, review.uid)
            return decide(_all(rules, f"internal error {number}"), resource)
        named = {(i.planned.policy.key, i.planned.rule.name): _parts(i) for i in rules}
        found = list(outcomes(results, named, mutating=mutating))
        pins = [pin for result in results for pin in result.pins] if mutating else ()
        return decide(found, resource, pins)


def _parts(item: Applicable) -> tuple[ir.Policy, ir.Rule]:
    return item.planned.policy, item.planned.rule


def _all(rules: Sequence[Applicable], message: str) -> list[Outcome]:
    return [
        Outcome(policy=i.planned.policy, rule=i.planned.rule, status=Status.ERROR, message=message)
        for i in rules
    ]


def _unfinished(rules: Sequence[Applicable], seconds: float) -> list[Outcome]:
    """Return an error for each rule, naming the images that it had yet to judge."""
    found = []
    for item in rules:
        names = ", ".join(dict.fromkeys(use.match_string for use in item.uses))
        found += _all([item], f"no verdict within {seconds:g} seconds on {names}")
    return found
