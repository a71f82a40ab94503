from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from pratique.compiler import ir
from pratique.compiler.graph import Listing, Op, Resolve, Verification, questions
from pratique.runtime.decision import Requests
from pratique.runtime.measuring import Measured, Meter
from pratique.runtime.watching import Spent, Watched

RESOLUTION = Watched(Op.RESOLVE, Resolve())
LISTING = Watched(Op.LIST, Listing(ir.SignatureFormat.COSIGN))


@pytest.fixture
def seconds() -> Iterator[float]:
    return (float(number) for number in itertools.count())


@pytest.fixture
def meter(seconds: Iterator[float]) -> Meter:
    """Return a meter whose clock goes on by a second with every look."""
    return Meter(clock=lambda: next(seconds))


def test_what_an_answer_costs_is_the_difference(meter: Meter) -> None:
    spent = [Spent(Requests(manifests=5, bytes=100), 2)]
    meter.counts(lambda: spent[-1])
    meter.asked(RESOLUTION)
    meter.asked(RESOLUTION)
    with meter.answering(RESOLUTION):
        spent.append(Spent(Requests(manifests=6, blobs=1, bytes=150), 2))
    assert meter.measured == {
        RESOLUTION: Measured(asked=2, answered=1, requests=2, bytes=50, signatures=0, seconds=1.0)
    }
    assert meter.measured[RESOLUTION].remembered == 1


def test_a_question_within_counts_for_itself_alone(meter: Meter) -> None:
    spent = [Spent(Requests(), 0)]
    meter.counts(lambda: spent[-1])
    with meter.answering(LISTING):
        with meter.answering(RESOLUTION):
            spent.append(Spent(Requests(manifests=1), 0))
        spent.append(Spent(Requests(manifests=1, blobs=3), 1))
    found = meter.measured
    assert (found[RESOLUTION].requests, found[RESOLUTION].seconds) == (1, 1.0)
    assert (found[LISTING].requests, found[LISTING].signatures, found[LISTING].seconds) == (3, 1, 2.0)


def test_an_answer_that_fails_has_cost_something_too(meter: Meter) -> None:
    with pytest.raises(ValueError, match="no"), meter.answering(RESOLUTION):
        raise ValueError("no")
    assert meter.measured[RESOLUTION].answered == 1
    with meter.answering(LISTING):
        pass
    assert meter.measured[LISTING].seconds == 1.0


def test_keys_by_reference_stand_for_what_was_found(meter: Meter) -> None:
    reference, key = ir.KeySigner(key="k8s://a/b"), ir.KeySigner(key="pem")
    meter.resolved(reference, key)
    found = ir.Attestor(signer=key)
    listing, verification = questions(found)
    meter.asked(Watched(Op.ATTESTOR, found, listing))
    meter.asked(Watched(Op.VERIFY, verification, listing))
    assert set(meter.measured) == {
        Watched(Op.ATTESTOR, ir.Attestor(signer=reference), listing),
        Watched(Op.VERIFY, Verification(reference, found.trust), listing),
    }


def test_figures_add_up() -> None:
    one = Measured(asked=1, answered=2, requests=3, bytes=4, signatures=5, seconds=6)
    assert one + Measured() == one
    assert one + one == Measured(asked=2, answered=4, requests=6, bytes=8, signatures=10, seconds=12)
    assert Measured(asked=1, answered=3).remembered == 0
