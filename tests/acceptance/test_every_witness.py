"""Every example of every finding, of whatever rule: the engine shows what the finding claims.

The findings are those of the examples in the manual pages, of the policies of this project, and of random
sets of policies. What a label of an example claims stands in `tests/support_witnesses.py`; a label that is
not there fails.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from pratique.compiler.lint import rules
from pratique.compiler.lint.base import Rule, catalogue
from pratique.compiler.lint.manual import fenced, sections
from pratique.compiler.lower import lower
from pratique.grammar.documents import read_policies
from pratique.grammar.source import Source
from tests.conftest import ROOT
from tests.support_cel_policies import text as policy_in_cel
from tests.support_lint import policy_text
from tests.support_policy_sets import policy_sets
from tests.support_sigstore import keyless, written
from tests.support_witnesses import SHOWN, Claim, Policies, question

ELSEWHERE = {
    "admitted while its registry does not answer",  # test_lint_witnesses: asks the webhook
    "selected all the same",  # test_empty_rules: about policies that are refused
    "fails one or the other",  # test_lint_witnesses: about statements of two signers
}
"""Labels whose claims are executed by other tests."""

SEEDS = range(8)
SETS = 25


def claims(given: Policies) -> list[Claim]:
    """Return the claims of all findings, but for those about images of an inventory, which are given."""
    return [
        Claim(given, finding, example)
        for finding in given.findings()
        for example in finding.problem.examples
        if example.label not in ELSEWHERE
    ]


def wrong(found: list[Claim]) -> list[str]:
    """Return the claims that the engine does not show."""
    told = []
    for claim in found:
        judge = question(claim)
        assert judge, f"what does {claim.finding.code} claim by {claim.example.label!r}?"
        if not judge(claim):
            told.append(
                f"{claim.finding.code} {claim.finding.problem.message}\n{claim.example}\n{claim.given.text}"
            )
    return told


def is_accepted(text: str) -> bool:
    file = read_policies(Source("policy.yaml", text))
    return not file.errors and not lower(file.policies).errors


@pytest.mark.parametrize("rule", catalogue(), ids=lambda rule: rule.code)
def test_examples_of_manual_pages(rule: Rule) -> None:
    text = policy_text(fenced(sections(rule)["Example"], "yaml"))
    if not is_accepted(text):
        # The engine never gets to see it: the loader refuses it, under a code that this page explains.
        assert rule.explains
        return
    found = claims(Policies(text))
    assert wrong(found) == []


def test_policies_of_this_project() -> None:
    found = [
        claim
        for path in sorted((ROOT / "policies").glob("*/*.yaml"))
        if "kind: ClusterPolicy" in path.read_text() or "kind: Policy" in path.read_text()
        for claim in claims(Policies(path.read_text()))
    ]
    assert found
    assert wrong(found) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_random_policies(seed: int) -> None:
    for text in policy_sets(seed, SETS):
        if is_accepted(text):
            assert wrong(claims(Policies(text))) == []


def test_random_policies_and_manual_pages_have_findings_with_every_label() -> None:
    texts = [policy_text(fenced(sections(rule)["Example"], "yaml")) for rule in catalogue()]
    texts += [text for seed in SEEDS for text in policy_sets(seed, SETS)]
    seen = Counter(
        claim.example.label for text in texts if is_accepted(text) for claim in claims(Policies(text))
    )
    told = {label for label in seen if not label.startswith("meets ")}
    assert set(SHOWN) - told == set()


def test_no_label_is_left_out() -> None:
    files = Path(rules.__path__[0]).glob("*.py")
    written = {label for path in files for label in re.findall(r"Example\(\s*\"([^\"]+)\"", path.read_text())}
    assert written - set(SHOWN) - ELSEWHERE == {"accepted issuer", "skipped"} - set(SHOWN)


AUTHORITIES = (
    keyless("dev@acme.example"),
    keyless("ops@acme.example", "dev@acme.example"),
    "{keyless: {identities: [{issuerRegExp: '.*', subject: dev@acme.example}]}}",
    "{keyless: {identities: [{issuer: 'https://accounts.google.com', subjectRegExp: dev}]}}",
    "{keyless: {identities: [{issuer: 'https://accounts.google.com', subjectRegExp: '.*'}]}}",
    keyless("dev@acme.example", around=", source: [{oci: ttl.sh/acme}]"),
)
GLOBS = ("ghcr.io/acme/*", "ghcr.io/**", "ghcr.io/acme/app@*", "index.docker.io/**", "**", "*/*")


IDENTITIES = (
    "{issuer: 'https://accounts.google.com', subject: dev@acme.example}",
    "{issuer: 'https://accounts.google.com', subject: ops@acme.example}",
    "{issuer: 'https://accounts.google.com', subjectRegExp: dev}",
    "{issuerRegExp: '.*', subject: dev@acme.example}",
    "{issuer: 'https://accounts.google.com', subjectRegExp: '.*'}",
)


def in_cel(source: random.Random, name: str) -> str:
    """Return a policy about images by chance, which lint takes for demands."""
    chosen = source.sample(IDENTITIES, source.randint(1, 2))
    attestors = ", ".join(
        f"{{name: a{number}, cosign: {{keyless: {{identities: [{each}]}}}}}}"
        for number, each in enumerate(chosen)
    )
    named = ", ".join(f"attestors.a{number}" for number in range(len(chosen)))
    lists = "(images.containers + images.initContainers + images.ephemeralContainers)"
    limit = source.choice(("> 0", f"== {len(chosen)}"))
    glob = source.choice(("ghcr.io/*", "ghcr.io/acme/*", "*"))
    actions = source.choice(("", "validationActions: [Audit]\n"))
    return policy_in_cel(
        "ImageValidatingPolicy",
        f"matchImageReferences: [{{glob: '{glob}'}}]\nattestors: [{attestors}]\n{actions}"
        f"validations: [{{expression: '{lists}.all(i, verifyImageSignatures(i, [{named}]) {limit})'}}]\n",
    ).replace("name: p", f"name: {name}", 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_policies_about_images_in_cel(seed: int) -> None:
    source = random.Random(seed)
    told = 0
    for _ in range(SETS):
        found = claims(Policies("\n---\n".join(in_cel(source, f"p{number}") for number in range(2))))
        told += len(found)
        assert wrong(found) == []
    assert told


@pytest.mark.parametrize("seed", SEEDS)
def test_random_policies_of_sigstore(seed: int) -> None:
    source = random.Random(seed)
    told = 0
    for _ in range(SETS):
        texts = [
            written(
                *source.sample(AUTHORITIES, source.randint(1, 2)),
                images=source.sample(GLOBS, source.randint(1, 2)),
                more=source.choice(("", "  mode: warn\n")),
                name=f"p{number}",
            )
            for number in range(2)
        ]
        found = claims(Policies("\n---\n".join(texts)))
        told += len(found)
        assert wrong(found) == []
    assert told
