"""Implication between demands on an image, and whether one signature can meet them all.

A demand is a monotone formula over attestors, so what refutes "whoever meets A meets B" is a set of
signatures that meets A and keeps B false. B is false as long as only some of its attestors are met: for each
largest such set, the attestors of A that can be met without meeting any other of B either suffice for A, and
then their signers are the counterexample, or do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice, product
from typing import Final, TypeAlias, assert_never

from pratique.compiler import ir
from pratique.compiler.analysis import signers
from pratique.compiler.analysis.signers import Signer
from pratique.compiler.languages.search import Proof, Unknown

MAX_SETS: Final = 2_000
"""Largest unmet sets, or smallest met ones, that one question looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Evidence that meets all demands of one side and not this one of the other.

    Attributes:
        demand: what is not met: a set of attestors, a statement, or conditions under which to refuse.
        signers: those whose signatures meet the first side; empty where it demands none.
        is_stated: the signers vouch for a statement that meets the first side, not for the image.
    """

    demand: ir.Threshold | ir.Attestation | ir.Denial
    signers: tuple[Signer, ...] = ()
    is_stated: bool = False


Implication: TypeAlias = Proof | Gap | Unknown

Find: TypeAlias = Callable[[Sequence[ir.Attestor], Sequence[ir.Attestor]], signers.SignerAnswer]
"""Answers whether there is one signer inside some attestors and outside others; see `signers.find`."""


def implies(
    premise: Sequence[ir.ImageRequirement],
    conclusion: Sequence[ir.ImageRequirement],
    *,
    find: Find = signers.find,
    max_sets: int = MAX_SETS,
) -> Implication:
    """Return whether evidence that meets `premise` always meets `conclusion`: a proof, or a gap.

    Looked at are signatures, statements and conditions on them; settings on digests are not.
    """
    demands = _Demands(premise, find, max_sets)
    possible = demands.possible()
    if isinstance(possible, Proof):
        return possible
    unknown: Unknown | None = None
    for requirement, wanted in _wanted(conclusion):
        answer = Proof() if demands.deny(requirement, wanted) else demands.imply(wanted)
        if isinstance(answer, Gap):
            return possible or answer
        if isinstance(answer, Unknown):
            unknown = answer
    return unknown or Proof()


def one_signer(
    requirements: Sequence[ir.ImageRequirement], *, find: Find = signers.find, max_sets: int = MAX_SETS
) -> signers.SignerAnswer:
    """Return one signer whose single signature meets all sets of attestors of all requirements.

    Certificates are taken to name one subject, as those of Fulcio do.
    """
    thresholds = [threshold for requirement in requirements for threshold in requirement.signatures]
    unknown: Unknown | None = None
    choices = [tuple(islice(_met(threshold), max_sets + 1)) for threshold in thresholds]
    for number, choice in enumerate(product(*choices)):
        if number == max_sets:
            return Unknown(f"more than {max_sets:,} ways to meet the attestors")
        attestors = tuple(dict.fromkeys(attestor for part in choice for attestor in part))
        if not attestors:
            continue
        answer = find(attestors, ())
        if isinstance(answer, Signer):
            return answer
        if isinstance(answer, Unknown):
            unknown = answer
    return unknown or Proof()


def _wanted(
    requirements: Sequence[ir.ImageRequirement],
) -> Iterator[tuple[ir.ImageRequirement, ir.Threshold | ir.Attestation | ir.Denial]]:
    for requirement in requirements:
        denials = (requirement.denial,) if requirement.denial else ()
        for wanted in (*requirement.signatures, *requirement.attestations, *denials):
            yield requirement, wanted


@dataclass(slots=True)
class _Demands:
    """The demands of one side, met as sparingly as can be."""

    requirements: Sequence[ir.ImageRequirement]
    find: Find
    max_sets: int
    _known: dict[tuple[ir.Attestor, tuple[ir.Attestor, ...]], signers.SignerAnswer] = field(
        default_factory=dict
    )

    def possible(self) -> Proof | Unknown | None:
        """Return the proof that no evidence meets all demands, or why that is unknown; None where some does.

        In cosign's format every statement of a type must be accepted by each attestor that is met, unless
        those of others are left aside, so that one signer must meet them all.
        """
        answers = {a: self._find(a, ()) for t in self._thresholds for a in attestors(t)}
        usable = {attestor for attestor, answer in answers.items() if isinstance(answer, Signer)}
        unknown = next((answer for answer in answers.values() if isinstance(answer, Unknown)), None)
        if not all(holds(threshold, usable) for threshold in self._thresholds):
            return unknown or Proof()
        given = [a for requirement in self.requirements for a in requirement.attestations if a.exclusive]
        found: Unknown | None = None
        for kind in dict.fromkeys(a.type for a in given):
            by = tuple(threshold for a in given if a.type == kind for threshold in a.by)
            if any(
                a.format is not ir.SignatureFormat.COSIGN for threshold in by for a in attestors(threshold)
            ):
                continue
            at_once = [replace(requirement, signatures=by) for requirement in self.requirements[:1]]
            who = one_signer(at_once, find=self.find, max_sets=self.max_sets)
            if by and isinstance(who, Proof):
                return who
            found = who if isinstance(who, Unknown) else found
        return found

    def deny(self, of: ir.ImageRequirement, wanted: ir.Threshold | ir.Attestation | ir.Denial) -> bool:
        """Say whether conditions under which to refuse are here too, over statements of the same names."""
        return isinstance(wanted, ir.Denial) and any(
            each.denial == wanted and each.attestations == of.attestations for each in self.requirements
        )

    def imply(self, wanted: ir.Threshold | ir.Attestation | ir.Denial) -> Implication:
        match wanted:
            case ir.Threshold():
                return self._met(self._thresholds, wanted)
            case ir.Attestation():
                return self._stated(wanted)
            case ir.Denial():
                return Unknown("conditions on statements are compared as text")
            case _:
                assert_never(wanted)

    @property
    def _thresholds(self) -> tuple[ir.Threshold, ...]:
        return tuple(threshold for requirement in self.requirements for threshold in requirement.signatures)

    def _met(self, given: tuple[ir.Threshold, ...], wanted: ir.Threshold) -> Proof | Gap | Unknown:
        if wanted in given:
            return Proof()
        everything = frozenset(attestors(wanted))
        unknown: Unknown | None = None
        for number, unmet in enumerate(_unmet(wanted)):
            if number == self.max_sets:
                return Unknown(f"more than {self.max_sets:,} ways to leave the attestors unmet")
            avoided = tuple(a for a in attestors(wanted) if a in everything - unmet)
            answers = {
                attestor: self._find(attestor, avoided)
                for threshold in given
                for attestor in attestors(threshold)
            }
            usable = {attestor for attestor, answer in answers.items() if isinstance(answer, Signer)}
            if all(holds(threshold, usable) for threshold in given):
                return Gap(demand=wanted, signers=_few(given, answers))
            possible = {attestor for attestor, answer in answers.items() if not isinstance(answer, Proof)}
            if all(holds(threshold, possible) for threshold in given):
                unknown = next(answer for answer in answers.values() if isinstance(answer, Unknown))
        return unknown or Proof()

    def _find(self, inside: ir.Attestor, outside: tuple[ir.Attestor, ...]) -> signers.SignerAnswer:
        key = inside, outside
        if key not in self._known:
            self._known[key] = self.find((inside,), outside)
        return self._known[key]

    def _stated(self, wanted: ir.Attestation) -> Implication:
        """Compare statements: equal types, conditions as text, and who must vouch for them."""
        given = [a for requirement in self.requirements for a in requirement.attestations]
        same_type = [a for a in given if a.type == wanted.type]
        if not same_type:
            return Gap(demand=wanted, signers=self._all_signers())
        answer: Implication = Unknown("conditions on statements are compared as text")
        for attestation in same_type:
            if not all(condition in attestation.conditions for condition in wanted.conditions):
                continue
            if wanted.exclusive and not attestation.exclusive:
                answer = Unknown("statements by others are left aside by one side alone")
                continue
            answers = [self._met(attestation.by, threshold) for threshold in wanted.by]
            gap = next((a for a in answers if isinstance(a, Gap)), None)
            if gap is None:
                unknown = next((a for a in answers if isinstance(a, Unknown)), None)
                if unknown is None:
                    return Proof()
                answer = unknown
            elif sum(1 for threshold in attestation.by for _ in attestors(threshold)) == 1 == len(same_type):
                # One attestor for every statement of the type: its signer vouches for all of them.
                return Gap(demand=wanted, signers=gap.signers, is_stated=True)
            else:
                answer = Unknown("all statements of a type must be accepted by several attestors")
        return answer

    def _all_signers(self) -> tuple[Signer, ...]:
        answers = {a: self._find(a, ()) for threshold in self._thresholds for a in attestors(threshold)}
        return _few(self._thresholds, answers)


def attestors(formula: ir.Formula) -> tuple[ir.Attestor, ...]:
    """Return the attestors of a formula, each once, in its order."""
    return tuple(dict.fromkeys(_attestors(formula)))


def _attestors(formula: ir.Formula) -> Iterator[ir.Attestor]:
    match formula:
        case ir.Leaf(attestor=attestor):
            yield attestor
        case ir.Threshold(of=parts):
            for part in parts:
                yield from _attestors(part)
        case _:
            assert_never(formula)


def holds(formula: ir.Formula, met: frozenset[ir.Attestor] | set[ir.Attestor]) -> bool:
    """Say whether a formula is met where just the attestors of `met` are; equal parts count once."""
    match formula:
        case ir.Leaf(attestor=attestor):
            return attestor in met
        case ir.Threshold(count=count, of=parts):
            return sum(holds(part, met) for part in dict.fromkeys(parts)) >= count
        case _:
            assert_never(formula)


def _met(formula: ir.Formula) -> Iterator[frozenset[ir.Attestor]]:
    """Yield sets of attestors that suffice; each smallest one is among them."""
    match formula:
        case ir.Leaf(attestor=attestor):
            yield frozenset((attestor,))
        case ir.Threshold(count=count, of=parts):
            for chosen in combinations(dict.fromkeys(parts), count):
                for sets in product(*(tuple(islice(_met(part), MAX_SETS + 1)) for part in chosen)):
                    yield frozenset().union(*sets)
        case _:
            assert_never(formula)


def _unmet(formula: ir.Formula) -> Iterator[frozenset[ir.Attestor]]:
    """Yield sets of attestors, all of which together do not suffice; each largest one is among them."""
    everything = frozenset(attestors(formula))
    match formula:
        case ir.Leaf():
            yield frozenset()
        case ir.Threshold(count=count, of=parts):
            distinct = tuple(dict.fromkeys(parts))
            if count > len(distinct):
                yield everything
                return
            # All but `count - 1` parts are unmet: an attestor may be met if no unmet part minds.
            for broken in combinations(distinct, len(distinct) - count + 1):
                for sets in product(*(tuple(islice(_unmet(part), MAX_SETS + 1)) for part in broken)):
                    allowed = everything
                    for part, met in zip(broken, sets, strict=True):
                        allowed -= frozenset(attestors(part)) - met
                    yield allowed
        case _:
            assert_never(formula)


def _few(
    thresholds: Sequence[ir.Threshold], answers: dict[ir.Attestor, signers.SignerAnswer]
) -> tuple[Signer, ...]:
    """Return signers that meet all thresholds, none of them in vain."""
    chosen = {attestor: answer for attestor, answer in answers.items() if isinstance(answer, Signer)}
    for attestor in list(chosen):
        fewer = set(chosen) - {attestor}
        if all(holds(threshold, fewer) for threshold in thresholds):
            del chosen[attestor]
    return tuple(dict.fromkeys(chosen.values()))
