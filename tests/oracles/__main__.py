"""Compares every decision procedure with an oracle that decides in another way, on random questions.

    python3 dev.py oracles                     100,000 questions of each procedure
    python3 dev.py oracles 5000                fewer
    python3 dev.py oracles 5000 signers        of the procedures whose names contain a word

Works on all cores, and ends with 1 where an answer differs. The number at the start makes a run repeatable:
`PRATIQUE_ORACLES_SEED`.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Final

from tests.oracles import differences, expressions, references, resources, signers, words
from tests.oracles.procedures import Disagreement, Procedure

PROCEDURES = (
    *words.PROCEDURES,
    *references.PROCEDURES,
    *resources.PROCEDURES,
    *expressions.PROCEDURES,
    *signers.PROCEDURES,
    *differences.PROCEDURES,
)
QUESTIONS: Final = 100_000

CHUNK: Final = 200
"""Cases that a worker is given at once."""

MAX_SHOWN: Final = 10
"""Differences of one procedure that are printed; the first one that many ends it."""


MAX_LENGTH: Final = 2_000
"""Characters of a difference that are printed."""


@dataclass(slots=True)
class Tally:
    """What came of some cases of a procedure.

    Attributes:
        answers: how many of each kind.
        differences: each with the number of its case.
        seconds: of all workers together.
    """

    answers: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Add what came of further cases."""
        self.answers += other.answers
        self.differences += other.differences
        self.seconds += other.seconds


def main(arguments: list[str]) -> int:
    """Ask each procedure, print a row for it; return 1 where some answer differs, 2 for no such procedure."""
    questions = QUESTIONS
    if arguments and arguments[0].isdigit():
        questions = int(arguments.pop(0))
    chosen = [each for each in PROCEDURES if all(word in each.name for word in arguments)]
    if not chosen:
        names = ", ".join(each.name for each in PROCEDURES)
        print(f"no procedure of that name; there are {names}", file=sys.stderr)
        return 2
    seed = int(os.environ.get("PRATIQUE_ORACLES_SEED") or SystemRandom().getrandbits(32))
    workers = os.cpu_count() or 1
    print(f"seed {seed}, {questions:,} questions each, {workers} processes\n")
    print(
        f"{'procedure':34}{'questions':>10}{'witnesses':>10}{'proofs':>10}{'unknown':>9}{'differ':>8}{'CPU':>9}"
    )
    differ = False
    # Forked, so that a worker knows the procedures of this process, whatever they are.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
        for each in chosen:
            if each.missing:
                print(f"{each.name:34}not asked: needs {', '.join(each.missing)}", flush=True)
                continue
            tally = _ask(each, round(questions * each.share), seed, pool, 2 * workers)
            differ = differ or bool(tally.differences)
            _print_row(each, tally)
    return 1 if differ else 0


def _ask(procedure: Procedure, questions: int, seed: int, pool: Executor, ahead: int) -> Tally:
    """Hand out cases until all questions are answered, `ahead` portions at a time."""
    tally = Tally()
    portions = _portions(questions)
    running: set[Future[Tally]] = set()
    while True:
        asked = tally.answers.total()
        if asked < questions and len(tally.differences) < MAX_SHOWN:
            while len(running) < ahead:
                running.add(pool.submit(run_cases, procedure.name, seed, next(portions)))
        elif not running:
            return tally
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for portion in done:
            tally.add(portion.result())
        if sys.stderr.isatty():
            print(f"\r{procedure.name:34}{tally.answers.total():>10,}", end="\r", file=sys.stderr)


def _portions(questions: int) -> Iterator[range]:
    size = max(1, min(CHUNK, questions // 20))
    start = 0
    while True:
        yield range(start, start + size)
        start += size


def run_cases(name: str, seed: int, cases: range) -> Tally:
    """Return what came of the cases of these numbers; runs in a worker."""
    procedure = next(each for each in PROCEDURES if each.name == name)
    tally, start = Tally(), time.process_time()
    for case in cases:
        try:
            tally.answers.update(procedure.compare(Random(f"{seed} {procedure.name} {case}")))
        except Disagreement as error:
            tally.differences.append(f"case {case}: {error}")
    tally.seconds = time.process_time() - start
    return tally


def _print_row(procedure: Procedure, tally: Tally) -> None:
    kinds = tally.answers
    print(
        f"{procedure.name:34}{kinds.total():>10,}{kinds['witness']:>10,}{kinds['proof']:>10,}"
        f"{kinds['unknown']:>9,}{len(tally.differences):>8,}{tally.seconds:>7.0f} s",
        flush=True,
    )
    for difference in tally.differences[:MAX_SHOWN]:
        print(f"  differs from {procedure.oracle}: {difference[:MAX_LENGTH]}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
