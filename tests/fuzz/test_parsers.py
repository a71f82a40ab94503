"""No bytes of strangers crash a parser, keep it busy, or prove what nobody signed."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support_fuzz import CORPUS, PARSERS, SECONDS, FuzzError, Parser
from tests.support_spoiling import spoil

KEPT = [path for name in PARSERS for path in PARSERS[name].corpus()]
QUICK = settings(max_examples=60, deadline=1000 * SECONDS, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", PARSERS)
def test_good_inputs_are_read(name: str) -> None:
    for seed in PARSERS[name].seeds:
        PARSERS[name].read(seed)


@pytest.mark.parametrize("name", PARSERS)
@QUICK
@given(number=st.integers(0, 2**64 - 1), place=st.integers(0, 9))
def test_spoiled_inputs(name: str, number: int, place: int) -> None:
    parser = PARSERS[name]
    parser.check(spoil(parser.seeds[place % len(parser.seeds)], parser.seeds, Random(number)))


@pytest.mark.parametrize("name", PARSERS)
@QUICK
@given(data=st.binary(max_size=300))
def test_any_bytes(name: str, data: bytes) -> None:
    PARSERS[name].check(data)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_corpus(path: Path) -> None:
    PARSERS[path.parent.name].check(path.read_bytes())


def test_the_corpus_belongs_to_parsers() -> None:
    assert {path.name for path in CORPUS.iterdir() if path.is_dir()} <= set(PARSERS)


def test_what_a_parser_must_never_do_is_noticed() -> None:
    def crash(data: bytes) -> None:
        raise KeyError(data)

    with pytest.raises(FuzzError, match="KeyError"):
        Parser("crash", crash, lambda: []).check(b"")
    with pytest.raises(FuzzError, match="nobody signed"):
        Parser("believer", bytes, lambda: [b"good"]).check(b"bad")


def test_what_is_kept_is_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support_fuzz.CORPUS", tmp_path)
    parser = PARSERS["cbor"]
    assert parser.keep(b"\xff") in parser.corpus()
