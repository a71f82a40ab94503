"""Policies about images in CEL, and the demands that analysis takes them for: the engine says the same."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.cel_policies.image_demands import as_demands
from pratique.compiler.plan import Plan
from pratique.runtime.applicable import applicable
from pratique.runtime.decision import Status
from pratique.runtime.engine import Engine
from pratique.runtime.evidence import Evidence
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.resource import Resource
from pratique.runtime.signatures.trust_root import TrustRoot
from pratique.runtime.signatures.verifier import Verifier
from tests.support_cel_policies import policy, text
from tests.support_lab import MemoryLab, memory_lab

NAMES = ("dev", "ops")
WHO = tuple("+".join(who) for who in ((), ("dev",), ("ops",), ("dev", "ops")))
TYPES = ("https://slsa.dev/provenance/v1", "https://cosign.sigstore.dev/attestation/vuln/v1")
SHORT = ("slsaprovenance1", "vuln")


def lab(format: str) -> MemoryLab:
    """Return images that are signed and stated about by nobody, by either, by both."""
    stored = f", format: {format}" if format else ""
    signers = "".join(
        f"  {name}: {{subject: {name}@acme.example, issuer: https://accounts.google.com}}\n" for name in NAMES
    )
    images = ""
    for who in WHO:
        for stated in WHO:
            by = [f"{{by: {name}{stored}}}" for name in who.split("+") if name]
            statements = [
                f"{{by: {name}, type: '{TYPES[number]}', predicate: {{a: b}}{stored}}}"
                for number, name in enumerate(stated.split("+"))
                if name
            ]
            images += (
                f"  - image: r.example/team/{_name(who, stated)}:v1\n    signatures: [{', '.join(by)}]\n"
                f"    attestations: [{', '.join(statements)}]\n"
            )
    return memory_lab(f"signers:\n{signers}images:\n{images}")


def _name(who: str, stated: str) -> str:
    return f"s-{who.replace('+', '-') or 'none'}-a-{stated.replace('+', '-') or 'none'}"


IMAGES = tuple(_name(who, stated) for who in WHO for stated in WHO)
LABS = {
    ir.SignatureFormat.COSIGN: lab(""),
    ir.SignatureFormat.SIGSTORE_BUNDLE: lab("bundle"),
}


def written(source: random.Random) -> str:
    """Return a policy by chance, of those that are recognised."""

    def test() -> str:
        chosen = [f"attestors.{name}" for name in source.sample(NAMES, source.randint(1, 2))]
        limit = source.choice(("> 0", ">= 1", f"== {len(chosen)}", f">= {len(chosen)}", "> 1"))
        called = source.choice(
            (
                "verifyImageSignatures(i, ",
                *(f"verifyAttestationSignatures(i, attestations.{n}, " for n in "pv"),
            )
        )
        return f"{called}[{', '.join(chosen)}]) {limit}"

    lists = "(images.containers + images.initContainers + images.ephemeralContainers)"
    tests = " && ".join(test() for _ in range(source.randint(1, 2)))
    expressions = [f"{lists}.all(i, {tests})"]
    if source.random() < 0.5:
        call, _, limit = test().rpartition(") ")
        expressions.append(f"{lists}.map(i, {call})).all(n, n {limit})")
    attestors = ", ".join(
        f"{{name: {name}, cosign: {{keyless: {{identities: [{{issuer: 'https://accounts.google.com',"
        f" subject: {name}@acme.example}}]}}}}}}"
        for name in NAMES
    )
    statements = ", ".join(
        f"{{name: {name}, intoto: {{type: {type}}}}}" for name, type in zip("pv", SHORT, strict=True)
    )
    validations = "".join(f"- {{expression: '{each}', message: refused}}\n" for each in expressions)
    return text(
        "ImageValidatingPolicy",
        f"attestors: [{attestors}]\nattestations: [{statements}]\nvalidations:\n{validations}",
    )


def verdicts(of: ir.Policy, store: MemoryLab) -> list[Status]:
    """Return what becomes of each image."""
    root = TrustRoot.from_json(store.trusted_root.encode(), "lab")
    plan = Plan(ir.PolicySet(policies=(of,)))

    async def run() -> list[Status]:
        evidence = Evidence(LayoutStore(store.files), Verifier(lambda: root))
        engine = Engine(plan, evidence)
        found = []
        for name in IMAGES:
            spec: dict[str, Any] = {"containers": [{"name": "c", "image": f"r.example/team/{name}:v1"}]}
            metadata = {"name": "web", "namespace": "shop"}
            resource = Resource({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
            (result,) = await engine.judge(resource, applicable(plan, resource))
            found.append(result.status)
        return found

    return asyncio.run(run())


@pytest.mark.parametrize("format", LABS)
@pytest.mark.parametrize("seed", range(4))
def test_the_engine_says_the_same_of_both(seed: int, format: ir.SignatureFormat) -> None:
    source = random.Random(seed)
    seen: set[Status] = set()
    for _ in range(6):
        found = policy(written(source))
        demands = as_demands(found, format)
        assert demands is not None
        expected = verdicts(found, LABS[format])
        assert verdicts(demands, LABS[format]) == expected, written
        seen |= set(expected)
    assert seen == {Status.PASS, Status.FAIL}
