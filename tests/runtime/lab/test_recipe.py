from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from pratique.runtime.lab.authority import NameKind, SubjectName
from pratique.runtime.lab.faults import Fault, Format
from pratique.runtime.lab.keys import KeyType
from pratique.runtime.lab.recipe import (
    DEFAULT_AT,
    DEFAULT_SEED,
    ImageSpec,
    Recipe,
    SignerSpec,
    SigstoreSpec,
    extension_arc,
)
from tests.support_lab import recipe_of


def test_smallest_recipe() -> None:
    recipe = recipe_of("images: [{image: lab.test/app:v1}]")
    assert (recipe.sigstore.seed, recipe.sigstore.at) == (DEFAULT_SEED, DEFAULT_AT)
    assert [str(name) for name in recipe.images[0].image] == ["lab.test/app:v1"]


def test_short_forms() -> None:
    recipe = recipe_of(
        """
        signers: {dev: {issuer: i, subject: dev@acme.example}}
        images:
          - image: lab.test/app:v1
            signatures: [dev, {by: dev, fault: expired}, {by: dev, fault: [expired, no-sct]}]
        """
    )
    plain, one, two = recipe.images[0].signatures
    assert (plain.by, plain.format, plain.log, plain.timestamp, plain.fault) == (
        "dev",
        Format.COSIGN,
        True,
        False,
        (),
    )
    assert (one.fault, two.fault) == ((Fault.EXPIRED,), (Fault.EXPIRED, Fault.NO_SCT))


@pytest.mark.parametrize(
    ("subject", "names"),
    [
        ("dev@acme.example", [(NameKind.EMAIL, "dev@acme.example")]),
        ("https://acme.example/ci@main", [(NameKind.URI, "https://acme.example/ci@main")]),
        ("ci.acme.example", [(NameKind.DNS, "ci.acme.example")]),
        ({"other": "bot!acme"}, [(NameKind.OTHER, "bot!acme")]),
        (
            ["a@b.example", {"dns": "c.example"}],
            [(NameKind.EMAIL, "a@b.example"), (NameKind.DNS, "c.example")],
        ),
        ([], []),
    ],
)
def test_subjects(subject: object, names: list[tuple[NameKind, str]]) -> None:
    signer = SignerSpec.model_validate({"issuer": "i", "subject": subject})
    assert list(signer.identity.subjects) == [SubjectName(*name) for name in names]


def test_issuer_is_written_twice_and_can_be_taken_back() -> None:
    both = SignerSpec.model_validate({"issuer": "i"})
    assert both.identity.extensions == ((1, "i"), (8, "i"))
    old = SignerSpec.model_validate({"issuer": "i", "extensions": {"oidcIssuerV2": None}})
    assert old.identity.extensions == ((1, "i"),)
    other = SignerSpec.model_validate({"issuer": "i", "extensions": {"1.3.6.1.4.1.57264.1.8": "j"}})
    assert other.identity.extensions == ((1, "i"), (8, "j"))


def test_extensions_stand_in_the_order_of_their_numbers() -> None:
    names = {"runInvocationURI": "r", "githubWorkflowRef": "f", "1.3.6.1.4.1.57264.1.23": "d"}
    signer = SignerSpec.model_validate({"extensions": names})
    assert signer.identity.extensions == ((6, "f"), (21, "r"), (23, "d"))


@pytest.mark.parametrize(
    "name", ["", "issuer", "1.3.6.1.4.1.57264.1.7", "1.3.6.1.4.1.57264.1.0", "1.2.3", "1.3.6.1.4.1.57264.1.x"]
)
def test_no_extension(name: str) -> None:
    with pytest.raises(ValueError, match="no extension of Fulcio"):
        extension_arc(name)


@pytest.mark.parametrize(
    ("signer", "message"),
    [
        ({}, "give a key, or an issuer and a subject"),
        ({"key": "ecdsa-p256", "issuer": "i"}, "either a key or an identity"),
        ({"issuer": "i", "hash": "sha512"}, "hash is for signers with a key"),
        ({"issuer": "i", "subject": {"email": "a@b.example", "dns": "c"}}, "give one of email"),
        ({"issuer": "i", "subject": "ünï@acme.example"}, "cannot stand in a certificate as email"),
        (
            {"extensions": {"oidcIssuer": "a", "1.3.6.1.4.1.57264.1.1": "b"}},
            "given twice, by name and by number",
        ),
    ],
)
def test_signers_that_cannot_be(signer: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SignerSpec.model_validate(signer)


@pytest.mark.parametrize(
    "name",
    [
        "lab.test/app:v1",
        "registry.k8s.io/coredns/coredns:v1.9.3",
        "localhost/app:v1",
        "localhost:5000/app:v1",
        "127.0.0.1:5000/a/b-c/d_e/f.g:1.0_x",
        "host:1/app:V",
    ],
)
def test_image_names(name: str) -> None:
    assert str(ImageSpec.model_validate({"image": name}).image[0]) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nginx",
        "nginx:1",
        "library/nginx:1",
        "lab.test/app",
        "lab.test/App:v1",
        "lab.test/app:v1@sha256:" + "0" * 64,
        "lab.test/../app:v1",
        "lab.test//app:v1",
        "lab.test/app:",
        "-/app:v1",
        "lab.test/app:v1\n",
        "https://lab.test/app:v1",
        1,
        None,
    ],
)
def test_no_image_names(name: object) -> None:
    with pytest.raises(ValidationError):
        ImageSpec.model_validate({"image": name})


def test_moments_are_in_utc_and_whole_seconds() -> None:
    spec = SigstoreSpec.model_validate({"at": "2023-04-01T14:00:00.75+02:00"})
    assert spec.at == datetime(2023, 4, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("at", ["2023-04-01T12:00:00", "1970-01-01T00:00:00Z", "2101-01-01T00:00:00Z", "now"])
def test_no_moments(at: str) -> None:
    with pytest.raises(ValidationError):
        SigstoreSpec.model_validate({"at": at})


def test_platforms() -> None:
    with pytest.raises(ValidationError, match="os/architecture"):
        ImageSpec.model_validate({"image": "lab.test/app:v1", "platforms": ["amd64"]})
    with pytest.raises(ValidationError, match="given twice"):
        ImageSpec.model_validate({"image": "lab.test/app:v1", "platforms": ["linux/amd64"] * 2})


def test_every_kind_of_key_can_be_named() -> None:
    recipe = Recipe.model_validate({"signers": {kind: {"key": kind} for kind in KeyType}})
    assert [signer.key for signer in recipe.signers.values()] == list(KeyType)


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "-a", "a" * 64])
def test_signer_names_are_safe_names_of_files(name: str) -> None:
    with pytest.raises(ValidationError, match="a signer's name"):
        Recipe.model_validate({"signers": {name: {"key": "ed25519"}}})
