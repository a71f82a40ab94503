"""Rows of a suite beside what policies answered: what is compared with what, and what is counted.

References: Kyverno 1.19 `cmd/cli/kubectl-kyverno/commands/test` (`printTestResult`, `checkResult`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from pratique.grammar.documents.testing import Expectation
from pratique.grammar.errors import PratiqueError
from pratique.runtime.testing.comparison import differences, find
from pratique.runtime.testing.model import (
    ResourceKey,
    Response,
    Responses,
    Row,
    RuleKind,
    RuleOutcome,
    Verdict,
)
from pratique.runtime.testing.objects import read_objects

EXCLUDED: Final = "Excluded"
NOT_FOUND: Final = "Not found"
INVALID: Final = "Invalid Policy"


class _Checked(NamedTuple):
    ok: bool
    message: str
    reason: str
    missing: bool = False


class Judge:
    """Judges the rows of one suite; files of expected objects are read once."""

    def __init__(self, folder: Path, responses: Responses) -> None:
        """Take the folder that paths are relative to, and what policies answered."""
        self._folder = folder
        self._responses = responses
        self._files: dict[str, list[dict[str, Any]] | str] = {}

    def rows(self, expected: Sequence[Expectation]) -> list[Row]:
        """Return the counted tests, in the order of the suite."""
        return [row for each in expected for key in self._resources(each) for row in self._judged(each, key)]

    # --- which resources -------------------------------------------------------------------------------

    def _resources(self, expected: Expectation) -> list[ResourceKey]:
        """Return the resources of a row; where it names none that is there, all of the suite."""
        known = [*self._responses.targets, *self._triggers(expected)]
        if expected.resources is None:
            return known
        found = [key for name in expected.resources for key in known if _names(name, key)]
        for spec in expected.resource_specs:
            version = f"{spec.group}/{spec.version}" if spec.group else spec.version
            wanted = (version, spec.namespace, spec.name)
            found += [key for key in known if (key.api_version, key.namespace, key.name) == wanted]
        return found or known

    def _triggers(self, expected: Expectation) -> Mapping[ResourceKey, list[Response]]:
        return self._responses.triggers.get(expected.operation, {})

    # --- one resource ----------------------------------------------------------------------------------

    def _judged(self, expected: Expectation, key: ResourceKey) -> list[Row]:
        rows: list[Row] = []
        missing = False
        policy = expected.policy.rpartition("/")[2]
        for response in self._triggers(expected).get(key, ()):
            if response.policy != policy:
                continue
            for outcome in _about(expected, response):
                for checked, name in self._checked(expected, response, outcome, key):
                    if (
                        checked.missing
                        and outcome.kind is not RuleKind.GENERATION
                        and not expected.fail_on_missing_resources
                    ):
                        missing = True
                    else:
                        rows.append(_row(expected, outcome.rule, name, checked))
            if not rows and not missing:
                rows.append(_skipped(expected, key, Verdict.PASS, EXCLUDED, EXCLUDED))
        rows += self._targets(expected, key)
        if not rows and not missing:
            rows.append(self._not_found(expected, key, policy))
        return rows

    def _checked(
        self, expected: Expectation, response: Response, outcome: RuleOutcome, key: ResourceKey
    ) -> Iterator[tuple[_Checked, str]]:
        """Yield the tests of one rule result, each with the name of what it is about."""
        if outcome.kind is not RuleKind.GENERATION:
            about = response.patched if outcome.kind is RuleKind.MUTATION else response.resource
            yield self._compared(expected, about, outcome), str(key)
        elif not outcome.made:
            yield _status(expected, outcome), str(key)
        else:
            for made in outcome.made:
                yield self._compared(expected, made, outcome), ResourceKey.of(made).name

    def _targets(self, expected: Expectation, key: ResourceKey) -> Iterator[Row]:
        """Yield the tests of an existing object that some rules changed."""
        for response in self._responses.targets.get(key, ()):
            for outcome in response.outcomes:
                if outcome.target is not None and ResourceKey.of(outcome.target) == key:
                    checked = self._compared(expected, outcome.target, outcome)
                    yield _row(expected, outcome.rule, str(key), checked)
                    break

    def _not_found(self, expected: Expectation, key: ResourceKey, policy: str) -> Row:
        reason = self._responses.invalid.get(policy)
        if reason is not None:
            return _skipped(expected, key, Verdict.SKIP, INVALID, reason)
        return Row(
            policy=expected.policy,
            rule=expected.rule,
            resource=str(key),
            verdict=Verdict.FAIL,
            reason=NOT_FOUND,
            message=NOT_FOUND,
        )

    # --- one result ------------------------------------------------------------------------------------

    def _compared(self, expected: Expectation, actual: Mapping[str, Any], outcome: RuleOutcome) -> _Checked:
        if expected.patched_resources:
            wrong = self._differs(
                actual, expected.patched_resources, "PatchedResources", "patched resource in"
            )
            if wrong:
                return wrong
        if expected.generated_resources:
            tried = [
                self._differs(actual, path, "GeneratedResources", "generated resource in")
                for path in expected.generated_resources
            ]
            if None not in tried:
                diffs = [each for each in tried if each and each.reason == _DIFF]
                return [*tried, *diffs][-1] or _OK
        elif expected.generated_resource:
            wrong = self._differs(
                actual, expected.generated_resource, "GeneratedResource", "generated resource in"
            )
            if wrong:
                return wrong
        return _status(expected, outcome)

    def _differs(self, actual: Mapping[str, Any], path: str, field: str, what: str) -> _Checked | None:
        """Return how an object differs from the one of a file; None where it does not."""
        objects = self._objects(path)
        if isinstance(objects, str):
            return _Checked(False, f"failed to load {field} resource ({objects})", "Resource error")
        expected = find(iter(objects), actual)
        if expected is None:
            name = ResourceKey.of(actual).name
            text = f"failed to load {field} resource (resource with name {name} not found in manifest)"
            return _Checked(False, text, "Resource error", missing=True)
        told = differences(actual, expected)
        if not told:
            return None
        return _Checked(False, f"Patched resource didn't match the {what} the test result\n{told}", _DIFF)

    def _objects(self, path: str) -> list[dict[str, Any]] | str:
        found = self._files.get(path)
        if found is None:
            try:
                found = read_objects([self._folder / path])
            except PratiqueError as error:
                found = str(error)
            self._files[path] = found
        return found


_DIFF: Final = "Resource diff"
_OK: Final = _Checked(True, "", "Ok")


def _names(name: str, key: ResourceKey) -> bool:
    """Say whether a row names a resource: by its name (of a payload, its path), or with the namespace."""
    parts = name.split("/")
    if name == key.name:
        return True
    return len(parts) == 2 and (parts[0], parts[1]) == (key.namespace, key.name)


def _about(expected: Expectation, response: Response) -> Sequence[RuleOutcome]:
    """Return the rule results that a row is about; those of generated rules are among them."""
    if not expected.rule or not response.has_rules:
        return response.outcomes
    names = (expected.rule, f"autogen-{expected.rule}", f"autogen-cronjob-{expected.rule}")
    return [outcome for outcome in response.outcomes if outcome.rule in names]


def _status(expected: Expectation, outcome: RuleOutcome) -> _Checked:
    if outcome.status == expected.result:
        return _Checked(True, outcome.message, "Ok")
    return _Checked(False, outcome.message, f"Want {expected.result}, got {outcome.status}")


def _row(expected: Expectation, rule: str, resource: str, checked: _Checked) -> Row:
    return Row(
        policy=expected.policy,
        rule=rule,
        resource=resource,
        verdict=Verdict.PASS if checked.ok else Verdict.FAIL,
        reason=checked.reason,
        message=checked.message,
        skipped=checked.ok and expected.result == "skip",
    )


def _skipped(expected: Expectation, key: ResourceKey, verdict: Verdict, reason: str, message: str) -> Row:
    return Row(
        policy=expected.policy,
        rule=expected.rule,
        resource=str(key),
        verdict=verdict,
        reason=reason,
        message=message,
        skipped=True,
    )
