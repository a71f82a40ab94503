"""Conditions that no proof covers, judged by examples: both sides evaluate the same generated values.

Kyverno's operators look at the types of what they compare (`"5s"` is 5), so that a translation is not the
same for every value. For values of the types that the policy writes, both sides are asked here, with their
own evaluators; one on which they disagree is a witness.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pratique.compiler import ir
from pratique.compiler.cel.program import World
from pratique.compiler.cel.questions import SignedQuestion
from pratique.compiler.cel_bodies import CelImageValidation
from pratique.compiler.cel_policies.image_run import VerifiedImages
from pratique.compiler.cel_policies.image_validating import CompiledImages, compile_images
from pratique.compiler.cel_policies.request import Coordinates, Request
from pratique.compiler.converting import conditions, written
from pratique.compiler.converting.conditions import Joined, Test, Tree
from pratique.compiler.converting.model import DENIAL, Conversion, Draft, declared
from pratique.compiler.expressions.conditions import Conditions
from pratique.compiler.expressions.context import Context
from pratique.compiler.languages.search import Witness
from pratique.compiler.validations.model import Status
from pratique.grammar.errors import EvaluationError

SAMPLES: Final = 200
_MISSING: Final = object()
_POD: Final = Coordinates("", "v1", "Pod")
_PODS: Final = Coordinates("", "v1", "pods")


@dataclass(frozen=True, slots=True)
class Judged:
    """What examples say.

    Attributes:
        agreed: on how many values of what both sides said the same, in sentences.
        refuted: values on which they did not.
    """

    agreed: tuple[str, ...] = ()
    refuted: tuple[str, ...] = ()


def judge(conversion: Conversion, after: Sequence[ir.Policy]) -> Judged:
    """Return what examples say of the conditions of a conversion.

    Args:
        conversion: the classic policy, and the drafts.
        after: what the drafts read as, in their order.
    """
    agreed: list[str] = []
    refuted: list[str] = []
    for draft, policy in zip(conversion.drafts, after, strict=True):
        body = policy.rules[0].body
        image = _image(body) if isinstance(body, CelImageValidation) else ""
        if not isinstance(body, CelImageValidation) or not draft.conditions or not image:
            continue
        names = [conversion.document.model.spec.rules[number].name for number in draft.rules]
        rules = [rule for rule in declared(conversion.policy) if rule.name in names]
        entries = [entry for rule in rules for entry in rule.requirements]
        preconditions = rules[0].preconditions
        for judging in (
            _Statements(draft, body, image, entries),
            _Requests(draft, body, image, preconditions),
        ):
            asked, differing = judging.judged()
            agreed += (
                [f"{policy.key} and the classic policy agree on {asked} {judging.what}"] if asked else []
            )
            refuted += differing
    return Judged(tuple(agreed), tuple(refuted))


def _image(body: CelImageValidation) -> str:
    """Return an image that a policy is about."""
    found = written.compare(ir.ImageRegion(include=()), body.references)
    return found.text if isinstance(found, Witness) else ""


def _pod(image: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "app", "namespace": "default"},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }


@dataclass(frozen=True, slots=True)
class _Statements:
    """Judges conditions on statements: every attestor has signed what is generated."""

    draft: Draft
    body: CelImageValidation
    image: str
    entries: Sequence[ir.ImageRequirement]
    what = "generated statements"

    def judged(self) -> tuple[int, list[str]]:
        """Return how many statements both sides agree on, and those on which they do not."""
        types = {each.name: each.type for each in self.body.statements}
        names = {a.name: a.type for e in self.entries for a in e.attestations if a.name}
        tests: dict[str, list[Test]] = {}
        for name, tree in self.draft.conditions.items():
            if name == DENIAL:
                for test in _tests(tree):
                    kind = names.get(test.path.names[0], "")
                    path = replace(test.path, names=test.path.names[1:])
                    tests.setdefault(kind, []).append(replace(test, path=path))
            elif name:
                tests.setdefault(types[name], []).extend(_tests(tree))
        if not tests:
            return 0, []
        compiled, _ = compile_images(replace(self.body, demand_digest=False, scope=_open(self.body)))
        asked = 0
        for sample in _samples(tests):
            before, now = self._classic(sample), self._converted(compiled, sample)
            if before is not now:
                who = "the classic policy" if before else "the new policy"
                return asked, [f"an image whose statements say {sample}: {who} alone accepts it"]
            asked += 1
        return asked, []

    def _classic(self, sample: Mapping[str, Any]) -> bool:
        for entry in self.entries:
            names: dict[str, Any] = {}
            for each in entry.attestations:
                predicate = sample.get(each.type, {})
                names |= {each.name: predicate} if each.name else {}
                blocks = Conditions.compile_blocks(list(each.conditions)) if each.conditions else None
                if blocks and not _holds(blocks, predicate):
                    return False
            if entry.denial:
                try:
                    if Conditions.compile(entry.denial.conditions).evaluate(Context(names))[0]:
                        return False
                except EvaluationError:
                    return False
        return True

    def _converted(self, compiled: CompiledImages, sample: Mapping[str, Any]) -> bool:
        def answer(question: Any) -> Any:
            if not isinstance(question, SignedQuestion):
                return {"image": self.image}
            predicate = sample.get(question.type, {})
            notary = any(each.format is ir.SignatureFormat.NOTARY for each in question.layers)
            return [predicate if notary else {"predicate": predicate}] if question.type else []

        bindings = _request(_pod(self.image)).bindings(self.body.scope.dialect)
        outcome = compiled.evaluate(bindings, World(ask=answer), VerifiedImages(), _PODS)
        return outcome is not None and outcome.status is Status.PASS


@dataclass(frozen=True, slots=True)
class _Requests:
    """Judges preconditions."""

    draft: Draft
    body: CelImageValidation
    image: str
    preconditions: Any
    what = "generated resources"

    def judged(self) -> tuple[int, list[str]]:
        """Return how many resources both sides agree on, and those on which they do not."""
        if "" not in self.draft.conditions:
            return 0, []
        found = _tests(self.draft.conditions[""])
        tests = [
            replace(test, path=replace(test.path, names=test.path.names[2:]))
            for test in found
            if test.path.names[:2] == ("request", "object") and len(test.path.names) > 2
        ]
        if len(tests) < len(found):
            return 0, []
        classic = Conditions.compile(self.preconditions)
        compiled, _ = compile_images(self.body)
        asked = 0
        for sample in _samples({"": tests}):
            pod = _merged(_pod(self.image), sample[""])
            before = _holds(classic, {"request": {"object": pod, "operation": "CREATE"}})
            try:
                now = compiled.applies(_request(pod).bindings(self.body.scope.dialect), World())
            except EvaluationError:
                now = False
            if before is not now:
                return asked, [f"a Pod with {sample['']}: the preconditions hold on one side alone"]
            asked += 1
        return asked, []


def _open(body: CelImageValidation) -> Any:
    return replace(body.scope, conditions=())


def _request(pod: dict[str, Any]) -> Request:
    return Request(kind=_POD, resource=_PODS, name="app", namespace="default", object=pod)


def _holds(of: Conditions, values: Mapping[str, Any]) -> bool:
    try:
        return of.evaluate(Context(values))[0]
    except EvaluationError:
        return False


# --- values --------------------------------------------------------------------------------------------


def _tests(tree: Tree) -> list[Test]:
    match tree:
        case Test():
            return [tree]
        case Joined(parts=parts):
            return [test for part in parts for test in _tests(part)]


def _samples(tests: Mapping[str, Sequence[Test]]) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield values for what tests look at: those that they name, and neighbours of them."""
    source = random.Random(0)  # noqa: S311 - examples, the same in every run
    values: dict[tuple[str, tuple[str, ...]], list[Any]] = {}
    for kind, of in tests.items():
        for test in of:
            values.setdefault((kind, test.path.names), []).extend(_values(test))
    for _ in range(SAMPLES):
        sample: dict[str, dict[str, Any]] = {kind: {} for kind in tests}
        for (kind, names), choices in values.items():
            value = source.choice(choices)
            if value is not _MISSING:
                _put(sample[kind], names, value)
        yield sample


def _values(test: Test) -> list[Any]:
    match test.operator, test.value:
        case _, bool():
            return [True, False, _MISSING]
        case _, int() | float() as number:
            return [number - 1, number, number + 1, number + 0.5, _MISSING]
        case "in" | "!in", tuple() as texts:
            return [*texts[:3], "other", _MISSING]
        case "matches" | "!matches", str() as text:
            inner = text.split("|")[0].removeprefix("^").removesuffix("$")
            return [conditions.plain(inner), f"other-{conditions.plain(inner)}", _MISSING]
        case _, text:
            return [text, f"{text}x", "", _MISSING]


def _put(into: dict[str, Any], names: Sequence[str], value: Any) -> None:
    for name in names[:-1]:
        below = into.setdefault(name, {})
        if not isinstance(below, dict):
            return
        into = below
    into.setdefault(names[-1], value)


def _merged(one: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(one)
    for name, value in other.items():
        mine = result.get(name)
        result[name] = _merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return result
