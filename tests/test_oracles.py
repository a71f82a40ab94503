"""Some questions of each comparison with an oracle; `dev.py oracles` asks a hundred thousand."""

from collections import Counter
from random import Random

import pytest

from tests.oracles.__main__ import PROCEDURES, main
from tests.oracles.procedures import Disagreement, Procedure, agree


@pytest.mark.parametrize("procedure", PROCEDURES, ids=lambda each: each.name)
def test_a_procedure_agrees_with_its_oracle(procedure: Procedure) -> None:
    if procedure.missing:
        pytest.skip(f"the oracle needs {', '.join(procedure.missing)}: `pip install 'pratique[dev]'`")
    kinds: Counter[str] = Counter()
    for case in range(30):
        kinds.update(procedure.compare(Random(f"{procedure.name} {case}")))
    # A comparison that only ever sees one kind of answer compares nothing.
    assert kinds["witness"]
    assert kinds["proof"]


def test_a_difference_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(_: Random) -> list[str]:
        agree(False, "a false proof", "a*")
        return ["proof"]

    monkeypatch.setattr("tests.oracles.__main__.PROCEDURES", (Procedure("wrong", "nothing", wrong),))
    assert main(["10"]) == 1
    assert "case 0: a false proof; a*" in capsys.readouterr().out
    with pytest.raises(Disagreement):
        wrong(Random(0))


def test_unknown_procedures_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["10", "nothing"]) == 2
    assert "overlap of image sets" in capsys.readouterr().err
