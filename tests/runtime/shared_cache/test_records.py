from __future__ import annotations

import pytest

from pratique.runtime.shared_cache.records import SKEW_S, Answer, ForgedError, Sealer

NOW = 1_800_000_000.0
ANSWER = Answer(b'{"a": 1}\n', "application/x")


def sealer(key: bytes = b"k" * 32, now: float = NOW) -> Sealer:
    return Sealer(key, lambda: now)


NAME = sealer().name("ghcr.io", "acme/app", "manifest", "v1")


def test_what_was_sealed_is_opened() -> None:
    for answer in (ANSWER, Answer(b"", "image-not-found", is_absent=True)):
        assert sealer(now=NOW + 59).open(NAME, sealer().seal(NAME, answer), 60) == answer
        assert sealer(now=NOW + 1e6).open(NAME, sealer().seal(NAME, answer), None) == answer


def test_names_show_nothing_and_differ_by_question_and_installation() -> None:
    assert b"acme" not in NAME
    names = {
        NAME,
        sealer().name("ghcr.io", "acme/app", "manifest", "v2"),
        sealer().name("ghcr.io", "acme", "app", "manifest", "v1"),
        sealer(b"x" * 32).name("ghcr.io", "acme/app", "manifest", "v1"),
    }
    assert len(names) == 4


def test_f24_no_changed_record_is_opened() -> None:
    record = sealer().seal(NAME, ANSWER)
    for position in range(len(record)):
        spoiled = bytearray(record)
        spoiled[position] ^= 1
        with pytest.raises(ForgedError):
            sealer().open(NAME, bytes(spoiled), None)
    for cut in (b"", record[:31], record[:32], record[:-1], record + b"x"):
        with pytest.raises(ForgedError):
            sealer().open(NAME, cut, None)


def test_f24_a_record_is_the_answer_to_its_own_question_only() -> None:
    record = sealer().seal(NAME, ANSWER)
    with pytest.raises(ForgedError):
        sealer().open(sealer().name("another"), record, None)


def test_f24_another_installation_is_not_believed() -> None:
    with pytest.raises(ForgedError):
        sealer().open(NAME, sealer(b"x" * 32).seal(NAME, ANSWER), None)


@pytest.mark.parametrize("age", [60, 1e6, -SKEW_S - 1])
def test_f24_what_is_too_old_or_of_a_time_to_come_is_not_believed(age: float) -> None:
    assert sealer(now=NOW + age).open(NAME, sealer().seal(NAME, ANSWER), 60) is None
