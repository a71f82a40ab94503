"""The story of `policies/control-plane`: its resources, its images and its three policies."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from pratique.compiler import ir
from pratique.compiler.graph import Listing
from pratique.grammar.nodes import plain
from pratique.grammar.source import Source
from pratique.grammar.yaml_tree import read_documents
from pratique.runtime.discovery import stored_signatures
from pratique.runtime.ports import Repository
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.signatures.model import StoredSignature
from tests.support_lab import MemoryLab, memory_lab
from tests.support_lab_health import Health, Trust, from_layer, health

FOLDER = Path(__file__).parents[3] / "policies" / "control-plane"
KREL = "krel-trust@k8s-releng-prod.iam.gserviceaccount.com"
PROMOTER = "k8s-infra-gcr-promoter@k8s-artifacts-prod.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def lab() -> MemoryLab:
    return memory_lab((FOLDER / "lab.yaml").read_text())


def documents(name: str) -> list[dict[str, Any]]:
    """Return the documents of a file, as Kubernetes reads them."""
    read = read_documents(Source(name, (FOLDER / name).read_text()))
    assert read.errors == ()
    return [plain(document.root) for document in read.documents]


RESOURCES = documents("resources.yaml")


def images_of(resource: dict[str, Any]) -> list[str]:
    spec = resource["spec"]
    spec = spec.get("template", {}).get("spec", spec)
    return [container["image"] for container in spec.get("containers", ())]


WORKLOADS = [r for r in RESOURCES if r["kind"] in ("Pod", "Deployment", "ReplicaSet", "DaemonSet")]


def test_workloads() -> None:
    counted = Counter((r["kind"], *images_of(r)) for r in WORKLOADS)
    kube = "registry.k8s.io/kube"
    assert counted == {
        ("Pod", "registry.k8s.io/coredns/coredns:v1.9.3"): 2,
        ("Deployment", "registry.k8s.io/coredns/coredns:v1.9.3"): 1,
        ("ReplicaSet", "registry.k8s.io/coredns/coredns:v1.9.3"): 1,
        ("Pod", f"{kube}-proxy:v1.26.3"): 4,
        ("DaemonSet", f"{kube}-proxy:v1.26.3"): 1,
        ("Pod", "registry.k8s.io/etcd:3.5.6-0"): 1,
        ("Pod", f"{kube}-apiserver:v1.26.3"): 1,
        ("Pod", f"{kube}-controller-manager:v1.26.3"): 1,
        ("Pod", f"{kube}-scheduler:v1.26.3"): 1,
        ("Pod", "docker.io/kindest/kindnetd:v20230330-48f316cd"): 4,
        ("DaemonSet", "docker.io/kindest/kindnetd:v20230330-48f316cd"): 1,
    }
    assert sum(n for key, n in counted.items() if key[1].startswith("registry.k8s.io/")) == 13


def test_nothing_else_has_images() -> None:
    others = Counter(r["kind"] for r in RESOURCES if r not in WORKLOADS)
    assert others == {"Namespace": 1, "Node": 4, "ServiceAccount": 3, "Service": 1}


def test_owners_are_there_and_fit() -> None:
    by_uid = {r["metadata"]["uid"]: r for r in RESOURCES}
    assert len(by_uid) == len(RESOURCES)
    owned: Counter[tuple[str, str]] = Counter()
    for resource in RESOURCES:
        for owner in resource["metadata"].get("ownerReferences", ()):
            found = by_uid[owner["uid"]]
            assert (found["kind"], found["apiVersion"], found["metadata"]["name"]) == (
                owner["kind"],
                owner["apiVersion"],
                owner["name"],
            )
            owned[resource["kind"], owner["kind"]] += 1
            if found["kind"] != "Node":
                assert images_of(found) == images_of(resource)
    assert owned == {
        ("ReplicaSet", "Deployment"): 1,
        ("Pod", "ReplicaSet"): 2,
        ("Pod", "DaemonSet"): 8,
        ("Pod", "Node"): 4,
    }


def test_selectors_select_their_pods() -> None:
    pods = [r for r in WORKLOADS if r["kind"] == "Pod"]
    for controller in (r for r in WORKLOADS if r["kind"] != "Pod"):
        wanted = controller["spec"]["selector"]["matchLabels"].items()
        selected = [pod for pod in pods if wanted <= pod["metadata"]["labels"].items()]
        assert len(selected) == controller["status"].get(
            "numberReady", controller["status"].get("readyReplicas")
        )


def test_labels_and_annotations_are_texts_to_kubernetes_and_to_pyyaml() -> None:
    text = (FOLDER / "resources.yaml").read_text()
    assert list(yaml.safe_load_all(text)) == RESOURCES
    for resource in RESOURCES:
        for field in ("labels", "annotations"):
            assert all(isinstance(v, str) for v in resource["metadata"].get(field, {}).values())


def test_names_are_unique_and_in_kube_system() -> None:
    names = [(r["kind"], r["metadata"]["name"]) for r in RESOURCES]
    assert len(set(names)) == len(names)
    assert {r["metadata"]["namespace"] for r in WORKLOADS} == {"kube-system"}
    nodes = {name for kind, name in names if kind == "Node"}
    assert {r["spec"]["nodeName"] for r in WORKLOADS if r["kind"] == "Pod"} == nodes


# --- the images ----------------------------------------------------------------------------------------


def test_every_image_of_the_cluster_is_in_the_lab(lab: MemoryLab) -> None:
    made = {image.image for image in lab.inventory.images}
    assert made == {image for resource in WORKLOADS for image in images_of(resource)}


def test_who_signed_what(lab: MemoryLab) -> None:
    for image in lab.inventory.images:
        signers = {lab.inventory.signers[made.by].subjects for made in image.signatures}
        if "kindnetd" in image.image:
            assert signers == set()
        else:
            assert signers == {(PROMOTER if "/etcd:" in image.image else KREL,)}
            covered = {made.of for made in image.signatures}
            assert covered == {image.digest, *image.platforms.values()}


def test_signatures_are_good_and_name_their_signers(lab: MemoryLab) -> None:
    trust = Trust(json.loads(lab.trusted_root))
    for image in lab.inventory.images:
        for made in image.signatures:
            (layer,) = lab.named(made.stored)["layers"]
            found = from_layer(layer, lab.blob(layer["digest"]))
            good = Health().__dict__ | {"proof": "absent", "checkpoint": "absent"}
            assert health(found, trust, made.of) == good
            certificate = x509.load_pem_x509_certificate(found.certificate.encode())
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            assert names.get_values_for_type(x509.RFC822Name) == [PROMOTER if "etcd" in image.image else KREL]
            assert "org.kubernetes.kpromo.version" in json.loads(found.payload)["optional"]


def test_stored_where_the_tag_scheme_looks(lab: MemoryLab) -> None:
    image = lab.image("etcd")
    where = Repository("registry.k8s.io", "etcd")
    found = asyncio.run(
        stored_signatures(LayoutStore(lab.files), where, image.digest, Listing(ir.SignatureFormat.COSIGN))
    )
    (signature,) = found
    assert isinstance(signature, StoredSignature)
    assert image.digest.encode() in signature.payload


# --- the policies --------------------------------------------------------------------------------------


def rules(name: str) -> list[dict[str, Any]]:
    (policy,) = documents(name)
    assert (policy["kind"], policy["metadata"]) == (
        "Policy",
        {"name": "verify-k8s-images", "namespace": "kube-system"},
    )
    assert policy["spec"]["validationFailureAction"] == "Audit"
    assert policy["spec"]["background"] is True
    found: list[dict[str, Any]] = policy["spec"]["rules"]
    for rule in found:
        (entry,) = rule["verifyImages"]
        assert [entry[field] for field in ("mutateDigest", "verifyDigest", "required")] == [False] * 3
    return found


def demands(name: str) -> dict[tuple[str, ...], str]:
    """Return image references -> subject."""
    result = {}
    for rule in rules(name):
        (entry,) = rule["verifyImages"]
        ((keyless,),) = [[e["keyless"] for e in attestor["entries"]] for attestor in entry["attestors"]]
        assert keyless["issuer"] == "https://accounts.google.com"
        assert keyless["rekor"] == {"url": "https://rekor.sigstore.dev"}
        result[tuple(entry["imageReferences"])] = keyless["subject"]
    return result


def test_policies() -> None:
    assert demands("as-printed.yaml") == {("registry.k8s.io/",): KREL}
    assert demands("first.yaml") == {("registry.k8s.io/*",): KREL}
    assert demands("improved.yaml") == {
        ("registry.k8s.io/kube-*", "registry.k8s.io/coredns/*"): KREL,
        ("registry.k8s.io/etcd:*",): PROMOTER,
    }


def test_first_policy_is_the_printed_one_with_a_star() -> None:
    printed, first = ((FOLDER / name).read_text() for name in ("as-printed.yaml", "first.yaml"))
    bodies = [text[text.index("apiVersion") :] for text in (printed, first)]
    assert bodies[0].replace('"registry.k8s.io/"', '"registry.k8s.io/*"') == bodies[1]


def test_readme_names_every_file() -> None:
    text = (FOLDER / "README.md").read_text()
    assert all(f"`{path.name}`" in text for path in FOLDER.iterdir() if path.suffix in (".yaml", ".py"))
