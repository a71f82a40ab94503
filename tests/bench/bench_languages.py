"""Questions about many image patterns, and lint of many policies."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from pratique.compiler.languages.globs import Glob
from pratique.compiler.languages.pairs import inclusions, overlaps
from pratique.compiler.languages.search import Unknown
from tests.bench.measure import PRATIQUE, process

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

POLICIES = 1_000


def patterns(count: int, seed: int = 1) -> list[str]:
    """Return distinct patterns of the shapes that policies use; the same ones for the same seed."""
    rng = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        parts = [rng.choice(REGISTRIES), *(rng.choice(OWNERS) for _ in range(rng.randrange(3)))]
        number = str(rng.randrange(400)) if rng.random() < 0.6 else ""
        found["/".join(parts) + "/" + rng.choice(NAMES) + number + rng.choice(TAILS)] = None
    return list(found)


def run() -> Iterator[tuple[str, str]]:
    start = time.perf_counter()
    globs = [Glob.parse(text) for text in patterns(1_000)]
    read = time.perf_counter()
    met = list(overlaps(globs))
    overlapped = time.perf_counter()
    held = list(inclusions(globs))
    included = time.perf_counter()
    unknown = sum(isinstance(pair.answer, Unknown) for pair in (*met, *held))
    yield "1,000 patterns read", f"{read - start:.3f} s"
    yield "overlaps of all pairs with witnesses (budget 3 s)", f"{overlapped - read:.2f} s, {len(met)} found"
    yield "inclusions of all pairs (budget 0.5 s)", f"{included - overlapped:.2f} s, {len(held)} found"
    yield "pairs without an answer", str(unknown)
    with TemporaryDirectory() as folder:
        write_policies(Path(folder), patterns(2 * POLICIES, seed=2))
        figures = process([*PRATIQUE, "lint", "--exit-zero", "-o", "concise", folder])
    yield f"lint of {POLICIES:,} policies (budget 5 s, 300 MB)", str(figures)


def write_policies(folder: Path, texts: list[str]) -> None:
    """Write policies with two patterns each, signed by twenty teams."""
    for number in range(POLICIES):
        first, second = texts[2 * number : 2 * number + 2]
        policy = {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": f"p{number}"},
            "spec": {"rules": [_rule(number, [first, second])]},
        }
        (folder / f"{number}.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))


def _rule(number: int, references: list[str]) -> dict[str, object]:
    keyless = {
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": f"https://github.com/team{number % 20}/app/.github/workflows/release.yml@refs/tags/*",
        "rekor": {"url": "https://rekor.sigstore.dev"},
    }
    return {
        "name": "verify",
        "match": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [f"team{number % 50}"]}}]},
        "verifyImages": [
            {
                "imageReferences": references,
                "mutateDigest": False,
                "attestors": [{"entries": [{"keyless": keyless}]}],
            }
        ],
    }
