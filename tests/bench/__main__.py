"""Measures the budgets of the design and prints each as a ratio to a bare operation where one exists.

    python3 dev.py bench            every benchmark
    python3 dev.py bench cold apply some of them

Each `bench_NAME.py` beside this file has `run()`, which yields (label, figure) rows. Nothing here fails a
build: shared machines are noisy, so a person reads the figures.
"""

import importlib
import os
import platform
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def main(wanted: list[str]) -> int:
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.2f}")
    for name in wanted or known:
        print(f"\n{name}")
        for label, figure in importlib.import_module(f"tests.bench.bench_{name}").run():
            print(f"  {label:<68} {figure}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
