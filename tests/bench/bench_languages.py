"""How long questions about many image patterns take: `python tests/bench/bench_languages.py [patterns]`."""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.pairs import inclusions, overlaps
from pratique.compiler.languages.search import Unknown

REGISTRIES = (
    "docker.io",
    "ghcr.io",
    "quay.io",
    "registry.k8s.io",
    "harbor.corp.example:8443",
    "*.azurecr.io",
)
OWNERS = ("acme", "prometheus", "library", "team-*", "platform", "*", "kube", "data")
NAMES = ("app", "web*", "*-operator", "etcd", "kube-*", "*", "node-exporter", "base/*", "api?", "worker")
TAILS = (":*", ":v1*", "*", ":v1.2?", "@sha256:*", ":*-dev", ":latest", "")

T = TypeVar("T")


def patterns(count: int, seed: int = 1) -> list[str]:
    """Return distinct patterns of the shapes that policies use; the same ones for the same seed."""
    rng = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        parts = [rng.choice(REGISTRIES), *(rng.choice(OWNERS) for _ in range(rng.randrange(3)))]
        number = str(rng.randrange(400)) if rng.random() < 0.6 else ""
        found["/".join(parts) + "/" + rng.choice(NAMES) + number + rng.choice(TAILS)] = None
    return list(found)


def timed(label: str, work: Callable[[], T]) -> T:
    """Return what `work` returns, and print how long it took."""
    start = time.perf_counter()
    result = work()
    print(f"{label:36} {time.perf_counter() - start:8.3f} s")
    return result


def main() -> None:
    """Time overlaps and inclusions among all pairs, from patterns to witnesses."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    texts = patterns(count)
    globs = timed(f"{count} patterns read", lambda: [Glob.parse(text) for text in texts])
    met = timed(f"overlaps of {count * (count - 1) // 2} pairs", lambda: list(overlaps(globs)))
    held = timed(f"inclusions of {count * (count - 1)} pairs", lambda: list(inclusions(globs)))
    unknown = sum(isinstance(pair.answer, Unknown) for pair in (*met, *held))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(met)} overlaps, {len(held)} inclusions, {unknown} unknown, {peak:.0f} MiB")


if __name__ == "__main__":
    main()
