"""The cost model beside what the runtime really asks, for every way in which signatures are stored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pratique.compiler.cost import TYPICAL, Cost, of_node
from pratique.compiler.plan import Plan
from pratique.compiler.plan_cost import asked
from pratique.runtime.cli import main
from pratique.runtime.lab.build import Lab, write_lab
from pratique.runtime.session import load_policies
from tests.support_engine import pod
from tests.support_lab import EMAIL, ISSUER, recipe_of
from tests.support_policies import cluster_policy

TYPE = "https://example.com/provenance/v1"
RECIPE = f"""
signers:
  dev: {{issuer: {ISSUER}, subject: {EMAIL}}}
  team: {{key: ecdsa-p256}}
images:
  - image: lab.test/cosign:v1
    signatures: [{{by: dev}}, {{by: dev, annotations: {{a: b}}}}]
    attestations: [{{by: dev, type: "{TYPE}", predicate: {{a: 1}}}}]
  - image: lab.test/bundle:v1
    signatures: [{{by: dev, format: bundle}}]
    attestations: [{{by: dev, format: bundle, type: "{TYPE}", predicate: {{a: 1}}}}]
  - image: lab.test/notary:v1
    signatures: [{{by: team, format: notary}}, {{by: team, format: notary-cose}}]
  - image: lab.test/document:v1
    attestations: [{{by: team, format: notary, type: sbom/type, predicate: {{a: 1}}}}]
"""
WHO = {"issuer": ISSUER, "subject": EMAIL, "rekor": {"url": "https://rekor.sigstore.dev"}}
SIGNED: dict[str, Any] = {"attestors": [{"entries": [{"keyless": WHO}]}]}
STATED: dict[str, Any] = {"attestors": [], "attestations": [{"type": TYPE, **SIGNED}]}
BUNDLED = {"type": "SigstoreBundle"}
NOTARY = {"type": "Notary"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lab]:
    folder = tmp_path_factory.mktemp("cost")
    return folder, write_lab(recipe_of(RECIPE), folder / "lab")


@pytest.mark.parametrize(
    ("entry", "image", "signatures", "statements"),
    [
        (SIGNED, "cosign", 2, 1),
        (STATED, "cosign", 2, 1),
        (SIGNED | {"attestations": STATED["attestations"]}, "cosign", 2, 1),
        (SIGNED | BUNDLED, "bundle", 1, 1),
        (STATED | BUNDLED, "bundle", 1, 1),
        (NOTARY, "notary", 2, 0),
        (NOTARY, "document", 1, 1),
    ],
)
def test_requests_and_signatures_are_those_of_a_run(
    built: tuple[Path, Lab],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    entry: dict[str, Any],
    image: str,
    signatures: int,
    statements: int,
) -> None:
    folder, lab = built
    if entry is NOTARY:
        trusted = {"entries": [{"certificates": {"cert": lab.trust["trust/notary.pem"]}}]}
        demand = {"attestors": [trusted]}
        stated = {"attestors": [], "attestations": [{"type": "sbom/type", **demand}]}
        entry = NOTARY | (stated if image == "document" else demand)
    text = cluster_policy(
        {"imageReferences": ["*"], "verifyDigest": False, "required": False, **entry},
        metadata={"annotations": {"pod-policies.kyverno.io/autogen-controllers": "none"}},
    )
    policy, resource = tmp_path / "policy.yaml", tmp_path / "pod.yaml"
    policy.write_text(text)
    resource.write_text(json.dumps(pod(f"lab.test/{image}:v1")))
    arguments = ["apply", str(policy), "-r", str(resource), "--offline", "-o", "json"]
    arguments += ["--registry-layout", str(folder / "lab/layout")]
    arguments += ["--trusted-root", str(folder / "lab/trust/trusted_root.json")]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out)
    graph = Plan(load_policies([str(policy)]).policies).graph
    assuming = replace(TYPICAL, signatures=signatures, statements=statements, statement_bytes=0)
    expected = sum(
        (of_node(graph, number, assuming) for number in asked(graph, graph.roots, assuming)), Cost()
    )
    run = report["totals"]
    requests = {name: run["requests"][name] for name in ("manifests", "blobs", "referrers")}
    assert sum(requests.values()) == expected.requests, requests
    assert run["verifications"] == expected.signatures
    assert expected.bytes / 4 < run["requests"]["bytes"] < expected.bytes * 4
