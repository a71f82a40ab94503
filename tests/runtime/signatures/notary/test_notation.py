"""Verdicts compared with those of the reference library: recorded always, live where the library is at hand.

The library is built into a small program beside this file (`peer/`); see `tests/support_notary.py`.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pratique.runtime.lab.certificates import pem
from pratique.runtime.lab.images import make_image
from pratique.runtime.lab.keys import KeyType
from pratique.runtime.lab.notary import NotaryFault, NotarySigner, notary_artifact
from pratique.runtime.lab.oci import compact, described
from pratique.runtime.ports import Digest, ImageStore, Manifest, Repository
from pratique.runtime.registry.client import DistributionClient
from pratique.runtime.registry.layout import LayoutStore
from pratique.runtime.registry.layout_writer import LayoutWriter
from pratique.runtime.registry.media_types import OCI_INDEX, OCI_MANIFEST
from pratique.runtime.signatures.notary.discovery import notary_signatures
from pratique.runtime.signatures.notary.model import (
    Check,
    EnvelopeFormat,
    NotaryVerdict,
    SigningScheme,
    Target,
)
from pratique.runtime.signatures.notary.trust_store import TrustStore
from pratique.runtime.signatures.notary.verification import verify_stored
from tests.support_docker_registry import MISSING, PROGRAM, DockerRegistry, docker_registry
from tests.support_notary import (
    FORMS,
    JWS,
    KINDS,
    QUICK_KINDS,
    SEED,
    TARGET,
    Peer,
    build_peer,
    running_peer,
    verdict_of,
    verify,
)
from tests.support_notary_cases import RECORD as RECORD_PATH
from tests.support_notary_cases import Agreement, Case, Signed, cases, private_pem, read_record

RECORD = read_record()
CASES = {case.name: case for case in cases(RECORD.at)}


# --- recorded ----------------------------------------------------------------------------------------------


def test_the_record_is_about_these_cases() -> None:
    assert {name: hashlib.sha256(case.envelope).hexdigest() for name, case in CASES.items()} == {
        name: digest for name, (digest, _) in RECORD.verdicts.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_recorded_verdict(name: str) -> None:
    case, (_, theirs) = CASES[name], RECORD.verdicts[name]
    ours = case.verdict(RECORD.at)
    assert case.agrees(ours, theirs), (case.agreement, ours, theirs)


def test_nothing_is_accepted_that_the_library_refuses() -> None:
    """The agreements of the cases cannot hide it, whatever they say."""
    accepted = {name for name, case in CASES.items() if not case.verdict(RECORD.at)}
    refused = {name for name, (_, refusal) in RECORD.verdicts.items() if refusal}
    assert len(accepted) > 50
    assert len(refused) > 100
    assert not accepted & refused


@pytest.mark.parametrize("signed", RECORD.signed, ids=lambda signed: signed.name)
def test_recorded_signature(signed: Signed) -> None:
    trust = NotarySigner(SEED, RECORD.at).trust
    found = verify(signed.envelope, signed.form, trust, RECORD.at)
    assert found.target == TARGET
    assert found.signing_time == RECORD.at
    assert (found.expiry is not None) == ("expiry" in signed.options)


def test_recorded_signatures_are_of_all_kinds() -> None:
    assert [signed.name for signed in RECORD.signed] == [f"{kind}/{form}" for kind in KINDS for form in FORMS]


# --- live --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with running_peer(build_peer(tmp_path_factory.mktemp("peer"))) as running:
        yield running


@pytest.fixture(scope="module")
def now() -> datetime:
    """The library reads the clock, so live signatures are made now."""
    return datetime.now(UTC).replace(microsecond=0)


def test_live_verdicts(peer: Peer, now: datetime) -> None:
    differing = []
    for case in cases(now):
        ours = case.verdict(datetime.now(UTC))
        theirs = peer.verify(case.envelope, case.form, case.trust)
        if not case.agrees(ours, theirs):
            differing.append((case.name, case.agreement, ours, theirs))
    assert differing == []


@pytest.mark.parametrize("scheme", SigningScheme)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", QUICK_KINDS)
def test_live_signatures(
    peer: Peer, now: datetime, kind: KeyType, form: EnvelopeFormat, scheme: SigningScheme
) -> None:
    maker = NotarySigner(SEED, now, kind=kind)
    envelope = peer.sign(
        form,
        private_pem(maker),
        pem(*maker.chain),
        scheme=scheme,
        signingTime=now.isoformat(),
        expiry=(now + timedelta(hours=1)).isoformat(),
        attributes=[{"key": "example.note", "value": {"a": [1, "b"]}, "critical": False}],
    )
    found = verify(envelope, form, maker.trust, now, signing_authorities=TrustStore.from_pem(maker.trust))
    assert (found.target, found.scheme, found.signing_time) == (TARGET, scheme, now)
    assert found.expiry == now + timedelta(hours=1)


def test_live_critical_attribute(peer: Peer, now: datetime) -> None:
    """DEVIATION: the library signs and accepts a critical attribute that it does not know."""
    maker = NotarySigner(SEED, now)
    for form in FORMS:
        envelope = peer.sign(
            form,
            private_pem(maker),
            pem(*maker.chain),
            scheme=SigningScheme.X509,
            signingTime=now.isoformat(),
            attributes=[{"key": "example.note", "value": "x", "critical": True}],
        )
        case = Case(
            name="", envelope=envelope, form=form, trust={"ca": maker.trust}, agreement=Agreement.STRICTER
        )
        assert case.agrees(case.verdict(now), peer.verify(envelope, form, case.trust))


# --- stored ------------------------------------------------------------------------------------------------


def image(now: datetime) -> tuple[bytes, tuple[bytes, ...], Target]:
    made = make_image(SEED, "registry.example/app:v1", "linux/amd64", now)
    digest = Digest(described(OCI_MANIFEST, made.manifest)["digest"])
    return made.manifest, made.blobs, Target(media_type=OCI_MANIFEST, digest=digest, size=len(made.manifest))


async def judged(store: ImageStore, repository: Repository, target: Target, trust: str) -> NotaryVerdict:
    manifest: Manifest = await store.manifest(repository, target.digest)
    assert Target.of(manifest) == target
    signatures = await notary_signatures(store, repository, target.digest)
    return verdict_of(
        signatures, reference=f"{repository}@{target.digest}", trust=trust, now=datetime.now(UTC)
    )


def write_image(folder: Path, now: datetime) -> Target:
    manifest, blobs, target = image(now)
    with LayoutWriter(folder) as writer:
        for blob in blobs:
            writer.blob(blob)
        writer.manifest(manifest, OCI_MANIFEST, ["registry.example/app:v1"])
    return target


def write_signature(folder: Path, maker: NotarySigner, target: Target, form: EnvelopeFormat) -> None:
    artifact = notary_artifact(maker.sign(target, form=form), form, target)
    with LayoutWriter(folder) as writer:
        for blob in artifact.blobs:
            writer.blob(blob)
        writer.manifest(artifact.manifest, OCI_MANIFEST, artifact_type=artifact.artifact_type)


IN_LAYOUT = Repository("registry.example", "app")


@pytest.mark.parametrize("form", FORMS)
def test_library_reads_our_layout(peer: Peer, now: datetime, tmp_path: Path, form: EnvelopeFormat) -> None:
    maker, target = NotarySigner(SEED, now), write_image(tmp_path, now)
    place = {"layout": str(tmp_path), "reference": f"{IN_LAYOUT}@{target.digest}"}
    trust = {"ca": maker.trust}

    def ours() -> NotaryVerdict:
        return asyncio.run(judged(LayoutStore(tmp_path), IN_LAYOUT, target, maker.trust))

    assert ours().text == peer.verify_stored(trust, **place)
    assert ours().code == "no-signature"
    write_signature(tmp_path, NotarySigner(SEED, now, faults={NotaryFault.EXPIRED}), target, form)
    assert ours().text == peer.verify_stored(trust, **place)
    assert ours().code == "signature-expired"
    write_signature(tmp_path, maker, target, form)
    assert peer.verify_stored(trust, **place) == ""
    assert ours().accepted


@pytest.mark.parametrize("form", FORMS)
def test_we_read_the_librarys_layout(peer: Peer, now: datetime, tmp_path: Path, form: EnvelopeFormat) -> None:
    maker, target = NotarySigner(SEED, now, kind=KeyType.RSA_2048), write_image(tmp_path, now)
    place = {"layout": str(tmp_path), "reference": f"{IN_LAYOUT}@{target.digest}"}
    peer.sign_stored(form, private_pem(maker), pem(*maker.chain), metadata={"build": "7"}, **place)
    verdict = asyncio.run(judged(LayoutStore(tmp_path), IN_LAYOUT, target, maker.trust))
    assert verdict.accepted
    proved = verify_stored(verdict.accepted, trust_store=TrustStore.from_pem(maker.trust), now=now)
    assert proved.annotations == (("build", "7"),)
    stranger = asyncio.run(judged(LayoutStore(tmp_path), IN_LAYOUT, target, pem(maker.leaf)))
    assert stranger.accepted
    leaf = TrustStore.from_pem(pem(maker.leaf))
    proved = verify_stored(stranger.accepted, trust_store=leaf, now=now)
    assert proved.anchor == proved.certificate


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    if PROGRAM is None:
        pytest.skip(MISSING)
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def push_image(registry: DockerRegistry, path: str, now: datetime) -> Target:
    manifest, blobs, target = image(now)
    for blob in blobs:
        registry.blob(path, blob)
    registry.manifest(path, manifest, OCI_MANIFEST, "v1")
    return target


async def judged_in(registry: DockerRegistry, path: str, target: Target, trust: str) -> NotaryVerdict:
    async with aclosing(DistributionClient()) as client:
        return await judged(client, Repository(registry.host, path), target, trust)


@pytest.mark.parametrize("form", FORMS)
def test_library_reads_our_registry(
    peer: Peer, now: datetime, registry: DockerRegistry, form: EnvelopeFormat
) -> None:
    """A registry without the referrers API: the listing is an index under the fallback tag."""
    path = f"ours/{'jws' if form is JWS else 'cose'}"
    maker, target = NotarySigner(SEED, now), push_image(registry, path, now)
    artifact = notary_artifact(maker.sign(target, form=form), form, target)
    for blob in artifact.blobs:
        registry.blob(path, blob)
    registry.manifest(path, artifact.manifest, OCI_MANIFEST)
    entry = {**described(OCI_MANIFEST, artifact.manifest), "artifactType": artifact.artifact_type}
    listing = compact({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})
    registry.manifest(path, listing, OCI_INDEX, target.digest.replace(":", "-"))
    repository = f"{registry.host}/{path}"
    place = {"repository": repository, "reference": f"{repository}@{target.digest}"}
    assert peer.verify_stored({"ca": maker.trust}, **place) == ""
    assert asyncio.run(judged_in(registry, path, target, maker.trust)).accepted
    other = NotarySigner("other", now).trust
    verdict = asyncio.run(judged_in(registry, path, target, other))
    assert verdict.code == "chain-untrusted"
    assert verdict.text == peer.verify_stored({"ca": other}, **place)


@pytest.mark.parametrize("form", FORMS)
def test_we_read_the_librarys_registry(
    peer: Peer, now: datetime, registry: DockerRegistry, form: EnvelopeFormat
) -> None:
    path = f"theirs/{'jws' if form is JWS else 'cose'}"
    maker, target = NotarySigner(SEED, now), push_image(registry, path, now)
    repository = f"{registry.host}/{path}"
    place = {"repository": repository, "reference": f"{repository}@{target.digest}"}
    peer.sign_stored(form, private_pem(maker), pem(*maker.chain), **place)
    verdict = asyncio.run(judged_in(registry, path, target, maker.trust))
    assert verdict.accepted
    assert verdict.rejections == ()


# --- documents ---------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[4] / "docs" / "notary.md"


def test_every_deviation_is_listed() -> None:
    """Each case in which we refuse what the library accepts is named on the page."""
    page = PAGE.read_text()
    stricter = {name for name, case in CASES.items() if case.agreement is Agreement.STRICTER}
    assert len(stricter) > 5
    missing = [name for name in stricter if f"`{name}`" not in page]
    assert not missing


def test_every_code_is_listed() -> None:
    page = PAGE.read_text()
    assert [check.value for check in Check if f"`{check.value}`" not in page] == []


def test_record_is_plain_json() -> None:
    assert json.loads(RECORD_PATH.read_text())["library"].startswith("notation-go 1.3.2")
