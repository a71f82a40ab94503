"""The plan: order, sharing, costs and places of its questions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from pratique.compiler.cost import TYPICAL, Estimate
from pratique.compiler.explain.descriptions import DESCRIPTIONS
from pratique.compiler.explain.explanation import Explanation, explain
from pratique.compiler.explain.pruning import Kept
from pratique.compiler.explain.stages import PURPOSES, STAGE_OF, Stage
from pratique.compiler.graph import Op
from pratique.compiler.plan import Plan
from tests.support_explain import VALIDATING, everything
from tests.support_policies import KEYLESS, cluster_policy, read


def explained(*texts: str) -> Explanation:
    lowered = read("\n---\n".join(texts))
    assert not lowered.errors, [str(error) for error in lowered.errors]
    return explain(Plan(lowered.policies))


def text_of(explanation: Explanation, op: Op) -> list[str]:
    return [question.text for question in explanation.questions if question.op is op]


def test_every_kind_of_question_has_a_stage_a_description_and_a_place_in_the_order() -> None:
    assert set(STAGE_OF) == set(DESCRIPTIONS) == set(Op)
    assert set(STAGE_OF.values()) == set(PURPOSES) == set(Stage)
    order = list(Stage)
    for before, after in pairwise(Op):
        assert order.index(STAGE_OF[before]) <= order.index(STAGE_OF[after])


@pytest.mark.parametrize(
    ("op", "text"),
    [
        (Op.RESOURCES, "Pod, except any kind in namespace `kube-system`"),
        (Op.FILTER, "Job in namespace `ci`"),
        (Op.RESOURCES, "what any of 2 filters select, except what all of 2 filters select"),
        (Op.REQUEST, "requests that meet `made`: `request.operation == 'CREATE'`"),
        (Op.PATTERN, "`quay.io/acme/*`"),
        (Op.IMAGES, "images that match any of 2 globs"),
        (Op.CONTEXT, "value `allowed` from the ConfigMap `acme/allowed`"),
        (Op.PRECONDITIONS, "only where `{{ allowed.data.on }}` Equals `yes`"),
        (Op.BODY, 'the resource looks like `{"spec": {"hostNetwork": "!true"}}`'),
        (Op.SKIP, "but none that match `*/acme/skip:*`"),
        (
            Op.ACCESS,
            "registries are asked with the credentials of Secret `pull` and with credentials of github",
        ),
        (Op.RESOLVE, "the digest that the image's tag names"),
        (Op.LIST, "signatures under the tag sha256-HEX.sig in `ghcr.io/acme/signatures`"),
        (Op.LIST, "attestations under the tag sha256-HEX.att"),
        (Op.VERIFY, "each signature by the key `k8s://acme/key`"),
        (
            Op.ATTESTOR,
            "signed by `dev@acme.example`, vouched for by `https://accounts.google.com`, with the annotations"
            " `stage=prod`",
        ),
        (Op.ATTESTOR, "stated by `dev@acme.example`, vouched for by `https://accounts.google.com`"),
        (Op.CONDITIONS, "whose content meets `{{ builder.id }}` Equals `gh`"),
        (Op.THRESHOLD, "any of 2"),
        (
            Op.ATTESTATION,
            "a signed statement of type `https://slsa.dev/provenance/v1`, called `provenance`",
        ),
        (Op.DENIAL, "refused where `{{ provenance.x }}` Equals `1`, with the message `no`"),
        (Op.REQUIREMENT, "each image needs all that follows; the digest is written into the resource"),
        (Op.RULE, "rule `verify` of `p`"),
    ],
)
def test_texts(op: Op, text: str) -> None:
    many = {
        "match": {"any": [filtered("Pod"), filtered("Job", namespaces=["ci"])]},
        "exclude": {"all": [filtered("Job"), filtered("Pod", names=["x"])]},
    }
    further = cluster_policy(rule=many, metadata={"name": "many"})
    assert text in text_of(explained(everything(), further, VALIDATING), op)


def filtered(kind: str, **more: list[str]) -> dict[str, Any]:
    return {"resources": {"kinds": [kind], **more}}


def test_entries_that_demand_little() -> None:
    texts = [
        {"attestors": [], "required": False, "verifyDigest": True},
        {"attestors": [], "required": True, "verifyDigest": False},
        {"attestors": [], "required": False, "verifyDigest": False},
    ]
    found = [text_of(explained(cluster_policy(entry)), Op.REQUIREMENT)[0] for entry in texts]
    assert found == [
        "each image needs a digest in its name",
        "each image needs proof by another entry of the rule",
        "each image needs nothing",
    ]


def test_questions_are_numbered_in_the_order_of_asking() -> None:
    found = explained(everything(), cluster_policy(metadata={"name": "q"}))
    assert [question.number for question in found.questions] == list(range(1, len(found.questions) + 1))
    for question in found.questions:
        assert found.question(question.number) is question
        assert all(number < question.number for number in question.inputs)
        assert question.rules
    assert [question.op for question in found.questions] == sorted(q.op for q in found.questions)


def test_a_filter_or_pattern_that_stands_alone_is_part_of_its_list() -> None:
    one = explained(cluster_policy())
    assert not text_of(one, Op.FILTER)
    assert not text_of(one, Op.PATTERN)
    (images,) = (question for question in one.questions if question.op is Op.IMAGES)
    assert len(images.nodes) == 2
    assert images.at is not None
    assert images.at.source.line(images.at.span.start.line).strip() == '"ghcr.io/acme/*"'
    two = explained(cluster_policy({"imageReferences": ["ghcr.io/acme/*", "b.io/*"]}))
    assert len(text_of(two, Op.PATTERN)) == 2
    assert all(len(q.nodes) == 1 for q in two.questions if q.op is Op.PATTERN)


def test_sharing_is_counted_by_rule() -> None:
    other = cluster_policy({"imageReferences": ["b.io/*"]}, metadata={"name": "q"})
    found = explained(cluster_policy(), other)
    rules = len(found.rules)
    (attestor,) = (question for question in found.questions if question.op is Op.ATTESTOR)
    assert attestor.rules == tuple(range(rules))
    assert attestor.is_shared
    assert found.unshared == sum(len(question.rules) for question in found.questions)
    roots = [found.question(rule.root) for rule in found.rules]
    assert [question.rules for question in roots] == [(number,) for number in range(rules)]


def test_estimates_add_up() -> None:
    found = explained(cluster_policy())
    whole = sum((question.estimate for question in found.questions), Estimate())
    assert found.rules[0].estimate == whole
    assert sum((line.estimate for line in found.stages), Estimate()) == whole
    assert whole.typical.signatures == TYPICAL.signatures


def test_stages_come_in_order_and_only_where_there_are_questions() -> None:
    stages = [line.stage for line in explained(cluster_policy()).stages]
    assert stages == [s for s in Stage if s in stages]
    assert Stage.SKIP_LISTS not in stages
    assert [line.stage for line in explained(everything(), VALIDATING).stages] == list(Stage)


def test_notes_say_what_questions_do_not() -> None:
    text = cluster_policy(
        {"attestors": [{"entries": [{"keyless": KEYLESS | {"subject": "{{ request.namespace }}@acme"}}]}]},
        rule={"imageExtractors": {"Task": [{"path": "/spec/image"}]}},
        spec={
            "applyRules": "One",
            "failurePolicy": "Ignore",
            "validationFailureActionOverrides": [{"action": "Enforce", "namespaces": ["prod"]}],
        },
    )
    declared, *made = explained(text).rules
    assert declared.notes == (
        "in some namespaces a failure does something else",
        "its entries hold variables: what is shown as text is put in for every resource",
        "finds the images of Task by its own extractors",
        "the policy stops at the first rule that passes or fails",
        "the policy fails open: the webhook admits what cannot be judged in time",
    )
    assert all(rule.notes[0] == "generated from rule verify" for rule in made)


def test_what_globs_keep_is_said_at_the_list_of_one_pattern_too() -> None:
    lowered = read(cluster_policy())
    plan = Plan(lowered.policies)
    (pattern,) = (node.number for node in plan.graph.nodes if node.op is Op.PATTERN)
    found = explain(plan, {pattern: Kept(3, 4)}, "images of the inventory")
    (images,) = (question for question in found.questions if question.op is Op.IMAGES)
    assert images.kept == Kept(3, 4)
    assert images.nodes[1] == pattern


def test_plans_are_the_same_every_time() -> None:
    assert explained(everything()).questions == explained(everything()).questions
