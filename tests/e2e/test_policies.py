"""Policies that live in the cluster: definitions, reviews, status, and what is in force when."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.runtime.kubernetes.client import Cluster, ClusterError, Object
from pratique.runtime.kubernetes.definitions import (
    open_report_definitions,
    policy_definitions,
    report_definitions,
)
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import (
    CLUSTER_POLICIES,
    DEFINITIONS,
    EXCEPTIONS,
    LEASES,
    MUTATING_WEBHOOKS,
    PODS,
    POLICIES,
    POLICY_REPORTS,
    POLICY_TYPES,
    SECRETS,
    VALIDATING_WEBHOOKS,
    ResourceType,
)
from tests.conftest import ROOT
from tests.support_cel_policies import PODS as NAMED_PODS
from tests.support_cel_policies import text
from tests.support_cluster import Kubectl
from tests.support_engine import pod
from tests.support_policies import cluster_policy, rule_policy
from tests.support_policy_objects import exception_object
from tests.support_serve import APP, BAD, exists, images, namespace, serving, until

pytestmark = pytest.mark.e2e

NAME = "pratique-live"
DENIED = "was blocked due to the following policies"
STORY = ROOT / "policies" / "control-plane"


@pytest.fixture(scope="module", autouse=True)
def definitions(settings: ClusterSettings) -> None:
    """Bring the definitions into the cluster."""

    async def run() -> None:
        async with Cluster(settings) as cluster:
            for each in (*policy_definitions(), *report_definitions(), *open_report_definitions()):
                await cluster.apply(DEFINITIONS, each["metadata"]["name"], each)
            for type in POLICY_TYPES.values():
                await until(lambda type=type: listed(cluster, type))

    asyncio.run(asyncio.wait_for(run(), 120))


async def listed(cluster: Cluster, type: Any) -> bool:
    try:
        await cluster.list(type)
    except ClusterError as error:
        if error.status != 404:
            raise
        return False
    return True


@pytest.fixture(autouse=True)
def alone(settings: ClusterSettings) -> Iterator[None]:
    """Remove what a test leaves in the cluster."""
    yield

    async def clean() -> None:
        async with Cluster(settings) as cluster:
            for type in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS):
                await cluster.delete(type, NAME)
            await cluster.delete(LEASES, NAME, "default")
            await cluster.delete(SECRETS, f"{NAME}-certificates", "default")
            for type in POLICY_TYPES.values():
                for item in (await cluster.list(type)).items:
                    metadata = item["metadata"]
                    await cluster.delete(type, metadata["name"], metadata.get("namespace", ""))

    asyncio.run(clean())


def enforced(where: str, **entry: Any) -> Object:
    match = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [where]}}]}
    given = {"failureAction": "Enforce", "mutateDigest": True, **entry}
    found: Object = json.loads(cluster_policy(given, metadata={"name": where}, rule={"match": match}))
    return found


async def outcome(cluster: Cluster, image: str, where: str) -> str:
    """Return what becomes of a Pod: `admitted`, or why not."""
    body = pod(image, metadata={"name": "probe", "namespace": where})
    try:
        await cluster.create(PODS, body, where, dry_run=True)
    except ClusterError as error:
        return error.message
    return "admitted"


async def becomes(cluster: Cluster, image: str, where: str, expected: str) -> float:
    """Wait until Pods are admitted or refused as expected; return how many seconds that took."""
    start = time.monotonic()

    async def so() -> bool:
        return expected in await outcome(cluster, image, where)

    await until(so)
    return time.monotonic() - start


async def ready(cluster: Cluster, name: str, status: str, namespace: str = "") -> Object:
    type = POLICIES if namespace else CLUSTER_POLICIES

    async def so() -> Object | None:
        found = await cluster.get(type, name, namespace)
        conditions = {c["type"]: c for c in (found.get("status") or {}).get("conditions", ())}
        generation = found["metadata"]["generation"]
        same = conditions.get("Ready", {}).get("observedGeneration") == generation
        return found if same and conditions["Ready"]["status"] == status else None

    found: Object = await until(so)
    return found


def conditions(item: Object) -> dict[str, str]:
    return {c["type"]: c["message"] for c in item["status"]["conditions"]}


def test_policies_are_in_force_from_one_request_to_the_next(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            with serving(kubeconfig_file, tmp_path, "--name", NAME, *images(lab)):
                await until(lambda: exists(cluster, VALIDATING_WEBHOOKS, NAME))
                assert await outcome(cluster, BAD, where) == "admitted"
                await cluster.create(CLUSTER_POLICIES, enforced(where))
                assert await becomes(cluster, BAD, where, DENIED) < 10
                assert await outcome(cluster, APP, where) == "admitted"
                found = await ready(cluster, where, "True")
                assert conditions(found)["Ready"] == "Ready"
                assert found["status"]["rulecount"] == {
                    "validate": 0,
                    "mutate": 0,
                    "generate": 0,
                    "verifyimages": 3,
                }
                # F26: a change is seen within two seconds, measured on the second policy.
                other = {"attestors": [{"entries": [{"keyless": KEYLESS | {"subject": "ops@acme.example"}}]}]}
                await cluster.merge(CLUSTER_POLICIES, where, {"spec": enforced(where, **other)["spec"]})
                assert await becomes(cluster, APP, where, "subject mismatch") < 2
                await cluster.delete(CLUSTER_POLICIES, where)
                assert await becomes(cluster, BAD, where, "admitted") < 2

    asyncio.run(asyncio.wait_for(run(), 120))


KEYLESS = {"issuer": "https://accounts.google.com", "rekor": {"url": "https://rekor.sigstore.dev"}}


def test_a_policy_that_cannot_be_enforced_is_refused_with_its_place(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            with serving(kubeconfig_file, tmp_path, "--name", NAME, *images(lab)):
                await until(lambda: exists(cluster, VALIDATING_WEBHOOKS, NAME))
                typo = enforced(where)
                typo["spec"]["rules"][0]["verifyImages"][0]["imagereferences"] = ["x"]

                async def refused() -> str:
                    try:
                        await cluster.create(CLUSTER_POLICIES, typo, dry_run=True)
                    except ClusterError as error:
                        return error.message
                    return ""

                said = await until(refused)
                assert f"ClusterPolicy/{where} is refused" in said
                assert "spec.rules[0].verifyImages[0]" in said
                assert "imagereferences" in said
                assert "imageReferences" in said  # what was probably meant
                audit = enforced(where, failureAction="Audit")
                with pytest.raises(ClusterError, match=r"mutateDigest.*\(\d+:\d+\)"):
                    await cluster.create(CLUSTER_POLICIES, audit)
                # One that is in force stays so while it is broken behind the server's back.
                await cluster.create(CLUSTER_POLICIES, enforced(where))
                await becomes(cluster, BAD, where, DENIED)
                await cluster.merge(VALIDATING_WEBHOOKS, NAME, {"webhooks": []})
                await cluster.merge(CLUSTER_POLICIES, where, {"spec": typo["spec"]})
                found = await ready(cluster, where, "False")
                assert "it stays in force as it was before" in conditions(found)["Ready"]
                await becomes(cluster, BAD, where, DENIED)

    asyncio.run(asyncio.wait_for(run(), 120))


def test_whoever_applies_a_policy_is_told_what_lint_finds(
    settings: ClusterSettings, kubectl: Kubectl, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Cluster(settings) as cluster:
            with serving(kubeconfig_file, tmp_path, "--name", NAME, *images(lab)):
                await until(lambda: exists(cluster, VALIDATING_WEBHOOKS, NAME))
                printed = STORY / "as-printed.yaml"

                async def warned() -> str:
                    done = await asyncio.to_thread(kubectl.run, "apply", "-f", str(printed))
                    assert done.returncode == 0
                    return str(done.stderr) if "PRQ001" in done.stderr else ""

                said = await until(warned)
                assert "Warning: PRQ001 [error] spec.rules[0].verifyImages[0].imageReferences[0] (" in said
                name = yaml.safe_load(printed.read_text())["metadata"]["name"]
                found = await ready(cluster, name, "True", "kube-system")
                assert "PRQ001" in conditions(found)["Clean"]
                shown = kubectl("get", "policies.kyverno.io", "-n", "kube-system")
                header, row = (line.split() for line in shown.splitlines())
                assert header[:4] == ["NAME", "ADMISSION", "BACKGROUND", "READY"]
                assert row[:4] == [name, "true", "true", "True"]
            with serving(
                kubeconfig_file, tmp_path, "--name", NAME, "--refuse-findings", "error", *images(lab)
            ):

                async def refused() -> str:
                    arguments = ("create", "--dry-run=server", "-f", str(printed))
                    done = await asyncio.to_thread(kubectl.run, *arguments)
                    return str(done.stderr) if "is refused" in done.stderr else ""

                await cluster.delete(POLICIES, name, "kube-system")
                assert "PRQ001" in await until(refused)

    asyncio.run(asyncio.wait_for(run(), 120))


def test_kyverno_s_policies_apply_unchanged_and_are_explained(kubectl: Kubectl) -> None:
    for path in sorted((ROOT / "policies").rglob("*.yaml")):
        if any(d and d.get("apiVersion") == "kyverno.io/v1" for d in yaml.safe_load_all(path.read_text())):
            done = kubectl.run("apply", "--dry-run=server", "-f", str(path))
            assert (done.returncode, done.stderr) == (0, "")
    text = kubectl("explain", "clusterpolicies.spec.rules.verifyImages.attestors.count")
    assert "How many of the entries must have signed" in " ".join(text.split())


def test_beside_kyverno_reviews_and_status_are_left_alone(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            with serving(kubeconfig_file, tmp_path, "--name", NAME, "--beside-kyverno", *images(lab)):
                await cluster.create(CLUSTER_POLICIES, enforced(where))
                await becomes(cluster, BAD, where, DENIED)
                hooks = (await cluster.get(VALIDATING_WEBHOOKS, NAME))["webhooks"]
                assert [h["name"].partition(".")[0] for h in hooks] == ["fail-named"]
                assert "status" not in await cluster.get(CLUSTER_POLICIES, where)

    asyncio.run(asyncio.wait_for(run(), 120))


def test_k16_an_exception_counts_where_it_is_said_to(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    kubectl = Kubectl(kubeconfig_file)

    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where, namespace(cluster) as other:
            await cluster.create(CLUSTER_POLICIES, enforced(where))
            with serving(kubeconfig_file, tmp_path, "--name", NAME, "--exceptions-in", where, *images(lab)):
                await becomes(cluster, BAD, where, DENIED)
                elsewhere = json.dumps(exception_object("e", other, where))
                said = kubectl.run("apply", "--validate=strict", "-f", "-", stdin=elsewhere)
                assert f"this exempts nobody: exceptions count in namespace {where}" in said.stderr
                malformed = json.dumps(exception_object("e", where, where, excuses=[]))
                said = kubectl.run("apply", "--validate=false", "-f", "-", stdin=malformed)
                assert "spec.excuses" in said.stderr
                assert DENIED in await outcome(cluster, BAD, where)
                given = json.dumps(exception_object("e", where, where))
                assert "Warning" not in kubectl.run("apply", "-f", "-", stdin=given).stderr
                await becomes(cluster, BAD, where, "admitted")
                await cluster.delete(EXCEPTIONS, "e", where)
                await becomes(cluster, BAD, where, DENIED)

    asyncio.run(asyncio.wait_for(run(), 120))


def ruled(name: str, where: str, **rule: Any) -> Object:
    match = {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [where]}}]}
    spec = {"validationFailureAction": "Enforce"}
    found: Object = json.loads(rule_policy(metadata={"name": name}, spec=spec, match=match, **rule))
    return found


def test_what_rules_change_is_what_is_verified_and_validated(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    mirrored = {"name": "{{ element.name }}", "image": "ghcr.io/acme/{{ images.containers.c0.name }}:v1"}
    loop = {
        "list": "request.object.spec.containers",
        "patchStrategicMerge": {"spec": {"containers": [mirrored]}},
    }
    label = {"patchStrategicMerge": {"metadata": {"labels": {"+(team)": "core"}}}}
    pattern = {"message": "no team", "pattern": {"metadata": {"labels": {"team": "core"}}}}

    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            await cluster.create(CLUSTER_POLICIES, ruled(f"{where}-validate", where, validate=pattern))
            with serving(kubeconfig_file, tmp_path, "--name", NAME, *images(lab)):
                await becomes(cluster, "docker.io/app:v1", where, "no team")
                await cluster.create(CLUSTER_POLICIES, enforced(where))
                await cluster.create(CLUSTER_POLICIES, ruled(f"{where}-label", where, mutate=label))
                mirror = ruled(f"{where}-mirror", where, mutate={"foreach": [loop]})
                await cluster.create(CLUSTER_POLICIES, mirror)
                await ready(cluster, f"{where}-mirror", "True")
                await becomes(cluster, "docker.io/app:v1", where, "admitted")
                given = pod("docker.io/app:v1", metadata={"name": "one", "namespace": where})
                made = await cluster.create(PODS, given, where)
                assert made["metadata"]["labels"] == {"team": "core"}
                assert made["spec"]["containers"][0]["image"].startswith(f"{APP}@sha256:")
                await becomes(cluster, "docker.io/unknown:v1", where, "ghcr.io/acme/unknown:v1")
                other = pod("docker.io/app:v1", metadata={"namespace": where, "labels": {"team": "other"}})
                other["metadata"]["name"] = "two"
                with pytest.raises(ClusterError, match="no team"):
                    await cluster.create(PODS, other, where)

    asyncio.run(asyncio.wait_for(run(), 120))


def in_cel(kind: str, where: str, spec: str) -> Object:
    """Return a policy in CEL about the Pods of a namespace, under the name of its kind."""
    selector = f"namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {where}}}}}"
    written = text(kind, spec).replace(f"[{NAMED_PODS}]", f"[{NAMED_PODS}], {selector}")
    found: Object = yaml.safe_load(written)
    found["metadata"] = {"name": where}
    return found


NAMED = "validations: [{expression: \"object.metadata.name != 'probe'\", message: another name}]\n"
LABELLING = """\
mutations:
- patchType: ApplyConfiguration
  applyConfiguration:
    expression: 'Object{metadata: Object.metadata{labels: Object.metadata.labels{team: "core"}}}'
"""
SIGNED = """\
attestors:
- name: dev
  cosign:
    keyless: {identities: [{issuer: 'https://accounts.google.com', subject: dev@acme.example}]}
    ctlog: {url: 'https://rekor.sigstore.dev'}
validations:
- expression: images.containers.map(i, verifyImageSignatures(i, [attestors.dev])).all(n, n > 0)
  message: not signed by us
"""


def test_policies_in_cel_are_in_force_as_the_others_are(
    settings: ClusterSettings, kubeconfig_file: Path, lab: Path, tmp_path: Path
) -> None:
    validating, images_of, mutating = (
        POLICY_TYPES[kind] for kind in ("ValidatingPolicy", "ImageValidatingPolicy", "MutatingPolicy")
    )

    async def run() -> None:
        async with Cluster(settings) as cluster, namespace(cluster) as where:
            await cluster.create(validating, in_cel(validating.kind, where, NAMED))
            await cluster.create(mutating, in_cel(mutating.kind, where, LABELLING))
            with serving(kubeconfig_file, tmp_path, "--name", NAME, *images(lab)):
                await becomes(cluster, APP, where, f"Policy {where} failed: another name")
                wrong = in_cel(validating.kind, where, "validations: [{expression: 'object.spec +'}]\n")
                wrong["metadata"]["name"] = f"{where}-wrong"
                with pytest.raises(ClusterError, match=r"spec\.validations\[0\]\.expression \(\d+:\d+\)"):
                    await cluster.create(validating, wrong)
                await until(lambda: is_ready(cluster, validating, where))
                await cluster.create(images_of, in_cel(images_of.kind, where, SIGNED))
                await cluster.delete(validating, where)
                await becomes(cluster, BAD, where, f"Policy {where} failed: not signed by us")
                given = pod(APP, metadata={"name": "one", "namespace": where})
                made = await cluster.create(PODS, given, where)
                assert made["metadata"]["labels"] == {"team": "core"}
                assert made["spec"]["containers"][0]["image"].startswith(f"{APP}@sha256:")
                await until(lambda: is_reported(cluster, where))
                assert "pods" in await asked(cluster)
                # Names that the API server would not take beside each other.
                spec = "failurePolicy: Ignore\nvalidations: [{expression: 'true'}]\n"
                wide = in_cel(validating.kind, where, spec)
                [rule] = wide["spec"]["matchConstraints"]["resourceRules"]
                rule["resources"] = ["pods", "*", "pods/exec", "pods/*"]
                await cluster.create(validating, wide)

                async def widened() -> bool:
                    return {"*", "pods/*"} <= await asked(cluster)

                await until(widened)

    asyncio.run(asyncio.wait_for(run(), 120))


async def asked(cluster: Cluster) -> set[str]:
    """Return the names of the resources that policies are asked about."""
    hooks = (await cluster.get(VALIDATING_WEBHOOKS, NAME))["webhooks"]
    judging = [hook for hook in hooks if not hook["name"].startswith("policies.")]
    return {name for hook in judging for rule in hook["rules"] for name in rule["resources"]}


async def is_ready(cluster: Cluster, type: ResourceType, name: str) -> bool:
    status = (await cluster.get(type, name)).get("status") or {}
    return bool(status.get("conditionStatus", {}).get("ready"))


async def is_reported(cluster: Cluster, where: str) -> bool:
    reports = (await cluster.list(POLICY_REPORTS, where)).items
    return [(r["policy"], r["result"]) for report in reports for r in report["results"]] == [(where, "pass")]
