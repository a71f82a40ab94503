"""Spoils inputs of every parser for a while; what a parser stumbles over is added to `tests/data/fuzz`.

    python3 dev.py fuzz              a minute over all parsers
    python3 dev.py fuzz 600          ten minutes
    python3 dev.py fuzz 60 cbor      one minute of one of them

Ends with 1 where something was found. The number at the start makes a run repeatable: `PRATIQUE_FUZZ_SEED`.
"""

import os
import sys
import time
from random import Random, SystemRandom

from tests.support_fuzz import PARSERS, SECONDS, FuzzError, Parser
from tests.support_spoiling import spoil


def main(arguments: list[str]) -> int:
    seconds = float(arguments[0]) if arguments else 60.0
    unknown = sorted(set(arguments[1:]) - set(PARSERS))
    if unknown:
        print(f"no parser {', '.join(unknown)}; there are {', '.join(PARSERS)}", file=sys.stderr)
        return 2
    seed = int(os.environ.get("PRATIQUE_FUZZ_SEED") or SystemRandom().getrandbits(32))
    print(f"seed {seed}")
    names = arguments[1:] or list(PARSERS)
    found = sum(_run(PARSERS[name], seconds / len(names), Random(f"{seed} {name}")) for name in names)
    return 1 if found else 0


def _run(parser: Parser, seconds: float, random: Random) -> int:
    """Spoil inputs of one parser; return how many different faults it has, each kept once."""
    pool = [*parser.seeds, *(path.read_bytes() for path in parser.corpus())]
    faults: set[str] = set()
    count, slowest, end = 0, 0.0, time.monotonic() + seconds
    while (start := time.monotonic()) < end:
        data = spoil(random.choice(pool), pool, random)
        problem = ""
        try:
            parser.check(data)
        except FuzzError as error:
            problem = str(error)
        took = time.monotonic() - start
        count, slowest = count + 1, max(slowest, took)
        if took > SECONDS:
            problem = f"{parser.name}: took {took:.1f} s"
        if problem and (kind := problem[:60]) not in faults:
            faults.add(kind)
            print(f"  {parser.keep(data)}: {problem[:200]}")
    print(
        f"{parser.name:<22} {count:>8} inputs, slowest {1000 * slowest:.0f} ms, {len(faults)} faults",
        flush=True,
    )
    return len(faults)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
