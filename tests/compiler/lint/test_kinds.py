from __future__ import annotations

from dataclasses import replace

import pytest

from pratique.compiler import ir
from pratique.compiler.kyverno.regions import kind_selector
from pratique.compiler.lint.kinds import is_out_of_reach, meant, sees_images, unused_extractors
from tests.support_policies import cluster_policy, policy

RULE = policy(cluster_policy()).rules[0]
TASKS = replace(RULE, extractors=(("Task", ()),))


def matching(*filters: tuple[str, ...], every: bool = False, rule: ir.Rule = RULE) -> ir.Rule:
    parts = tuple(ir.ResourceFilter(kinds=tuple(map(kind_selector, kinds))) for kinds in filters)
    region = ir.ResourceRegion(namespace=None, match=ir.Selection(filters=parts, every=every))
    return replace(rule, resources=region)


@pytest.mark.parametrize(
    ("kind", "seen"),
    [
        ("Pod", True),
        ("v1/Pod", True),
        ("*/Pod", True),
        ("apps/v1/Deployment", True),
        ("apps/*/*Set", True),
        ("Pod/ephemeralcontainers", True),
        ("*/ephemeralcontainers", True),
        ("*/*", True),
        ("Pods", False),
        ("pod", False),
        ("v1/Deployment", True),
        ("extensions/v1beta1/Deployment", False),
        ("Service", False),
        ("Deployment/scale", False),
        ("Task", False),
    ],
)
def test_kinds_whose_images_are_seen(kind: str, seen: bool) -> None:
    assert sees_images(kind_selector(kind), RULE) is seen


def test_extractors_make_images_seen() -> None:
    assert sees_images(kind_selector("Task"), TASKS)
    assert sees_images(kind_selector("tekton.dev/v1/Task"), TASKS)
    assert not sees_images(kind_selector("PipelineRun"), TASKS)


@pytest.mark.parametrize(
    ("filters", "every", "out"),
    [
        ([("Pods",)], False, True),
        ([("Pods", "Pod")], False, False),
        ([("Pods",), ("Pod",)], False, False),
        ([("Pods",), ("Pod",)], True, True),
        ([(), ("Pods",)], False, True),
        ([], False, False),
    ],
)
def test_rules_out_of_reach(filters: list[tuple[str, ...]], every: bool, out: bool) -> None:
    assert is_out_of_reach(matching(*filters, every=every)) is out


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("Pods", "Pod"),
        ("pod", "Pod"),
        ("deployments", "Deployment"),
        ("Deploymnet", "Deployment"),
        ("sts", "StatefulSet"),
        ("cronjobs", "CronJob"),
        ("extensions/v1beta1/Deployment", "apps/v1/Deployment"),
        ("batch/v1beta1/CronJob", "batch/v1/CronJob"),
        ("apps/v1/Pod", "v1/Pod"),
        ("Service", ""),
        ("Task", ""),
        ("PodDisruptionBudget", ""),
    ],
)
def test_the_kind_that_was_meant(kind: str, name: str) -> None:
    assert meant(kind_selector(kind), RULE) == name


def test_kinds_of_extractors_may_be_meant() -> None:
    assert meant(kind_selector("Tasks"), TASKS) == "Task"


def test_extractors_that_are_of_no_use() -> None:
    assert list(unused_extractors(matching(("Pod",), rule=TASKS))) == ["Task"]
    assert list(unused_extractors(matching(("Pod", "Ta*"), rule=TASKS))) == []
    assert list(unused_extractors(matching((), rule=TASKS))) == []
