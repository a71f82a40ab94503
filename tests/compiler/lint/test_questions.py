from __future__ import annotations

from pratique.compiler import ir
from pratique.compiler.analysis.points import Point, Zone
from pratique.compiler.analysis.signers import Signer
from pratique.compiler.languages.search import Proof
from pratique.compiler.lint.questions import ALLOWANCE, SPENT, Questions
from tests.support_rule_sets import DEV, OPS


def keyless(subject: str) -> ir.Attestor:
    return ir.Attestor(signer=ir.IdentitySigner(subject=ir.TextTests(tests=(ir.Glob(text=subject),))))


def demand(*subjects: str, count: int = 1) -> ir.ImageRequirement:
    leaves = tuple(ir.Leaf(attestor=keyless(subject)) for subject in subjects)
    threshold = ir.Threshold(count=count, of=leaves)
    return ir.ImageRequirement(images=ir.ImageRegion(include=()), signatures=(threshold,))


def zone(namespace: str) -> Zone:
    pods = ir.ResourceFilter(kinds=(ir.KindSelector(kind="Pod"),), namespaces=(namespace,))
    return Zone(ir.ResourceRegion(namespace=None, match=ir.Selection(filters=(pods,))))


def spent() -> Questions:
    questions = Questions()
    questions._spend(ALLOWANCE)
    return questions


def test_answers_are_those_of_the_procedures() -> None:
    ask = Questions()
    assert isinstance(ask.find([zone("a*"), zone("*b")]), Point)
    assert isinstance(ask.find([zone("a"), zone("b")]), Proof)
    assert isinstance(ask.signer((keyless("*@acme.example"),), (keyless(DEV),)), Signer)
    assert isinstance(ask.one_signer([demand(DEV), demand(OPS)]), Proof)
    assert isinstance(ask.implies([demand(DEV)], [demand("*@acme.example")]), Proof)


def test_what_is_asked_again_costs_next_to_nothing() -> None:
    ask = Questions()
    for _ in range(2):
        ask.find([zone("a*"), zone("*b")])
        ask.signer((keyless("*@acme.example"),))
    before = ask._allowance
    ask.find([zone("a*"), zone("*b")])
    ask.signer((keyless("*@acme.example"),))
    assert before - ask._allowance <= 1


def test_an_allowance_that_is_spent_answers_nothing_new() -> None:
    ask = spent()
    assert ask.is_spent
    assert ask.find([zone("a")]) is SPENT
    assert ask.signer((keyless(DEV),)) is SPENT
    assert ask.one_signer([demand(DEV)]) is SPENT
    assert ask.implies([demand(DEV)], [demand(OPS)]) is SPENT
    known = Questions()
    answer = known.find([zone("a")])
    known._spend(ALLOWANCE)
    assert known.find([zone("a")]) is answer


def test_hard_questions_are_unknown_rather_than_wrong() -> None:
    """Ten of twenty can be met in more ways than are looked at."""
    many = demand(*(f"s{n}" for n in range(20)), count=10)
    assert not isinstance(Questions().one_signer([many, many]), Proof | Signer)
