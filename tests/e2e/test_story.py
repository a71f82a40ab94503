"""The article's story on a real API server, with the images of a lab behind a registry on loopback."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.runtime.kubernetes.client import Cluster, ClusterError
from pratique.runtime.kubernetes.settings import ClusterSettings
from pratique.runtime.kubernetes.types import PODS, VALIDATING_WEBHOOKS
from tests.support_chart import RELEASE, account, command, installed, to_loopback
from tests.support_cluster import Kubectl
from tests.support_engine import pod
from tests.support_helm import IMAGE
from tests.support_serve import PRATIQUE, build_lab, exists, free_port, namespace, process, serving, until
from tests.support_serve import images as images_of
from tests.support_workload import STORY, workload

pytestmark = pytest.mark.e2e

NAME = "pratique-story"
EVIL, BARE = "registry.k8s.io/kube-evil:v1", "registry.k8s.io/kube-bare:v1"
FURTHER = f"""
  - image: {EVIL}
    signatures: [{{by: promoter}}]
  - image: {BARE}
"""
SPACE = "kube-system"
DENIED = "was blocked due to the following policies"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The images of the control plane, one by the wrong signer and an unsigned one, on loopback."""
    folder = tmp_path_factory.mktemp("story")
    lab = build_lab(folder, (STORY / "lab.yaml").read_text() + FURTHER)
    command = [PRATIQUE, "lab", "serve", str(lab), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if "127.0.0.1:" in line)
            yield lab, f"http://127.0.0.1:{line.partition('127.0.0.1:')[2].split()[0].strip('/,.')}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def control_plane(kubectl: Kubectl) -> Iterator[None]:
    """The workload in kube-system; gone afterwards."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": workload()})
    kubectl("apply", "-f", "-", stdin=listed)
    yield
    kubectl("delete", "--wait=false", "--ignore-not-found", "-f", "-", stdin=listed)


@pytest.fixture(scope="module", autouse=True)
def definitions(kubectl: Kubectl) -> None:
    """Bring the definitions into the cluster."""
    printed = subprocess.run([PRATIQUE, "crds"], capture_output=True, text=True, check=True).stdout
    kubectl("apply", "--server-side", "-f", "-", stdin=printed)
    names = [item["metadata"]["name"] for item in yaml.safe_load_all(printed)]
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{name}" for name in names))


@pytest.fixture(autouse=True)
def cleaned(kubectl: Kubectl, kubeconfig_file: Path) -> Iterator[None]:
    """Remove what a test leaves in the cluster."""
    yield
    kubectl("delete", "policies.kyverno.io,policyreports", "-n", SPACE, "--all")
    arguments = ["serve", "--kubeconfig", str(kubeconfig_file), "--name", NAME, "--namespace", "default"]
    subprocess.run([PRATIQUE, *arguments, "--cleanup"], check=True, capture_output=True)


def reports(kubectl: Kubectl) -> dict[str, list[str]]:
    """Return what `kubectl get policyreports` shows: the row of each report by its name."""
    header, *rows = [line.split() for line in kubectl("get", "policyreports", "-n", SPACE).splitlines()] or [
        []
    ]
    assert header[:6] in ([], ["NAME", "PASS", "FAIL", "WARN", "ERROR", "SKIP"])
    return {row[0]: row[1:6] for row in rows}


def enforced(folder: Path) -> Path:
    """Write the improved policy so that it refuses what is not signed, and pins what is."""
    policy = yaml.safe_load((STORY / "improved.yaml").read_text())
    policy["spec"]["validationFailureAction"] = "Enforce"
    for rule in policy["spec"]["rules"]:
        for entry in rule["verifyImages"]:
            for field in ("mutateDigest", "verifyDigest", "required"):
                entry.pop(field)
    path = folder / "enforced.yaml"
    path.write_text(yaml.safe_dump(policy))
    return path


@contextlib.asynccontextmanager
async def chart(
    cluster: Cluster, settings: ClusterSettings, kubeconfig: Path, folder: Path, options: list[str]
) -> AsyncIterator[None]:
    """Install the chart, kube-system judged and reports by policy, with a server at work for it."""
    port = free_port()
    values = ["--set", f"image.repository={IMAGE},service.port={port},reports.per=policy"]
    values += ["--set-json", "excludeNamespaces=[]"]
    async with namespace(cluster) as where, installed(kubeconfig, folder, where, *values):
        own = await account(cluster, settings, folder, where)
        arguments = await command(cluster, folder, where, own, port)
        await to_loopback(cluster, where)
        with process(folder, port, *arguments, "--host", "127.0.0.1", *options):
            await until(lambda: exists(cluster, VALIDATING_WEBHOOKS, RELEASE, ""))
            yield


def test_the_story(
    settings: ClusterSettings,
    kubectl: Kubectl,
    kubeconfig_file: Path,
    registry: tuple[Path, str],
    control_plane: None,
    tmp_path: Path,
) -> None:
    lab, url = registry
    images = [
        "--mirror",
        f"registry.k8s.io={url}/registry.k8s.io",
        "--trusted-root",
        str(lab / "trust/trusted_root.json"),
    ]

    def apply(path: Path) -> str:
        done = kubectl.run("apply", "-f", str(path))
        assert done.returncode == 0, done.stderr
        return done.stderr

    def anew(path: Path) -> str:
        kubectl("delete", "--ignore-not-found", "-f", str(path))
        return apply(path)

    async def run() -> None:
        async with Cluster(settings) as cluster:
            async with chart(cluster, settings, kubeconfig_file, tmp_path, images):
                # As printed, the policy matches nothing, and whoever applies it is told.
                await until(lambda: "PRQ001" in anew(STORY / "as-printed.yaml"))
                await asyncio.sleep(2)
                assert reports(kubectl) == {}
                apply(STORY / "first.yaml")
                await until(lambda: reports(kubectl) == {REPORT: FIRST})
                assert fails(kubectl) == [("etcd-kind-control-plane", MESSAGE)]
                apply(STORY / "improved.yaml")
                await until(lambda: reports(kubectl) == {REPORT: IMPROVED})
                apply(enforced(tmp_path))
                await until(lambda: denied(cluster, EVIL))
                await enforce(cluster, EVIL, "subject mismatch")
                kubectl("delete", "policies.kyverno.io", "-n", SPACE, "--all")
                await until(lambda: reports(kubectl) == {})
            # A mirror that has no signature is no proof that there is none: that only the registry can say,
            # or a layout, which is all there is.
            path = str(enforced(tmp_path))
            with serving(kubeconfig_file, tmp_path, "--name", NAME, *images_of(lab)):
                await until(lambda: kubectl.run("apply", "-f", path).returncode == 0)
                await until(lambda: denied(cluster, BARE))
                await enforce(cluster, BARE, "no signatures found")

    asyncio.run(asyncio.wait_for(run(), 240))


REPORT = "pol-verify-k8s-images"
FIRST = ["12", "1", "0", "0", "0"]
IMPROVED = ["13", "0", "0", "0", "0"]
MESSAGE = (
    "failed to verify image registry.k8s.io/etcd:3.5.6-0: .attestors[0].entries[0].keyless: subject mismatch:"
    " expected krel-trust@k8s-releng-prod.iam.gserviceaccount.com, received"
    " k8s-infra-gcr-promoter@k8s-artifacts-prod.iam.gserviceaccount.com"
)


def fails(kubectl: Kubectl) -> list[tuple[str, str]]:
    """Return resource and message of each failure."""
    shown = json.loads(kubectl("get", "policyreports", "-n", SPACE, "-o", "json"))
    return [
        (result["resources"][0]["name"], result["message"])
        for report in shown["items"]
        for result in report["results"]
        if result["result"] == "fail"
    ]


async def denied(cluster: Cluster, image: str, **metadata: Any) -> str:
    """Return why a Pod is refused; empty if it is not."""
    body = pod(image, metadata={"name": "evil", "namespace": SPACE, **metadata})
    try:
        await cluster.create(PODS, body, SPACE)
    except ClusterError as error:
        return error.message if DENIED in error.message else ""
    await cluster.delete(PODS, "evil", SPACE)
    return ""


async def enforce(cluster: Cluster, image: str, reason: str) -> None:
    said = await denied(cluster, image)
    for part in (image, "container c0", "verify-release-images", reason):
        assert part in said
    forged = {"kyverno.io/verify-images": json.dumps({image: "pass"})}
    assert await denied(cluster, image, annotations=forged)
    # The API server takes the two configurations over one after the other; in between it is refused.
    assert "registry.k8s.io/kube-proxy:v1.26.3@sha256:" in await until(lambda: admitted(cluster))


async def admitted(cluster: Cluster) -> str:
    """Return the image of a signed Pod as it was admitted; empty if it was not."""
    good = pod("registry.k8s.io/kube-proxy:v1.26.3", metadata={"name": "good", "namespace": SPACE})
    try:
        made = await cluster.create(PODS, good, SPACE)
    except ClusterError as error:
        if DENIED not in error.message:
            raise
        return ""
    await cluster.delete(PODS, "good", SPACE)
    return str(made["spec"]["containers"][0]["image"])
