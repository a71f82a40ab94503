"""Explaining from files: what is counted, of whom something is said, and what a run came to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pratique.compiler.explain.pruning import EXAMPLES, INVENTORY, RESOURCES
from pratique.compiler.explain.reasons import Answer
from pratique.compiler.graph import Op
from pratique.grammar.errors import PolicyErrors, UsageError
from pratique.runtime.decision import Status
from pratique.runtime.explaining import ExplainOptions, ExplainReport, explained
from pratique.runtime.lab.build import write_lab
from pratique.runtime.registry.open import StoreOptions
from pratique.runtime.session import ApplyOptions
from pratique.runtime.trust_options import RootChoice, TrustOptions
from tests.support_engine import pod
from tests.support_explain import STORY, options, report
from tests.support_lab import recipe_of
from tests.support_policies import KEYLESS, cluster_policy

TWO = cluster_policy({"imageReferences": ["ghcr.io/acme/*", "ghcr.io/*"]})


def kept(of: ExplainReport) -> list[tuple[str, int, int]]:
    return [
        (question.text, question.kept.kept, question.kept.of)
        for question in of.explanation.questions
        if question.kept
    ]


def test_patterns_are_counted_against_each_other(tmp_path: Path) -> None:
    found = report(tmp_path, TWO)
    assert found.explanation.universe == EXAMPLES
    assert kept(found) == [("`ghcr.io/acme/*`", 1, 1), ("`ghcr.io/*`", 1, 1)]
    heaviest = found.explanation.heaviest
    assert heaviest is not None
    assert heaviest.image.startswith("ghcr.io/")
    assert heaviest.estimate.typical.requests == 3


def test_one_pattern_has_no_other(tmp_path: Path) -> None:
    found = report(tmp_path, cluster_policy())
    assert (found.explanation.universe, kept(found)) == ("", [])


def test_an_inventory_is_counted(tmp_path: Path) -> None:
    inventory = tmp_path / "images.txt"
    inventory.write_text("ghcr.io/acme/a:1\nghcr.io/b:1\nnginx\n")
    found = report(tmp_path, TWO, inventory=str(inventory))
    assert found.explanation.universe == INVENTORY
    assert kept(found) == [("`ghcr.io/acme/*`", 1, 3), ("`ghcr.io/*`", 2, 3)]
    assert found.explanation.heaviest is not None
    assert found.explanation.heaviest.image == "ghcr.io/acme/a:1"


def test_what_is_worth_a_word_about_the_inventory_is_told(tmp_path: Path) -> None:
    inventory = tmp_path / "pods.json"
    inventory.write_text(json.dumps(pod("ghcr.io/acme/a:1", "Bad Image")))
    found = report(tmp_path, TWO, inventory=str(inventory))
    assert kept(found) == [("`ghcr.io/acme/*`", 1, 1), ("`ghcr.io/*`", 1, 1)]
    assert any("Bad Image is no image reference" in notice for notice in found.notices)


def test_nothing_of_the_inventory_is_looked_at(tmp_path: Path) -> None:
    inventory = tmp_path / "images.txt"
    inventory.write_text("nginx\n")
    assert report(tmp_path, TWO, inventory=str(inventory)).explanation.heaviest is None


def test_images_stand_for_pods(tmp_path: Path) -> None:
    found = report(tmp_path, TWO, images=("ghcr.io/acme/a:1", "nginx"), namespace="prod")
    assert [str(reasons.resource.id) for reasons in found.reasons] == ["prod/Pod/pod-1", "prod/Pod/pod-2"]
    assert [reasons.rules[0].answer for reasons in found.reasons] == [Answer.YES, Answer.NO]
    (one,) = report(tmp_path, TWO, images=("nginx",)).reasons
    assert str(one.resource.id) == "default/Pod/pod"


def test_an_image_that_cannot_be_read_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--image Bad Image: "):
        report(tmp_path, TWO, images=("Bad Image",))


def test_resources_and_values_are_seen_as_apply_sees_them(tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    kind = {"apiVersion": "cli.kyverno.io/v1alpha1", "kind": "Values"}
    selector = [{"name": "default", "labels": {"env": "prod"}}]
    values.write_text(json.dumps(kind | {"namespaceSelector": selector}))
    resource = tmp_path / "pod.json"
    resource.write_text(json.dumps(pod("ghcr.io/acme/a:1")))
    match = {"kinds": ["Pod"], "namespaceSelector": {"matchLabels": {"env": "prod"}}}
    asked = options(
        tmp_path,
        cluster_policy(rule={"match": {"any": [{"resources": match}]}}),
        resources=[str(resource)],
    )
    assert explained(asked).reasons[0].rules[0].answer is Answer.UNKNOWN
    told = replace(asked, apply=replace(asked.apply, values_file=values))
    assert explained(told).reasons[0].rules[0].answer is Answer.YES


def test_mistakes_are_those_of_apply(tmp_path: Path) -> None:
    with pytest.raises(PolicyErrors):
        report(tmp_path, "kind: ClusterPolicy\napiVersion: kyverno.io/v1\n")
    with pytest.raises(UsageError, match="--analyze needs something"):
        report(tmp_path, TWO, analyze=True)


def test_a_run_in_which_nothing_applies(tmp_path: Path) -> None:
    found = report(tmp_path, TWO, images=("nginx",), analyze=True)
    assert found.analysis is not None
    assert found.analysis.report.requests.total == 0
    assert all(figures.asked == 0 for figures in found.analysis.questions.values())
    assert found.explanation.universe == RESOURCES


# --- the story ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    write_lab(recipe_of((STORY / "lab.yaml").read_text()), folder)
    return folder


def ran(lab: Path, policies: Path, *resources: Path, **more: Any) -> ExplainReport:
    root = RootChoice(name="lab", path=lab / "trust/trusted_root.json")
    apply = ApplyOptions(
        policies=(str(policies),),
        resources=tuple(map(str, resources)),
        store=StoreOptions(offline=True, layout=lab / "layout"),
        trust=TrustOptions(roots=(root,), offline=True),
    )
    return explained(ExplainOptions(apply=apply, analyze=True, **more))


def test_the_figures_of_the_story(lab: Path) -> None:
    found = ran(lab, STORY / "first.yaml", STORY / "resources.yaml")
    assert found.analysis is not None
    by_op = {
        q.op: found.analysis.questions[q.number]
        for q in found.explanation.questions
        if q.number in found.analysis.questions
    }
    told = {op: (f.asked, f.answered, f.requests, f.signatures) for op, f in by_op.items()}
    assert told == {
        Op.RESOLVE: (13, 6, 6, 0),
        Op.LIST: (13, 6, 12, 0),
        Op.VERIFY: (6, 6, 0, 6),
        Op.ATTESTOR: (13, 6, 0, 0),
    }
    assert by_op[Op.LIST].bytes > by_op[Op.RESOLVE].bytes > 0
    assert by_op[Op.VERIFY].seconds > 0
    assert found.analysis.total.requests == found.analysis.report.requests.total == 18
    assert found.analysis.total.bytes == found.analysis.report.requests.bytes
    assert found.analysis.elsewhere.asked == 0
    assert found.analysis.seconds >= found.analysis.total.seconds
    declared, controllers, cronjobs = found.analysis.rules.values()
    assert (declared.resources, declared.images) == (10, 6)
    assert declared.results == {Status.PASS: 9, Status.FAIL: 1}
    assert (controllers.resources, dict(controllers.results)) == (3, {Status.PASS: 3})
    assert cronjobs.resources == 0
    assert kept(found) == [("images that match `registry.k8s.io/*`", 6, 7)]


def test_questions_that_variables_made_are_counted_elsewhere(lab: Path, tmp_path: Path) -> None:
    who = KEYLESS | {"subject": "{{ request.namespace }}@acme.example"}
    policy = tmp_path / "policy.yaml"
    entry = {"imageReferences": ["registry.k8s.io/*"], "attestors": [{"entries": [{"keyless": who}]}]}
    policy.write_text(cluster_policy(entry | {"required": False, "verifyDigest": False}))
    found = ran(lab, policy, images=("registry.k8s.io/etcd:3.5.6-0",))
    assert found.analysis is not None
    (attestor,) = (q.number for q in found.explanation.questions if q.op is Op.ATTESTOR)
    (listing,) = (q.number for q in found.explanation.questions if q.op is Op.LIST)
    assert found.analysis.questions[attestor].asked == 0
    assert found.analysis.questions[listing].requests == 2
    assert found.analysis.elsewhere.asked == 1


def test_an_image_that_is_not_there_is_measured_too(lab: Path) -> None:
    found = ran(lab, STORY / "first.yaml", images=("registry.k8s.io/none:1",), namespace="kube-system")
    assert found.analysis is not None
    assert found.analysis.report.results[0].status is Status.FAIL
    (resolve,) = (q.number for q in found.explanation.questions if q.op is Op.RESOLVE)
    assert found.analysis.questions[resolve].requests == 1


def test_attestations_and_keys_have_their_own_figures(tmp_path: Path) -> None:
    recipe = """
    signers: {dev: {issuer: https://accounts.google.com, subject: dev@acme.example}, key: {key: ecdsa-p256}}
    images:
      - image: lab.test/a:v1
        signatures: [{by: dev}, {by: key}]
        attestations: [{by: dev, type: t/v1, predicate: {a: 1}}]
    """
    lab = write_lab(recipe_of(recipe), tmp_path / "lab")
    pem = next(text for name, text in lab.trust.items() if "key" in name and "PUBLIC KEY" in text)
    secret = tmp_path / "secret.json"
    name = {"name": "cosign", "namespace": "acme"}
    data = {"apiVersion": "v1", "kind": "Secret", "metadata": name, "stringData": {"cosign.pub": pem}}
    secret.write_text(json.dumps(data))
    entry = {
        "imageReferences": ["lab.test/*"],
        "attestors": [
            {"entries": [{"keys": {"publicKeys": "k8s://acme/cosign", "rekor": KEYLESS["rekor"]}}]}
        ],
        "attestations": [{"type": "t/v1", "attestors": [{"entries": [{"keyless": KEYLESS}]}]}],
    }
    policy = tmp_path / "policy.yaml"
    policy.write_text(cluster_policy(entry | {"required": False, "verifyDigest": False}))
    asked = ExplainOptions(
        apply=ApplyOptions(
            policies=(str(policy),),
            resources=(),
            secrets=(str(secret),),
            store=StoreOptions(offline=True, layout=tmp_path / "lab/layout"),
            trust=TrustOptions(
                roots=(RootChoice(name="lab", path=tmp_path / "lab/trust/trusted_root.json"),), offline=True
            ),
        ),
        images=("lab.test/a:v1",),
        analyze=True,
    )
    found = explained(asked)
    assert found.analysis is not None
    assert [str(r.status) for r in found.analysis.report.results] == ["pass"]
    told = {
        (q.op, q.text): (f.asked, f.answered, f.signatures)
        for q in found.explanation.questions
        if (f := found.analysis.questions.get(q.number)) and q.op in (Op.VERIFY, Op.ATTESTOR)
    }
    assert told == {
        (Op.VERIFY, "each signature by the key `k8s://acme/cosign`"): (1, 1, 2),
        (Op.VERIFY, "each signature by its certificate"): (1, 1, 1),
        (Op.ATTESTOR, "signed by the key `k8s://acme/cosign`"): (1, 1, 0),
        (
            Op.ATTESTOR,
            "stated by `dev@acme.example`, vouched for by `https://accounts.google.com`",
        ): (1, 1, 0),
    }
