"""Cold start of the commands people run in editors and pipelines, beside a bare interpreter."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import PRATIQUE, process

POLICY = Path(__file__).parents[2] / "policies/control-plane/as-printed.yaml"
RESOURCES = POLICY.with_name("resources.yaml")


def run() -> Iterator[tuple[str, str]]:
    bare = process([sys.executable, "-c", "pass"])
    yield "bare interpreter", str(bare)
    commands = {
        "pratique --version": ["--version"],
        "pratique lint, one file (budget 0.35 s, 60 MB)": ["lint", str(POLICY)],
        "pratique explain, one file (budget 0.35 s, 60 MB)": ["explain", str(POLICY)],
        "pratique apply, one file, nothing to fetch (budget 0.35 s, 60 MB)": [
            "apply",
            str(POLICY),
            "-r",
            str(RESOURCES),
            "--offline",
        ],
    }
    for label, arguments in commands.items():
        figures = process([*PRATIQUE, *arguments])
        yield label, f"{figures}, x{figures.wall_s / bare.wall_s:.1f} of bare"
