"""Compares every decision procedure with an oracle that decides in another way, on random questions.

    python3 dev.py oracles                     100,000 questions of each procedure
    python3 dev.py oracles 5000                fewer
    python3 dev.py oracles 5000 signers        of the procedures whose names contain a word

Ends with 1 where an answer differs. The number at the start makes a run repeatable: `PRATIQUE_ORACLES_SEED`.
"""

import os
import sys
import time
from collections import Counter
from random import Random, SystemRandom

from tests.oracles import expressions, references, signers, words
from tests.oracles.procedures import Disagreement, Procedure

PROCEDURES = (*words.PROCEDURES, *references.PROCEDURES, *expressions.PROCEDURES, *signers.PROCEDURES)
CASES = 100_000


def main(arguments: list[str]) -> int:
    cases = CASES
    if arguments and arguments[0].isdigit():
        cases = int(arguments.pop(0))
    chosen = [each for each in PROCEDURES if all(word in each.name for word in arguments)]
    if not chosen:
        print(
            f"no procedure of that name; there are {', '.join(p.name for p in PROCEDURES)}", file=sys.stderr
        )
        return 2
    seed = int(os.environ.get("PRATIQUE_ORACLES_SEED") or SystemRandom().getrandbits(32))
    print(f"seed {seed}, {cases:,} cases each")
    return 1 if sum(_run(each, cases, seed) for each in chosen) else 0


def _run(procedure: Procedure, cases: int, seed: int) -> int:
    """Ask about random cases, print a row; return 1 where an answer differs."""
    if procedure.missing:
        print(f"{procedure.name:32} not run: needs {', '.join(procedure.missing)}")
        return 0
    kinds: Counter[str] = Counter()
    start = shown = time.monotonic()
    for case in range(cases):
        try:
            kinds.update(procedure.compare(Random(f"{seed} {procedure.name} {case}")))
        except Disagreement as error:
            print(f"{procedure.name:32} case {case}: {error}")
            return 1
        if sys.stderr.isatty() and (now := time.monotonic()) - shown > 0.5:
            shown = now
            print(f"\r{procedure.name:32} {case:,}", end="\r", file=sys.stderr)
    answers = ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items()))
    print(
        f"{procedure.name:32} 0 differ from {procedure.oracle}; {answers}; {time.monotonic() - start:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
