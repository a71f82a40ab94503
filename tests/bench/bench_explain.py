"""Plans of many policies, in every form; figures of whole processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.measure import PRATIQUE, process

POLICIES = 500
FORMS = ("text", "json", "html", "plan")


def policy(number: int) -> str:
    """Return a policy with an image pattern of its own and a signer that some others name, too."""
    keyless = {"issuer": "https://accounts.google.com", "subject": f"team-{number % 40}@acme.example"}
    entry = {
        "imageReferences": [f"ghcr.io/team-{number}/*"],
        "mutateDigest": False,
        "attestors": [{"entries": [{"keyless": keyless | {"rekor": {"url": "https://rekor.sigstore.dev"}}}]}],
    }
    match = {"any": [{"resources": {"kinds": ["Pod"]}}]}
    spec = {"rules": [{"name": "verify", "match": match, "verifyImages": [entry]}]}
    kind = {"apiVersion": "kyverno.io/v1", "kind": "ClusterPolicy"}
    return json.dumps({**kind, "metadata": {"name": f"p{number}"}, "spec": spec})


def run() -> Iterator[tuple[str, str]]:
    with TemporaryDirectory() as folder:
        path = Path(folder, "policies.yaml")
        path.write_text("\n---\n".join(map(policy, range(POLICIES))))
        for form in FORMS:
            figures = process([*PRATIQUE, "explain", str(path), "-o", form], runs=3)
            yield f"explain {POLICIES} policies ({3 * POLICIES} rules) -o {form}", str(figures)
