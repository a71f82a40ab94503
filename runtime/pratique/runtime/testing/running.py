"""Suites run one after the other, or several at once in processes of their own.

A suite that cannot be run is one failed test, and says why.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pratique.grammar import wildcard
from pratique.grammar.documents.testing import Expectation
from pratique.grammar.errors import PolicyErrors, PratiqueError, UsageError
from pratique.runtime.now import NotYetError
from pratique.runtime.testing.discovery import Suite, read_suites
from pratique.runtime.testing.evaluation import evaluate
from pratique.runtime.testing.judging import Judge
from pratique.runtime.testing.loading import load
from pratique.runtime.testing.model import SuiteResult


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


def run(suite: Suite, selector: Selector) -> SuiteResult | None:
    """Return what became of a suite; None where no row is chosen."""
    result = SuiteResult(path=str(suite.path), name=suite.test.name if suite.test else "")
    if suite.test is None:
        return replace(result, problem=_told(suite.problem or UsageError("there is no suite")))
    expected = selector.rows(suite.test.results)
    if not expected:
        return None
    try:
        loaded = load(suite, suite.test)
        responses = evaluate(loaded, expected)
    except NotYetError:
        text = "the suite asks about images, and no registry is to be asked"
        return replace(result, problem=text)
    except PratiqueError as error:
        return replace(result, problem=_told(error))
    notes = tuple(
        f"found duplicated resource {key.kind} {key.name} {key.namespace}" for key in loaded.duplicates
    )
    return replace(
        result,
        policies=len(loaded.policies.policies) + len(loaded.invalid),
        resources=len(loaded.resources),
        exceptions=len(loaded.exemptions),
        rows=tuple(Judge(suite.folder, responses).rows(expected)),
        notes=notes,
    )


def _told(error: PratiqueError) -> str:
    return error.render() if isinstance(error, PolicyErrors) else str(error)


def run_file(path: Path, selector: Selector) -> list[SuiteResult]:
    """Return what became of the suites of a file, those left out of which no row is chosen."""
    return [result for suite in read_suites(path) if (result := run(suite, selector)) is not None]


def run_files(files: Sequence[Path], selector: Selector, jobs: int) -> Iterator[SuiteResult]:
    """Yield what became of the suites of files, in their order.

    Args:
        files: what to run.
        selector: which of their rows.
        jobs: how many processes; 1 for this one alone.
    """
    if jobs <= 1 or len(files) <= 1 or not hasattr(os, "fork"):
        for path in files:
            yield from run_file(path, selector)
        return
    from concurrent.futures import ProcessPoolExecutor
    from functools import partial
    from multiprocessing import get_context

    size = max(1, min(16, len(files) // (jobs * 4)))
    with ProcessPoolExecutor(min(jobs, len(files)), mp_context=get_context("fork")) as pool:
        for results in pool.map(partial(run_file, selector=selector), files, chunksize=size):
            yield from results
