from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pratique.compiler import ir
from pratique.compiler import question_phrases as phrases
from pratique.compiler.context_entries import (
    ApiSource,
    ConfigMapSource,
    ContextEntry,
    GlobalSource,
    ImageSource,
    Source,
    VariableSource,
)
from pratique.compiler.graph import Listing, Verification, Way

COSIGN, BUNDLE, NOTARY = ir.SignatureFormat


@pytest.mark.parametrize(
    ("listing", "text"),
    [
        (Listing(COSIGN), "signatures under the tag sha256-HEX.sig"),
        (
            Listing(COSIGN, "a.io/s", referrers=True),
            "signatures among the referrers, else under the tag sha256-HEX.sig in `a.io/s`",
        ),
        (Listing(COSIGN, attestations=True), "attestations under the tag sha256-HEX.att"),
        (Listing(BUNDLE), "signatures in Sigstore bundles among the referrers"),
        (Listing(BUNDLE, attestations=True), "attestations in Sigstore bundles among the referrers"),
        (Listing(NOTARY), "Notary signatures of the image among the referrers"),
        (
            Listing(NOTARY, attestations=True, type="sbom"),
            "Notary signatures of the document of type `sbom` among the referrers",
        ),
    ],
)
def test_listing(listing: Listing, text: str) -> None:
    assert phrases.listing(listing) == text


@pytest.mark.parametrize(
    ("method", "trust", "text"),
    [
        (ir.AnyIdentity(), ir.Trust(), "each signature by its certificate"),
        (
            ir.AnyIdentity(),
            ir.Trust(roots="pem", log=ir.LogPolicy(required=False), sct=ir.SctPolicy(required=False)),
            "each signature by its certificate, under the given certificate authorities, whether or not a log"
            " recorded it, whether or not its certificate was logged",
        ),
        (ir.KeySigner(key="k8s://a/b"), ir.Trust(), "each signature by the key `k8s://a/b`"),
        (
            ir.CertificateSigner(chain="pem"),
            ir.Trust(),
            "each signature by a certificate under the given chain",
        ),
        (
            ir.CertificateSigner(certificate="-----BEGIN\nabcdefghijklmnopqrst\n-----END"),
            ir.Trust(timestamp_chain="pem"),
            "each signature by the holder of the certificate …efghijklmnopqrst, at a time that the given"
            " timestamp authority states",
        ),
        (
            ir.TrustStoreSigner(certificate="pem"),
            ir.Trust(),
            "each signature by its chain, which must hold a given certificate",
        ),
    ],
)
def test_verification(method: ir.Method, trust: ir.Trust, text: str) -> None:
    assert phrases.verification(Verification(method, trust)) == text


def test_way() -> None:
    of = ir.RegistryCredentials(secrets=("a", "b"), providers=("github",), insecure=True)
    assert phrases.way(Way(of, use_cache=False)) == (
        "registries are asked with the credentials of Secret `a` or `b` and with credentials of github and"
        " over plain HTTP where there is no TLS and past what earlier runs were told"
    )
    assert phrases.way(Way(ir.RegistryCredentials(), use_cache=True)) == "registries are asked as usual"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (VariableSource(value=1), "of the policy itself"),
        (ConfigMapSource(name="m", namespace="n"), "from the ConfigMap `n/m`"),
        (ConfigMapSource(name="m"), "from the ConfigMap `m`"),
        (ApiSource(url_path="/api"), "from the Kubernetes API at `/api`"),
        (ApiSource(service_url="https://a"), "from the service `https://a`"),
        (GlobalSource(name="g"), "from the global context entry `g`"),
        (ImageSource(reference="{{ x }}"), "from the registry of the image `{{ x }}`"),
    ],
)
def test_context_entry(source: Source, text: str) -> None:
    assert phrases.context_entry(ContextEntry(name="v", source=source)) == f"value `v` {text}"


def compared(key: str, value: Any = 1) -> dict[str, Any]:
    return {"key": key, "operator": "Equals", "value": value}


A, B, C, D = (compared(name) for name in "abcd")


@pytest.mark.parametrize(
    ("conditions", "text"),
    [
        (None, "no comparison"),
        ([], "no comparison"),
        (A, "`a` Equals `1`"),
        ([A, B], "`a` Equals `1` and `b` Equals `1`"),
        ({"any": [A, B]}, "`a` Equals `1` or `b` Equals `1`"),
        ({"all": [A], "any": [B]}, "`b` Equals `1` and `a` Equals `1`"),
        ({"all": [A], "any": [B, C]}, "(`b` Equals `1` or `c` Equals `1`) and `a` Equals `1`"),
        ([{"any": [A, B]}, {"all": [C]}], "(`a` Equals `1` or `b` Equals `1`) and `c` Equals `1`"),
        ([{"any": [A, B]}], "`a` Equals `1` or `b` Equals `1`"),
        ({"all": [A, B, C, D]}, "4 comparisons, the first of which is `a` Equals `1`"),
        (compared("x", ["y", None]), '`x` Equals `["y", null]`'),
        ([compared("multi\nline")], "`multi·line` Equals `1`"),
    ],
)
def test_conditions(conditions: Any, text: str) -> None:
    assert phrases.conditions(conditions) == text


def test_texts_of_policies_are_cut() -> None:
    assert len(phrases.conditions([compared("k" * 5_000)])) < 300
    entry = ContextEntry(name="n", source=ConfigMapSource(name="m" * 5_000))
    assert len(phrases.context_entry(replace(entry, name="n" * 5_000))) < 500
