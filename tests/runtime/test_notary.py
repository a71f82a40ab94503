"""Policies of type Notary over images of a lab, through the command line."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pratique.runtime.cli import main
from pratique.runtime.lab.build import Lab, write_lab
from pratique.runtime.lab.faults import CATALOGUE, Fault, Format
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.serve import LayoutServer
from tests.support_engine import pod
from tests.support_lab import recipe_of
from tests.support_policies import cluster_policy

SBOM = "application/vnd.example.sbom+json"
FORMS = (Format.NOTARY, Format.NOTARY_COSE)
CODES = {
    Fault.WRONG_DIGEST: "target-mismatch",
    Fault.FOREIGN_ROOT: "chain-untrusted",
    Fault.WRONG_USAGE: "chain-malformed",
    Fault.EXPIRED_CERTIFICATE: "certificate-expired",
    Fault.NO_INTERMEDIATE: "chain-malformed",
    Fault.REVOCABLE: "revocation-unknown",
    Fault.TAMPERED_SIGNATURE: "signature-invalid",
    Fault.TAMPERED_PAYLOAD: "signature-invalid",
    Fault.WRONG_ALGORITHM: "signature-invalid",
    Fault.PAST_EXPIRY: "signature-expired",
    Fault.UNKNOWN_CRITICAL: "envelope-headers",
    Fault.NOT_CRITICAL: "envelope-headers",
    Fault.PLUGIN: "plugin-required",
}
"""The code of the refusal for each fault that a Notary signature can have."""

RECIPE = f"""
signers:
  team: {{key: ecdsa-p256}}
  other: {{key: rsa-2048}}
images:
  - image: lab.test/jws:v1
    signatures: [{{by: team, format: notary, annotations: {{stage: production}}}}]
  - image: lab.test/cose:v1
    signatures: [{{by: other, format: notary-cose}}]
  - image: lab.test/unsigned:v1
  - image: lab.test/cosign:v1
    signatures: [{{by: team}}]
  - image: lab.test/both:v1
    signatures:
      - {{by: team, format: notary, fault: tampered-signature}}
      - {{by: team, format: notary-cose}}
  - image: lab.test/bad:v1
    signatures:
      - {{by: team, format: notary, fault: tampered-signature}}
      - {{by: team, format: notary-cose, fault: past-expiry}}
  - image: lab.test/stated:v1
    attestations:
      - {{by: team, format: notary, type: {SBOM}, predicate: {{packages: 3}}}}
      - {{by: team, format: notary-cose, type: other/type, predicate: {{packages: 0}}}}
  - image: lab.test/forged:v1
    attestations: [{{by: team, format: notary, type: {SBOM}, fault: wrong-digest}}]
  - image: lab.test/index:v1
    platforms: [linux/amd64, linux/arm64]
    signatures: [{{by: team, format: notary}}]
"""

DIGESTS = {"mutateDigest": False, "verifyDigest": False, "required": False}


def certificates(cert: str, chain: str = "", **more: Any) -> dict[str, Any]:
    """Return an entry with one attestor."""
    given = {name: pem for name, pem in (("cert", cert), ("certChain", chain)) if pem}
    return {"attestors": [{"entries": [{"certificates": given, **more}]}]}


@dataclass(frozen=True)
class Bench:
    """A lab in a folder, and the command line over it."""

    folder: Path
    lab: Lab
    capture: pytest.CaptureFixture[str]

    @property
    def root(self) -> str:
        return self.lab.trust["trust/notary.pem"]

    def digest(self, image: str) -> str:
        return next(r.digest for r in self.lab.inventory.images if r.image == image)

    def apply(self, entry: dict[str, Any], *images: str, more: Sequence[str] = ()) -> dict[str, Any]:
        """Return the JSON report of one Pod."""
        policy, resource = self.folder / "policy.yaml", self.folder / "pod.yaml"
        policy.write_text(cluster_policy({"type": "Notary", "imageReferences": ["*"], **DIGESTS, **entry}))
        resource.write_text(json.dumps(pod(*images)))
        layout = str(self.folder / "lab" / "layout")
        arguments = ["apply", str(policy), "-r", str(resource), "--registry-layout", layout, "--offline"]
        main([*arguments, "-o", "json", *more])
        report: dict[str, Any] = json.loads(self.capture.readouterr().out)
        return report

    def verdict(self, entry: dict[str, Any], image: str) -> tuple[str, str]:
        """Return status and message of the first check of the image."""
        (first, *_) = self.apply(entry, image)["results"]
        return first["result"], first["message"]

    def attested(self, *conditions: Any, type: str = SBOM, **more: Any) -> dict[str, Any]:
        """Return an entry that asks for a document."""
        stated: dict[str, Any] = {"type": type, **certificates(self.root), **more}
        if conditions:
            stated["conditions"] = [{"all": list(conditions)}]
        return {"attestors": [], "attestations": [stated]}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Lab]:
    folder = tmp_path_factory.mktemp("notary")
    return folder, write_lab(recipe_of(RECIPE), folder / "lab")


@pytest.fixture
def bench(built: tuple[Path, Lab], capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(*built, capsys)


@pytest.mark.parametrize("image", ["jws", "cose", "both", "index"])
def test_signed(bench: Bench, image: str) -> None:
    name = f"lab.test/{image}:v1"
    found = bench.verdict(certificates(bench.root), name)
    assert found == ("pass", f"verified image signatures for {name}")


def test_both_fields_are_one_trust_store(bench: Bench) -> None:
    stranger = bench.lab.trust["trust/root.pem"]
    for cert, chain in (("", bench.root), (stranger, bench.root), (bench.root, stranger)):
        assert bench.verdict(certificates(cert, chain), "lab.test/jws:v1")[0] == "pass"


def test_unsigned(bench: Bench) -> None:
    for image in ("unsigned", "cosign"):
        name = f"lab.test/{image}:v1"
        digest = bench.digest(name)
        assert bench.verdict(certificates(bench.root), name) == (
            "fail",
            f"failed to verify image {name}: .attestors[0].entries[0]: failed to verify {name}: no signature"
            f' is associated with "lab.test/{image}@{digest}", make sure the artifact was signed'
            " successfully",
        )


def test_another_authority(bench: Bench) -> None:
    stranger = bench.lab.trust["trust/root.pem"]
    status, message = bench.verdict(certificates(stranger), "lab.test/jws:v1")
    assert status == "fail"
    assert message.endswith("the signature's certificate chain does not contain any trusted certificate")


def test_every_signature_is_named(bench: Bench) -> None:
    status, message = bench.verdict(certificates(bench.root), "lab.test/bad:v1")
    assert status == "fail"
    assert message.startswith(
        "failed to verify image lab.test/bad:v1: .attestors[0].entries[0]: failed to verify lab.test/bad:v1:"
        " signature verification failed\nfailed to verify signature with digest sha256:"
    )
    assert "crypto/ecdsa: verification error" in message
    assert "digital signature has expired on" in message


@pytest.mark.parametrize("form", FORMS)
def test_every_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: Format) -> None:
    faults = [fault for fault in Fault if form in CATALOGUE[fault].formats]
    assert set(faults) == set(CODES)
    signed = "{{image: lab.test/{0}:v1, signatures: [{{by: team, format: {1}, fault: {0}}}]}}"
    images = ", ".join(signed.format(fault, form) for fault in faults)
    recipe = recipe_of(f"{{signers: {{team: {{key: ecdsa-p256}}}}, images: [{images}]}}")
    bench = Bench(tmp_path, write_lab(recipe, tmp_path / "lab"), capsys)
    report = bench.apply(certificates(bench.root), *(f"lab.test/{fault}:v1" for fault in faults))
    found = {result["image"]: result for result in report["results"]}
    for fault in faults:
        result = found[f"lab.test/{fault}:v1"]
        (leaf,) = result["reason"]["children"]
        assert (fault, result["result"], leaf["code"]) == (fault, "fail", CODES[fault])


def test_certificates_that_are_none(bench: Bench) -> None:
    status, message = bench.verdict(certificates("not PEM"), "lab.test/jws:v1")
    assert status == "fail"
    assert message.startswith(
        "failed to verify image lab.test/jws:v1: .attestors[0].entries[0]: failed to parse certificates: "
    )


def test_annotations_are_demanded_of_the_user_metadata(bench: Bench) -> None:
    entry = certificates(bench.root, annotations={"stage": "production"})
    assert bench.verdict(entry, "lab.test/jws:v1")[0] == "pass"
    for image, stage in (("jws", "test"), ("cose", "production")):
        entry = certificates(bench.root, annotations={"stage": stage})
        status, message = bench.verdict(entry, f"lab.test/{image}:v1")
        assert status == "fail"
        assert message.endswith("no signature matched the required annotations")


def test_thresholds_and_nested_sets(bench: Bench) -> None:
    stranger = bench.lab.trust["trust/root.pem"]
    (good,), (bad,) = (certificates(pem)["attestors"][0]["entries"] for pem in (bench.root, stranger))
    for count, nested, expected in ((1, good, "pass"), (2, good, "fail"), (1, bad, "fail")):
        entries = [bad, {"attestor": {"count": 1, "entries": [bad, nested]}}]
        found = bench.verdict({"attestors": [{"count": count, "entries": entries}]}, "lab.test/jws:v1")
        assert found[0] == expected, (count, found)


# --- attestations ------------------------------------------------------------------------------------------


def test_an_attestation_with_conditions(bench: Bench) -> None:
    digest = bench.digest("lab.test/stated:v1")
    enough = {"key": "{{ packages }}", "operator": "GreaterThan", "value": 2}
    found = bench.verdict(bench.attested(enough), "lab.test/stated:v1")
    assert found == ("pass", f"verified image attestations for lab.test/stated@{digest}")
    more = {"key": "{{ packages }}", "operator": "GreaterThan", "value": 5, "message": "too few"}
    assert bench.verdict(bench.attested(more), "lab.test/stated:v1") == (
        "fail",
        "image attestations verification failed, verifiedCount: 0, requiredCount: 1, error:"
        " .attestations[0].attestors[0].entries[0]: attestation checks failed for"
        f" lab.test/stated@{digest} and predicate {SBOM}: too few",
    )


def test_the_document_of_the_type_is_judged(bench: Bench) -> None:
    none = {"key": "{{ packages }}", "operator": "Equals", "value": 0}
    assert bench.verdict(bench.attested(none, type="other/type"), "lab.test/stated:v1")[0] == "pass"
    assert bench.verdict(bench.attested(none), "lab.test/stated:v1")[0] == "fail"


@pytest.mark.parametrize(("image", "type"), [("unsigned", SBOM), ("stated", "third/type"), ("jws", SBOM)])
def test_no_document_of_the_type(bench: Bench, image: str, type: str) -> None:
    name = f"lab.test/{image}:v1"
    assert bench.verdict(bench.attested(type=type), name) == (
        "fail",
        "image attestations verification failed, verifiedCount: 0, requiredCount: 1, error: no matching"
        f" attestations found for image {name} with type {type}",
    )


def test_a_document_whose_signature_is_of_something_else(bench: Bench) -> None:
    status, message = bench.verdict(bench.attested(), "lab.test/forged:v1")
    assert status == "fail"
    assert "content descriptor mismatch" in message


def test_a_named_document_and_a_denial(bench: Bench) -> None:
    entry = bench.attested(name="sbom")
    for packages, expected in ((3, "fail"), (4, "pass")):
        denied = {"key": "{{ sbom.packages }}", "operator": "Equals", "value": packages}
        entry["validate"] = {"message": "denied", "deny": {"conditions": {"any": [denied]}}}
        assert bench.verdict(entry, "lab.test/stated:v1")[0] == expected


# --- what it costs -----------------------------------------------------------------------------------------


def test_one_listing_and_one_verification_for_all(bench: Bench) -> None:
    """Equal demands of several attestors and containers cost what one costs."""
    entry = certificates(bench.root)
    once = bench.apply(entry, "lab.test/jws:v1")["totals"]
    assert once["verifications"] == 1
    # Resolution and listing; the manifest under test; two for the signature.
    assert [once["requests"][kind] for kind in ("manifests", "blobs", "referrers")] == [3, 1, 1]
    again = bench.apply({"attestors": entry["attestors"] * 5}, *["lab.test/jws:v1"] * 4)["totals"]
    assert again["verifications"] == 1
    assert again["requests"] == once["requests"]


def test_the_signer_is_shown(bench: Bench) -> None:
    (result,) = bench.apply(certificates(bench.root), "lab.test/jws:v1")["results"]
    assert "CN=team" in json.dumps(result["reason"])


# --- pratique verify ---------------------------------------------------------------------------------------


def test_verify(bench: Bench) -> None:
    trust, layout = bench.folder / "lab" / "trust", bench.folder / "lab" / "layout"
    asked = ["--registry-layout", str(layout), "--offline", "-o", "json", "--notary-certificate"]
    for image, file, expected in (
        ("jws", "notary.pem", 0),
        ("both", "notary.pem", 0),
        ("jws", "root.pem", 1),
        ("unsigned", "notary.pem", 1),
    ):
        assert main(["verify", f"lab.test/{image}:v1", *asked, str(trust / file)]) == expected
        report = json.loads(bench.capture.readouterr().out)
        assert report["verified"] is (expected == 0)
        if expected == 0:
            assert "CN=team" in report["signatures"][-1]["signer"]


def test_verify_takes_one_demand(bench: Bench) -> None:
    pem = str(bench.folder / "lab" / "trust" / "notary.pem")
    for more in (["--key", pem], ["--identity", "a", "--issuer", "b"], ["--bundle", pem]):
        assert main(["verify", "lab.test/jws:v1", "--notary-certificate", pem, *more]) == 2


# --- over a registry ---------------------------------------------------------------------------------------


@contextmanager
def served(layout: Path, asked: list[str]) -> Iterator[str]:
    """Serve a layout as `lab.test` from a thread of its own; give its `host:port`."""
    loop, ready, hosts = asyncio.new_event_loop(), threading.Event(), list[str]()
    stop = asyncio.Event()

    async def serve() -> None:
        server = LayoutServer(
            LayoutStore(layout), registry="lab.test", on_request=lambda *request: asked.append(request[1])
        )
        async with server:
            hosts.append(server.host)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield hosts[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def test_a_warm_disk_cache_asks_nothing(bench: Bench, tmp_path: Path) -> None:
    asked: list[str] = []
    entry = {**certificates(bench.root), **bench.attested()}
    entry["attestors"] = []
    policy, resource = tmp_path / "policy.yaml", tmp_path / "pod.yaml"
    policy.write_text(cluster_policy({"type": "Notary", "imageReferences": ["*"], **DIGESTS, **entry}))
    with served(bench.folder / "lab" / "layout", asked) as host:
        resource.write_text(json.dumps(pod(f"{host}/stated:v1")))
        command = ["apply", str(policy), "-r", str(resource), "-o", "json"]
        command += ["--cache-dir", str(tmp_path / "cache")]
        costs = []
        for _ in range(2):
            assert main(command) == 0
            assert json.loads(bench.capture.readouterr().out)["results"][0]["result"] == "pass"
            costs.append(len(asked))
    assert costs[0] > 0
    assert costs[1] == costs[0]
