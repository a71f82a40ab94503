from __future__ import annotations

import pytest

from pratique.compiler.bodies import (
    AnyPattern,
    Body,
    Cel,
    CelExpression,
    Check,
    Copies,
    Copy,
    Deny,
    ForEach,
    Generation,
    GenerationLoop,
    JsonPatch,
    Loop,
    Make,
    Mutation,
    MutationLoop,
    MutationLoops,
    MutationTarget,
    ObjectData,
    Pattern,
    PodSecurity,
    PodSecurityExclusion,
    StrategicMerge,
    Validation,
)
from pratique.compiler.body_phrases import body, check

DENIED = Deny(conditions={"all": [{"key": "{{ a }}", "operator": "Equals", "value": 1}]})


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (Pattern(data={"a": "?*"}), 'the resource looks like `{"a": "?*"}`'),
        (AnyPattern(data=[{}, {}]), "the resource looks like one of 2 patterns"),
        (Deny(conditions=None), "every resource is refused"),
        (DENIED, "refused where `{{ a }}` Equals `1`"),
        (
            ForEach(loops=(Loop(list="a.b", check=DENIED), Loop(list="c", check=Pattern(data={})))),
            "each of `a.b`: refused where `{{ a }}` Equals `1`; and each of `c`: the resource looks like"
            " `{}`",
        ),
        (
            PodSecurity(level="baseline"),
            "the Pod keeps to the level baseline of the Pod Security Standards (latest)",
        ),
        (
            PodSecurity(
                level="restricted",
                version="v1.30",
                exclusions=(PodSecurityExclusion(control="Seccomp"), PodSecurityExclusion(control="Seccomp")),
            ),
            "the Pod keeps to the level restricted of the Pod Security Standards (v1.30), without `Seccomp`",
        ),
        (Cel(expressions=(CelExpression(expression="a == b"),)), "`a == b` is true"),
        (
            Cel(expressions=(CelExpression(expression="a"), CelExpression(expression="b"))),
            "2 expressions are true, the first `a`",
        ),
    ],
)
def test_checks(of: Check, text: str) -> None:
    assert check(of) == body(Validation(check=of)) == text


@pytest.mark.parametrize(
    ("of", "text"),
    [
        (Mutation(change=StrategicMerge(overlay={"a": 1})), 'changes the resource by merging `{"a": 1}`'),
        (
            Mutation(change=JsonPatch(operations="- op: add"), targets=(MutationTarget(kind="Secret"),)),
            "changes existing objects (Secret) by the JSON patch `- op: add`",
        ),
        (
            Mutation(
                change=MutationLoops(loops=(MutationLoop(list="l", change=StrategicMerge(overlay={})),))
            ),
            "changes the resource by each of `l`: merging `{}`",
        ),
        (
            Generation(makes=(Make(source=ObjectData(data={}), kind="ConfigMap", namespace="n", name="m"),)),
            "makes ConfigMap `n/m`",
        ),
        (
            Generation(
                makes=(
                    GenerationLoop(
                        list="l", make=Make(source=Copy(namespace="a", name="b"), kind="Secret", name="m")
                    ),
                ),
                synchronize=True,
            ),
            "makes for each of `l` Secret `m` as a copy of `a/b`, kept in step with its source",
        ),
        (
            Generation(makes=(Make(source=Copies(namespace="a", kinds=("v1/Secret",))),)),
            "makes copies of `v1/Secret` of namespace `a`",
        ),
    ],
)
def test_bodies(of: Body, text: str) -> None:
    assert body(of) == text


def test_texts_of_policies_are_cut() -> None:
    assert len(check(Pattern(data={"a": "x" * 9_000}))) < 300
