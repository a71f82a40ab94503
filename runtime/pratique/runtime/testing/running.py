"""Suites run one after the other, or several at once in processes of their own.

A suite that cannot be run is one failed test, and says why.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pratique.compiler import ir
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.grammar import wildcard
from pratique.grammar.documents.testing import Expectation
from pratique.grammar.errors import PolicyErrors, PratiqueError, UsageError
from pratique.runtime.now import NotYetError, run_now
from pratique.runtime.testing.discovery import Suite, read_suites
from pratique.runtime.testing.evaluation import evaluate
from pratique.runtime.testing.images import LAB, RECIPE, has_lab, open_images
from pratique.runtime.testing.judging import Judge
from pratique.runtime.testing.loading import Loaded, load
from pratique.runtime.testing.model import Responses, SuiteResult


@dataclass(frozen=True, slots=True)
class Selector:
    """Which rows of suites are run: globs over names; a row that names none is always run.

    Attributes:
        resource: glob of resources; other than `*` it also is what rows are about then.
    """

    policy: str = "*"
    rule: str = "*"
    resource: str = "*"

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Return the selector of `policy=…,rule=…,resource=…`.

        Raises:
            UsageError: it is not of that form.
        """
        given: dict[str, str] = {}
        for part in text.split(",") if text else ():
            name, equals, value = (each.strip() for each in part.partition("="))
            if not equals or "=" in value:
                raise UsageError(f"--test-case-selector: {part!r} is not NAME=GLOB")
            if name not in ("policy", "rule", "resource"):
                raise UsageError(f"--test-case-selector: {name!r} is not policy, rule or resource")
            given[name] = value
        return cls(**given)

    def rows(self, expected: Sequence[Expectation]) -> list[Expectation]:
        """Return the rows that are run."""
        chosen = [each for each in expected if self._chooses(each)]
        if self.resource == "*":
            return chosen
        return [each.model_copy(update={"resources": (self.resource,)}) for each in chosen]

    def _chooses(self, expected: Expectation) -> bool:
        resources = expected.resources or ()
        return (
            wildcard.matches(self.policy, expected.policy)
            and (not expected.rule or wildcard.matches(self.rule, expected.rule))
            and (not resources or any(wildcard.matches(self.resource, name) for name in resources))
        )


def run(suite: Suite, selector: Selector, *, registries: bool = False) -> SuiteResult | None:
    """Return what became of a suite; None where no row is chosen.

    Args:
        suite: what is run.
        selector: which of its rows.
        registries: whether registries are asked about images where the suite has no lab.
    """
    result = SuiteResult(path=str(suite.path), name=suite.test.name if suite.test else "")
    if suite.test is None:
        return replace(result, problem=_told(suite.problem or UsageError("there is no suite")))
    expected = selector.rows(suite.test.results)
    if not expected:
        return None
    try:
        loaded = load(suite, suite.test)
        responses = _responses(suite, loaded, expected, registries=registries)
    except PratiqueError as error:
        return replace(result, problem=_told(error))
    notes = tuple(
        f"found duplicated resource {key.kind} {key.name} {key.namespace}" for key in loaded.duplicates
    )
    return replace(
        result,
        policies=len(loaded.policies.policies) + len(loaded.authorizing) + len(loaded.invalid),
        resources=len(loaded.resources),
        exceptions=len(loaded.exemptions),
        rows=tuple(Judge(suite.folder, responses).rows(expected)),
        notes=notes,
    )


def _responses(
    suite: Suite, loaded: Loaded, expected: Sequence[Expectation], *, registries: bool
) -> Responses:
    """Return what the policies answer; images are opened where some rule asks for one."""
    images = registries or has_lab(suite.folder)
    try:
        return run_now(evaluate(loaded, expected, images=images))
    except NotYetError as error:
        if not images and not all(map(_asks_no_registry, loaded.policies.policies)):
            raise UsageError(
                f"the suite asks about images: put {RECIPE} beside it, or {LAB}/ of `pratique lab build`, or"
                " ask registries with --registry"
            ) from error
    with open_images(suite.folder, offline=not images) as opened:
        return opened.run(partial(evaluate, loaded, expected, images=images))


def _asks_no_registry(policy: ir.Policy) -> bool:
    """Say whether a policy verifies signatures of manifests at most, which objects bring along."""
    return not any(isinstance(rule.body, CelImageValidation | None) for rule in policy.rules)


def _told(error: PratiqueError) -> str:
    return error.render() if isinstance(error, PolicyErrors) else str(error)


def run_file(path: Path, selector: Selector, *, registries: bool = False) -> list[SuiteResult]:
    """Return what became of the suites of a file, those left out of which no row is chosen."""
    found = (run(suite, selector, registries=registries) for suite in read_suites(path))
    return [result for result in found if result is not None]


def run_files(
    files: Sequence[Path], selector: Selector, jobs: int, *, registries: bool = False
) -> Iterator[SuiteResult]:
    """Yield what became of the suites of files, in their order.

    Args:
        files: what to run.
        selector: which of their rows.
        jobs: how many processes; 1 for this one alone.
        registries: see `run`.
    """
    one = partial(run_file, selector=selector, registries=registries)
    if jobs <= 1 or len(files) <= 1 or not hasattr(os, "fork"):
        for path in files:
            yield from one(path)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    size = max(1, min(16, len(files) // (jobs * 4)))
    with ProcessPoolExecutor(min(jobs, len(files)), mp_context=get_context("fork")) as pool:
        for results in pool.map(one, files, chunksize=size):
            yield from results
