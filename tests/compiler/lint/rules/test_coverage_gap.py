from __future__ import annotations

from pratique.compiler.lint.base import Confidence, Finding, Severity, lint
from pratique.compiler.lint.inventory import Coverage, Inventory, Use
from pratique.compiler.lint.rules.coverage_gap import MAX_EXAMPLES
from pratique.compiler.selection import Target
from pratique.grammar.source import Source
from tests.support_lint import patterns, policy_text, reported
from tests.support_policies import read


def found(part: str, *uses: Use) -> list[Finding]:
    return reported(part, "PRQ017", inventory=Inventory(name="the cluster", uses=uses))


def use(image: str, namespace: str = "") -> Use:
    target = Target(group="", version="v1", kind="Pod", namespace=namespace, name="p") if namespace else None
    return Use(image=image, target=target)


def test_images_with_their_namespaces() -> None:
    part = patterns("ghcr.io/*", skip=("ghcr.io/other/*",))
    images = [use("docker.io/redis:7", name) for name in ("d", "a", "c", "b")]
    [finding] = found(part, *images, use("ghcr.io/other/app:1"), use("ghcr.io/acme/app:1"))
    assert finding.severity is Severity.WARNING
    assert finding.location is None
    assert finding.problem.message == "2 of the 3 images of the cluster are verified by no rule that enforces"
    assert [(each.label, each.text) for each in finding.problem.examples] == [
        ("matched by no rule in a, b, c and others", "docker.io/redis:7"),
        ("skipped", "ghcr.io/other/app:1"),
    ]


def test_one_image() -> None:
    [finding] = found(patterns("ghcr.io/*"), use("docker.io/redis:7"))
    assert finding.problem.message == "1 of the 1 images of the cluster is verified by no rule that enforces"


def test_many_images_are_not_all_listed() -> None:
    images = [use(f"docker.io/app{number}:1") for number in range(MAX_EXAMPLES + 1)]
    [finding] = found(patterns("ghcr.io/*"), *images)
    assert finding.problem.message.endswith(f"; here are {MAX_EXAMPLES} of them")
    assert len(finding.problem.examples) == MAX_EXAMPLES


def test_silence() -> None:
    assert found(patterns("ghcr.io/*"), use("ghcr.io/acme/app:1")) == []
    assert found(patterns("ghcr.io/*")) == []
    assert reported(patterns("ghcr.io/*"), "PRQ017") == []


def test_policies_that_could_not_be_read_are_mentioned() -> None:
    policies = read(policy_text(patterns("ghcr.io/*"))).policies
    inventory = Inventory(name="i", uses=(use("docker.io/redis:7"),))
    coverage = Coverage(policies, inventory)
    [finding] = lint(policies, {"PRQ017"}, coverage=coverage, unread=(Source("broken.yaml", ""),))
    assert finding.problem.message.endswith("; policies that could not be read are not counted")
    assert finding.problem.confidence is Confidence.LOW
