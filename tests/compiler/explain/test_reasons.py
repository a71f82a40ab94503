"""Why a rule applies or not: the answers are those of the matcher, and the sentences read well."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler.explain.reasons import Answer, looks_at, selected
from pratique.compiler.selection import Requester, Target, selects
from pratique.grammar.errors import EvaluationError
from tests.support_policies import cluster_policy, policy

POD = Target(group="", version="v1", kind="Pod", namespace="prod", name="web-1", labels={"app": "web"})
PODS: dict[str, Any] = {"kinds": ["Pod"]}


def region(
    match: dict[str, Any], exclude: dict[str, Any] | None = None, namespace: str = ""
) -> ir.ResourceRegion:
    given: dict[str, Any] = {"match": {"any": [{"resources": match}]}}
    if exclude:
        given["exclude"] = {"any": [{"resources": exclude}]}
    kind, metadata = ("Policy", {"namespace": namespace}) if namespace else ("ClusterPolicy", {})
    return policy(cluster_policy(rule=given, kind=kind, metadata=metadata)).rules[0].resources


@pytest.mark.parametrize(
    ("match", "answer", "why"),
    [
        ({}, Answer.YES, "its kind is `v1/Pod`"),
        ({"kinds": ["Job"]}, Answer.NO, "its kind `v1/Pod` is not Job"),
        ({"kinds": ["Job", "CronJob"]}, Answer.NO, "its kind `v1/Pod` is none of Job or CronJob"),
        ({"kinds": ["Job", "Pod"]}, Answer.YES, "its kind is `v1/Pod`"),
        (
            {"kinds": ["Job", "CronJob", "Task", "TaskRun", "Pipeline"]},
            Answer.NO,
            "its kind `v1/Pod` is none of Job, CronJob, Task and 2 more",
        ),
        ({"operations": ["UPDATE"]}, Answer.NO, "the operation is CREATE and not UPDATE"),
        ({"names": ["db*"]}, Answer.NO, "its name `web-1` is not `db*`"),
        (
            {"names": ["web*"]},
            Answer.YES,
            "its kind is `v1/Pod` and its name is `web-1`, which `web*` matches",
        ),
        ({"namespaces": ["dev", "test"]}, Answer.NO, "its namespace `prod` is not `dev` or `test`"),
        ({"annotations": {"a": "b"}}, Answer.NO, "it has no annotation `a=b`"),
        (
            {"selector": {"matchLabels": {"app": "db"}}},
            Answer.NO,
            "its labels are not `app=db` but `app=web`",
        ),
        (
            {"namespaceSelector": {"matchLabels": {"env": "prod"}}},
            Answer.UNKNOWN,
            "its namespace selector needs the labels of namespace `prod`, which nobody gave",
        ),
    ],
)
def test_match(match: dict[str, Any], answer: Answer, why: str) -> None:
    found = selected(region(PODS | match), POD)
    assert (found.answer, found.why) == (answer, why)


def test_exclude() -> None:
    of = region(PODS, {"namespaces": ["prod"]})
    assert selected(of, POD).why == "it is excluded: its namespace is `prod`"
    assert selected(of, replace(POD, namespace="dev")).why == (
        "its kind is `v1/Pod`, and it is not excluded: its namespace `dev` is not `prod`"
    )
    unknown = region(PODS, {"namespaceSelector": {"matchLabels": {"env": "prod"}}})
    found = selected(unknown, POD)
    assert found.answer is Answer.UNKNOWN
    assert found.why.startswith("it may be excluded: its namespace selector needs the labels of namespace")


def test_namespace_selectors_of_what_has_no_namespace() -> None:
    prod, other = {"matchLabels": {"env": "prod"}}, {"key": "env", "operator": "DoesNotExist"}
    node = replace(POD, namespace="")
    of = region(PODS | {"namespaceSelector": prod})
    assert selected(of, node).why == "it is in no namespace, and its namespace selector asks for `env=prod`"
    lenient = region(PODS | {"namespaceSelector": {"matchExpressions": [other]}})
    found = selected(lenient, node)
    assert found.answer is Answer.YES
    assert "it is in no namespace, which its namespace selector lets pass" in found.why
    itself = region({"kinds": ["Namespace"], "namespaceSelector": prod})
    found = selected(itself, replace(POD, kind="Namespace"))
    assert (found.answer, found.why) == (Answer.NO, "a namespace selector selects no Namespace")


def test_namespace_of_the_policy() -> None:
    of = region(PODS, namespace="dev")
    assert selected(of, POD).why == "the policy is of namespace `dev` and the resource is in `prod`"
    assert "in no namespace" in selected(of, replace(POD, namespace="")).why


def test_requesters() -> None:
    subject = ir.ResourceFilter(subjects=(ir.Subject(kind="User", name="ann"),))
    of = ir.ResourceRegion(namespace=None, match=ir.Selection(filters=(subject,)))
    assert selected(of, POD).why == ("its filter looks at who sent the request alone, and nobody did")
    sent = replace(POD, requester=Requester(username="bob"))
    assert selected(of, sent).why == "its sender `bob` is not User `ann`"
    excluded = replace(region(PODS), exclude=ir.Selection(filters=(subject,)))
    assert selected(excluded, POD).why == (
        "its kind is `v1/Pod`, and it is not excluded: nobody is known to have sent the request, unlike"
        " User `ann`"
    )


def test_images() -> None:
    def of(*include: str, skip: tuple[str, ...] = ()) -> ir.ImageRegion:
        patterns = (tuple(ir.ImagePattern(text=text) for text in texts) for texts in (include, skip))
        return ir.ImageRegion(include=next(patterns), skip=next(patterns))

    image = "a.io/x:1"
    assert looks_at(of("b.io/*", "a.io/*"), image).why == "it is matched by `a.io/*`"
    found = looks_at(of("a.io/*", skip=("*/x:*",)), image)
    assert (found.answer, found.why, found.skipped) == (
        Answer.NO,
        "it is matched by `a.io/*` and left out by `*/x:*`",
        True,
    )
    assert looks_at(of("b.io/*"), image).why == "it is matched by no pattern of `b.io/*`"
    assert (
        looks_at(of("b.io/*", "c.io/*"), image).why == "it is matched by no pattern of `b.io/*` or `c.io/*`"
    )
    many = of(*(f"r{n}.io/*" for n in range(9)))
    assert looks_at(many, image).why == "it is matched by none of 9 patterns, the first of which is `r0.io/*`"
    assert looks_at(of(), image).why == "it is matched by no pattern, since there is none"


# --- the matcher -----------------------------------------------------------------------------------------


def any_filter(chance: random.Random) -> ir.ResourceFilter:
    def some(*choices: Any) -> Any:
        return chance.choice(choices) if chance.random() < 0.4 else choices[0].__class__()

    selector = ir.LabelSelector(match_labels=(("app", chance.choice(("web", "db", "*"))),))
    return ir.ResourceFilter(
        kinds=some((ir.KindSelector(kind="Pod"),), (ir.KindSelector(kind="Job"), ir.KindSelector(kind="*"))),
        names=some(("web*",), ("db", "web-1")),
        namespaces=some(("prod",), ("d*",)),
        annotations=some((("a", "b"),), (("*", "*"),)),
        selector=selector if chance.random() < 0.3 else None,
        namespace_selector=selector if chance.random() < 0.3 else None,
        operations=some(("CREATE",), ("UPDATE", "DELETE")),
        subjects=some((ir.Subject(kind="User", name="a*"),), (ir.Subject(kind="Group", name="g"),)),
        roles=some(("prod:admin",), ("x",)),
    )


def any_target(chance: random.Random) -> Target:
    requester = Requester(username="ann", groups=("g",), roles=("prod:admin",))
    return Target(
        group="",
        version="v1",
        kind=chance.choice(("Pod", "Job", "Namespace")),
        namespace=chance.choice(("prod", "dev", "")),
        name=chance.choice(("web-1", "db", "prod")),
        labels=chance.choice(({}, {"app": "web"}, {"app": "x"})),
        annotations=chance.choice(({}, {"a": "b"})),
        namespace_labels=chance.choice((None, {}, {"app": "db"})),
        operation=chance.choice(("CREATE", "UPDATE")),
        requester=chance.choice((None, requester)),
    )


def test_answers_are_those_of_the_matcher() -> None:
    chance = random.Random(20)
    seen = set()
    for _ in range(4_000):
        match, exclude = (
            ir.Selection(
                filters=tuple(any_filter(chance) for _ in range(chance.choice((0, 1, 1, 2)))),
                every=chance.random() < 0.4,
            )
            for _ in range(2)
        )
        of = ir.ResourceRegion(
            namespace=chance.choice((None, None, "prod")),
            match=match,
            exclude=exclude if chance.random() < 0.5 else None,
        )
        target = any_target(chance)
        try:
            expected = Answer.YES if selects(of, target) else Answer.NO
        except EvaluationError:
            expected = Answer.UNKNOWN
        found = selected(of, target)
        assert found.answer is expected, (of, target, found)
        assert found.why.strip()
        seen.add(expected)
    assert seen == set(Answer)
